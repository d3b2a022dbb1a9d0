// Queries the NVIDIA driver of this machine without linking to it. Programs without GPU code use
// it to find out whether there is a GPU, and which one a rank's trainers shall use. Every call
// reads the facts anew; nothing is cached.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace dagan {

struct GpuFacts {
    std::string uuid; // "GPU-8f2c...": does not change from boot to boot
    std::string name; // "NVIDIA H100 80GB HBM3"
    int64_t memory_bytes = 0;
};

// The GPUs that this process may use (the driver applies CUDA_VISIBLE_DEVICES), or why there is
// none.
struct GpuSurvey {
    std::vector<GpuFacts> gpus;
    std::string problem; // "" if there is at least one GPU
};

// Throws Blame::system if the driver reports a GPU but cannot describe it.
GpuSurvey survey_gpus();

// Returns one name per GPU of this machine, in a form that CUDA_VISIBLE_DEVICES accepts: the
// entries of `visible_devices`, which is the value of that variable (indices, UUIDs, or UUIDs of
// MIG instances, which the driver lists nowhere else); the UUIDs of the survey if it is empty.
std::vector<std::string> gpu_names(const GpuSurvey& survey, std::string_view visible_devices);

// Returns the GPU of the rank with number `local_rank` on its machine. If there are more ranks
// than GPUs, ranks share GPUs round-robin. Throws Blame::bug if `names` is empty.
const std::string& gpu_of_rank(const std::vector<std::string>& names, int local_rank);

} // namespace dagan
