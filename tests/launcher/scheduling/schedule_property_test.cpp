// Runs Schedule on thousands of random plans with random outcomes. An independent observer, which
// sees only decisions and ends, checks what Schedule promises.
#include "launcher/coordinator/forecast.h"
#include "launcher/plans.h"
#include "launcher/scheduling/schedule.h"

#include "base/error.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <map>
#include <set>
#include <utility>

namespace dagan::launcher {
namespace {

// Seconds from the start of each task to the end of the plan.
IndexVector<TaskIndex, double> longest_paths(const std::vector<Sketch>& tasks) {
    std::vector<double> path(tasks.size());
    for (size_t i = tasks.size(); i-- > 0;) {
        path[i] += tasks[i].seconds;
        for (const int need : tasks[i].needs)
            path[static_cast<size_t>(need)] = std::max(path[static_cast<size_t>(need)], path[i]);
    }
    return IndexVector<TaskIndex, double>(std::move(path));
}

class Observer {
  public:
    Observer(const std::vector<Sketch>& tasks, Schedule::Resources resources)
        : tasks_(tasks), resources_(resources), path_(longest_paths(tasks)),
          done_(static_cast<int>(tasks.size()), false), used_(resources.ranks, 0),
          slots_(resources.ranks, resources.slots_per_rank) {}

    void on_start(const Placement& start) {
        const Sketch& task = tasks_[start.task];
        for (const TaskIndex need : indices_from<TaskIndex>(task.needs))
            EXPECT_TRUE(done_[need]) << "task " << start.task << " before its need " << need;
        EXPECT_FALSE(ended_.contains(start.task))
            << "task " << start.task << " starts after its end";
        EXPECT_TRUE(running_.emplace(start.task, start.ranks).second)
            << "task " << start.task << " runs twice";
        const std::set<Rank> distinct(start.ranks.begin(), start.ranks.end());
        EXPECT_EQ(static_cast<int>(distinct.size()), task.ranks);
        for (const Rank rank : start.ranks)
            EXPECT_LE(++used_[rank], slots_[rank]) << "rank " << rank;
        if (start.task == head_gang_) {
            head_gang_ = -1;
        } else if (head_gang_ >= 0 && comes_before(start.task, head_gang_)) {
            // It became ready after the gang came first, and goes before it.
            before_head_gang_.insert(start.task);
        }
    }
    void on_end(TaskIndex task, Outcome outcome, AttemptDecision decision) {
        for (const Rank rank : running_.at(task)) {
            --used_[rank];
            int& slots = slots_[rank];
            if (outcome == Outcome::out_of_memory) slots = std::max(1, slots / 2);
        }
        running_.erase(task);
        before_head_gang_.erase(task);
        if (decision.final) ended_.insert(task);
        done_[task] = decision.final && is_finished(outcome);
        charged_[task] += decision.refund ? 0 : 1;
        EXPECT_LE(charged_[task], resources_.max_attempts);
    }
    // After each call of schedule_ready(): a slot is idle only for a gang, and a gang that is first
    // in the order waits only for tasks that ran when it came first.
    void on_scheduled(const Schedule& schedule) {
        TaskIndex head = -1;
        bool ready_gang = false;
        for (const TaskIndex i : tasks_.indices()) {
            if (!std::holds_alternative<Ready>(schedule.state(i))) continue;
            if (head < 0 || comes_before(i, head)) head = i;
            ready_gang |= is_gang(i);
        }
        int idle = 0;
        for (const Rank rank : used_.indices()) idle += std::max(0, slots_[rank] - used_[rank]);
        EXPECT_TRUE(head < 0 || ready_gang || idle == 0)
            << "idle slots although a task of one rank is ready";
        EXPECT_TRUE(head < 0 || !running_.empty()) << "nothing runs although a task is ready";
        if (head == head_gang_) {
            EXPECT_TRUE(head < 0 || !before_head_gang_.empty()) << "gang " << head << " starves";
            return;
        }
        head_gang_ = head >= 0 && is_gang(head) ? head : -1;
        before_head_gang_.clear();
        for (const auto& [task, ranks] : running_) before_head_gang_.insert(task);
    }

    const std::map<TaskIndex, std::vector<Rank>>& running() const { return running_; }

  private:
    bool is_gang(TaskIndex task) const { return tasks_[task].ranks > 1; }
    bool comes_before(TaskIndex a, TaskIndex b) const {
        const double path_a = path_[a], path_b = path_[b];
        return path_a != path_b ? path_a > path_b : a < b;
    }

