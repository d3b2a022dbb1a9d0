#include "launcher/coordinator/coordinator.h"

#include "base/error.h"
#include "base/log.h"
#include "launcher/campaign/attempt_tag.h"
#include "launcher/campaign/task_history.h"
#include "results/store/rank_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace dagan::launcher {

Coordinator::Coordinator(const Plan& plan, const std::vector<double>& expected_seconds,
                         Schedule::Resources resources, results::Store& store, WorkerPool& pool,
                         CheckpointStamp checkpoint_stamp, PeerAllocations* peers)
    : plan_(plan), expected_seconds_(expected_seconds),
      schedule_(plan, expected_seconds, resources), store_(store), pool_(pool),
      checkpoint_stamp_(std::move(checkpoint_stamp)), peers_(peers), host_of_(resources.ranks) {
    for (const TaskIndex task : task_indices(plan)) index_of_[planned(task).key] = task;
    restore();
    first_remaining_s_ = remaining_seconds();
}

void Coordinator::restore() {
    std::vector<results::StoredTask> stored = store_.load();
    // In the plan's order, so that a task's needs are restored before it.
    std::sort(stored.begin(), stored.end(),
              [&](const results::StoredTask& a, const results::StoredTask& b) {
                  return index_of_.at(a.task) < index_of_.at(b.task);
              });
    for (results::StoredTask& task : stored) {
        // With peers, an open attempt may be theirs. It is known to be lost once this allocation
        // holds the task's lease (admit).
        if (peers_ != nullptr) task.open_attempt = 0;
        restore_task(task);
    }
}

// Restores a task that nobody runs: an open attempt of it was lost with its MPI job, and is closed.
void Coordinator::restore_task(const results::StoredTask& task) {
    const TaskIndex index = index_of_.at(task.task);
    if (task.open_attempt == 0 || !is_current(index, task.open_attempt)) {
        schedule_.restore(index, history_of(task));
        return;
    }
    const bool progressed = checkpoint_stamp_(task.task) != task.checkpoint_before;
    const TaskHistory history = history_of(task, LostAttempt{progressed});
    const AttemptDecision decision = schedule_.restore(index, history);
    store_.finish_attempt({.task = task.task,
                           .attempt = task.open_attempt,
                           .outcome = Outcome::lost,
                           .error = history.error},
                          decision.final, progressed);
    advances_ += progressed;
    changed_ = true;
}

// The answer holds until the commit at the end of the turn, which is therefore required: on a
// server it ends the transaction that locks the task.
bool Coordinator::is_current(TaskIndex task, int64_t attempt) {
    changed_ = true;
    return store_.is_current(planned(task).key, attempt);
}

void Coordinator::sync_with_peers() {
    const std::optional<PeerUpdate> update = peers_->poll(now_s_);
    if (!update) return;
    for (const std::string& task : update->lost) on_lease_lost(index_of_.at(task));
    // Sets are in the plan's order, so a task comes after its needs.
    std::set<TaskIndex> held, ended;
    for (const std::string& task : update->held) held.insert(index_of_.at(task));
    for (const std::string& task : update->ended) ended.insert(index_of_.at(task));
    for (const TaskIndex task : ended) {
        if (!running_.contains(task) && !schedule_.ended(task))
            restore_task(store_.load_task(planned(task).key));
    }
    for (const TaskIndex task : task_indices(plan_)) {
        held.contains(task) ? schedule_.on_running_on_peer(task) : schedule_.on_left_by_peer(task);
    }
}

// The lease expired before it was renewed: this job was frozen or cut off from the server. If no
// peer has taken over the task meanwhile, its attempt continues.
void Coordinator::on_lease_lost(TaskIndex task) {
    leased_.erase(task);
    const auto running = running_.find(task);
    if (running == running_.end()) return;
    Attempt& attempt = running->second;
    if (peers_->claim(planned(task).key)) {
        leased_.insert(task);
        if (is_current(task, attempt.token)) return;
    }
    log_warning("{}: is aborted, because a peer allocation took over the task {}", label(task),
                attempt_tag(planned(task).key, attempt.token));
    attempt.abandoned = true;
    for (const Rank rank : attempt.ranks) pool_.abandon(rank, attempt.token);
}

