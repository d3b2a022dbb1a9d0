#include "launcher/campaign/device_choice.h"

#include "base/error.h"
#include "base/gpu_driver.h"
#include "base/program_folder.h"

#include <fmt/format.h>

#include <cstdlib>
#include <filesystem>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
constexpr const char* kGpuLibrary = "libdagan_cuda.so";

// Returns why trainers cannot use a GPU here; "" if they can.
std::string gpu_problem() {
    const fs::path library = program_folder() / kGpuLibrary;
    if (std::string problem = survey_gpus().problem; !problem.empty()) return problem;
    return fs::exists(library) ? ""
                               : fmt::format("{} was not built (make setup CUDA=1 && make build)",
                                             library.string());
}

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

int local_rank() {
    for (const char* name : {"OMPI_COMM_WORLD_LOCAL_RANK", "SLURM_LOCALID", "PMIX_LOCAL_RANK"}) {
        if (const std::string value = variable(name); !value.empty())
            return std::atoi(value.c_str());
    }
    return 0;
}
} // namespace

DeviceChoice choose_device(const std::string& asked, const std::string& recorded) {
    if (asked != "auto" && !recorded.empty() && asked != recorded) {
        throw input_error(
            fmt::format("--device {}: this campaign began with {}, and all its rows are "
                        "computed on one kind of device; hint: name a new folder "
                        "with -o",
                        asked, recorded));
    }
    const std::string wanted = asked == "auto" ? recorded : asked;
    if (wanted == "cpu") return {"cpu", ""};
    const std::string problem = gpu_problem();
    if (problem.empty()) return {"cuda", ""};
    if (wanted.empty()) return {"cpu", problem};
    throw system_error(fmt::format(
        "--device cuda: {}; hint: use --device cpu, or a machine with an NVIDIA GPU and its driver",
        problem));
}

std::vector<std::string> device_environment(const std::string& device) {
    if (device == "cpu") return {};
    const GpuSurvey survey = survey_gpus();
    if (!survey.problem.empty()) throw system_error("--device cuda: " + survey.problem);
    const std::vector<std::string> names = gpu_names(survey, variable("CUDA_VISIBLE_DEVICES"));
    return {"CUDA_VISIBLE_DEVICES=" + gpu_of_rank(names, local_rank())};
}

} // namespace dagan::launcher
