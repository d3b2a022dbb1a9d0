// Where the programs of this installation are.
#pragma once

#include <filesystem>

namespace dagan {

// The folder of the running program; dagan, dagan-worker, dagan-train and libdagan_cuda.so lie
// there side by side.
std::filesystem::path program_folder();

} // namespace dagan
