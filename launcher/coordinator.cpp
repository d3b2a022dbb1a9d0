#include "launcher/coordinator.h"

#include "base/error.h"
#include "base/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dagan {

Coordinator::Coordinator(const Plan& plan, const std::vector<double>& expected_seconds, Schedule::Resources resources,
                         Store& store, WorkerPool& pool, CheckpointStamp checkpoint_stamp)
    : plan_(plan), expected_seconds_(expected_seconds), schedule_(plan, expected_seconds, resources), store_(store), pool_(pool),
      checkpoint_stamp_(std::move(checkpoint_stamp)), host_of_(static_cast<size_t>(resources.ranks)) {
    for (TaskIndex i = 0; i < static_cast<int>(plan.tasks.size()); ++i) index_of_[planned(i).key] = i;
    restore();
    first_remaining_s_ = remaining_seconds();
}

void Coordinator::restore() {
    std::vector<StoredTask> stored = store_.load();
    // In the plan's order, so that a task's needs are restored before it.
    std::sort(stored.begin(), stored.end(),
              [&](const StoredTask& a, const StoredTask& b) { return index_of_.at(a.task) < index_of_.at(b.task); });
    for (const StoredTask& task : stored) {
        const TaskIndex index = index_of_.at(task.task);
        Past past{.ended = task.ended, .error = task.error, .charged = task.charged, .lost = task.lost};
        if (task.open_attempt == 0) {
            schedule_.restore(index, past);
            continue;
        }
        const bool progressed = checkpoint_stamp_(task.task) != task.checkpoint_before;
        past.error = "the whole MPI job died while it ran";
        past.charged -= progressed;
        past.lost += !progressed;
        past.last_lost = !progressed;
        const Verdict verdict = schedule_.restore(index, past);
        store_.finish_attempt({.task = task.task, .attempt = task.open_attempt, .outcome = Outcome::lost, .error = past.error},
                              verdict.final, progressed);
        changed_ = true;
    }
}

void Coordinator::recall(const std::vector<PastAttempt>& history) {
    for (const PastAttempt& attempt : history) schedule_.recall(index_of_.at(attempt.task), attempt.host, attempt.outcome);
}

void Coordinator::on_rank_up(Rank rank, const RankUp& message) {
    host_of_[static_cast<size_t>(rank)] = message.host;
    schedule_.set_host(rank, message.host);
    log_info("rank {} is up on {}", rank, message.host);
}

void Coordinator::on_progress(const Progress& message) {
    const auto running = running_.find(index_of_.at(message.task));
    if (running == running_.end() || running->second.token != message.attempt) return;
    Attempt& attempt = running->second;
    if (attempt.first_step < 0) attempt.first_step = message.step;
    attempt.step = message.step;
    attempt.steps = message.steps;
}

void Coordinator::on_ended(const Ended& message) {
    const TaskIndex task = index_of_.at(message.result.task);
    const auto running = running_.find(task);
    if (running == running_.end() || running->second.token != message.result.attempt) {
        log_warning("a late result of {} (attempt {}) is refused", label_of(planned(task).spec), message.result.attempt);
        return;
    }
    Attempt& attempt = running->second;
    const Outcome outcome = message.result.outcome;
    const bool its_own_fault = outcome != Outcome::done && outcome != Outcome::diverged && outcome != Outcome::interrupted;
    if (its_own_fault && !attempt.fault) {
        attempt.fault = message.result;
        attempt.culprit = attempt.ranks.at(static_cast<size_t>(message.position));
    }
    if (message.position == 0) attempt.first = message.result;
    if (--attempt.members_running == 0) {
        const Attempt ended = std::move(attempt);
        running_.erase(running);
        conclude(task, ended);
    }
}

// One result for the attempt out of its members': what position 0 finished counts; else the member that failed by itself explains
// it.
TaskResult Coordinator::result_of(TaskIndex task, const Attempt& attempt) const {
    const bool finished =
        attempt.first && (attempt.first->outcome == Outcome::done || attempt.first->outcome == Outcome::diverged);
    if (finished) return *attempt.first;
    if (attempt.fault) return *attempt.fault;
    TaskResult result = attempt.first
                            ? *attempt.first
                            : TaskResult{.task = planned(task).key, .attempt = attempt.token, .outcome = Outcome::interrupted};
    if (!stopping_ && !result.error.empty())
        result.outcome = Outcome::system_error; // interrupted, but not by us: never retry that for ever
    return result;
}

void Coordinator::conclude(TaskIndex task, const Attempt& attempt) {
    TaskResult result = result_of(task, attempt);
    const bool finished = result.outcome == Outcome::done || result.outcome == Outcome::diverged;
    const bool progressed = !finished && checkpoint_stamp_(planned(task).key) != attempt.checkpoint_stamp;
    result.host = host_of_[static_cast<size_t>(attempt.culprit)];
    const Verdict verdict = schedule_.on_ended(task, result.outcome, result.error, progressed, attempt.culprit);
    require(store_.finish_attempt(result, verdict.final, verdict.refund), "the store takes the current attempt's result");
    follow_up(task, verdict);
    changed_ = true;
    steps_ended_ += std::max<int64_t>(0, attempt.step - std::max<int64_t>(0, attempt.first_step));
    const std::string label = label_of(planned(task).spec);
    if (result.outcome == Outcome::done) {
        log_info("{}: done in {:.1f} s", label, result.cost.seconds);
    } else {
        log_warning("{}: {}{}{}{}", label, to_string(result.outcome), result.error.empty() ? "" : ": ", result.error,
                    verdict.final ? "" : "; it will run again");
    }
}

