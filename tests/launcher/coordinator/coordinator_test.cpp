#include "launcher/coordinator/coordinator.h"

#include "base/error.h"
#include "base/log.h"
#include "launcher/plans.h"
#include "support/fake_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <utility>

namespace dagan::launcher {
namespace {

using testing::HasSubstr;

// Remembers what the ranks were told, and checks that every attempt is durable before anybody hears of it.
class FakePool final : public WorkerPool {
  public:
    explicit FakePool(const FakeStore& store) : store_(store) {}
    void assign(Rank rank, const Assign& assignment) override {
        EXPECT_TRUE(store_.is_committed(assignment.attempt))
            << assignment.task << " is assigned before its attempt is committed";
        assigned.emplace_back(rank, assignment);
    }
    void abandon(Rank, int64_t) override { ADD_FAILURE() << "there is no other allocation"; }
    void stop_work() override { ++stops; }
    void shut_down() override {
        ADD_FAILURE() << "the coordinator does not shut down, its owner does";
    }

    std::vector<std::pair<Rank, Assign>> take() { return std::exchange(assigned, {}); }

    std::vector<std::pair<Rank, Assign>> assigned;
    int stops = 0;

  private:
    const FakeStore& store_;
};

Ended ended(const Assign& assignment, Outcome outcome = Outcome::done,
            const std::string& error = "") {
    return {assignment.position,
            {.task = assignment.task,
             .attempt = assignment.attempt,
             .outcome = outcome,
             .error = error}};
}

class CoordinatorTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { log_to_file("/dev/null", "test"); }

    void begin(const std::vector<Sketch>& tasks, Schedule::Resources resources) {
        plan_ = plan_of(tasks);
        seconds_ = seconds_of(tasks);
        resources_ = resources;
        store_.emplace(plan_);
        start_job();
    }
    // A new MPI job on the same store.
    void start_job() {
        store_->crash();
        pool_.emplace(*store_);
        coordinator_.emplace(plan_, seconds_, resources_, *store_, *pool_,
                             [this](const std::string& task) { return stamps_[task]; });
    }
    void turn(double now_s = 0) {
        coordinator_->turn(now_s);
        coordinator_->schedule().check_invariants();
    }
    // The one assignment given since the last look.
    Assign only_assignment() {
        turn();
        const auto assigned = pool_->take();
        EXPECT_EQ(assigned.size(), 1U);
        return assigned.empty() ? Assign{} : assigned.front().second;
    }
    std::vector<Assign> members(double now_s = 0) {
        turn(now_s);
        std::vector<Assign> members;
        for (const auto& [rank, assignment] : pool_->take()) members.push_back(assignment);
        return members;
    }
    const TaskState& state(TaskIndex task) const { return coordinator_->schedule().state(task); }

    Plan plan_;
    std::vector<double> seconds_;
    Schedule::Resources resources_;
    std::map<std::string, int64_t> stamps_; // of checkpoints, by task
    std::optional<FakeStore> store_;
    std::optional<FakePool> pool_;
    std::optional<Coordinator> coordinator_;
};

TEST_F(CoordinatorTest, AttemptsAreCommittedBeforeTheirFirstInstruction) {
    begin({{}, {}, {}}, {.ranks = 2});
    coordinator_->on_rank_up(0, {"node-a"});
    coordinator_->on_rank_up(1, {"node-b"});
    turn();
    const auto assigned = pool_->take();
    ASSERT_EQ(assigned.size(), 2U); // FakePool has checked the commit
    EXPECT_EQ(assigned[1].first, 1);
    EXPECT_EQ(assigned[1].second.spec, plan_.tasks[1].spec);
    EXPECT_EQ(assigned[1].second.members, std::vector<int>{1});
    const auto& attempt = store_->attempt(assigned[1].second.attempt);
    EXPECT_EQ(attempt.task, "task1");
    EXPECT_EQ(attempt.host, "node-b");
    EXPECT_EQ(attempt.ranks, "1");
    EXPECT_TRUE(attempt.charged);
}

TEST_F(CoordinatorTest, NothingStartsWhenTheStoreFails) {
    for (const int calls : {0, 1}) { // at start_attempt, at commit
        begin({{}}, {.ranks = 1});
        store_->fail_after(calls);
        try {
            coordinator_->turn(0);
            FAIL() << "a full disk goes unnoticed";
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::system);
        }
        EXPECT_TRUE(pool_->assigned.empty());
    }
}

