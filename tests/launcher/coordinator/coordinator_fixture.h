// The fixture of the coordinator's tests: one coordinator on a FakeStore, with ranks that only
// record their commands. The test acts for the ranks: it takes assignments and reports their ends.
//
//     begin({{}, {.needs = {0}}}, {.ranks = 1});
//     coordinator_->on_ended(ended(only_assignment()));
//     turn();
#pragma once

#include "base/log.h"
#include "launcher/coordinator/coordinator.h"
#include "launcher/plans.h"
#include "support/fake_store.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace dagan::launcher {

// Records the commands to the ranks, and checks that every attempt is committed before a rank gets
// it.
class FakePool final : public WorkerPool {
  public:
    explicit FakePool(const FakeStore& store) : store_(store) {}
    void assign(Rank rank, const Assign& assignment) override {
        EXPECT_TRUE(store_.is_committed(assignment.attempt))
            << assignment.task << " is assigned before its attempt is committed";
        assigned.emplace_back(rank, assignment);
    }
    void abandon(Rank, int64_t) override { ADD_FAILURE() << "there is no peer"; }
    void stop_work() override { ++stops; }
    void shut_down() override { ADD_FAILURE() << "shutting down is up to the coordinator's owner"; }

    std::vector<std::pair<Rank, Assign>> take() { return std::exchange(assigned, {}); }

    std::vector<std::pair<Rank, Assign>> assigned;
    int stops = 0;

  private:
    const FakeStore& store_;
};

inline Ended ended(const Assign& assignment, Outcome outcome = Outcome::done,
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
    // Starts a new MPI job on the same store.
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
    // Takes a turn and returns the one assignment it gives.
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

} // namespace dagan::launcher
