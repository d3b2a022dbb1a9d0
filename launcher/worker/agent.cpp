#include "launcher/worker/agent.h"

#include "base/error.h"
#include "base/log.h"
#include "base/version.h"
#include "launcher/campaign/attempt_tag.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>

namespace dagan::launcher {

namespace {
// MPI guarantees at least this many tags.
constexpr int kGangTags = 32768;
// The spawner normally answers within milliseconds.
constexpr std::chrono::seconds kSpawnerPatience{10};
// So many failed starts in a row mean that the trainer program cannot run here at all.
constexpr int kMaxFailedStarts = 5;

cluster::SteadyTime now() { return std::chrono::steady_clock::now(); }

// Returns whether the process is stopped (SIGSTOP). /proc/PID/stat reads "PID (name) T ..." then.
bool is_stopped(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string stat;
    std::getline(file, stat);
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= stat.size()) return false;
    return stat[name_end + 2] == 'T';
}

// The result of an assignment that no trainer has begun.
Ended not_begun(const Assign& assignment) {
    return {.position = assignment.position,
            .result = {.task = assignment.task,
                       .attempt = assignment.attempt,
                       .outcome = Outcome::interrupted}};
}

// Returns the log tag of a trainer's attempt, after a blank; "" if the trainer has no job.
template <class Job> std::string tag_of(const std::optional<Job>& job) {
    return job ? " " + attempt_tag(job->assignment.task, job->assignment.attempt) : "";
}
} // namespace

Agent::Agent(Options options, cluster::Mailbox& mailbox, cluster::Spawner& spawner,
             MakeCollectives make_collectives, const std::string& host)
    : options_(std::move(options)), mailbox_(mailbox), spawner_(spawner),
      make_collectives_(std::move(make_collectives)) {
    for (int i = 0; i < options_.slots + options_.spares; ++i) start_trainer();
    report(RankUp{host});
}

Agent::~Agent() = default;

void Agent::start_trainer() {
    auto [ours, theirs] = cluster::make_socket_pair();
    auto memory = std::make_shared<cluster::SharedMemory>(cluster::SharedMemory::create());
    const cluster::ChildId id = spawner_.start(options_.trainer, theirs.get(), memory->fd());
    trainers_.push_back({.id = id,
                         .link = cluster::AgentLink(cluster::Channel(std::move(ours))),
                         .memory = std::move(memory),
                         .silence = cluster::Silence(now()),
                         .job = {},
                         .cause = {}});
}

void Agent::on_assign(const Assign& assignment) {
    const bool gang = assignment.members.size() > 1;
    waiting_.push_back(
        {assignment, gang ? make_collectives_(assignment.members,
                                              static_cast<int>(assignment.attempt % kGangTags))
                          : nullptr});
    assign_waiting();
}

void Agent::assign_waiting() {
    for (Trainer& trainer : trainers_) {
        if (waiting_.empty()) return;
        if (!trainer.ready || trainer.job || trainer.killed || trainer.link.closed()) continue;
        Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        begin(trainer, std::move(next));
    }
}

void Agent::begin(Trainer& trainer, Waiting next) {
    trainer.silence.on_sign(now());
    trainer.longest_step_s = 0;
    trainer.link.send(encode(next.assignment));
    if (stopping_) trainer.link.send(encode(StopWork{}));
    std::unique_ptr<cluster::GangReducer> reducer;
    if (next.collectives)
        reducer =
            std::make_unique<cluster::GangReducer>(std::move(next.collectives), trainer.memory);
    trainer.job = Job{std::move(next.assignment), std::move(reducer)};
}

void Agent::on_stop_work() {
    stopping_ = true;
    // Returns tasks that no trainer has begun. A member of a gang must begin, because the other
    // members wait for its vote.
    for (const Waiting& waiting : waiting_) {
        if (!waiting.collectives) report(not_begun(waiting.assignment));
    }
    std::erase_if(waiting_, [](const Waiting& waiting) { return !waiting.collectives; });
    for (Trainer& trainer : trainers_) {
        if (trainer.job) trainer.link.send(encode(StopWork{}));
    }
}

