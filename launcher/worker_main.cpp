// dagan-worker: one MPI rank. Its loop looks at the mail, the trainers and, on rank 0, the coordinator, and pauses when nothing
// happens. Started by the supervisor through mpirun, or by srun: `dagan-worker CAMPAIGN --trainer PATH [--data DIR] [--restarts
// N]`.

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/stop.h"
#include "cluster/process_guard.h"
#include "cluster/topology.h"
#include "launcher/agent.h"
#include "launcher/campaign.h"
#include "launcher/coordinator.h"
#include "launcher/forecast.h"
#include "launcher/heartbeat.h"
#include "launcher/version.h"
#include "train/tasks.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <iostream>
#include <optional>

namespace dagan {
namespace {

struct Arguments {
    std::string campaign, trainer, data;
    int restarts = 0;
};

// Changes when a task's checkpoint does (see Coordinator::CheckpointStamp).
int64_t checkpoint_stamp(const Workplace& place, const std::string& task) {
    std::error_code missing;
    const auto written = std::filesystem::last_write_time(place.checkpoint(task), missing);
    return missing ? 0 : written.time_since_epoch().count();
}

double seconds_now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

class MailedPool : public WorkerPool {
  public:
    explicit MailedPool(Mailbox& mailbox) : mailbox_(mailbox) {}
    void assign(Rank rank, const Assign& assignment) override { mailbox_.send(rank, encode(assignment)); }
    void stop_work() override { to_all(StopWork{}); }
    void shut_down() override { to_all(ShutDown{}); }

  private:
    void to_all(const Message& message) {
        for (int rank = 0; rank < mailbox_.size(); ++rank) mailbox_.send(rank, encode(message));
    }
    Mailbox& mailbox_;
};

// Rank 0's second half: the campaign's store and its coordinator, and the snapshots that others read.
class CampaignRun {
  public:
    CampaignRun(const CampaignFolder& folder, const Manifest& manifest, const Plan& plan, Mailbox& mailbox, int restarts)
        : folder_(folder), name_(manifest.campaign.name), restarts_(restarts), store_(open_sqlite_store(folder.database())),
          pool_(mailbox),
          coordinator_(enter(manifest, plan), expected_seconds(plan), resources(manifest, mailbox.size()), *store_, pool_,
                       [place = Workplace{folder.root()}](const std::string& task) { return checkpoint_stamp(place, task); }) {}

    Coordinator& coordinator() { return coordinator_; }

    // Returns true when the job is over and everybody was told so.
    bool turn() {
        coordinator_.turn(seconds_now());
        const bool over = coordinator_.over();
        if (over && !told_) {
            told_ = true;
            write_snapshot();
            write_ending(folder_, ending());
            fault_point(FaultPoint::ending_written);
            pool_.shut_down();
        } else if (seconds_now() - last_snapshot_s_ > 1) {
            write_snapshot();
        }
        return over;
    }

    Ending ending() const {
        const Status status = coordinator_.status(seconds_now());
        const ExitCode code = status.state == CampaignState::finished ? ExitCode::done
                              : status.state == CampaignState::failed ? ExitCode::some_failed
                                                                      : ExitCode::stopped;
        return {status.state, static_cast<int>(code), status_line(status)};
    }

  private:
    const Plan& enter(const Manifest& manifest, const Plan& plan) {
        store_->enter(manifest.campaign, plan);
        // What a person starts again is what is missing, failures included; a restart after an accident leaves them.
        if (restarts_ == 0 && store_->reopen_failed() > 0) log_info("tasks that failed before are tried again");
        store_->commit();
        return plan;
    }
    static Schedule::Resources resources(const Manifest& manifest, int ranks) {
        return {.ranks = ranks, .slots_per_rank = manifest.sweep.resources.trainers_per_rank};
    }
    void write_snapshot() {
        last_snapshot_s_ = seconds_now();
        Status status = coordinator_.status(last_snapshot_s_);
        status.name = name_;
        status.restarts = restarts_;
        write_status(folder_, status);
        fault_point(FaultPoint::status_written);
    }

    CampaignFolder folder_;
    std::string name_;
    int restarts_;
    std::unique_ptr<Store> store_;
    MailedPool pool_;
    Coordinator coordinator_;
    double last_snapshot_s_ = 0;
    bool told_ = false;
};

void dispatch(const Envelope& envelope, Agent& agent, CampaignRun* run) {
    const Message message = decode_message(envelope.bytes);
    if (const auto* assign = std::get_if<Assign>(&message)) return agent.on_assign(*assign);
    if (std::holds_alternative<StopWork>(message)) return agent.on_stop_work();
    if (std::holds_alternative<ShutDown>(message)) return agent.on_shut_down();
    if (std::holds_alternative<Beat>(message)) return;
    require(run != nullptr, "what is for the coordinator is sent to rank 0");
    if (const auto* up = std::get_if<RankUp>(&message)) return run->coordinator().on_rank_up(envelope.from, *up);
    if (const auto* progress = std::get_if<Progress>(&message)) return run->coordinator().on_progress(*progress);
    if (const auto* ended = std::get_if<Ended>(&message)) return run->coordinator().on_ended(*ended);
    if (std::holds_alternative<StopAsked>(message)) return run->coordinator().on_stop_asked();
    throw Error(Blame::bug, "a rank sent what only trainers send: " + envelope.bytes);
}

// Says that this rank is alive and notices when one that it depends on is not.
class Pulse {
  public:
    explicit Pulse(Mailbox& mailbox)
        : mailbox_(mailbox), watched_(ranks_watched_by(mailbox.rank(), mailbox.size())),
          heartbeat_(watched_, kLimits, std::chrono::steady_clock::now()) {}

