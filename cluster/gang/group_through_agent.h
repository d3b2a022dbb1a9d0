// The Group of a trainer whose agent does the reductions over MPI: the data lie in memory shared with the agent, the trainer only
// says which part. Uses the whole shared memory from its start, so a trainer has at most one such group at a time.
#pragma once

#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"
#include "gang/group.h"

#include <memory>

namespace dagan::cluster {

// `link` and `memory` must outlive the group. Position `rank` of `size` in the gang. Making it says nothing to the agent.
std::unique_ptr<gang::Group> make_group_through_agent(TrainerLink& link, SharedMemory& memory,
                                                      int rank, int size);

} // namespace dagan::cluster
