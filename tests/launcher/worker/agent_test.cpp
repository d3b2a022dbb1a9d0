// Agents with real child processes: a Spawner and a scripted trainer (support/fake_trainer.cpp).
// Mailboxes and collectives are in memory, so that several ranks run in this process.
#include "launcher/worker/agent.h"

#include "base/error.h"
#include "base/log.h"
#include "support/fake_collectives.h"
#include "support/fake_mailbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <list>
#include <map>
#include <set>
#include <thread>

namespace dagan::launcher {
namespace {

using testing::HasSubstr;
using namespace std::chrono_literals;

// A task whose data set's name is the script of the fake trainer.
TaskSpec scripted(const std::string& script) {
    ClassifierTask task;
    task.dataset.name = script;
    return task;
}

class AgentTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { log_to_file("/dev/null", "test"); }

    // Starts ranks 0 .. ranks-1. Only tests that wait for `stuck_after` shorten it, because a
    // loaded machine may be slow.
    void start(int ranks, Agent::Options options = {}) {
        if (options.trainer.argv.empty()) options.trainer.argv = {DAGAN_FAKE_TRAINER};
        post_.emplace(ranks);
        for (int rank = 0; rank < ranks; ++rank) {
            mailboxes_.push_back(post_->mailbox(rank));
            spawners_.emplace_back();
            agents_.push_back(std::make_unique<Agent>(
                options, *mailboxes_.back(), spawners_.back(),
                [this, rank](const std::vector<int>& members, int tag) {
                    return collectives(members, tag, rank);
                },
                "host" + std::to_string(rank)));
        }
    }

    std::unique_ptr<cluster::GangCollectives> collectives(const std::vector<int>& members, int tag,
                                                          int rank) {
        const auto position = std::ranges::find(members, rank) - members.begin();
        return gangs_.try_emplace(tag, static_cast<int>(members.size()))
            .first->second.member(static_cast<int>(position));
    }

    // Turns all agents until `condition` holds. Fails at a deadline far beyond the time needed.
    void turn_until(const std::function<bool()>& condition) {
        const auto deadline = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << "timed out";
            bool active = false;
            for (const auto& agent : agents_) active |= agent->turn();
            for (size_t rank = 0; rank < agents_.size(); ++rank) {
                while (const auto envelope = mailboxes_[rank]->receive()) handle(*envelope, rank);
            }
            if (!active) std::this_thread::sleep_for(200us);
        }
    }
    void handle(const cluster::Envelope& envelope, size_t rank) {
        const Message message = decode_message(envelope.bytes);
        if (const auto* lost = std::get_if<MemberLost>(&message))
            agents_[rank]->on_member_lost(*lost);
        if (const auto* ended = std::get_if<Ended>(&message)) ended_.push_back(*ended);
        if (const auto* progress = std::get_if<Progress>(&message)) {
            pid_of_[progress->task] = static_cast<pid_t>(progress->step);
            ranks_of_[progress->task].insert(envelope.from);
        }
        if (const auto* up = std::get_if<RankUp>(&message)) hosts_[envelope.from] = up->host;
    }

    void assign(int rank, const std::string& task, const std::string& script,
                std::vector<int> members = {}, int position = 0) {
        if (members.empty()) members = {rank};
        agents_[static_cast<size_t>(rank)]->on_assign({.task = task,
                                                       .attempt = ++attempt_,
                                                       .spec = scripted(script),
                                                       .members = members,
                                                       .position = position});
    }
    void assign_gang(const std::string& task, const std::vector<std::string>& scripts) {
        std::vector<int> members;
        for (size_t i = 0; i < scripts.size(); ++i) members.push_back(static_cast<int>(i));
        ++attempt_;
        for (const int rank : members) {
            agents_[static_cast<size_t>(rank)]->on_assign(
                {.task = task,
                 .attempt = attempt_,
                 .spec = scripted(scripts[static_cast<size_t>(rank)]),
                 .members = members,
                 .position = rank});
        }
    }
    void turn_until_ended(size_t count) {
        turn_until([&] { return ended_.size() >= count; });
    }
    const TaskResult& result_of(const std::string& task, int position = 0) const {
        for (const Ended& ended : ended_) {
            if (ended.result.task == task && ended.position == position) return ended.result;
        }
        ADD_FAILURE() << task << " has no result at position " << position;
        static const TaskResult kNone;
        return kNone;
    }

