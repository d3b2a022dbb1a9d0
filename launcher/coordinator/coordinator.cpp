#include "launcher/coordinator/coordinator.h"

#include "base/error.h"
#include "base/log.h"
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
      checkpoint_stamp_(std::move(checkpoint_stamp)), peers_(peers),
      host_of_(static_cast<size_t>(resources.ranks)) {
    for (TaskIndex i = 0; i < static_cast<int>(plan.tasks.size()); ++i)
        index_of_[planned(i).key] = i;
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
        // Whether an attempt without an end is lost or another allocation's is known once its lease is ours.
        if (peers_ != nullptr) task.open_attempt = 0;
        restore_task(task);
    }
}

// What the store knows of a task that nobody works on. An attempt without an end was lost with its job.
void Coordinator::restore_task(const results::StoredTask& task) {
    const TaskIndex index = index_of_.at(task.task);
    TaskHistory past{
        .ended = task.ended, .error = task.error, .charged = task.charged, .lost = task.lost};
    if (task.open_attempt == 0 || !is_current(index, task.open_attempt)) {
        schedule_.restore(index, past);
        return;
    }
    const bool progressed = checkpoint_stamp_(task.task) != task.checkpoint_before;
    past.error = "the whole MPI job died while it ran";
    past.charged -= progressed;
    past.lost += !progressed;
    past.last_lost = !progressed;
    const AttemptDecision verdict = schedule_.restore(index, past);
    store_.finish_attempt({.task = task.task,
                           .attempt = task.open_attempt,
                           .outcome = Outcome::lost,
                           .error = past.error},
                          verdict.final, progressed);
    advances_ += progressed;
    changed_ = true;
}

// Nobody else changes that before the turn's commit, which must come.
bool Coordinator::is_current(TaskIndex task, int64_t attempt) {
    changed_ = true;
    return store_.is_current(planned(task).key, attempt);
}

void Coordinator::sync_with_peers() {
    const std::optional<PeerUpdate> update = peers_->poll(now_s_);
    if (!update) return;
    for (const std::string& task : update->lost) on_lease_lost(index_of_.at(task));
    std::set<TaskIndex> held, ended; // in the plan's order, so that a task comes after its needs
    for (const std::string& task : update->held) held.insert(index_of_.at(task));
    for (const std::string& task : update->ended) ended.insert(index_of_.at(task));
    for (const TaskIndex task : ended) {
        if (!running_.contains(task) && !schedule_.ended(task))
            restore_task(store_.load_task(planned(task).key));
    }
    for (TaskIndex task = 0; task < static_cast<int>(plan_.tasks.size()); ++task) {
        held.contains(task) ? schedule_.on_running_on_peer(task) : schedule_.on_left_by_peer(task);
    }
}

// It expired before it was renewed: this job, or its way to the server, stood still. Nobody may have noticed.
void Coordinator::on_lease_lost(TaskIndex task) {
    leased_.erase(task);
    const auto running = running_.find(task);
    if (running == running_.end()) return;
    Attempt& attempt = running->second;
    if (peers_->claim(planned(task).key)) {
        leased_.insert(task);
        if (is_current(task, attempt.token)) return;
    }
    log_warning("{}: another allocation has taken it over; attempt {} is ended",
                label_of(planned(task).spec), attempt.token);
    attempt.abandoned = true;
    for (const Rank rank : attempt.ranks) pool_.abandon(rank, attempt.token);
}

void Coordinator::replay_history(const std::vector<results::PastAttempt>& history) {
    for (const results::PastAttempt& attempt : history)
        schedule_.replay_history(index_of_.at(attempt.task), attempt.host, attempt.outcome);
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
        log_warning("a late result of {} (attempt {}) is refused", label_of(planned(task).spec),
                    message.result.attempt);
        return;
    }
    Attempt& attempt = running->second;
    const Outcome outcome = message.result.outcome;
    const bool its_own_fault =
        outcome != Outcome::done && outcome != Outcome::diverged && outcome != Outcome::interrupted;
    if (its_own_fault && !attempt.fault) {
        attempt.fault = message.result;
        attempt.failed_rank = attempt.ranks.at(static_cast<size_t>(message.position));
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
    const bool finished = attempt.first && (attempt.first->outcome == Outcome::done ||
                                            attempt.first->outcome == Outcome::diverged);
    if (finished) return *attempt.first;
    if (attempt.fault) return *attempt.fault;
    TaskResult result = attempt.first ? *attempt.first
                                      : TaskResult{.task = planned(task).key,
                                                   .attempt = attempt.token,
                                                   .outcome = Outcome::interrupted};
    if (!stopping_ && !attempt.abandoned && !result.error.empty())
        result.outcome =
            Outcome::system_error; // interrupted, but not by us: never retry that for ever
    return result;
}

