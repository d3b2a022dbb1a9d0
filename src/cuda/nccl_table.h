// NCCL's functions as the table that gang/nccl_group.h requires.
#pragma once

#include "gang/nccl_group.h"

namespace dagan::cuda {

// Throws Blame::system if the loaded library has another version than the one at build time.
const gang::NcclApi& nccl_table();

} // namespace dagan::cuda
