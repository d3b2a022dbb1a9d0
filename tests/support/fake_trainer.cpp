// A trainer that computes nothing. It speaks the agent's protocol over fds 3 and 4 like
// dagan-train. The name of a task's data set is a script of commands, which it executes in order:
//
//   done                ends the task as done; so does the end of the script
//   fail                ends the task with a system error
//   crash               kills the process with SIGKILL
//   exit                ends the process with code 3
//   hang                sends nothing more, forever
//   wait                sends progress until it is told to stop, then ends as interrupted
//   beat MILLISECONDS   sends progress for that long
//   reduce COUNT        averages COUNT floats over the gang; member p contributes p + 1 in each.
//                       Appends the mean to the curve as quantity "mean"
//
// Each task begins with a Progress whose step is this process's id. With `--never-ready` the
// process ends before it requests work.
#include "base/error.h"
#include "base/version.h"
#include "cluster/gang/group_through_agent.h"
#include "cluster/process/process_guard.h"
#include "cluster/process/spawner.h"
#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"
#include "launcher/protocol/messages.h"

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <iostream>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>

namespace dagan {
namespace {

using Clock = std::chrono::steady_clock;

class FakeTask {
  public:
    FakeTask(const launcher::Assign& assignment, cluster::TrainerLink& link,
             cluster::SharedMemory& memory)
        : assignment_(assignment), link_(link), memory_(memory) {
        result_.task = assignment.task;
        result_.attempt = assignment.attempt;
    }

    TaskResult run() {
        send_progress();
        std::istringstream script(dataset_of(assignment_.spec).name);
        for (std::string command; script >> command && !over_;) execute(command, script);
        return result_;
    }

  private:
    void execute(const std::string& command, std::istringstream& script) {
        int number = 0;
        if (command == "done")
            over_ = true;
        else if (command == "fail")
            end(Outcome::system_error, "as scripted");
        else if (command == "crash")
            ::raise(SIGKILL);
        else if (command == "exit")
            ::_exit(3);
        else if (command == "hang")
            for (;;) ::pause();
        else if (command == "wait")
            wait_for_stop();
        else if (command == "beat" && script >> number)
            beat_for(std::chrono::milliseconds(number));
        else if (command == "reduce" && script >> number)
            reduce(static_cast<size_t>(number));
        else
            throw Error(Blame::bug, "unknown command of the fake trainer: " + command);
    }
    void end(Outcome outcome, const std::string& error) {
        over_ = true;
        result_.outcome = outcome;
        result_.error = error;
    }
    void send_progress() {
        link_.send(launcher::encode(
            launcher::Progress{assignment_.task, assignment_.attempt, ::getpid(), 1}));
    }
    void beat_for(std::chrono::milliseconds time) {
        for (const auto began = Clock::now(); Clock::now() - began < time;
             std::this_thread::sleep_for(std::chrono::milliseconds(100)))
            send_progress();
    }
    void wait_for_stop() {
        for (;;) {
            const auto text = link_.receive_within(std::chrono::milliseconds(100));
            if (text && std::holds_alternative<launcher::StopWork>(launcher::decode_message(*text)))
                return end(Outcome::interrupted, "");
            if (link_.closed()) ::_exit(0);
            send_progress();
        }
    }
    void reduce(size_t count) {
        try {
            const auto group = cluster::make_group_through_agent(
                link_, memory_, assignment_.position, static_cast<int>(assignment_.members.size()));
            const std::span<float> values = group->allocate(count);
            for (float& value : values) value = static_cast<float>(assignment_.position + 1);
            group->all_reduce_mean(values);
            for (const float value : values) require(value == values[0], "all values are the mean");
            result_.curve.push_back(
                {static_cast<int64_t>(result_.curve.size()), "mean", values[0]});
        } catch (const gang::GangBroken& broken) {
            end(Outcome::interrupted, broken.what());
        }
    }

    const launcher::Assign& assignment_;
    cluster::TrainerLink& link_;
    cluster::SharedMemory& memory_;
    TaskResult result_;
    bool over_ = false;
};

void work() {
    cluster::ignore_broken_pipes();
    cluster::TrainerLink link{cluster::Channel(Descriptor(cluster::kTrainerSocketFd))};
    cluster::SharedMemory memory{Descriptor(cluster::kTrainerMemoryFd)};
    link.send(launcher::encode(launcher::TrainerReady{kVersion}));
    while (!link.closed()) {
        const auto text = link.receive_within(std::chrono::minutes(1));
        if (!text) continue;
        const launcher::Message message = launcher::decode_message(*text);
        if (const auto* assignment = std::get_if<launcher::Assign>(&message)) {
            link.send(launcher::encode(
                launcher::Ended{assignment->position, FakeTask(*assignment, link, memory).run()}));
        }
    }
}

} // namespace
} // namespace dagan

int main(int argc, char** argv) {
    if (argc > 1 && std::string_view(argv[1]) == "--never-ready") return 9;
    try {
        dagan::work();
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "fake trainer: " << error.what() << '\n';
        return 1;
    }
}
