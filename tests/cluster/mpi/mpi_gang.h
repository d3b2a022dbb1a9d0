// Gangs whose agents are the ranks of a test under mpirun.
#pragma once

#include "cluster/gang/group_through_agent.h"
#include "gang/group_contract.h"
#include "support/agent_loop.h"
#include "support/mpi_environment.h"

#include <unistd.h>

#include <algorithm>
#include <numeric>
#include <thread>

namespace dagan::cluster {

inline const MpiWorld& world() { return mpi_environment().world; }

inline std::vector<int> all_ranks() {
    std::vector<int> ranks(static_cast<size_t>(world().size()));
    std::iota(ranks.begin(), ranks.end(), 0);
    return ranks;
}

inline std::unique_ptr<GangReducer> make_gang(const std::vector<int>& members, int tag,
                                              std::shared_ptr<SharedMemory> memory,
                                              MapOthers map_others) {
    return std::make_unique<GangReducer>(make_mpi_collectives(world(), members, tag, map_others),
                                         std::move(memory));
}

// Returns this rank's position in a gang; -1 if it is not a member.
inline int position_in(const std::vector<int>& members) {
    const auto found = std::ranges::find(members, world().rank());
    return found == members.end() ? -1 : static_cast<int>(found - members.begin());
}

// Runs `body` on this rank's member. Its trainer is a thread of this process; the main thread is
// the agent and calls MPI.
inline void run_member(const std::vector<int>& members, int tag, const gang::GroupBody& body,
                       MapOthers map_others = MapOthers::if_possible) {
    const int position = position_in(members);
    auto [agent_end, trainer_end] = make_channel_pair();
    auto memory = std::make_shared<SharedMemory>(SharedMemory::create());
    std::jthread trainer([&, end = std::move(trainer_end)]() mutable {
        TrainerLink link(std::move(end));
        SharedMemory mine(Descriptor(::dup(memory->fd())));
        body(*make_group_through_agent(link, mine, position, static_cast<int>(members.size())));
        link.send("end");
        while (!link.closed()) link.receive_within(std::chrono::hours(1));
    });
    AgentLink link(std::move(agent_end));
    const auto reducer = make_gang(members, tag, memory, map_others);
    serve_gang(link, *reducer);
    EXPECT_EQ(reducer->state(), GangReducer::State::finished) << reducer->why_broken();
}

} // namespace dagan::cluster
