#include "cuda/nccl_table.h"

#include "base/error.h"

#include <nccl.h>

#include <cstring>

namespace dagan::cuda {

namespace {
using gang::NcclApi;

// The NCCL of LibTorch. A second NCCL in the process would have a separate state.
static_assert(NCCL_VERSION_CODE == NCCL_VERSION(2, 28, 9), "the NCCL of torch==2.11.0");
static_assert(sizeof(ncclUniqueId) == sizeof(NcclApi::Id));
static_assert(ncclSuccess == NcclApi::kSuccess && ncclInProgress == NcclApi::kInProgress);

ncclComm_t of(NcclApi::Communicator communicator) { return static_cast<ncclComm_t>(communicator); }

int make_id(NcclApi::Id* id) {
    ncclUniqueId made;
    const ncclResult_t result = ncclGetUniqueId(&made);
    if (result == ncclSuccess) std::memcpy(id->bytes.data(), &made, sizeof made);
    return result;
}

int init(NcclApi::Communicator* made, int size, const NcclApi::Id* id, int rank) {
    ncclUniqueId unique;
    std::memcpy(&unique, id->bytes.data(), sizeof unique);
    ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
    config.blocking = 0; // otherwise a missing member would block the others forever
    ncclComm_t communicator = nullptr;
    const ncclResult_t result = ncclCommInitRankConfig(&communicator, size, unique, rank, &config);
    *made = communicator;
    return result;
}

int all_reduce_sum(float* x, size_t count, NcclApi::Communicator communicator, void* stream) {
    return ncclAllReduce(x, x, count, ncclFloat32, ncclSum, of(communicator),
                         static_cast<cudaStream_t>(stream));
}

int state(NcclApi::Communicator communicator, int* result) {
    ncclResult_t found = ncclSuccess;
    const ncclResult_t asked = ncclCommGetAsyncError(of(communicator), &found);
    *result = found;
    return asked;
}

int abort(NcclApi::Communicator communicator) { return ncclCommAbort(of(communicator)); }
const char* describe(int result) { return ncclGetErrorString(static_cast<ncclResult_t>(result)); }
const char* last_error(NcclApi::Communicator communicator) {
    return ncclGetLastError(of(communicator));
}
} // namespace

const NcclApi& nccl_table() {
    static const NcclApi table{make_id, init, all_reduce_sum, state, abort, describe, last_error};
    int version = 0;
    if (ncclGetVersion(&version) != ncclSuccess || version != NCCL_VERSION_CODE) {
        throw system_error("NCCL: version " + std::to_string(version) +
                           " is loaded, but this program was built with " +
                           std::to_string(NCCL_VERSION_CODE) +
                           "; hint: is another libnccl.so.2 in LD_LIBRARY_PATH or LD_PRELOAD?");
    }
    return table;
}

} // namespace dagan::cuda