    IndexVector<TaskIndex, Sketch> tasks_;
    Schedule::Resources resources_;
    IndexVector<TaskIndex, double> path_;
    IndexVector<TaskIndex, bool> done_;
    IndexVector<Rank, int> used_, slots_;
    std::map<TaskIndex, std::vector<Rank>> running_;
    std::set<TaskIndex> ended_;
    std::map<TaskIndex, int> charged_;
    TaskIndex head_gang_ = -1;
    std::set<TaskIndex> before_head_gang_; // running tasks for which it has to wait
};

Outcome random_outcome(Random& random, double failure_rate) {
    if (!random.chance(failure_rate)) return Outcome::done;
    constexpr Outcome kFailures[]{
        Outcome::diverged,    Outcome::interrupted,  Outcome::died,          Outcome::stuck,
        Outcome::input_error, Outcome::system_error, Outcome::out_of_memory, Outcome::bug};
    return kFailures[random.below(std::size(kFailures))];
}

// Checks that every task ended, and that a task is blocked if and only if one of its needs failed.
void check_ends(const Schedule& schedule, const std::vector<Sketch>& tasks) {
    EXPECT_TRUE(schedule.counts().all_ended());
    EXPECT_EQ(schedule.counts().total(), static_cast<int>(tasks.size()));
    const IndexVector<TaskIndex, Sketch> sketches(tasks);
    for (const TaskIndex task : sketches.indices()) {
        bool needs_done = true;
        for (const TaskIndex need : indices_from<TaskIndex>(sketches[task].needs))
            needs_done &= std::holds_alternative<Done>(schedule.state(need));
        EXPECT_EQ(std::holds_alternative<Blocked>(schedule.state(task)), !needs_done)
            << "task " << task;
    }
}

void run_plan(Random& random) {
    const Schedule::Resources resources{.ranks = 1 + static_cast<int>(random.below(6)),
                                        .slots_per_rank = 1 + static_cast<int>(random.below(3)),
                                        .max_attempts = 1 + static_cast<int>(random.below(4))};
    const std::vector<Sketch> tasks = random_sketches(random, 40, resources.ranks);
    const double failure_rate = random.chance(0.3) ? 0 : random.uniform(0, 0.6);
    Schedule schedule(plan_of(tasks), seconds_of(tasks), resources);
    Observer observer(tasks, resources);
    std::vector<TaskIndex> backing_off;
    constexpr int kManyEvents = 20'000; // far more than such a plan can need
    for (int event = 0; event < kManyEvents; ++event) {
        for (const Placement& start : schedule.schedule_ready()) observer.on_start(start);
        schedule.check_invariants();
        observer.on_scheduled(schedule);
        if (observer.running().empty() || testing::Test::HasFailure()) break;
        const TaskIndex task = std::next(observer.running().begin(),
                                         static_cast<int>(random.below(observer.running().size())))
                                   ->first;
        const Outcome outcome = random_outcome(random, failure_rate);
        const AttemptDecision decision =
            schedule.on_ended(task, outcome, "why", random.chance(0.2));
        observer.on_end(task, outcome, decision);
        schedule.check_invariants();
        if (decision.task_backs_off) backing_off.push_back(task);
        if (observer.running().empty() || random.chance(0.5)) {
            for (const TaskIndex task_to_wake : std::exchange(backing_off, {}))
                schedule.wake_task(task_to_wake);
        }
    }
    check_ends(schedule, tasks);
}

TEST(SchedulePropertyTest, EveryPlanEndsWhateverTheOutcomes) {
    for (uint64_t seed = 1; seed <= 5000; ++seed) {
        Random random(derive(seed, "schedule"));
        ASSERT_NO_THROW(run_plan(random)) << "seed " << seed;
        ASSERT_FALSE(HasFailure()) << "seed " << seed;
    }
}

// Makes a plan with the shape of a campaign: a few gangs, and many tasks of one rank, most of which
// need a gang.
std::vector<Sketch> campaign_like(Random& random, int ranks) {
    std::vector<Sketch> tasks;
    const int gangs = 1 + static_cast<int>(random.below(3));
    for (int i = 0; i < gangs; ++i) {
        const int members = 2 + static_cast<int>(random.below(static_cast<uint64_t>(ranks - 1)));
        tasks.push_back({.ranks = members, .needs = {}, .seconds = random.uniform(5, 40)});
    }
    const int small = 40 + static_cast<int>(random.below(160));
    for (int i = 0; i < small; ++i) {
        Sketch task{.ranks = 1, .needs = {}, .seconds = random.uniform(1, 20)};
        if (random.chance(0.7))
            task.needs = {static_cast<int>(random.below(static_cast<uint64_t>(gangs)))};
        tasks.push_back(task);
    }
    return tasks;
}

TEST(SchedulePropertyTest, TheMakespanIsNearItsLowerBound) {
    constexpr int kPlans = 1000;
    double sum = 0, worst = 0;
    uint64_t worst_seed = 0;
    for (uint64_t seed = 1; seed <= kPlans; ++seed) {
        Random random(derive(seed, "makespan"));
        const int ranks = 2 + static_cast<int>(random.below(7));
        const std::vector<Sketch> tasks = campaign_like(random, ranks);
        const Forecast forecast = simulate(plan_of(tasks), seconds_of(tasks), {.ranks = ranks});
        const double bound = std::max(forecast.rank_seconds / ranks, forecast.critical_path_s);
        const double ratio = forecast.makespan_s / bound;
        ASSERT_GE(ratio, 1 - 1e-9) << "seed " << seed << ": below the lower bound";
        sum += ratio;
        if (ratio > worst) {
            worst = ratio;
            worst_seed = seed;
        }
    }
    std::printf("makespan over its lower bound: %.3f on average, %.3f at worst (seed %llu)\n",
                sum / kPlans, worst, static_cast<unsigned long long>(worst_seed));
    EXPECT_LE(sum / kPlans, 1.15);
    EXPECT_LE(worst, 2.0) << "seed " << worst_seed;
}

} // namespace
} // namespace dagan::launcher
