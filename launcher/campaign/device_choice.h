// --device cpu|cuda|auto: from what a person asked for to what trainers are started with, "cpu" or "cuda".
#pragma once

#include <string>
#include <vector>

namespace dagan::launcher {

inline const std::vector<std::string> kDeviceChoices{"cpu", "cuda", "auto"};

struct DeviceChoice {
    std::string device; // "cpu" or "cuda"
    std::string why;    // for people; "" when it is what was asked for
};

// `recorded`: what the campaign began with, "" when it begins now. auto goes on with that, else takes a GPU when one can be used.
// Throws Blame::system with what is missing when a GPU is needed and none can be used, Blame::input when another device than the
// recorded one is asked for.
DeviceChoice choose_device(const std::string& asked, const std::string& recorded);

// The environment of a rank's trainers: which GPU is theirs (by the rank's number on this machine, from MPI's or Slurm's
// variables). Empty for "cpu". Throws Blame::system when there is no GPU.
std::vector<std::string> device_environment(const std::string& device);

} // namespace dagan::launcher