    std::optional<FakePost> post_;
    std::vector<std::unique_ptr<cluster::Mailbox>> mailboxes_;
    std::list<cluster::Spawner> spawners_;
    std::map<int, FakeCollectives> gangs_;
    std::vector<std::unique_ptr<Agent>> agents_;
    std::vector<Ended> ended_;
    // By task: the trainer that began it last, and the ranks of all that began it.
    std::map<std::string, pid_t> pid_of_;
    std::map<std::string, std::set<int>> ranks_of_;
    std::map<int, std::string> hosts_;
    int64_t attempt_ = 0;
};

TEST_F(AgentTest, ReportsItsRankAndItsResults) {
    start(2);
    assign(0, "a", "done");
    assign(1, "b", "fail");
    turn_until_ended(2);
    EXPECT_EQ(hosts_, (std::map<int, std::string>{{0, "host0"}, {1, "host1"}}));
    EXPECT_EQ(result_of("a").outcome, Outcome::done);
    EXPECT_EQ(result_of("a").attempt, 1);
    EXPECT_EQ(result_of("b").outcome, Outcome::system_error);
    EXPECT_EQ(result_of("b").error, "as scripted");
}

TEST_F(AgentTest, OneTrainerRunsManyTasksInTurn) {
    start(1, {.slots = 1, .spares = 0});
    for (int i = 0; i < 20; ++i) assign(0, "t" + std::to_string(i), "done");
    turn_until_ended(20);
    for (int i = 0; i < 20; ++i) {
        EXPECT_EQ(ended_[static_cast<size_t>(i)].result.task, "t" + std::to_string(i));
        EXPECT_EQ(pid_of_["t" + std::to_string(i)], pid_of_["t0"]);
    }
}

TEST_F(AgentTest, SlotsRunTasksConcurrently) {
    start(1, {.slots = 2, .spares = 0});
    assign(0, "waits", "wait");
    assign(0, "quick", "done");
    turn_until_ended(1);
    EXPECT_EQ(ended_[0].result.task, "quick");
    agents_[0]->on_stop_work();
    turn_until_ended(2);
}

TEST_F(AgentTest, AKilledTrainerFailsItsTaskAndTheNextRunsOnTheSpare) {
    start(1, {.slots = 1, .spares = 1});
    assign(0, "victim", "hang");
    turn_until([&] { return pid_of_.contains("victim"); });
    ASSERT_EQ(::kill(pid_of_["victim"], SIGKILL), 0);
    turn_until_ended(1);
    EXPECT_EQ(result_of("victim").outcome, Outcome::died);
    EXPECT_EQ(result_of("victim").attempt, 1);
    EXPECT_THAT(result_of("victim").error, HasSubstr("trainer"));
    assign(0, "next", "done");
    turn_until_ended(2);
    EXPECT_EQ(result_of("next").outcome, Outcome::done);
    EXPECT_NE(pid_of_["next"], pid_of_["victim"]);
}

TEST_F(AgentTest, EveryDeadTrainerIsReplaced) {
    start(1);
    for (int i = 0; i < 12; ++i)
        assign(0, "t" + std::to_string(i), i % 3 == 0 ? "crash" : i % 3 == 1 ? "exit" : "done");
    turn_until_ended(12);
    for (int i = 0; i < 12; ++i) {
        EXPECT_EQ(result_of("t" + std::to_string(i)).outcome,
                  i % 3 == 2 ? Outcome::done : Outcome::died)
            << i;
    }
}

TEST_F(AgentTest, AStuckTrainerIsKilled) {
    start(1, {.slots = 1, .spares = 1, .stuck_after = 1s});
    assign(0, "stuck", "hang");
    turn_until_ended(1);
    EXPECT_EQ(result_of("stuck").outcome, Outcome::stuck);
    assign(0, "next", "done");
    turn_until_ended(2);
    EXPECT_EQ(result_of("next").outcome, Outcome::done);
}

