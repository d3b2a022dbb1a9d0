// The Group of a trainer whose agent performs the reductions over MPI. The floats lie in memory
// that trainer and agent share; the trainer only tells the agent which part to reduce, and waits.
// Uses the whole shared memory from its start, so a trainer has at most one such group at a time.
#pragma once

#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"
#include "gang/group.h"

#include <memory>

namespace dagan::cluster {

// Creates the group of the member at position `rank` of `size`. Sends nothing to the agent.
// `link` and `memory` must outlive the group.
std::unique_ptr<gang::Group> make_group_through_agent(TrainerLink& link, SharedMemory& memory,
                                                      int rank, int size);

} // namespace dagan::cluster
