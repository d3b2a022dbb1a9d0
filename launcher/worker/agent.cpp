#include "launcher/worker/agent.h"

#include "base/error.h"
#include "base/log.h"
#include "base/version.h"

#include <fmt/format.h>

#include <algorithm>
#include <csignal>
#include <fstream>

namespace dagan::launcher {

namespace {
constexpr int kGangTags = 32768;                     // MPI guarantees that many
constexpr std::chrono::seconds kSpawnerPatience{10}; // it answers within milliseconds
constexpr int kMaxFailedStarts =
    5; // a trainer that cannot start at all is not a matter of bad luck
cluster::SteadyTime now() { return std::chrono::steady_clock::now(); }

// By SIGSTOP, as /proc/PID/stat has it: "PID (name) T ...".
bool is_stopped(pid_t pid) {
    std::ifstream file(fmt::format("/proc/{}/stat", pid));
    std::string stat;
    std::getline(file, stat);
    const size_t name_end = stat.rfind(')');
    if (name_end == std::string::npos || name_end + 2 >= stat.size()) return false;
    return stat[name_end + 2] == 'T';
}

Ended not_begun(const Assign& assignment) {
    return {.position = assignment.position,
            .result = {.task = assignment.task,
                       .attempt = assignment.attempt,
                       .outcome = Outcome::interrupted}};
}
} // namespace

Agent::Agent(Options options, cluster::Mailbox& mailbox, cluster::Spawner& spawner,
             MakeCollectives make_collectives, const std::string& host)
    : options_(std::move(options)), mailbox_(mailbox), spawner_(spawner),
      make_collectives_(std::move(make_collectives)) {
    for (int i = 0; i < options_.slots + options_.spares; ++i) start_trainer();
    say(RankUp{host});
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
    hand_out();
}

void Agent::hand_out() {
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
    // What no trainer has begun goes back as it came. A gang's member must begin, as the others wait for its word.
    for (const Waiting& waiting : waiting_) {
        if (!waiting.collectives) say(not_begun(waiting.assignment));
    }
    std::erase_if(waiting_, [](const Waiting& waiting) { return !waiting.collectives; });
    for (Trainer& trainer : trainers_) {
        if (trainer.job) trainer.link.send(encode(StopWork{}));
    }
}

bool Agent::turn() {
    bool active = reap();
    for (auto trainer = trainers_.begin(); trainer != trainers_.end();) {
        active |= listen(*trainer);
        active |= advance_gang(*trainer);
        find_stuck(*trainer);
        if (trainer->link.closed()) {
            on_death(*trainer);
            trainer = trainers_.erase(trainer);
            start_trainer();
            hand_out();
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

bool Agent::listen(Trainer& trainer) {
    bool active = false;
    while (auto message = trainer.link.receive()) {
        active = true;
        trainer.silence.on_sign(now());
        if (const auto* request = std::get_if<cluster::ReduceRequest>(&*message)) {
            require(trainer.job && trainer.job->reducer,
                    "only a gang's trainer asks for reductions");
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
        hand_out();
    } else if (const auto* progress = std::get_if<Progress>(&message)) {
        trainer.longest_step_s = progress->longest_step_s;
        mailbox_.send(0, text);
    } else if (const auto* ended = std::get_if<Ended>(&message)) {
        require(trainer.job.has_value(), "a trainer ends the task that it was given");
        const Outcome outcome = ended->result.outcome;
        on_job_over(trainer, outcome == Outcome::done || outcome == Outcome::diverged ||
                                 outcome == Outcome::interrupted);
        mailbox_.send(0, text);
        hand_out();
    } else {
        throw Error(Blame::bug,
                    fmt::format("a trainer sent what only others send (kind {})", message.index()));
    }
}

// `well`: by the trainer's own word. The dead never end a task well, whoever ended them: one may have waited for a reduction.
void Agent::on_job_over(Trainer& trainer, bool well) {
    if (auto gang = std::move(trainer.job->reducer)) {
        well ? gang->finish() : gang->fail();
        if (!well && !trainer.aborted_by_peer && options_.on_gpus)
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

// The process is the unit of abort: no communicator is repaired. The task goes on from its checkpoint.
void Agent::on_member_lost(const MemberLost& lost) {
    for (Trainer& trainer : trainers_) {
        if (trainer.job && trainer.job->reducer && trainer.job->assignment.attempt == lost.attempt)
            end_trainer(trainer, "another member of its gang is lost");
    }
}

// A gang's member that no trainer has begun must begin all the same, as the others wait for its word.
void Agent::on_abandon(const Abandon& abandon) {
    for (Trainer& trainer : trainers_) {
        if (trainer.job && trainer.job->assignment.attempt == abandon.attempt)
            end_trainer(trainer, "another allocation has taken its task over");
    }
    const auto in_vain = [&](const Waiting& waiting) {
        return !waiting.collectives && waiting.assignment.attempt == abandon.attempt;
    };
    for (const Waiting& waiting : waiting_) {
        if (in_vain(waiting)) say(not_begun(waiting.assignment));
    }
    std::erase_if(waiting_, in_vain);
}

void Agent::end_trainer(Trainer& trainer, const std::string& why) {
    if (trainer.killed) return;
    log_warning("trainer {} is ended, as {}", trainer.pid, why);
    trainer.killed = trainer.aborted_by_peer = true;
    trainer.silence.on_sign(now());
    spawner_.kill(trainer.id, SIGKILL);
}

bool Agent::advance_gang(Trainer& trainer) {
    if (!trainer.job || !trainer.job->reducer) return false;
    const auto answer = trainer.job->reducer->poll();
    if (!answer) return false;
    trainer.link.answer(*answer);
    trainer.silence.on_sign(now());
    return true;
}

// A stopped process is found within its patience. One that is not stopped may be waiting for a slow disk or a busy core as well
// as turning in circles, so it has longer. A trainer that waits for the others of its gang is not expected to say anything.
void Agent::find_stuck(Trainer& trainer) {
    const auto silent = trainer.silence.at(now());
    if ((trainer.pid == 0 || trainer.killed) && silent > kSpawnerPatience)
        throw system_error("spawner: is frozen: it neither starts nor ends trainers");
    const bool waits = trainer.job && trainer.job->reducer && trainer.job->reducer->trainer_waits();
    if (trainer.killed || (trainer.ready && !trainer.job)) return;
    if (waits) return trainer.silence.on_sign(now());
    const std::chrono::nanoseconds patience =
        cluster::patience_for(std::chrono::duration<double>(trainer.longest_step_s));
    const auto longer = trainer.longest_step_s > 0 ? options_.slow_after : options_.stuck_after;
    if (silent < std::max<std::chrono::nanoseconds>(patience, longer) &&
        (silent < patience || !is_stopped(trainer.pid)))
        return;
    log_error(
        "trainer {} gave no sign of life for {:.1f} s (its longest step: {:.2f} s) and is killed",
        trainer.pid, std::chrono::duration<double>(silent).count(), trainer.longest_step_s);
    trainer.killed = true;
    trainer.silence.on_sign(now());
    spawner_.kill(trainer.id, SIGKILL);
}

bool Agent::reap() {
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

// Its socket closed: it is gone. What killed it may be known a moment later; the task does not wait for that.
void Agent::on_death(Trainer& trainer) {
    reap();
    const std::string cause = trainer.cause.empty() ? "its socket closed" : trainer.cause;
    log_warning("a trainer is gone: {}", cause);
    if (!trainer.ready && ++failed_starts_ >= kMaxFailedStarts) {
        throw system_error(fmt::format("{}: {} trainers in a row died before they could work: {}; "
                                       "hint: run it by hand to see why",
                                       options_.trainer.argv.front(), failed_starts_, cause));
    }
    if (!trainer.job) return;
    const Assign assignment = trainer.job->assignment;
    const Outcome outcome = trainer.aborted_by_peer ? Outcome::interrupted
                            : trainer.killed        ? Outcome::stuck
                                                    : Outcome::died;
    on_job_over(trainer, false);
    say(Ended{.position = assignment.position,
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
