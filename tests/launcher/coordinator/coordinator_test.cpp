#include "launcher/coordinator/coordinator.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/attempt_tag.h"
#include "launcher/coordinator/coordinator_fixture.h"

#include <gmock/gmock.h>

#include <sstream>

namespace dagan::launcher {
namespace {

using testing::HasSubstr;

TEST_F(CoordinatorTest, AttemptsAreCommittedBeforeTheyAreAssigned) {
    begin({{}, {}, {}}, {.ranks = 2});
    coordinator_->on_rank_up(0, {"node-a"});
    coordinator_->on_rank_up(1, {"node-b"});
    turn();
    const auto assigned = pool_->take();
    ASSERT_EQ(assigned.size(), 2U); // FakePool has checked the commit
    EXPECT_TRUE(assigned[1].first == 1);
    EXPECT_EQ(assigned[1].second.spec, plan_.tasks[1].spec);
    EXPECT_EQ(assigned[1].second.members, std::vector<int>{1});
    const auto& attempt = store_->attempt(assigned[1].second.attempt);
    EXPECT_EQ(attempt.task, "task1");
    EXPECT_EQ(attempt.host, "node-b");
    EXPECT_EQ(attempt.ranks, "1");
    EXPECT_TRUE(attempt.charged);
}

TEST_F(CoordinatorTest, NothingStartsWhenTheStoreFails) {
    for (const int calls : {0, 1}) { // fails in start_attempt(), in commit()
        begin({{}}, {.ranks = 1});
        store_->fail_after(calls);
        try {
            coordinator_->turn(0);
            FAIL() << "a full disk is not noticed";
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::system);
        }
        EXPECT_TRUE(pool_->assigned.empty());
    }
}

TEST_F(CoordinatorTest, ATurnCommitsTheEventsBeforeIt) {
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

TEST_F(CoordinatorTest, AllResultsBeforeATurnAreOneCommit) {
    begin(std::vector<Sketch>(20), {.ranks = 4, .slots_per_rank = 5});
    const auto all = members();
    const int commits = store_->commits();
    for (const Assign& assignment : all) coordinator_->on_ended(ended(assignment));
    turn();
    EXPECT_EQ(store_->commits(), commits + 1);
    EXPECT_EQ(store_->ended().size(), 20U);
}

TEST_F(CoordinatorTest, LateResultsAreRefused) {
    begin({{}}, {.ranks = 1});
    const Assign first = only_assignment();
    coordinator_->on_ended(ended(first, Outcome::died, "killed"));
    const Assign second = only_assignment();
    EXPECT_GT(second.attempt, first.attempt);
    coordinator_->on_ended(ended(first)); // the result of the dead trainer arrives late
    EXPECT_TRUE(std::holds_alternative<Running>(state(0)));
    coordinator_->on_progress({first.task, first.attempt, 7, 9});
    EXPECT_EQ(coordinator_->status(0).running.at(0).step, 0);
    coordinator_->on_ended(ended(second));
    turn();
    coordinator_->on_ended(ended(second)); // reported twice
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
        EXPECT_EQ(assignment.members[static_cast<size_t>(position)], rank.value());
        EXPECT_EQ(assignment.attempt, assigned[0].second.attempt);
    }
}

TEST_F(CoordinatorTest, AGangsAttemptEndsWhenAllItsMembersHaveEnded) {
    begin({{.ranks = 2}, {}}, {.ranks = 2});
    const auto gang = members();
    coordinator_->on_ended(ended(gang[0]));
    turn();
    EXPECT_TRUE(std::holds_alternative<Running>(state(0)));
    EXPECT_TRUE(pool_->take().empty()) << "its rank is still in use";
    coordinator_->on_ended(ended(gang[1]));
    turn();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(pool_->take().size(), 1U);
}

TEST_F(CoordinatorTest, TheResultOfPositionZeroCounts) {
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

TEST_F(CoordinatorTest, AGangsFailureIsThatOfTheMemberThatFailedByItself) {
    for (const bool failure_first : {true, false}) {
        begin({{.ranks = 3}}, {.ranks = 3});
        const auto gang = members();
        const Ended failure = ended(gang[1], Outcome::died, "killed by signal 9");
        if (failure_first) coordinator_->on_ended(failure);
        coordinator_->on_ended(ended(gang[0], Outcome::interrupted, "the gang is broken"));
        coordinator_->on_ended(ended(gang[2], Outcome::interrupted, "the gang is broken"));
        if (!failure_first) coordinator_->on_ended(failure);
        turn();
        EXPECT_EQ(store_->attempt(gang[0].attempt).result->outcome, Outcome::died);
        EXPECT_EQ(store_->attempt(gang[0].attempt).result->error, "killed by signal 9");
        EXPECT_EQ(coordinator_->schedule().charged(0), 1);
    }
}

TEST_F(CoordinatorTest, AGangThatBreaksWithoutAFailureIsCharged) {
    begin({{.ranks = 2}}, {.ranks = 2, .max_attempts = 3});
    for (int attempt = 1; attempt <= 3; ++attempt) {
        const auto gang = members(100.0 * attempt); // it backs off in between
        ASSERT_EQ(gang.size(), 2U) << "attempt " << attempt;
        for (const Assign& member : gang)
            coordinator_->on_ended(ended(member, Outcome::interrupted, "the gang is broken"));
    }
    turn();
    EXPECT_EQ(std::get<Failed>(state(0)).outcome, Outcome::system_error);
    EXPECT_TRUE(coordinator_->over());
}

TEST_F(CoordinatorTest, AGangThatBreaksAfterAStopRequestIsInterrupted) {
    begin({{.ranks = 2}}, {.ranks = 2});
    const auto gang = members();
    coordinator_->on_stop_requested();
    for (const Assign& member : gang)
        coordinator_->on_ended(ended(member, Outcome::interrupted, "the gang is broken"));
    turn();
    EXPECT_EQ(store_->attempt(gang[0].attempt).result->outcome, Outcome::interrupted);
    EXPECT_FALSE(store_->attempt(gang[0].attempt).charged);
}

TEST_F(CoordinatorTest, AnAttemptThatLeftANewCheckpointIsRefunded) {
    begin({{}}, {.ranks = 1, .max_attempts = 2});
    stamps_["task0"] = 5;
    const Assign first = only_assignment();
    coordinator_->on_ended(ended(first, Outcome::died)); // without a new checkpoint
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

TEST_F(CoordinatorTest, AfterAStopRequestNothingStarts) {
    begin({{}, {}, {}}, {.ranks = 2});
    const auto running = members();
    coordinator_->on_stop_requested();
    coordinator_->on_stop_requested(); // every rank may request it
    EXPECT_EQ(pool_->stops, 1);
    EXPECT_FALSE(coordinator_->over());
    coordinator_->on_ended(ended(running[0], Outcome::interrupted));
    turn();
    EXPECT_FALSE(coordinator_->over());
    EXPECT_EQ(coordinator_->status(1).state, CampaignState::running);
    coordinator_->on_ended(ended(running[1])); // it finished before it saw the request
    turn();
    EXPECT_TRUE(pool_->take().empty());
    EXPECT_TRUE(coordinator_->over());
    EXPECT_EQ(coordinator_->status(1).state, CampaignState::stopped);
    EXPECT_EQ(store_->ended().size(), 1U);
    EXPECT_FALSE(store_->attempt(running[0].attempt).charged);
}

TEST_F(CoordinatorTest, StatusHasCountsSpeedAndEta) {
    begin(std::vector<Sketch>(4, Sketch{.seconds = 10}), {.ranks = 1});
    EXPECT_LT(coordinator_->status(0).eta_s, 0) << "not known yet";
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
        {assignment.task, assignment.attempt, 10, 50}); // continues from a checkpoint
    coordinator_->on_progress({assignment.task, assignment.attempt, 25, 50});
    status = coordinator_->status(130);
    EXPECT_DOUBLE_EQ(status.eta_s, 50); // 1.5 tasks in 30 s, 2.5 remain
    EXPECT_DOUBLE_EQ(status.steps_per_s, 15.0 / 30);
    ASSERT_EQ(status.running.size(), 1U);
    EXPECT_THAT(status.running[0].label, HasSubstr("task1"));
    EXPECT_EQ(status.running[0].step, 25);
    EXPECT_EQ(status.running[0].steps, 50);
}

TEST_F(CoordinatorTest, ACampaignWithAFailedTaskIsFailed) {
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

TEST_F(CoordinatorTest, ANewJobContinuesFromTheStore) {
    begin({{}, {}, {.needs = {0}}}, {.ranks = 2});
    const auto first_job = members();
    coordinator_->on_ended(ended(first_job[0]));
    turn(); // commits; then the job is killed while tasks 1 and 2 run
    start_job();
    EXPECT_TRUE(std::holds_alternative<Done>(state(0)));
    EXPECT_EQ(coordinator_->schedule().charged(1), 1);
    const auto second_job = members();
    ASSERT_EQ(second_job.size(), 2U);
    coordinator_->on_ended(ended(first_job[1])); // from the killed job
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

TEST_F(CoordinatorTest, OnlyTheTaskThatKillsTheWholeJobIsQuarantined) {
    begin({{}, {.seconds = 2}, {}, {.seconds = 3}}, {.ranks = 2});
    constexpr size_t kFaulty = 2;
    int jobs = 0;
    for (bool over = false; !over; ++jobs) {
        ASSERT_LT(jobs, 20);
        if (jobs > 0) start_job();
        for (bool job_lives = true; job_lives && !over;) {
            turn();
            for (const auto& [rank, assignment] : pool_->take()) {
                job_lives &= assignment.task != plan_.tasks[kFaulty].key;
                if (job_lives) coordinator_->on_ended(ended(assignment));
            }
            over = coordinator_->over();
        }
    }
    turn();
    EXPECT_EQ(std::get<Quarantined>(state(kFaulty)).outcome, Outcome::lost);
    for (const int task : {0, 1, 3})
        EXPECT_TRUE(std::holds_alternative<Done>(state(TaskIndex::from(task)))) << task;
    EXPECT_EQ(jobs, 6);
}

TEST_F(CoordinatorTest, SystemErrorsAreRetriedAfterABackOff) {
    begin({{}}, {.ranks = 1});
    double now_s = 0, backoff_s = 1;
    for (int attempt = 1; attempt <= 4; ++attempt, backoff_s *= 2) {
        turn(now_s);
        const auto assigned = pool_->take();
        ASSERT_EQ(assigned.size(), 1U) << "attempt " << attempt;
        coordinator_->on_ended(ended(assigned[0].second, Outcome::system_error, "disk"));
        turn(now_s + backoff_s - 0.01);
        EXPECT_TRUE(pool_->take().empty()) << "attempt " << attempt;
        now_s += backoff_s;
    }
}

TEST_F(CoordinatorTest, FailuresOnABadNodeAreRefundedInTheStore) {
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

TEST_F(CoordinatorTest, AfterARestartTheStatusNamesTheBadNodesOfTheHistory) {
    begin(std::vector<Sketch>(60), {.ranks = 2});
    coordinator_->on_rank_up(0, {"good"});
    coordinator_->on_rank_up(1, {"bad"});
    double now_s = 0;
    while (coordinator_->status(now_s).shut_out.empty()) {
        ASSERT_LT(now_s, 1000);
        turn(now_s += 0.25);
        for (const auto& [rank, assignment] : pool_->take())
            coordinator_->on_ended(rank == 0 ? ended(assignment)
                                             : ended(assignment, Outcome::died, "killed"));
    }
    turn(now_s);
    start_job();
    EXPECT_TRUE(coordinator_->status(0).shut_out.empty());
    coordinator_->replay_history(store_->attempts_on_suspect_hosts());
    EXPECT_EQ(coordinator_->status(0).shut_out, std::vector<std::string>{"bad"});
}

TEST_F(CoordinatorTest, AGangsFailureCountsAgainstTheNodeOfItsFailedRank) {
    begin({{.ranks = 2}}, {.ranks = 2});
    coordinator_->on_rank_up(0, {"a"});
    coordinator_->on_rank_up(1, {"b"});
    const auto gang = members();
    coordinator_->on_ended(ended(gang[1], Outcome::died, "killed"));
    coordinator_->on_ended(ended(gang[0], Outcome::interrupted, "broken"));
    turn();
    EXPECT_EQ(store_->attempt(gang[0].attempt).host, "b");
}

TEST_F(CoordinatorTest, EveryLogLineAboutAnAttemptHasItsTag) {
    const TemporaryFolder folder;
    log_to_file(folder / "log", "test");
    begin({{}}, {.ranks = 1});
    const Assign first = only_assignment();
    coordinator_->on_ended(ended(first, Outcome::died, "killed"));
    const Assign second = only_assignment();
    coordinator_->on_ended(ended(first)); // late
    coordinator_->on_ended(ended(second));
    flush_log();
    std::istringstream log(read_file(folder / "log"));
    log_to_file("/dev/null", "test");
    std::map<std::string, int> lines; // by tag
    for (std::string line; std::getline(log, line);) {
        if (line.find(label_of(first.spec)) == std::string::npos) continue;
        const size_t tag = line.find(task_tag(first.task));
        ASSERT_NE(tag, std::string::npos) << line;
        ++lines[line.substr(tag, line.find(']', tag) + 1 - tag)];
    }
    EXPECT_EQ(lines, (std::map<std::string, int>{{attempt_tag(first.task, first.attempt), 3},
                                                 {attempt_tag(second.task, second.attempt), 2}}));
}

} // namespace
} // namespace dagan::launcher