TEST_F(AgentTest, ATrainerThatReportsProgressIsNotStuck) {
    start(1, {.slots = 1, .spares = 1, .stuck_after = 1s});
    assign(0, "long", "beat 1500 done");
    turn_until_ended(1);
    EXPECT_EQ(result_of("long").outcome, Outcome::done);
}

TEST_F(AgentTest, AFrozenTrainerIsKilled) {
    start(1, {.slots = 1, .spares = 1, .stuck_after = 1s});
    assign(0, "frozen", "beat 60000");
    turn_until([&] { return pid_of_.contains("frozen"); });
    ASSERT_EQ(::kill(pid_of_["frozen"], SIGSTOP), 0);
    turn_until_ended(1);
    EXPECT_EQ(result_of("frozen").outcome, Outcome::stuck);
}

TEST_F(AgentTest, AStopIsForwardedToTheTrainers) {
    start(1, {.slots = 2, .spares = 1});
    assign(0, "a", "wait");
    assign(0, "b", "wait");
    turn_until([&] { return pid_of_.size() == 2; });
    agents_[0]->on_stop_work();
    turn_until_ended(2);
    EXPECT_EQ(result_of("a").outcome, Outcome::interrupted);
    EXPECT_EQ(result_of("b").outcome, Outcome::interrupted);
}

TEST_F(AgentTest, AStopReachesATaskThatHasNotBegun) {
    start(1, {.slots = 1, .spares = 0});
    assign(0, "early", "wait"); // its trainer is still loading
    agents_[0]->on_stop_work();
    turn_until_ended(1);
    EXPECT_EQ(result_of("early").outcome, Outcome::interrupted);
}

TEST_F(AgentTest, AllMembersOfAGangGetTheMean) {
    start(3);
    assign_gang("gan", {"reduce 1000 reduce 7", "reduce 1000 reduce 7", "reduce 1000 reduce 7"});
    turn_until_ended(3);
    for (int position = 0; position < 3; ++position) {
        const TaskResult& result = result_of("gan", position);
        EXPECT_EQ(result.outcome, Outcome::done) << result.error;
        ASSERT_EQ(result.curve.size(), 2U);
        EXPECT_EQ(result.curve[0].value, 2.0);
        EXPECT_EQ(result.curve[1].value, 2.0);
    }
    turn_until([&] { return gangs_.begin()->second.released() == 3; });
}

TEST_F(AgentTest, AMemberThatWaitsForTheOthersIsNotStuck) {
    start(2, {.slots = 1, .spares = 1, .stuck_after = 1s});
    assign_gang("gan", {"reduce 10", "beat 1500 reduce 10"});
    turn_until_ended(2);
    EXPECT_EQ(result_of("gan", 0).outcome, Outcome::done);
    EXPECT_EQ(result_of("gan", 1).outcome, Outcome::done);
}

TEST_F(AgentTest, ADeadMemberBreaksOnlyItsGang) {
    start(3, {.slots = 2, .spares = 1});
    assign(2, "bystander", "wait");
    assign_gang("gan", {"reduce 10 reduce 10", "reduce 10 crash", "reduce 10 reduce 10"});
    turn_until_ended(3);
    EXPECT_EQ(result_of("gan", 1).outcome, Outcome::died);
    for (const int position : {0, 2}) {
        EXPECT_EQ(result_of("gan", position).outcome, Outcome::interrupted);
        EXPECT_NE(result_of("gan", position).error, "");
    }
    assign_gang("again", {"reduce 10", "reduce 10", "reduce 10"});
    turn_until_ended(6);
    for (const int position : {0, 1, 2})
        EXPECT_EQ(result_of("again", position).outcome, Outcome::done);
    agents_[2]->on_stop_work();
    turn_until_ended(7);
    EXPECT_EQ(result_of("bystander").outcome, Outcome::interrupted);
}

