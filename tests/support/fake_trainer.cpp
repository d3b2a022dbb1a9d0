// A trainer that computes nothing: it speaks the agent's protocol over fds 3 and 4 like dagan-train, and does what the words in
// the name of a task's data set say, in order:
//   done                ends the task well; so does the end of the words
//   fail                ends it with a system error
//   crash               kills itself with SIGKILL
//   exit                ends the process with code 3 in the middle of the task
//   hang                says nothing more, for ever
//   wait                beats until it is told to stop, then returns interrupted
//   beat MILLISECONDS   gives signs of life for so long
//   reduce COUNT        has COUNT floats averaged over the gang; member p puts p + 1 into each. The mean is the curve's next
//   point "mean"
// Each task begins with a Progress whose step is this process's id. With `--never-ready` it ends before it asks for work.
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
        beat();
        std::istringstream words(dataset_of(assignment_.spec).name);
        for (std::string word; words >> word && !over_;) obey(word, words);
        return result_;
    }

  private:
    void obey(const std::string& word, std::istringstream& words) {
        int number = 0;
        if (word == "done")
            over_ = true;
        else if (word == "fail")
            end(Outcome::system_error, "as told");
        else if (word == "crash")
            ::raise(SIGKILL);
        else if (word == "exit")
            ::_exit(3);
        else if (word == "hang")
            for (;;) ::pause();
        else if (word == "wait")
            wait_for_stop();
        else if (word == "beat" && words >> number)
            beat_for(std::chrono::milliseconds(number));
        else if (word == "reduce" && words >> number)
            reduce(static_cast<size_t>(number));
        else
            throw Error(Blame::bug, "a word that the fake trainer does not know: " + word);
    }
    void end(Outcome outcome, const std::string& error) {
        over_ = true;
        result_.outcome = outcome;
        result_.error = error;
    }
    void beat() {
        link_.send(launcher::encode(
            launcher::Progress{assignment_.task, assignment_.attempt, ::getpid(), 1}));
    }
    void beat_for(std::chrono::milliseconds time) {
        for (const auto began = Clock::now(); Clock::now() - began < time;
             std::this_thread::sleep_for(std::chrono::milliseconds(100)))
            beat();
    }
    void wait_for_stop() {
        for (;;) {
            const auto text = link_.receive_within(std::chrono::milliseconds(100));
            if (text && std::holds_alternative<launcher::StopWork>(launcher::decode_message(*text)))
                return end(Outcome::interrupted, "");
            if (link_.closed()) ::_exit(0);
            beat();
        }
    }
    void reduce(size_t count) {
        try {
            const auto group = cluster::make_group_through_agent(
                link_, memory_, assignment_.position, static_cast<int>(assignment_.members.size()));
            const std::span<float> values = group->allocate(count);
            for (float& value : values) value = static_cast<float>(assignment_.position + 1);
            group->all_reduce_mean(values);
            for (const float value : values) require(value == values[0], "one mean for all");
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
