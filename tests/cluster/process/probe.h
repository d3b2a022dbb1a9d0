// A trainer_probe (trainer_probe.cpp) started by a Spawner, with the agent's end of its connection.
#pragma once

#include "cluster/process/spawner.h"
#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"

#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

namespace dagan::cluster {

// Calls `poll` until it returns a value, and returns that. Throws after 30 s, so that a broken test
// does not hang.
template <class Poll> auto wait_for(Poll poll) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        if (auto value = poll()) return value;
        if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("timed out");
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

struct Probe {
    explicit Probe(Spawner& spawner, const std::vector<std::string>& environment = {})
        : Probe(spawner, environment, make_socket_pair()) {}

    void send(const std::string& command) { link.send(command); }
    std::string reply() {
        const auto message = wait_for([this] { return link.receive(); });
        return std::get<std::string>(*message);
    }
    std::string ask(const std::string& command) {
        send(command);
        return reply();
    }

    std::shared_ptr<SharedMemory> memory = std::make_shared<SharedMemory>(SharedMemory::create());
    ChildId id{};
    AgentLink link;

  private:
    Probe(Spawner& spawner, const std::vector<std::string>& environment,
          std::pair<Descriptor, Descriptor> ends)
        : id(spawner.start({{DAGAN_TRAINER_PROBE}, environment}, ends.second.get(), memory->fd())),
          link(Channel(std::move(ends.first))) {}
};

} // namespace dagan::cluster