TEST_F(CoordinatorTest, ATurnCommitsWhatHappenedBeforeIt) {
    begin({{}, {.needs = {0}}}, {.ranks = 1});
    const Assign first = only_assignment();
    coordinator_->on_ended(ended(first));
    EXPECT_TRUE(store_->ended().empty());
    turn();
    EXPECT_EQ(store_->ended().size(), 1U);
    EXPECT_EQ(pool_->take().size(), 1U);
}

TEST_F(CoordinatorTest, AnIdleTurnWritesNothing) {
    begin({{}}, {.ranks = 1});
    turn();
    const int commits = store_->commits();
    for (int i = 0; i < 5; ++i) turn();
    EXPECT_EQ(store_->commits(), commits);
}

TEST_F(CoordinatorTest, ManyResultsOfOneTurnAreOneCommit) {
    begin(std::vector<Sketch>(20), {.ranks = 4, .slots_per_rank = 5});
    const auto all = members();
    const int commits = store_->commits();
    for (const Assign& assignment : all) coordinator_->on_ended(ended(assignment));
    turn();
    EXPECT_EQ(store_->commits(), commits + 1);
    EXPECT_EQ(store_->ended().size(), 20U);
}

TEST_F(CoordinatorTest, LateResultsAreIgnored) {
    begin({{}}, {.ranks = 1});
    const Assign first = only_assignment();
    coordinator_->on_ended(ended(first, Outcome::died, "killed"));
    const Assign second = only_assignment();
    EXPECT_GT(second.attempt, first.attempt);
    coordinator_->on_ended(ended(first)); // the dead one's word arrives after all
    EXPECT_TRUE(std::holds_alternative<Running>(state(0)));
    coordinator_->on_progress({first.task, first.attempt, 7, 9});
    EXPECT_EQ(coordinator_->status(0).running.at(0).step, 0);
    coordinator_->on_ended(ended(second));
    turn();
    coordinator_->on_ended(ended(second)); // said twice
    turn();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(store_->committed().attempts.size(), 2U);
    EXPECT_EQ(store_->attempt(first.attempt).result->outcome, Outcome::died);
}

TEST_F(CoordinatorTest, AGangsMembersGetTheirPositions) {
    begin({{.ranks = 3}}, {.ranks = 3});
    turn();
    const auto assigned = pool_->take();
    ASSERT_EQ(assigned.size(), 3U);
    for (int position = 0; position < 3; ++position) {
        const auto& [rank, assignment] = assigned[static_cast<size_t>(position)];
        EXPECT_EQ(assignment.position, position);
        EXPECT_EQ(assignment.members, (std::vector<int>{0, 1, 2}));
        EXPECT_EQ(assignment.members[static_cast<size_t>(position)], rank);
        EXPECT_EQ(assignment.attempt, assigned[0].second.attempt);
    }
}

TEST_F(CoordinatorTest, AGangsAttemptIsOverWhenAllItsMembersReturned) {
    begin({{.ranks = 2}, {}}, {.ranks = 2});
    const auto gang = members();
    coordinator_->on_ended(ended(gang[0]));
    turn();
    EXPECT_TRUE(std::holds_alternative<Running>(state(0)));
    EXPECT_TRUE(pool_->take().empty()) << "its rank is still taken";
    coordinator_->on_ended(ended(gang[1]));
    turn();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(pool_->take().size(), 1U);
}

