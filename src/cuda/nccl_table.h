// NCCL's functions as gang/nccl_group.h wants them.
#pragma once

#include "gang/nccl_group.h"

namespace dagan::cuda {

// Throws Blame::system when the library that was loaded is not the one this was built against.
const NcclApi& nccl_table();

} // namespace dagan::cuda