    void on_message(int from) { heartbeat_.on_sign(from, std::chrono::steady_clock::now()); }
    // Throws Blame::system, which ends the job; the supervisor starts it again.
    void turn() {
        const auto now = std::chrono::steady_clock::now();
        if (heartbeat_.due(now)) {
            for (const int rank : watched_) mailbox_.send(rank, encode(Beat{}));
        }
        if (const auto lost = heartbeat_.lost(now)) {
            throw system_error(fmt::format("rank {}: is dead or frozen: gave no sign of life for too long", *lost));
        }
    }

  private:
    static constexpr Heartbeat::Limits kLimits{.silence = std::chrono::seconds(10), .first_sign = std::chrono::minutes(5)};
    Mailbox& mailbox_;
    std::vector<int> watched_;
    Heartbeat heartbeat_;
};

// The loop of a rank. Ends when the coordinator says so and nothing of ours is under way.
void serve(Agent& agent, Mailbox& mailbox, CampaignRun* run) {
    Backoff backoff;
    Pulse pulse(mailbox);
    bool stop_sent = false;
    while (!agent.shut_down() || mailbox.unsent() > 0) {
        bool active = agent.busy_reducing();
        if (stop_signalled() && !stop_sent) {
            stop_sent = true;
            mailbox.send(0, encode(StopAsked{}));
        }
        while (const auto envelope = mailbox.receive()) {
            active = true;
            pulse.on_message(envelope->from);
            dispatch(*envelope, agent, run);
        }
        if (!agent.shut_down()) pulse.turn();
        active |= agent.turn();
        if (run != nullptr && !agent.shut_down()) run->turn();
        if (active) backoff.on_activity();
        backoff.pause(agent.watches());
    }
}

ProgramStart trainer_program(const Arguments& arguments, const CampaignFolder& folder, const Manifest& manifest, int rank) {
    const std::string threads = std::to_string(manifest.sweep.resources.threads_per_trainer);
    return {.argv = {arguments.trainer, "work", folder.root().string(), "--rank", std::to_string(rank), "--data",
                     arguments.data.empty() ? manifest.data_folder : arguments.data, "--threads", threads},
            .environment = {"OMP_NUM_THREADS=" + threads, "MKL_NUM_THREADS=" + threads}};
}

// On a full disk even this may fail; the job log has the message then.
void leave_last_word(const CampaignFolder& folder, const Error& error) {
    try {
        write_ending(folder, {CampaignState::failed, static_cast<int>(error.blame()), error.what()});
    } catch (const Error& unwritten) {
        std::cerr << unwritten.what() << '\n';
    }
}

int work(const Arguments& arguments) {
    const CampaignFolder folder(arguments.campaign);
    Spawner spawner; // forks, so it comes before MPI_Init
    MpiWorld world;
    log_to_file(folder.rank_log(world.rank()), fmt::format("agent {}", ::getpid()));
    try {
        if (const auto problem = world.singletons_problem()) throw input_error(*problem);
        const Manifest manifest = read_manifest(folder);
        const Plan plan = manifest.plan();
        const std::string host = world.host();
        int exit_code = 0;
        {
            const auto mailbox = make_mpi_mailbox(world);
            std::optional<CampaignRun> run;
            if (world.rank() == 0) run.emplace(folder, manifest, plan, *mailbox, arguments.restarts);
            const Resources& resources = manifest.sweep.resources;
            Agent agent(
                {.slots = resources.trainers_per_rank,
                 .spares = 1,
                 .trainer = trainer_program(arguments, folder, manifest, world.rank())},
                *mailbox, spawner,
                [&](const std::vector<int>& members, int tag) { return make_mpi_collectives(world, members, tag); }, host);
            serve(agent, *mailbox, run ? &*run : nullptr);
            if (run) exit_code = run->ending().exit_code;
        }
        world.finalize();
        return exit_code;
    } catch (const Error& error) {
        log_error("{}", error.what());
        std::cerr << error.what() << '\n';
        leave_last_word(folder, error);
        world.abort(static_cast<int>(error.blame()));
    }
}

} // namespace
} // namespace dagan

int main(int argc, char** argv) {
    using namespace dagan;
    const pid_t parent = ::getppid();
    die_with_parent(parent);
    ignore_broken_pipes();
    catch_stop_signals();
    CLI::App app{"One MPI rank of a campaign; `dagan run` starts it.\nExample: mpirun -n 2 dagan-worker campaigns/demo --trainer "
                 "build/bin/dagan-train"};
    app.set_version_flag("--version", kVersion);
    Arguments arguments;
    app.add_option("campaign", arguments.campaign, "the campaign's folder")->required();
    app.add_option("--trainer", arguments.trainer, "path of dagan-train")->required();
    app.add_option("--data", arguments.data, "folder of the data sets (default: where they were when the campaign began)");
    app.add_option("--restarts", arguments.restarts, "how often the job was started again so far");
    try {
        app.parse(argc, argv);
        return work(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const std::exception& error) {
        std::cerr << "dagan-worker: " << error.what() << '\n';
        return static_cast<int>(ExitCode::bug);
    }
}