void expect_system_error(const std::function<void()>& work, const std::string& program) {
    try {
        work();
        ADD_FAILURE() << "no error although trainers cannot start";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_THAT(error.what(), HasSubstr(program));
    }
}

TEST_F(AgentTest, OnGpusTheOthersOfABrokenGangAreKilledAsTheyHangInNccl) {
    start(3, {.slots = 2, .spares = 0, .on_gpus = true});
    assign_gang("gang", {"hang", "beat 300 crash", "hang"});
    assign(2, "beside", "beat 1000 done");
    turn_until_ended(4);
    EXPECT_EQ(result_of("gang", 1).outcome, Outcome::died);
    for (const int other : {0, 2})
        EXPECT_EQ(result_of("gang", other).outcome, Outcome::interrupted) << "member " << other;
    EXPECT_EQ(result_of("beside").outcome, Outcome::done);
    assign_gang("again", {"done", "done", "done"});
    turn_until_ended(7);
    for (const int member : {0, 1, 2}) EXPECT_EQ(result_of("again", member).outcome, Outcome::done);
}

// A trainer may be waiting for a reduction when it is aborted.
TEST_F(AgentTest, AMemberThatWaitsForAReductionCanBeAborted) {
    start(2, {.slots = 1, .spares = 0});
    assign_gang("gang", {"reduce 10", "hang"});
    turn_until([&] { return ranks_of_["gang"].size() == 2; });
    // By then member 0 has requested its reduction.
    const auto requested = std::chrono::steady_clock::now() + 300ms;
    turn_until([&] { return std::chrono::steady_clock::now() > requested; });
    for (const auto& agent : agents_) agent->on_abandon({attempt_});
    turn_until_ended(2);
    for (const int member : {0, 1})
        EXPECT_EQ(result_of("gang", member).outcome, Outcome::interrupted);
    assign_gang("again", {"reduce 10", "reduce 10"});
    turn_until_ended(4);
    for (const int member : {0, 1}) EXPECT_EQ(result_of("again", member).outcome, Outcome::done);
}

TEST_F(AgentTest, OnlyTheAbandonedAttemptIsAborted) {
    start(2, {.slots = 1, .spares = 0});
    assign_gang("gang", {"hang", "hang"});
    turn_until([&] { return ranks_of_["gang"].size() == 2; });
    assign(0, "not begun", "done"); // no trainer is idle
    agents_[0]->on_abandon({attempt_});
    for (const auto& agent : agents_) agent->on_abandon({attempt_ - 1});
    turn_until_ended(3);
    for (const int member : {0, 1})
        EXPECT_EQ(result_of("gang", member).outcome, Outcome::interrupted);
    EXPECT_EQ(result_of("not begun").outcome, Outcome::interrupted);
    assign_gang("again", {"reduce 10", "reduce 10"});
    for (const auto& agent : agents_)
        agent->on_abandon({attempt_ - 1}); // an attempt that has ended
    turn_until_ended(5);
    for (const int member : {0, 1}) EXPECT_EQ(result_of("again", member).outcome, Outcome::done);
}

TEST_F(AgentTest, TrainersThatDieBeforeTheyAreReadyAreASystemError) {
    start(1, {.trainer = {{DAGAN_FAKE_TRAINER, "--never-ready"}, {}}});
    assign(0, "a", "done");
    expect_system_error([&] { turn_until_ended(1); }, "5 trainers in a row");
}

TEST_F(AgentTest, AMissingTrainerProgramIsASystemError) {
    start(1, {.trainer = {{"/nonexistent/dagan-train"}, {}}});
    expect_system_error([&] { turn_until_ended(1); }, "/nonexistent/dagan-train");
}

TEST_F(AgentTest, NoTrainerOutlivesTheAgent) {
    start(1);
    assign(0, "left", "hang");
    turn_until([&] { return pid_of_.contains("left"); });
    agents_.clear();
    spawners_.clear();
    EXPECT_NE(::kill(pid_of_["left"], 0), 0) << "the trainer still runs";
}

} // namespace
} // namespace dagan::launcher
