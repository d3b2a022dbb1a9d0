// Allocations without a server, ranks or clock: coordinators on one FakeStore that share a table of
// leases.
//
//     Allocation a(shared, "a", {.ranks = 2});
//     a.turn();
//     a.end("task0");
#pragma once

#include "launcher/coordinator/coordinator.h"
#include "launcher/plans.h"
#include "support/fake_store.h"

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace dagan::launcher {

// The leases of a shared store (results/store/task_leases.h). They expire when the test says so.
class LeaseTable {
  public:
    bool acquire(const std::string& task, const std::string& owner) {
        return owner_of_.try_emplace(task, owner).second;
    }
    void release(const std::string& task, const std::string& owner) {
        if (held_by(task) == owner) owner_of_.erase(task);
    }
    void expire(const std::string& owner) {
        std::erase_if(owner_of_, [&](const auto& lease) { return lease.second == owner; });
    }
    std::string held_by(const std::string& task) const {
        const auto found = owner_of_.find(task);
        return found == owner_of_.end() ? "" : found->second;
    }
    const std::map<std::string, std::string>& all() const { return owner_of_; }

  private:
    std::map<std::string, std::string> owner_of_; // by task
};

class FakeLeases final : public PeerAllocations {
  public:
    FakeLeases(LeaseTable& table, const FakeStore& store, std::string owner)
        : table_(table), store_(store), owner_(std::move(owner)) {}
    int number() const override { return owner_.front() - 'a' + 1; }
    bool claim(const std::string& task) override {
        if (!table_.acquire(task, owner_)) return false;
        mine_.insert(task);
        return true;
    }
    void release(const std::string& task) override {
        EXPECT_TRUE(!store_.written_end(task) || store_.ended().contains(task))
            << task << " is released before its end is committed";
        mine_.erase(task);
        table_.release(task, owner_);
    }
    std::optional<PeerUpdate> poll(double) override {
        if (poll_is_early) return std::nullopt;
        PeerUpdate update;
        for (const std::string& task : mine_) {
            if (table_.held_by(task) != owner_) update.lost.push_back(task);
        }
        for (const std::string& task : update.lost) mine_.erase(task);
        for (const auto& [task, owner] : table_.all()) {
            if (owner != owner_) update.held.push_back(task);
        }
        for (const auto& [task, end] : store_.ended()) update.ended.push_back(task);
        return update;
    }

    bool poll_is_early = false; // poll() returns nullopt

  private:
    LeaseTable& table_;
    const FakeStore& store_;
    std::string owner_;
    std::set<std::string> mine_;
};

// The ranks of one allocation; records their commands.
class FakeRanks final : public WorkerPool {
  public:
    FakeRanks(const LeaseTable& leases, std::string owner)
        : leases_(leases), owner_(std::move(owner)) {}
    void assign(Rank, const Assign& assignment) override {
        EXPECT_EQ(leases_.held_by(assignment.task), owner_)
            << assignment.task << " starts without a lease";
        running[assignment.task].push_back(assignment);
    }
    void abandon(Rank, int64_t attempt) override { abandoned.insert(attempt); }
    void stop_work() override { stopping = true; }
    void shut_down() override { ADD_FAILURE() << "shutting down is up to the coordinator's owner"; }

    std::map<std::string, std::vector<Assign>> running; // the members of each task's attempt
    std::set<int64_t> abandoned;
    bool stopping = false;

  private:
    const LeaseTable& leases_;
    std::string owner_;
};

inline Ended end_of(const Assign& assignment, Outcome outcome = Outcome::done) {
    return {assignment.position,
            {.task = assignment.task,
             .attempt = assignment.attempt,
             .outcome = outcome,
             .error = outcome == Outcome::died ? "killed" : ""}};
}

struct Shared {
    Plan plan;
    std::vector<double> seconds;
    std::map<std::string, int64_t> stamps; // of checkpoints, by task
    std::optional<FakeStore> store;
    LeaseTable leases;
};

// A live allocation. Destroying it means that it died: its leases stay.
class Allocation {
  public:
    Allocation(Shared& shared, const std::string& name, Schedule::Resources resources)
        : leases(shared.leases, *shared.store, name), ranks(shared.leases, name),
          coordinator(
              shared.plan, shared.seconds, resources, *shared.store, ranks,
              [&shared](const std::string& task) { return shared.stamps[task]; }, &leases) {}

    void turn(double now_s = 0, double time_left_s = Coordinator::kForEver) {
        coordinator.turn(now_s, time_left_s);
        coordinator.schedule().check_invariants();
    }
    // Ends all members of the task's attempt with `outcome`.
    void end(const std::string& task, Outcome outcome = Outcome::done) {
        const auto members = ranks.running.at(task);
        ranks.running.erase(task);
        for (const Assign& member : members) coordinator.on_ended(end_of(member, outcome));
    }
    const TaskState& state(TaskIndex task) const { return coordinator.schedule().state(task); }
    bool runs(const std::string& task) const { return ranks.running.contains(task); }

    FakeLeases leases;
    FakeRanks ranks;
    Coordinator coordinator;
};

} // namespace dagan::launcher
