// Back end of the group contract (tests/gang/group_contract.h): groups through agents with real
// reducers and fake collectives.
#pragma once

#include "cluster/gang/group_through_agent.h"
#include "support/agent_loop.h"
#include "support/fake_collectives.h"

#include <unistd.h>

#include <functional>
#include <thread>
#include <vector>

namespace dagan::cluster {

// Runs `body` on each member. Each member has a thread as its trainer and one as its agent.
struct ThroughFakeAgents {
    static std::vector<int> sizes() { return {1, 2, 3, 4}; }
    static void run(int size, const std::function<void(gang::Group&)>& body) {
        FakeCollectives collectives(size);
        std::vector<std::jthread> threads;
        for (int rank = 0; rank < size; ++rank) {
            auto ends = std::make_shared<std::pair<Channel, Channel>>(make_channel_pair());
            auto memory = std::make_shared<SharedMemory>(SharedMemory::create());
            threads.emplace_back([ends, memory, &body, rank, size] {
                TrainerLink link(std::move(ends->first));
                SharedMemory mine(Descriptor(::dup(memory->fd())));
                body(*make_group_through_agent(link, mine, rank, size));
                link.send("end");
                while (!link.closed()) link.receive_within(std::chrono::hours(1));
            });
            threads.emplace_back([ends, memory, &collectives, rank] {
                AgentLink link(std::move(ends->second));
                GangReducer reducer(collectives.member(rank), memory);
                serve_gang(link, reducer);
            });
        }
    }
};

} // namespace dagan::cluster