void Coordinator::replay_history(const std::vector<results::PastAttempt>& history) {
    for (const results::PastAttempt& attempt : history) {
        const auto bad_node =
            schedule_.replay_history(index_of_.at(attempt.task), attempt.host, attempt.outcome);
        if (bad_node) shut_out(*bad_node);
    }
}

void Coordinator::on_rank_up(Rank rank, const RankUp& message) {
    host_of_[rank] = message.host;
    schedule_.set_host(rank, message.host);
    log_info("rank {} is up on {}", rank, message.host);
}

void Coordinator::on_progress(const Progress& message) {
    const auto running = running_.find(index_of_.at(message.task));
    if (running == running_.end() || running->second.token != message.attempt) return;
    Attempt& attempt = running->second;
    const auto [pace, first_of_kind] = paces_.try_emplace(kind_of(planned(running->first).spec));
    if (attempt.first_step < 0) {
        attempt.first_step = message.step;
        const double start_s = now_s_ - attempt.started_s;
        pace->second.start_s = first_of_kind ? start_s : std::min(pace->second.start_s, start_s);
    }
    pace->second.longest_step_s = std::max(pace->second.longest_step_s, message.longest_step_s);
    attempt.step = message.step;
    attempt.steps = message.steps;
}

void Coordinator::on_ended(const Ended& message) {
    const TaskIndex task = index_of_.at(message.result.task);
    const auto running = running_.find(task);
    if (running == running_.end() || running->second.token != message.result.attempt) {
        log_warning("{}: a late result is refused {}", label(task),
                    attempt_tag(message.result.task, message.result.attempt));
        return;
    }
    Attempt& attempt = running->second;
    if (is_failure(message.result.outcome) && !attempt.failure) {
        attempt.failure = message.result;
        attempt.failed_rank = attempt.ranks.at(static_cast<size_t>(message.position));
    }
    if (message.position == 0) attempt.first = message.result;
    if (--attempt.members_running == 0) {
        const Attempt ended = std::move(attempt);
        running_.erase(running);
        conclude(task, ended);
    }
}

// Returns one result for the attempt: that of position 0 if it finished, else that of the first
// member that failed by itself.
TaskResult Coordinator::result_of(TaskIndex task, const Attempt& attempt) const {
    if (attempt.first && is_finished(attempt.first->outcome)) return *attempt.first;
    if (attempt.failure) return *attempt.failure;
    TaskResult result = attempt.first ? *attempt.first
                                      : TaskResult{.task = planned(task).key,
                                                   .attempt = attempt.token,
                                                   .outcome = Outcome::interrupted};
    // The gang broke although no member failed and nobody requested a stop. A system error is
    // charged, so the task is not retried for ever.
    if (!stopping_ && !attempt.abandoned && !result.error.empty())
        result.outcome = Outcome::system_error;
    return result;
}

void Coordinator::conclude(TaskIndex task, const Attempt& attempt) {
    TaskResult result = result_of(task, attempt);
    const std::string tag = attempt_tag(planned(task).key, attempt.token);
    if (!is_current(task, attempt.token)) {
        log_warning("{}: the result ({}) is refused, because a peer allocation took over the task "
                    "{}",
                    label(task), to_string(result.outcome), tag);
        return requeue(task);
    }
    const bool finished = is_finished(result.outcome);
    const bool progressed =
        !finished && checkpoint_stamp_(planned(task).key) != attempt.checkpoint_stamp;
    result.host = host_of_[attempt.failed_rank];
    const AttemptDecision decision =
        schedule_.on_ended(task, result.outcome, result.error, progressed, attempt.failed_rank);
    require(store_.finish_attempt(result, decision.final, decision.refund),
            "the store takes the current attempt's result");
    apply_decision(task, decision);
    changed_ = true;
    advances_ += finished || result.outcome == Outcome::input_error ||
                 result.outcome == Outcome::bug || progressed;
    steps_ended_ += std::max<int64_t>(0, attempt.step - std::max<int64_t>(0, attempt.first_step));
    if (result.outcome == Outcome::done) {
        log_info("{}: done in {:.1f} s {}", label(task), result.cost.seconds, tag);
    } else {
        log_warning("{}: {} {}{}{}{}", label(task), to_string(result.outcome), tag,
                    result.error.empty() ? "" : ": ", result.error,
                    decision.final ? "" : "; it will run again");
    }
}