TEST_F(CoordinatorTest, WhatPositionZeroFinishedCounts) {
    begin({{.ranks = 2}}, {.ranks = 2});
    const auto gang = members();
    coordinator_->on_ended(ended(gang[1], Outcome::died, "killed by signal 9"));
    Ended first = ended(gang[0]);
    first.result.artifacts = {{"weights", "checkpoints/x", "sha"}};
    coordinator_->on_ended(first);
    turn();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(store_->ended().at("task0").artifacts, first.result.artifacts);
}

TEST_F(CoordinatorTest, TheMemberThatFailedByItselfExplainsAGangsFailure) {
    for (const bool fault_first : {true, false}) {
        begin({{.ranks = 3}}, {.ranks = 3});
        const auto gang = members();
        const Ended fault = ended(gang[1], Outcome::died, "killed by signal 9");
        if (fault_first) coordinator_->on_ended(fault);
        coordinator_->on_ended(ended(gang[0], Outcome::interrupted, "the gang is broken"));
        coordinator_->on_ended(ended(gang[2], Outcome::interrupted, "the gang is broken"));
        if (!fault_first) coordinator_->on_ended(fault);
        turn();
        EXPECT_EQ(store_->attempt(gang[0].attempt).result->outcome, Outcome::died);
        EXPECT_EQ(store_->attempt(gang[0].attempt).result->error, "killed by signal 9");
        EXPECT_EQ(coordinator_->schedule().charged(0), 1);
    }
}

TEST_F(CoordinatorTest, AGangThatBreaksForNobodysFaultIsNotTriedForEver) {
    begin({{.ranks = 2}}, {.ranks = 2, .max_attempts = 3});
    for (int attempt = 1; attempt <= 3; ++attempt) {
        const auto gang = members(100.0 * attempt); // it rests in between
        ASSERT_EQ(gang.size(), 2U) << "attempt " << attempt;
        for (const Assign& member : gang)
            coordinator_->on_ended(ended(member, Outcome::interrupted, "the gang is broken"));
    }
    turn();
    EXPECT_EQ(std::get<Failed>(state(0)).outcome, Outcome::system_error);
    EXPECT_TRUE(coordinator_->over());
}

TEST_F(CoordinatorTest, AGangThatBreaksInAStopIsInterrupted) {
    begin({{.ranks = 2}}, {.ranks = 2});
    const auto gang = members();
    coordinator_->on_stop_requested();
    for (const Assign& member : gang)
        coordinator_->on_ended(ended(member, Outcome::interrupted, "the gang is broken"));
    turn();
    EXPECT_EQ(store_->attempt(gang[0].attempt).result->outcome, Outcome::interrupted);
    EXPECT_FALSE(store_->attempt(gang[0].attempt).charged);
}

TEST_F(CoordinatorTest, ANewCheckpointGivesTheCreditBack) {
    begin({{}}, {.ranks = 1, .max_attempts = 2});
    stamps_["task0"] = 5;
    const Assign first = only_assignment();
    coordinator_->on_ended(
        ended(first, Outcome::died)); // the checkpoint is still the one it began with
    const Assign second = only_assignment();
    stamps_["task0"] = 6;
    coordinator_->on_ended(ended(second, Outcome::died));
    const Assign third = only_assignment();
    EXPECT_TRUE(store_->attempt(first.attempt).charged);
    EXPECT_FALSE(store_->attempt(second.attempt).charged);
    coordinator_->on_ended(ended(third, Outcome::died));
    turn();
    EXPECT_TRUE(std::holds_alternative<Quarantined>(state(0)));
}

