// Maps the option --device cpu|cuda|auto to the device of a campaign's trainers, "cpu" or "cuda".
#pragma once

#include <string>
#include <vector>

namespace dagan::launcher {

inline const std::vector<std::string> kDeviceChoices{"cpu", "cuda", "auto"};

struct DeviceChoice {
    // "cpu" or "cuda".
    std::string device;
    // Why auto did not choose a GPU; "" otherwise.
    std::string why;
};

// Chooses the device. `asked`: cpu, cuda or auto. `recorded`: the device with which the campaign
// began; "" if it begins now. auto means the recorded device, or else a GPU if one is usable.
// Throws Blame::input if another device than the recorded one is asked for, and Blame::system with
// the cause if a GPU is required and none is usable.
DeviceChoice choose_device(const std::string& asked, const std::string& recorded);

// Returns the environment that assigns a GPU to this rank's trainers (CUDA_VISIBLE_DEVICES), chosen
// by the rank's number on this machine, which MPI or Slurm provides. Empty for "cpu". Throws
// Blame::system if there is no GPU.
std::vector<std::string> device_environment(const std::string& device);

} // namespace dagan::launcher