// Back-off: the second rest is twice as long as the first, and so on.
void Coordinator::follow_up(TaskIndex task, const Verdict& verdict) {
    constexpr double kFirstRest_s = 1, kLongestRest_s = 60;
    const auto rest = [&](int times, Sleeper sleeper) {
        const double seconds = std::min(kLongestRest_s, kFirstRest_s * std::exp2(std::min(times, 10)));
        resting_.emplace(now_s_ + seconds, sleeper);
    };
    const BlameMatrix& blame = schedule_.blame();
    if (verdict.task_rests) rest(schedule_.charged(task) - 1, RestingTask{task});
    if (verdict.node_rests) {
        rest(blame.failed_probes(*verdict.node_rests), RestingNode{*verdict.node_rests});
        log_warning("node {}: several tasks failed there and nowhere else: it rests and is then probed",
                    blame.host(*verdict.node_rests));
    }
    if (verdict.bad_node) {
        const std::string& host = blame.host(*verdict.bad_node);
        store_.forgive(host);
        shut_out_.push_back(host);
        log_error("node {}: is bad: what failed there was done elsewhere; it is shut out until the campaign is started again",
                  host);
    }
}

void Coordinator::wake_rested() {
    while (!resting_.empty() && resting_.begin()->first <= now_s_) {
        const Sleeper sleeper = resting_.begin()->second;
        resting_.erase(resting_.begin());
        if (const auto* task = std::get_if<RestingTask>(&sleeper)) {
            schedule_.wake_task(task->task);
        } else {
            schedule_.wake_node(std::get<RestingNode>(sleeper).node);
        }
    }
}

void Coordinator::on_stop_asked() {
    if (stopping_) return;
    log_info("stop asked for: {} attempts are told to write their checkpoints", running_.size());
    stopping_ = true;
    schedule_.stop_starting();
    pool_.stop_work();
}

void Coordinator::turn(double now_s) {
    if (started_s_ < 0) started_s_ = now_s;
    now_s_ = now_s;
    wake_rested();
    const std::vector<Start> decisions = schedule_.fill();
    for (const Start& decision : decisions) {
        Attempt& attempt = running_[decision.task];
        attempt.ranks = decision.ranks;
        attempt.culprit = decision.ranks.front();
        attempt.members_running = static_cast<int>(decision.ranks.size());
        attempt.checkpoint_stamp = checkpoint_stamp_(planned(decision.task).key);
        attempt.token = store_.start_attempt(planned(decision.task).key, fmt::format("{}", fmt::join(decision.ranks, ",")),
                                             host_of_[static_cast<size_t>(decision.ranks.front())], attempt.checkpoint_stamp);
        changed_ = true;
    }
    if (changed_) store_.commit();
    changed_ = false;
    for (const Start& decision : decisions) start(decision);
}

void Coordinator::start(const Start& decision) {
    const PlannedTask& task = planned(decision.task);
    Assign assignment{.task = task.key,
                      .attempt = running_.at(decision.task).token,
                      .spec = task.spec,
                      .members = decision.ranks,
                      .position = 0};
    for (const Rank rank : decision.ranks) {
        pool_.assign(rank, assignment);
        ++assignment.position;
    }
    log_info("{}: attempt {} starts on rank {}", label_of(task.spec), assignment.attempt, fmt::join(decision.ranks, ","));
}

bool Coordinator::over() const { return running_.empty() && (stopping_ || schedule_.counts().all_ended()); }

double Coordinator::done_share(TaskIndex task) const {
    if (const auto running = running_.find(task); running != running_.end()) {
        const Attempt& attempt = running->second;
        return attempt.steps > 0 ? std::min(1.0, static_cast<double>(attempt.step) / static_cast<double>(attempt.steps)) : 0;
    }
    const TaskState& state = schedule_.state(task);
    return std::holds_alternative<Waiting>(state) || std::holds_alternative<Ready>(state) ? 0 : 1;
}

double Coordinator::remaining_seconds() const {
    double remaining = 0;
    for (TaskIndex i = 0; i < static_cast<int>(plan_.tasks.size()); ++i) {
        remaining += expected_seconds_[static_cast<size_t>(i)] * (1 - done_share(i)) * ranks_of(planned(i).spec);
    }
    return remaining;
}

Status Coordinator::status(double now_s) const {
    Status status;
    status.tasks = schedule_.counts();
    status.shut_out = shut_out_;
    status.elapsed_s = started_s_ < 0 ? 0 : now_s - started_s_;
    int64_t steps = steps_ended_;
    for (const auto& [task, attempt] : running_) {
        steps += std::max<int64_t>(0, attempt.step - std::max<int64_t>(0, attempt.first_step));
        status.running.push_back({label_of(planned(task).spec), attempt.ranks, attempt.step, attempt.steps});
    }
    if (status.elapsed_s > 0) status.steps_per_s = static_cast<double>(steps) / status.elapsed_s;
    // The expected times are off by one common factor, the machine's speed, which the work done so far reveals.
    const double remaining = remaining_seconds(), achieved = first_remaining_s_ - remaining;
    if (achieved > 0 && status.elapsed_s > 2) status.eta_s = remaining / achieved * status.elapsed_s;
    if (over()) {
        const bool all_done = status.tasks.done == status.tasks.total();
        status.state = !schedule_.counts().all_ended() ? CampaignState::stopped
                       : all_done                      ? CampaignState::finished
                                                       : CampaignState::failed;
        status.eta_s = 0;
    }
    return status;
}

} // namespace dagan