TEST_F(CoordinatorTest, AStopLetsNothingNewStart) {
    begin({{}, {}, {}}, {.ranks = 2});
    const auto running = members();
    coordinator_->on_stop_requested();
    coordinator_->on_stop_requested(); // every rank may ask
    EXPECT_EQ(pool_->stops, 1);
    EXPECT_FALSE(coordinator_->over());
    coordinator_->on_ended(ended(running[0], Outcome::interrupted));
    turn();
    EXPECT_FALSE(coordinator_->over());
    EXPECT_EQ(coordinator_->status(1).state, CampaignState::running);
    coordinator_->on_ended(ended(running[1])); // it was at its end anyway
    turn();
    EXPECT_TRUE(pool_->take().empty());
    EXPECT_TRUE(coordinator_->over());
    EXPECT_EQ(coordinator_->status(1).state, CampaignState::stopped);
    EXPECT_EQ(store_->ended().size(), 1U);
    EXPECT_FALSE(store_->attempt(running[0].attempt).charged);
}

TEST_F(CoordinatorTest, StatusCountsAndForetells) {
    begin(std::vector<Sketch>(4, Sketch{.seconds = 10}), {.ranks = 1});
    EXPECT_LT(coordinator_->status(0).eta_s, 0) << "nothing is known yet";
    turn(100);
    Assign assignment = pool_->take().front().second;
    coordinator_->on_progress({assignment.task, assignment.attempt, 0, 50});
    coordinator_->on_ended(ended(assignment));
    turn(120); // 20 s for what was expected to take 10
    assignment = pool_->take().front().second;
    Status status = coordinator_->status(120);
    EXPECT_EQ(status.tasks, (TaskCounts{.ready = 2, .running = 1, .done = 1}));
    EXPECT_DOUBLE_EQ(status.elapsed_s, 20);
    EXPECT_DOUBLE_EQ(status.eta_s, 60);
    coordinator_->on_progress(
        {assignment.task, assignment.attempt, 10, 50}); // goes on from a checkpoint
    coordinator_->on_progress({assignment.task, assignment.attempt, 25, 50});
    status = coordinator_->status(130);
    EXPECT_DOUBLE_EQ(status.eta_s, 50); // 1.5 tasks in 30 s, 2.5 to go
    EXPECT_DOUBLE_EQ(status.steps_per_s, 15.0 / 30);
    ASSERT_EQ(status.running.size(), 1U);
    EXPECT_THAT(status.running[0].label, HasSubstr("task1"));
    EXPECT_EQ(status.running[0].step, 25);
    EXPECT_EQ(status.running[0].steps, 50);
}

TEST_F(CoordinatorTest, ACampaignIsFinishedOrFailed) {
    for (const Outcome last : {Outcome::done, Outcome::input_error}) {
        begin({{}, {.needs = {0}}}, {.ranks = 1});
        coordinator_->on_ended(ended(only_assignment(), last));
        turn();
        for (const auto& [rank, assignment] : pool_->take())
            coordinator_->on_ended(ended(assignment));
        turn(5);
        EXPECT_TRUE(coordinator_->over());
        const Status status = coordinator_->status(5);
        EXPECT_EQ(status.state,
                  last == Outcome::done ? CampaignState::finished : CampaignState::failed);
        EXPECT_EQ(status.eta_s, 0);
        EXPECT_EQ(status.tasks.blocked, last == Outcome::done ? 0 : 1);
    }
}

TEST_F(CoordinatorTest, ANewJobGoesOnFromTheStore) {
    begin({{}, {}, {.needs = {0}}}, {.ranks = 2});
    const auto first_job = members();
    coordinator_->on_ended(ended(first_job[0]));
    turn(); // committed; the job is killed while 1 and 2 run
    start_job();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(coordinator_->schedule().charged(1), 1);
    const auto second_job = members();
    ASSERT_EQ(second_job.size(), 2U);
    coordinator_->on_ended(ended(first_job[1])); // of the job that is gone
    turn();
    EXPECT_EQ(store_->ended().size(), 1U);
    for (const Assign& assignment : second_job) coordinator_->on_ended(ended(assignment));
    turn();
    EXPECT_EQ(store_->ended().size(), 3U);
    EXPECT_TRUE(coordinator_->over());
    start_job();
    EXPECT_TRUE(coordinator_->over()) << "a finished campaign has nothing to do";
}