bool Agent::turn() {
    bool active = poll_spawner();
    for (auto trainer = trainers_.begin(); trainer != trainers_.end();) {
        active |= receive_from(*trainer);
        active |= advance_gang(*trainer);
        check_liveness(*trainer);
        if (trainer->link.closed()) {
            on_death(*trainer);
            trainer = trainers_.erase(trainer);
            start_trainer();
            assign_waiting();
            active = true;
        } else {
            ++trainer;
        }
    }
    std::erase_if(ending_gangs_, [](const auto& gang) {
        gang->poll();
        return gang->over();
    });
    return active;
}

bool Agent::receive_from(Trainer& trainer) {
    bool active = false;
    while (auto message = trainer.link.receive()) {
        active = true;
        trainer.silence.on_sign(now());
        if (const auto* request = std::get_if<cluster::ReduceRequest>(&*message)) {
            require(trainer.job && trainer.job->reducer,
                    "only a trainer in a gang asks for reductions");
            trainer.job->reducer->reduce(*request);
        } else {
            on_message(trainer, std::get<std::string>(*message));
        }
    }
    trainer.link.flush();
    return active;
}

void Agent::on_message(Trainer& trainer, const std::string& text) {
    const Message message = decode_message(text);
    if (const auto* ready = std::get_if<TrainerReady>(&message)) {
        if (ready->version != kVersion) {
            throw input_error(fmt::format("{}: is version {}, this program is {}; hint: install "
                                          "programs of one build together",
                                          options_.trainer.argv.front(), ready->version, kVersion));
        }
        trainer.ready = true;
        failed_starts_ = 0;
        assign_waiting();
    } else if (const auto* progress = std::get_if<Progress>(&message)) {
        trainer.longest_step_s = progress->longest_step_s;
        mailbox_.send(0, text);
    } else if (const auto* ended = std::get_if<Ended>(&message)) {
        require(trainer.job.has_value(), "a trainer ends only the task that it was assigned");
        on_job_over(trainer, !is_failure(ended->result.outcome));
        mailbox_.send(0, text);
        assign_waiting();
    } else {
        throw Error(Blame::bug,
                    fmt::format("a trainer sent a message that trainers do not send (kind {})",
                                message.index()));
    }
}

// `reported_in_order`: the trainer itself reported an outcome that is not a failure. It is false
// for every trainer that died, even if this agent killed it, since it may have been in a reduction.
void Agent::on_job_over(Trainer& trainer, bool reported_in_order) {
    if (auto gang = std::move(trainer.job->reducer)) {
        reported_in_order ? gang->finish() : gang->fail();
        if (!reported_in_order && !trainer.aborted_by_peer && options_.on_gpus)
            notify_gang(trainer.job->assignment);
        ending_gangs_.push_back(std::move(gang));
    }
    trainer.job.reset();
}

void Agent::notify_gang(const Assign& assignment) {
    for (const int rank : assignment.members) {
        if (rank != mailbox_.rank()) mailbox_.send(rank, encode(MemberLost{assignment.attempt}));
    }
}

// The process is the unit of abort: no communicator is repaired. The task resumes from its
// checkpoint.
void Agent::on_member_lost(const MemberLost& lost) {
    for (Trainer& trainer : trainers_) {
        if (trainer.job && trainer.job->reducer && trainer.job->assignment.attempt == lost.attempt)
            abort_trainer(trainer, "another member of its gang was lost");
    }
}

// A member of a gang that no trainer has begun must still begin, because the others wait for its
// vote.
void Agent::on_abandon(const Abandon& abandon) {
    for (Trainer& trainer : trainers_) {
        if (trainer.job && trainer.job->assignment.attempt == abandon.attempt)
            abort_trainer(trainer, "another allocation has taken over its task");
    }
    const auto is_abandoned = [&](const Waiting& waiting) {
        return !waiting.collectives && waiting.assignment.attempt == abandon.attempt;
    };
    for (const Waiting& waiting : waiting_) {
        if (is_abandoned(waiting)) report(not_begun(waiting.assignment));
    }
    std::erase_if(waiting_, is_abandoned);
}

void Agent::kill_trainer(Trainer& trainer) {
    trainer.killed = true;
    trainer.silence.on_sign(now());
    spawner_.kill(trainer.id, SIGKILL);
}

void Agent::abort_trainer(Trainer& trainer, const std::string& why) {
    if (trainer.killed) return;
    log_warning("trainer {} is killed: {}{}", trainer.pid, why, tag_of(trainer.job));
    trainer.aborted_by_peer = true;
    kill_trainer(trainer);
}

