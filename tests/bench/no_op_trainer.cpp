// Replaces dagan-train in benchmarks of the orchestrator: finishes every task at once, without
// LibTorch.
#include "base/error.h"
#include "base/version.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner.h"
#include "cluster/transport/trainer_link.h"
#include "launcher/protocol/messages.h"

#include <chrono>
#include <iostream>

namespace dagan {
namespace {

launcher::Ended ended(const launcher::Assign& assignment) {
    return {assignment.position,
            {.task = assignment.task, .attempt = assignment.attempt, .cost = {"none", 0, 1, 0}}};
}

void work() {
    cluster::TrainerLink link{cluster::Channel(Descriptor(cluster::kTrainerSocketFd))};
    link.send(launcher::encode(launcher::TrainerReady{kVersion}));
    while (!link.closed()) {
        const auto bytes = link.receive_within(std::chrono::minutes(1));
        if (!bytes) continue;
        const launcher::Message message = launcher::decode_message(*bytes);
        if (const auto* assignment = std::get_if<launcher::Assign>(&message))
            link.send(launcher::encode(ended(*assignment)));
    }
}

} // namespace
} // namespace dagan

int main() {
    dagan::cluster::ignore_broken_pipes();
    try {
        dagan::work();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "no_op_trainer: " << error.what() << '\n';
        return 1;
    }
}