TEST_F(CoordinatorTest, AnAttemptLostWithTheJobIsChargedUnlessItLeftACheckpoint) {
    begin({{}, {}}, {.ranks = 2});
    const auto lost = members();
    ASSERT_EQ(lost.size(), 2U);
    stamps_["task1"] = 7;
    start_job();
    turn();
    EXPECT_EQ(store_->attempt(lost[0].attempt).result->outcome, Outcome::lost);
    EXPECT_TRUE(store_->attempt(lost[0].attempt).charged);
    EXPECT_FALSE(store_->attempt(lost[1].attempt).charged);
    EXPECT_EQ(coordinator_->schedule().charged(0), 1);
    EXPECT_EQ(coordinator_->schedule().charged(1), 0);
}

TEST_F(CoordinatorTest, ATaskThatTakesTheWholeJobWithItIsConvictedAndNoOther) {
    begin({{}, {.seconds = 2}, {}, {.seconds = 3}}, {.ranks = 2});
    constexpr int kPoison = 2;
    int jobs = 0;
    for (bool over = false; !over; ++jobs) {
        ASSERT_LT(jobs, 20);
        if (jobs > 0) start_job();
        for (bool job_lives = true; job_lives && !over;) {
            turn();
            for (const auto& [rank, assignment] : pool_->take()) {
                job_lives &= assignment.task != plan_.tasks[kPoison].key;
                if (job_lives) coordinator_->on_ended(ended(assignment));
            }
            over = coordinator_->over();
        }
    }
    turn();
    EXPECT_EQ(std::get<Quarantined>(state(kPoison)).outcome, Outcome::lost);
    for (const TaskIndex task : {0, 1, 3})
        EXPECT_TRUE(std::holds_alternative<Done>(state(task))) << task;
    EXPECT_EQ(jobs, 6);
}

TEST_F(CoordinatorTest, ErrorsOfTheSystemAreTriedAgainAfterARest) {
    begin({{}}, {.ranks = 1});
    double now_s = 0, rest_s = 1;
    for (int attempt = 1; attempt <= 4; ++attempt, rest_s *= 2) {
        turn(now_s);
        const auto assigned = pool_->take();
        ASSERT_EQ(assigned.size(), 1U) << "attempt " << attempt;
        coordinator_->on_ended(ended(assigned[0].second, Outcome::system_error, "disk"));
        turn(now_s + rest_s - 0.01);
        EXPECT_TRUE(pool_->take().empty()) << "attempt " << attempt;
        now_s += rest_s;
    }
}

TEST_F(CoordinatorTest, WhatFailedOnABadNodeIsForgivenInTheStore) {
    begin(std::vector<Sketch>(60), {.ranks = 2});
    coordinator_->on_rank_up(0, {"good"});
    coordinator_->on_rank_up(1, {"bad"});
    double now_s = 0;
    while (!coordinator_->over()) {
        ASSERT_LT(now_s, 1000);
        turn(now_s += 0.25);
        for (const auto& [rank, assignment] : pool_->take())
            coordinator_->on_ended(rank == 0 ? ended(assignment)
                                             : ended(assignment, Outcome::died, "killed"));
    }
    turn(now_s);
    EXPECT_EQ(coordinator_->schedule().counts().done, 60);
    EXPECT_EQ(coordinator_->status(now_s).shut_out, std::vector<std::string>{"bad"});
    for (const auto& [token, attempt] : store_->committed().attempts)
        EXPECT_EQ(attempt.charged, attempt.final) << "attempt " << token << " on " << attempt.host;
}

TEST_F(CoordinatorTest, AGangsFailureIsHeldAgainstTheNodeOfItsCulprit) {
    begin({{.ranks = 2}}, {.ranks = 2});
    coordinator_->on_rank_up(0, {"a"});
    coordinator_->on_rank_up(1, {"b"});
    const auto gang = members();
    coordinator_->on_ended(ended(gang[1], Outcome::died, "killed"));
    coordinator_->on_ended(ended(gang[0], Outcome::interrupted, "broken"));
    turn();
    EXPECT_EQ(store_->attempt(gang[0].attempt).host, "b");
}

