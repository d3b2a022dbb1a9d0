#include "base/gpu_driver.h"

#include "base/error.h"

#include <dlfcn.h>

#include <array>
#include <cstdio>
#include <memory>

namespace dagan {

namespace {
// The part of the driver's C interface that is used here. Its functions return 0 on success.
struct Uuid {
    std::array<unsigned char, 16> bytes;
};
using Init = int (*)(unsigned);
using GetCount = int (*)(int*);
using Get = int (*)(int*, int);
using GetName = int (*)(char*, int, int);
using GetUuid = int (*)(Uuid*, int);
using GetMemory = int (*)(size_t*, int);
using GetErrorName = int (*)(int, const char**);

class Driver {
  public:
    // RTLD_NODELETE: once initialised, the driver has threads of its own and must stay loaded.
    Driver() : library_(::dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE)) {}

    bool loaded() const { return library_ != nullptr; }
    template <class Function> Function find(const char* name) const {
        auto* function = reinterpret_cast<Function>(::dlsym(library_, name));
        if (function == nullptr)
            throw system_error(std::string("libcuda.so.1: has no function ") + name +
                               "; hint: update the NVIDIA driver");
        return function;
    }
    std::string error(int code) const {
        const char* name = nullptr;
        if (find<GetErrorName>("cuGetErrorName")(code, &name) != 0 || name == nullptr)
            return "error " + std::to_string(code);
        return name;
    }

  private:
    void* library_;
};

std::string text_of(const Uuid& uuid) {
    std::string text = "GPU-";
    for (size_t i = 0; i < uuid.bytes.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
        std::array<char, 3> hex{};
        std::snprintf(hex.data(), hex.size(), "%02x", static_cast<unsigned>(uuid.bytes[i]));
        text += hex.data();
    }
    return text;
}

GpuFacts facts_of(const Driver& driver, int index) {
    int device = 0;
    std::array<char, 128> name{};
    Uuid uuid{};
    size_t bytes = 0;
    const auto check = [&](int code, const char* what) {
        if (code != 0)
            throw system_error("GPU " + std::to_string(index) + ": cannot query its " + what +
                               ": " + driver.error(code));
    };
    check(driver.find<Get>("cuDeviceGet")(&device, index), "handle");
    const auto capacity = static_cast<int>(name.size());
    check(driver.find<GetName>("cuDeviceGetName")(name.data(), capacity, device), "name");
    // _v2 returns a MIG instance's own UUID.
    check(driver.find<GetUuid>("cuDeviceGetUuid_v2")(&uuid, device), "UUID");
    check(driver.find<GetMemory>("cuDeviceTotalMem_v2")(&bytes, device), "memory size");
    return {
        .uuid = text_of(uuid), .name = name.data(), .memory_bytes = static_cast<int64_t>(bytes)};
}
} // namespace

GpuSurvey survey_gpus() {
    const Driver driver;
    if (!driver.loaded())
        return {{}, "no NVIDIA driver on this machine (libcuda.so.1 cannot be loaded)"};
    if (const int code = driver.find<Init>("cuInit")(0); code != 0)
        return {{}, "the NVIDIA driver finds no usable GPU (cuInit: " + driver.error(code) + ")"};
    int count = 0;
    if (const int code = driver.find<GetCount>("cuDeviceGetCount")(&count); code != 0)
        return {{}, "the NVIDIA driver cannot count its GPUs (" + driver.error(code) + ")"};
    if (count == 0)
        return {{},
                "the NVIDIA driver shows no GPU to this process (is CUDA_VISIBLE_DEVICES empty?)"};
    GpuSurvey survey;
    for (int index = 0; index < count; ++index) survey.gpus.push_back(facts_of(driver, index));
    return survey;
}

std::vector<std::string> gpu_names(const GpuSurvey& survey, std::string_view visible_devices) {
    std::vector<std::string> names;
    while (!visible_devices.empty()) {
        const size_t comma = visible_devices.find(',');
        if (const auto entry = visible_devices.substr(0, comma); !entry.empty())
            names.emplace_back(entry);
        visible_devices.remove_prefix(comma == std::string_view::npos ? visible_devices.size()
                                                                      : comma + 1);
    }
    if (names.empty()) {
        for (const GpuFacts& gpu : survey.gpus) names.push_back(gpu.uuid);
    }
    return names;
}

const std::string& gpu_of_rank(const std::vector<std::string>& names, int local_rank) {
    require(!names.empty() && local_rank >= 0, "a rank on a machine with GPUs");
    return names[static_cast<size_t>(local_rank) % names.size()];
}

} // namespace dagan
