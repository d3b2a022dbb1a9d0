#include "base/program_folder.h"

namespace dagan {

std::filesystem::path program_folder() {
    return std::filesystem::read_symlink("/proc/self/exe").parent_path();
}

} // namespace dagan