// Any order of events, with trainers that die, jobs that are killed and disks that are full, leaves the same in the store.
class Accidents : public CoordinatorTest {
  protected:
    // The result of a task that runs to its end: a function of the task alone.
    static Ended result_of(const Assign& assignment) {
        const auto number = std::stoi(assignment.task.substr(4));
        Ended message = ended(assignment);
        if (number % 13 == 12) {
            message.result.outcome = Outcome::input_error;
            message.result.error = "cannot be read";
        } else if (assignment.members.size() == 1) {
            message.result.score = ClassifierScore{
                .steps = number, .best_epoch = 1, .test_correct = number, .test_total = 100};
        }
        return message;
    }
    // What remains to be said by the members of an attempt.
    std::vector<Ended> accident(const std::vector<Assign>& attempt, Random& random) {
        const size_t victim = random.below(attempt.size());
        std::vector<Ended> ends;
        for (size_t i = 0; i < attempt.size(); ++i) {
            ends.push_back(i == victim
                               ? ended(attempt[i], Outcome::died, "killed")
                               : ended(attempt[i], Outcome::interrupted, "the gang is broken"));
        }
        if (random.chance(0.8)) ++stamps_[attempt[0].task]; // it left a checkpoint
        return ends;
    }
    void play(Random& random, double trouble) {
        std::map<std::string, std::vector<Assign>> running; // by task
        std::vector<Ended> unsaid;
        while (!coordinator_->over()) {
            turn();
            for (auto& [rank, assignment] : pool_->take())
                running[assignment.task].push_back(assignment);
            if (random.chance(trouble / 10)) {
                start_job();
                running.clear();
                unsaid.clear();
            }
            if (!running.empty() && random.chance(0.6)) {
                const auto chosen =
                    std::next(running.begin(), static_cast<int>(random.below(running.size())));
                const bool dies = random.chance(trouble) && stamps_[chosen->first] < 3;
                std::vector<Ended> ends;
                if (dies)
                    ends = accident(chosen->second, random);
                else
                    for (const Assign& member : chosen->second) ends.push_back(result_of(member));
                unsaid.insert(unsaid.end(), ends.begin(), ends.end());
                running.erase(chosen);
            }
            while (!unsaid.empty() && random.chance(0.5)) {
                const auto chosen =
                    std::next(unsaid.begin(), static_cast<int>(random.below(unsaid.size())));
                coordinator_->on_ended(*chosen);
                unsaid.erase(chosen);
            }
        }
        turn();
    }
};

TEST_F(Accidents, LeaveTheSameInTheStoreAsAQuietRun) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        Random plans(derive(seed, "plan"));
        const int ranks = 1 + static_cast<int>(plans.below(4));
        const std::vector<Sketch> tasks = random_sketches(plans, 25, ranks);
        const Schedule::Resources resources{.ranks = ranks,
                                            .slots_per_rank = 1 + static_cast<int>(plans.below(2)),
                                            .max_attempts = 100};
        Random quiet(derive(seed, "quiet")), wild(derive(seed, "wild"));
        begin(tasks, resources);
        ASSERT_NO_THROW(play(quiet, 0)) << "seed " << seed;
        const auto expected = store_->ended();
        stamps_.clear();
        begin(tasks, resources);
        ASSERT_NO_THROW(play(wild, 0.4)) << "seed " << seed;
        ASSERT_EQ(store_->ended().size(), expected.size()) << "seed " << seed;
        ASSERT_TRUE(store_->ended() == expected) << "seed " << seed;
        ASSERT_FALSE(HasFailure()) << "seed " << seed;
    }
}

} // namespace
} // namespace dagan::launcher
