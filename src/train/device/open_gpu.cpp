#include "base/error.h"
#include "train/device/gpu.h"

#include <dlfcn.h>

namespace dagan::train {

std::unique_ptr<Gpu> open_gpu(const std::filesystem::path& library) {
    // Never closed, because LibTorch keeps pointers into it. Its symbols stay local.
    void* opened = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (opened == nullptr)
        throw system_error(std::string("--device cuda: the GPU library cannot be loaded: ") +
                           ::dlerror());
    auto* open = reinterpret_cast<OpenGpu>(::dlsym(opened, kOpenGpuSymbol));
    if (open == nullptr)
        throw system_error(library.string() + ": belongs to another build: it has no symbol " +
                           kOpenGpuSymbol);
    return std::unique_ptr<Gpu>(open());
}

} // namespace dagan::train
