// A Store in memory that follows the contract of results/store/store.h. It distinguishes written
// from committed changes, and can fail like a full disk at any of its calls.
//
//     FakeStore store(plan);
//     store.start_attempt("task0", "0", "node");
//     store.crash();                    // the attempt was not committed: it is gone
//     store.fail_after(1);              // the second call from now on throws Blame::system
#pragma once

#include "base/error.h"
#include "results/store/store.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace dagan {

class FakeStore final : public results::Store {
  public:
    struct Attempt {
        std::string task, ranks, host;
        std::optional<TaskResult> result;
        bool final = false, charged = true;
        int64_t checkpoint_before = 0;
    };
    struct Contents {
        std::map<std::string, results::StoredTask> tasks; // by key
        std::map<int64_t, Attempt> attempts;              // by token
    };

    explicit FakeStore(const Plan& plan) { enter({}, plan), commit(); }

    // The next `calls` calls succeed; all later ones throw Blame::system, until crash().
    void fail_after(int calls) { calls_left_ = calls; }

    const Contents& committed() const { return committed_; }
    bool is_committed(int64_t token) const { return committed_.attempts.contains(token); }
    const Attempt& attempt(int64_t token) const { return written_.attempts.at(token); }
    int commits() const { return commits_; }
    bool written_end(const std::string& task) const {
        return written_.tasks.at(task).ended.has_value();
    }

    // The outcome, score and artifacts of a task that ended, without token, time and place.
    struct Ended {
        Outcome outcome;
        std::optional<ClassifierScore> score;
        std::vector<Artifact> artifacts;
        bool operator==(const Ended&) const = default;
    };
    // Returns the committed ends, by task. Fails if a task ended twice.
    std::map<std::string, Ended> ended() const {
        std::map<std::string, Ended> ended;
        for (const auto& [token, attempt] : committed_.attempts) {
            if (!attempt.final) continue;
            const bool first =
                ended
                    .emplace(attempt.task, Ended{attempt.result->outcome, attempt.result->score,
                                                 attempt.result->artifacts})
                    .second;
            require(first, "a task ends once");
        }
        return ended;
    }

    // Starts a new job of the same campaign: uncommitted changes are lost.
    void crash() {
        written_ = committed_;
        calls_left_ = -1;
    }

    void enter(const results::Campaign&, const Plan& plan) override {
        work();
        for (const PlannedTask& task : plan.tasks) written_.tasks[task.key].task = task.key;
    }
    std::vector<results::StoredTask> load() override {
        work();
        std::vector<results::StoredTask> tasks;
        for (const auto& [key, task] : written_.tasks) tasks.push_back(task);
        for (results::StoredTask& task : tasks) {
            // Whether an attempt is open is decided by the last one.
            for (const auto& [token, attempt] : written_.attempts) {
                if (attempt.task != task.task) continue;
                const bool open = !attempt.result;
                task.lost += !open && attempt.charged && attempt.result->outcome == Outcome::lost;
                task.open_attempt = open ? token : 0;
                task.checkpoint_before = open ? attempt.checkpoint_before : 0;
            }
        }
        return tasks;
    }
    results::StoredTask load_task(const std::string& key) override {
        for (const results::StoredTask& task : load()) {
            if (task.task == key) return task;
        }
        throw Error(Blame::bug, key + ": is not a task");
    }
    bool is_current(const std::string& task, int64_t attempt) override {
        work();
        return !written_.tasks.at(task).ended && attempt != 0 && current(task) == attempt;
    }
    std::vector<results::PastAttempt> attempts_on_suspect_hosts() override {
        work();
        std::vector<results::PastAttempt> history;
        for (const auto& [token, attempt] : written_.attempts) {
            if (attempt.result)
                history.push_back({attempt.task, attempt.host, attempt.result->outcome});
        }
        return history;
    }
    void refund_attempts(const std::string& host) override {
        work();
        for (auto& [token, attempt] : written_.attempts) {
            if (attempt.host != host || attempt.final || !attempt.result || !attempt.charged)
                continue;
            attempt.charged = false;
            --written_.tasks.at(attempt.task).charged;
        }
    }
    int reopen_failed() override {
        work();
        int reopened = 0;
        for (auto& [key, task] : written_.tasks) {
            if (!task.ended || is_finished(*task.ended)) continue;
            task.ended.reset();
            task.charged = 0;
            ++reopened;
        }
        return reopened;
    }
    int64_t start_attempt(const std::string& task, const std::string& ranks,
                          const std::string& host, int64_t checkpoint_before) override {
        work();
        require(!written_.tasks.at(task).ended, "no attempt starts after its task has ended");
        written_.attempts[++last_token_] = {
            task, ranks, host, std::nullopt, false, true, checkpoint_before};
        ++written_.tasks.at(task).attempts;
        ++written_.tasks.at(task).charged;
        return last_token_;
    }
    bool finish_attempt(const TaskResult& result, bool final, bool refund) override {
        work();
        results::StoredTask& task = written_.tasks.at(result.task);
        if (task.ended || result.attempt == 0 || current(result.task) != result.attempt)
            return false;
        Attempt& attempt = written_.attempts.at(result.attempt);
        attempt.result = result;
        attempt.final = final;
        attempt.charged = !refund;
        if (!result.host.empty()) attempt.host = result.host;
        task.charged -= refund ? 1 : 0;
        if (final) {
            task.ended = result.outcome;
            task.error = result.error;
            task.artifacts = result.artifacts;
        }
        return true;
    }
    void commit() override {
        work();
        committed_ = written_;
        ++commits_;
    }

  private:
    void work() {
        if (calls_left_ == 0)
            throw system_error("store: cannot be written: No space left on device");
        if (calls_left_ > 0) --calls_left_;
    }

    // Returns the latest attempt of a task if it has no end, else 0.
    int64_t current(const std::string& task) const {
        const auto latest =
            std::find_if(written_.attempts.rbegin(), written_.attempts.rend(),
                         [&](const auto& attempt) { return attempt.second.task == task; });
        return latest != written_.attempts.rend() && !latest->second.result ? latest->first : 0;
    }

    Contents written_, committed_;
    int64_t last_token_ = 0;
    int commits_ = 0;
    int calls_left_ = -1; // -1: no failure is planned
};

} // namespace dagan
