// The NVIDIA driver of this machine, asked without linking it: programs that have no GPU code of their own must know whether a
// GPU is there, and which one a rank's trainers are to use. Facts are read when asked for; nothing is cached.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dagan {

struct GpuFacts {
    std::string uuid; // "GPU-8f2c...": the same on every boot
    std::string name; // "NVIDIA H100 80GB HBM3"
    int64_t memory_bytes = 0;
};

// The GPUs that this process may use (CUDA_VISIBLE_DEVICES counts), or why there are none.
struct GpuSurvey {
    std::vector<GpuFacts> gpus;
    std::string problem; // "" when there is at least one
};
GpuSurvey survey_gpus();

// The names under which the trainers of this machine find its GPUs, one each, as CUDA_VISIBLE_DEVICES takes them: the entries of
// `visible_devices` (that variable's value: indices, UUIDs, or UUIDs of MIG instances, which the driver lists in no other way)
// or, when it is empty, the UUIDs of the survey.
std::vector<std::string> gpu_names(const GpuSurvey& survey, std::string_view visible_devices);

// The GPU of the rank that is number `local_rank` on its machine; ranks beyond the number of GPUs share them in turn.
const std::string& gpu_of_rank(const std::vector<std::string>& names, int local_rank);

} // namespace dagan