bool Agent::advance_gang(Trainer& trainer) {
    if (!trainer.job || !trainer.job->reducer) return false;
    const auto answer = trainer.job->reducer->poll();
    if (!answer) return false;
    trainer.link.answer(*answer);
    trainer.silence.on_sign(now());
    return true;
}

// A trainer that is stopped is killed once its patience is over. One that is not stopped may be
// waiting for a slow disk or a busy core, so it has longer. No message is expected from an idle
// trainer, nor from one that waits for the other members of its gang.
void Agent::check_liveness(Trainer& trainer) {
    const auto silent = trainer.silence.at(now());
    if ((trainer.pid == 0 || trainer.killed) && silent > kSpawnerPatience)
        throw system_error("spawner: does not respond: it neither starts nor ends trainers");
    const bool waits = trainer.job && trainer.job->reducer && trainer.job->reducer->trainer_waits();
    if (trainer.killed || (trainer.ready && !trainer.job)) return;
    if (waits) return trainer.silence.on_sign(now());
    const std::chrono::nanoseconds patience =
        cluster::patience_for(std::chrono::duration<double>(trainer.longest_step_s));
    const auto longer = trainer.longest_step_s > 0 ? options_.slow_after : options_.stuck_after;
    if (silent < std::max<std::chrono::nanoseconds>(patience, longer) &&
        (silent < patience || !is_stopped(trainer.pid)))
        return;
    log_error("trainer {} is killed: no message for {:.1f} s (its longest step: {:.2f} s){}",
              trainer.pid, std::chrono::duration<double>(silent).count(), trainer.longest_step_s,
              tag_of(trainer.job));
    kill_trainer(trainer);
}

bool Agent::poll_spawner() {
    bool active = false;
    while (auto event = spawner_.poll()) {
        active = true;
        const cluster::ChildId id = std::visit([](const auto& child) { return child.id; }, *event);
        const auto trainer = std::find_if(trainers_.begin(), trainers_.end(),
                                          [&](const Trainer& each) { return each.id == id; });
        if (trainer == trainers_.end()) continue;
        if (const auto* started = std::get_if<cluster::ChildStarted>(&*event))
            trainer->pid = started->pid;
        else
            trainer->cause = cluster::describe(std::get<cluster::ChildExited>(*event));
    }
    return active;
}

// Called once its socket has closed. The spawner may report the cause only later; the task does not
// wait for that.
void Agent::on_death(Trainer& trainer) {
    poll_spawner();
    const std::string cause = trainer.cause.empty() ? "its socket closed" : trainer.cause;
    log_warning("a trainer died: {}{}", cause, tag_of(trainer.job));
    if (!trainer.ready && ++failed_starts_ >= kMaxFailedStarts) {
        throw system_error(fmt::format("{}: {} trainers in a row died before they were ready: {}; "
                                       "hint: run it by hand to see why",
                                       options_.trainer.argv.front(), failed_starts_, cause));
    }
    if (!trainer.job) return;
    const Assign assignment = trainer.job->assignment;
    const Outcome outcome = trainer.aborted_by_peer ? Outcome::interrupted
                            : trainer.killed        ? Outcome::stuck
                                                    : Outcome::died;
    on_job_over(trainer, false);
    report(Ended{.position = assignment.position,
                 .result = {.task = assignment.task,
                            .attempt = assignment.attempt,
                            .outcome = outcome,
                            .error = "trainer " + cause}});
}

std::vector<cluster::Watch> Agent::watches() const {
    std::vector<cluster::Watch> watches{{.fd = spawner_.fd(), .until_writable = false}};
    for (const Trainer& trainer : trainers_)
        watches.push_back(
            {.fd = trainer.link.fd(), .until_writable = trainer.link.unsent_bytes() > 0});
    return watches;
}

bool Agent::busy_reducing() const {
    const auto reducing = [](const Trainer& trainer) {
        return trainer.job && trainer.job->reducer && trainer.job->reducer->transferring();
    };
    return std::any_of(trainers_.begin(), trainers_.end(), reducing) ||
           std::any_of(ending_gangs_.begin(), ending_gangs_.end(),
                       [](const auto& gang) { return gang->transferring(); });
}

} // namespace dagan::launcher