// Makes the task ready again without a result of its attempt. When it is admitted again, its state
// is read from the store.
void Coordinator::requeue(TaskIndex task) {
    schedule_.on_ended(task, Outcome::interrupted, "", false);
    if (leased_.erase(task) > 0) peers_->release(planned(task).key);
}

void Coordinator::apply_decision(TaskIndex task, const AttemptDecision& decision) {
    if (decision.task_backs_off) back_off(BackoffTask{task}, schedule_.charged(task) - 1);
    if (decision.node_backs_off) {
        const NodeIndex node = *decision.node_backs_off;
        back_off(BackoffNode{node}, schedule_.node_health().failed_probes(node));
        log_warning("node {}: several tasks failed there and on no other node; it backs off and is "
                    "then probed",
                    schedule_.node_health().host(node));
    }
    if (decision.bad_node) {
        store_.refund_attempts(schedule_.node_health().host(*decision.bad_node));
        shut_out(*decision.bad_node);
    }
}

// Each back-off is twice as long as the one before, up to a limit.
void Coordinator::back_off(BackoffEntry entry, int times_before) {
    constexpr double kFirst_s = 1, kLongest_s = 60;
    const double seconds = std::min(kLongest_s, kFirst_s * std::exp2(std::min(times_before, 10)));
    backoffs_.emplace(now_s_ + seconds, entry);
}

void Coordinator::shut_out(NodeIndex node) {
    const std::string& host = schedule_.node_health().host(node);
    shut_out_.push_back(host);
    log_error("node {}: is bad: tasks that failed there succeeded on other nodes; it gets no more "
              "work until a user starts the campaign again",
              host);
}

void Coordinator::end_backoffs() {
    while (!backoffs_.empty() && backoffs_.begin()->first <= now_s_) {
        const BackoffEntry entry = backoffs_.begin()->second;
        backoffs_.erase(backoffs_.begin());
        if (const auto* task = std::get_if<BackoffTask>(&entry)) {
            schedule_.wake_task(task->task);
        } else {
            schedule_.wake_node(std::get<BackoffNode>(entry).node);
        }
    }
}

void Coordinator::on_stop_requested() {
    if (stopping_) return;
    log_info("stop requested: {} running attempts are told to write checkpoints", running_.size());
    stopping_ = true;
    schedule_.stop_starting();
    pool_.stop_work();
}

void Coordinator::turn(double now_s, double time_left_s) {
    if (started_s_ < 0) started_s_ = now_s;
    now_s_ = now_s;
    end_backoffs();
    if (peers_ != nullptr) sync_with_peers();
    const std::vector<Placement> placements = decide(time_left_s);
    enter_attempts(placements);
    if (changed_) store_.commit();
    changed_ = false;
    release_leases();
    for (const Placement& placement : placements) start(placement);
    if (!too_late_.empty() && running_.empty() && !stopping_) {
        log_info("the remaining {:.0f} s are too short to start a task and save a step: the job "
                 "stops",
                 time_left_s);
        out_of_time_ = true;
        on_stop_requested();
    }
}

std::vector<Placement> Coordinator::decide(double time_left_s) {
    too_late_.clear();
    if (peers_ == nullptr && time_left_s == kForEver) return schedule_.schedule_ready();
    return schedule_.schedule_ready([&](TaskIndex task) { return admit(task, time_left_s); });
}

Admission Coordinator::admit(TaskIndex task, double time_left_s) {
    const TaskKind kind = kind_of(planned(task).spec);
    if (needed_seconds(kind) > time_left_s) {
        too_late_.insert(kind);
        return Admission::later;
    }
    if (peers_ == nullptr) return Admission::now;
    // The lease is still that of an attempt that ended in this turn. Its end is committed first.
    if (leased_.contains(task)) return Admission::later;
    if (!peers_->claim(planned(task).key)) return Admission::on_peer;
    leased_.insert(task);
    // A peer that had the task may have ended it, or died with an open attempt.
    restore_task(store_.load_task(planned(task).key));
    return Admission::now;
}

// Returns the seconds that a task needs to start, make a step and save it.
double Coordinator::needed_seconds(TaskKind kind) const {
    constexpr double kNotMeasured_s = 5;
    const auto pace = paces_.find(kind);
    return pace == paces_.end() ? kNotMeasured_s
                                : pace->second.start_s + 2 * pace->second.longest_step_s;
}