void Coordinator::conclude(TaskIndex task, const Attempt& attempt) {
    TaskResult result = result_of(task, attempt);
    if (!is_current(task, attempt.token)) {
        log_warning("{}: what attempt {} brought ({}) is refused: another allocation has taken the "
                    "task over",
                    label_of(planned(task).spec), attempt.token, to_string(result.outcome));
        return requeue(task);
    }
    const bool finished = result.outcome == Outcome::done || result.outcome == Outcome::diverged;
    const bool progressed =
        !finished && checkpoint_stamp_(planned(task).key) != attempt.checkpoint_stamp;
    result.host = host_of_[static_cast<size_t>(attempt.failed_rank)];
    const AttemptDecision verdict =
        schedule_.on_ended(task, result.outcome, result.error, progressed, attempt.failed_rank);
    require(store_.finish_attempt(result, verdict.final, verdict.refund),
            "the store takes the current attempt's result");
    apply_decision(task, verdict);
    changed_ = true;
    advances_ += finished || result.outcome == Outcome::input_error ||
                 result.outcome == Outcome::bug || progressed;
    steps_ended_ += std::max<int64_t>(0, attempt.step - std::max<int64_t>(0, attempt.first_step));
    const std::string label = label_of(planned(task).spec);
    if (result.outcome == Outcome::done) {
        log_info("{}: done in {:.1f} s", label, result.cost.seconds);
    } else {
        log_warning("{}: {}{}{}{}", label, to_string(result.outcome),
                    result.error.empty() ? "" : ": ", result.error,
                    verdict.final ? "" : "; it will run again");
    }
}

// Nothing came of its attempt for this allocation. What became of it is asked when its turn comes again.
void Coordinator::requeue(TaskIndex task) {
    schedule_.on_ended(task, Outcome::interrupted, "", false);
    if (leased_.erase(task) > 0) peers_->release(planned(task).key);
}

// Back-off: the second rest is twice as long as the first, and so on.
void Coordinator::apply_decision(TaskIndex task, const AttemptDecision& verdict) {
    constexpr double kFirstRest_s = 1, kLongestRest_s = 60;
    const auto rest = [&](int times, BackoffEntry sleeper) {
        const double seconds =
            std::min(kLongestRest_s, kFirstRest_s * std::exp2(std::min(times, 10)));
        backoffs_.emplace(now_s_ + seconds, sleeper);
    };
    const NodeHealth& blame = schedule_.node_health();
    if (verdict.task_backs_off) rest(schedule_.charged(task) - 1, BackoffTask{task});
    if (verdict.node_backs_off) {
        rest(blame.failed_probes(*verdict.node_backs_off), BackoffNode{*verdict.node_backs_off});
        log_warning(
            "node {}: several tasks failed there and nowhere else: it rests and is then probed",
            blame.host(*verdict.node_backs_off));
    }
    if (verdict.bad_node) {
        const std::string& host = blame.host(*verdict.bad_node);
        store_.forgive(host);
        shut_out_.push_back(host);
        log_error("node {}: is bad: what failed there was done elsewhere; it is shut out until the "
                  "campaign is started again",
                  host);
    }
}

void Coordinator::wake_backed_off() {
    while (!backoffs_.empty() && backoffs_.begin()->first <= now_s_) {
        const BackoffEntry sleeper = backoffs_.begin()->second;
        backoffs_.erase(backoffs_.begin());
        if (const auto* task = std::get_if<BackoffTask>(&sleeper)) {
            schedule_.wake_task(task->task);
        } else {
            schedule_.wake_node(std::get<BackoffNode>(sleeper).node);
        }
    }
}

