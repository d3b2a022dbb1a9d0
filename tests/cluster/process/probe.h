// A trainer_probe below a Spawner, as an agent would hold it.
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

// Waits for `what` to give a value. Tests assert no times; this only keeps a broken one from hanging.
template <class What> auto wait_for(What what) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    for (;;) {
        if (auto value = what()) return value;
        if (std::chrono::steady_clock::now() > deadline) throw std::runtime_error("waited in vain");
        std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
}

struct Probe {
    explicit Probe(Spawner& spawner, const std::vector<std::string>& environment = {})
        : Probe(spawner, environment, make_socket_pair()) {}

    void tell(const std::string& order) { link.send(order); }
    std::string hear() {
        const auto message = wait_for([this] { return link.receive(); });
        return std::get<std::string>(*message);
    }
    std::string ask(const std::string& order) {
        tell(order);
        return hear();
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