void Coordinator::enter_attempts(const std::vector<Placement>& placements) {
    const int allocation = peers_ == nullptr ? 1 : peers_->number();
    for (const Placement& placement : placements) {
        const std::string& key = planned(placement.task).key;
        Attempt attempt{.ranks = placement.ranks,
                        .members_running = static_cast<int>(placement.ranks.size()),
                        .failed_rank = placement.ranks.front(),
                        .checkpoint_stamp = checkpoint_stamp_(key),
                        .started_s = now_s_};
        std::vector<results::RankName> names;
        for (const Rank rank : placement.ranks) names.push_back({allocation, rank.value()});
        attempt.token = store_.start_attempt(
            key, results::to_text(names), host_of_[attempt.failed_rank], attempt.checkpoint_stamp);
        changed_ = true;
        if (attempt.token == 0) {
            requeue(placement.task); // a peer ended the task
        } else {
            running_.emplace(placement.task, std::move(attempt));
        }
    }
}

// Releases the leases of tasks without a running attempt. Their ends are committed by now.
void Coordinator::release_leases() {
    for (auto next = leased_.begin(); next != leased_.end();) {
        const auto task = next++;
        if (running_.contains(*task)) continue;
        peers_->release(planned(*task).key);
        leased_.erase(task);
    }
}

void Coordinator::start(const Placement& placement) {
    const auto running = running_.find(placement.task);
    if (running == running_.end()) return; // requeued by enter_attempts()
    const PlannedTask& task = planned(placement.task);
    Assign assignment{.task = task.key,
                      .attempt = running->second.token,
                      .spec = task.spec,
                      .members = values_of(placement.ranks),
                      .position = 0};
    for (const Rank rank : placement.ranks) {
        pool_.assign(rank, assignment);
        ++assignment.position;
    }
    log_info("{}: starts on rank {} {}", label(placement.task), fmt::join(placement.ranks, ","),
             attempt_tag(task.key, assignment.attempt));
}

bool Coordinator::over() const {
    return running_.empty() && (stopping_ || schedule_.counts().all_ended());
}

double Coordinator::done_share(TaskIndex task) const {
    if (const auto running = running_.find(task); running != running_.end()) {
        const Attempt& attempt = running->second;
        return attempt.steps > 0 ? std::min(1.0, static_cast<double>(attempt.step) /
                                                     static_cast<double>(attempt.steps))
                                 : 0;
    }
    return schedule_.ended(task) ? 1 : 0;
}

double Coordinator::remaining_seconds() const {
    double remaining = 0;
    for (const TaskIndex task : task_indices(plan_)) {
        remaining +=
            expected_seconds_[task] * (1 - done_share(task)) * ranks_of(planned(task).spec);
    }
    return remaining;
}

Status Coordinator::status(double now_s) const {
    Status status;
    status.tasks = schedule_.counts();
    status.shut_out = shut_out_;
    status.advances = advances_;
    for (const TaskKind kind : too_late_) status.too_late.emplace_back(to_string(kind));
    status.elapsed_s = started_s_ < 0 ? 0 : now_s - started_s_;
    int64_t steps = steps_ended_;
    for (const auto& [task, attempt] : running_) {
        steps += std::max<int64_t>(0, attempt.step - std::max<int64_t>(0, attempt.first_step));
        status.running.push_back(
            {label(task), values_of(attempt.ranks), attempt.step, attempt.steps});
    }
    if (status.elapsed_s > 0) status.steps_per_s = static_cast<double>(steps) / status.elapsed_s;
    // The expected times are wrong by one common factor, the machine's speed. It follows from the
    // work done so far.
    const double remaining = remaining_seconds(), achieved = first_remaining_s_ - remaining;
    if (achieved > 0 && status.elapsed_s > 2)
        status.eta_s = remaining / achieved * status.elapsed_s;
    if (over()) {
        const bool all_done = status.tasks.done == status.tasks.total();
        status.state = !schedule_.counts().all_ended() ? CampaignState::stopped
                       : all_done                      ? CampaignState::finished
                                                       : CampaignState::failed;
        status.eta_s = 0;
    }
    return status;
}

} // namespace dagan::launcher