void Coordinator::on_stop_requested() {
    if (stopping_) return;
    log_info("stop asked for: {} attempts are told to write their checkpoints", running_.size());
    stopping_ = true;
    schedule_.stop_starting();
    pool_.stop_work();
}

void Coordinator::turn(double now_s, double time_left_s) {
    if (started_s_ < 0) started_s_ = now_s;
    now_s_ = now_s;
    wake_backed_off();
    if (peers_ != nullptr) sync_with_peers();
    const std::vector<Placement> decisions = decide(time_left_s);
    enter_attempts(decisions);
    if (changed_) store_.commit();
    changed_ = false;
    give_back_leases();
    for (const Placement& decision : decisions) start(decision);
    if (!too_late_.empty() && running_.empty() && !stopping_) {
        log_info("in the {:.0f} s that are left nothing more could start and be saved",
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
    if (leased_.contains(task))
        return Admission::later; // of an attempt that ended in this turn: first that is committed
    if (!peers_->claim(planned(task).key)) return Admission::on_peer;
    leased_.insert(task);
    restore_task(store_.load_task(
        planned(task).key)); // whoever had it before may have ended it, or died with it
    return Admission::now;
}

// To start, to make a step and to save it.
double Coordinator::needed_seconds(TaskKind kind) const {
    constexpr double kNotMeasured_s = 5;
    const auto pace = paces_.find(kind);
    return pace == paces_.end() ? kNotMeasured_s
                                : pace->second.start_s + 2 * pace->second.longest_step_s;
}

void Coordinator::enter_attempts(const std::vector<Placement>& decisions) {
    for (const Placement& decision : decisions) {
        const std::string& key = planned(decision.task).key;
        Attempt attempt{.ranks = decision.ranks,
                        .members_running = static_cast<int>(decision.ranks.size()),
                        .failed_rank = decision.ranks.front(),
                        .checkpoint_stamp = checkpoint_stamp_(key),
                        .started_s = now_s_};
        std::vector<results::RankName> names;
        for (const Rank rank : decision.ranks)
            names.push_back({peers_ == nullptr ? 1 : peers_->number(), rank});
        attempt.token = store_.start_attempt(key, results::to_text(names),
                                             host_of_[static_cast<size_t>(attempt.failed_rank)],
                                             attempt.checkpoint_stamp);
        changed_ = true;
        if (attempt.token == 0) {
            requeue(decision.task);
        } else {
            running_.emplace(decision.task, std::move(attempt));
        }
    }
}

// A lease is held as long as an attempt runs; what came of that is committed by now.
void Coordinator::give_back_leases() {
    for (auto next = leased_.begin(); next != leased_.end();) {
        const auto task = next++;
        if (running_.contains(*task)) continue;
        peers_->release(planned(*task).key);
        leased_.erase(task);
    }
}

void Coordinator::start(const Placement& decision) {
    const auto running = running_.find(decision.task);
    if (running == running_.end()) return; // another allocation ended it at the last moment
    const PlannedTask& task = planned(decision.task);
    Assign assignment{.task = task.key,
                      .attempt = running->second.token,
                      .spec = task.spec,
                      .members = decision.ranks,
                      .position = 0};
    for (const Rank rank : decision.ranks) {
        pool_.assign(rank, assignment);
        ++assignment.position;
    }
    log_info("{}: attempt {} starts on rank {}", label_of(task.spec), assignment.attempt,
             fmt::join(decision.ranks, ","));
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
    for (TaskIndex i = 0; i < static_cast<int>(plan_.tasks.size()); ++i) {
        remaining += expected_seconds_[static_cast<size_t>(i)] * (1 - done_share(i)) *
                     ranks_of(planned(i).spec);
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
            {label_of(planned(task).spec), attempt.ranks, attempt.step, attempt.steps});
    }
    if (status.elapsed_s > 0) status.steps_per_s = static_cast<double>(steps) / status.elapsed_s;
    // The expected times are off by one common factor, the machine's speed, which the work done so far reveals.
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
