// dagan-worker: one MPI rank of a campaign. Its loop handles messages, trainers and, on rank 0, the
// coordinator, and pauses when nothing happens. The supervisor starts it through mpirun or srun:
// `dagan-worker CAMPAIGN --trainer PATH [--data DIR] [--restarts N] ...`.

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/version.h"
#include "cluster/process/liveness.h"
#include "cluster/process/process_guard.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/device_choice.h"
#include "launcher/campaign/incarnation.h"
#include "launcher/coordinator/coordinator_session.h"
#include "launcher/program/run_main.h"
#include "launcher/worker/agent.h"
#include "launcher/worker/rank_startup.h"
#include "launcher/worker/staging.h"

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <optional>

namespace dagan::launcher {
namespace {

struct Arguments {
    std::string campaign, trainer, data, device;
    int allocation = 1;
    CoordinatorSession::Options session;
    int64_t lease_s = kLease.count();
    // A folder on this node's own disk; "": data is read from the data folder.
    std::string scratch = {};
    bool try_out = false;
    // Used with try_out; otherwise those of the campaign apply.
    Resources resources = {};
};

void dispatch(const cluster::Envelope& envelope, Agent& agent, CoordinatorSession* session) {
    const Message message = decode_message(envelope.bytes);
    if (const auto* assign = std::get_if<Assign>(&message)) return agent.on_assign(*assign);
    if (std::holds_alternative<StopWork>(message)) return agent.on_stop_work();
    if (const auto* abandon = std::get_if<Abandon>(&message)) return agent.on_abandon(*abandon);
    if (const auto* lost = std::get_if<MemberLost>(&message)) return agent.on_member_lost(*lost);
    if (std::holds_alternative<ShutDown>(message)) return agent.on_shut_down();
    if (std::holds_alternative<Heartbeat>(message)) return;
    require(session != nullptr, "messages for the coordinator are sent to rank 0");
    if (const auto* up = std::get_if<RankUp>(&message))
        return session->on_rank_up(Rank::from(envelope.from), *up);
    if (const auto* progress = std::get_if<Progress>(&message))
        return session->coordinator().on_progress(*progress);
    if (const auto* ended = std::get_if<Ended>(&message))
        return session->coordinator().on_ended(*ended);
    if (std::holds_alternative<StopRequested>(message))
        return session->coordinator().on_stop_requested();
    throw Error(Blame::bug, fmt::format("a rank sent a message that only trainers send (kind {})",
                                        message.index()));
}

// Sends heartbeats to the ranks that watch this one, and detects when a rank that it watches is
// dead.
class RankLiveness {
  public:
    explicit RankLiveness(cluster::Mailbox& mailbox)
        : mailbox_(mailbox), watched_(cluster::ranks_watched_by(mailbox.rank(), mailbox.size())),
          heartbeat_(watched_, kLimits, std::chrono::steady_clock::now()) {}

    void on_message(int from) { heartbeat_.on_sign(from, std::chrono::steady_clock::now()); }
    // Throws Blame::system if a rank is dead. That ends the job; the supervisor restarts it.
    void turn() {
        const auto now = std::chrono::steady_clock::now();
        if (heartbeat_.due(now)) {
            for (const int rank : watched_) mailbox_.send(rank, encode(Heartbeat{}));
        }
        if (const auto lost = heartbeat_.lost(now)) {
            throw system_error(
                fmt::format("rank {}: is dead or frozen: sent no message for too long", *lost));
        }
    }

  private:
    static constexpr cluster::Heartbeat::Limits kLimits{.silence = std::chrono::seconds(10),
                                                        .first_sign = std::chrono::minutes(5)};
    cluster::Mailbox& mailbox_;
    std::vector<int> watched_;
    cluster::Heartbeat heartbeat_;
};

// Ends this process after a later job of the campaign has begun, because this job was thought dead.
// Nothing more may be written, not even the ending. All child processes die with this one.
[[noreturn]] void leave_to_later_job() {
    log_error("a later job has taken over this campaign; this rank ends");
    ::raise(SIGKILL);
    std::abort();
}

// The loop of a rank. Returns once the coordinator has ended the job and all messages are sent.
void serve(Agent& agent, cluster::Mailbox& mailbox, CoordinatorSession* session,
           IncarnationWatch& incarnation) {
    cluster::Backoff backoff;
    RankLiveness liveness(mailbox);
    bool stop_sent = false;
    while (!agent.shut_down() || mailbox.unsent() > 0) {
        bool active = agent.busy_reducing();
        if (incarnation.superseded()) leave_to_later_job();
        if (stop_signalled() && !stop_sent) {
            stop_sent = true;
            mailbox.send(0, encode(StopRequested{}));
        }
        while (const auto envelope = mailbox.receive()) {
            active = true;
            liveness.on_message(envelope->from);
            dispatch(*envelope, agent, session);
        }
        if (!agent.shut_down()) liveness.turn();
        active |= agent.turn();
        if (session != nullptr && !agent.shut_down()) session->turn();
        if (active) backoff.on_activity();
        flush_log();
        backoff.pause(agent.watches());
    }
}

std::string device_of(const Arguments& arguments, const Manifest& manifest) {
    return arguments.device.empty() ? manifest.device : arguments.device;
}

cluster::ProgramStart trainer_program(const Arguments& arguments, const CampaignFolder& folder,
                                      const Manifest& manifest, int rank) {
    const std::string threads = std::to_string(manifest.sweep.resources.threads_per_trainer);
    const std::string device = device_of(arguments, manifest);
    cluster::ProgramStart start{
        .argv = {arguments.trainer, "work", folder.root().string(), "--rank", std::to_string(rank),
                 "--data", arguments.data.empty() ? manifest.data_folder : arguments.data,
                 "--threads", threads, "--device", device, "--allocation",
                 std::to_string(folder.allocation())},
        .environment = device_environment(device)};
    start.environment.push_back("OMP_NUM_THREADS=" + threads);
    start.environment.push_back("MKL_NUM_THREADS=" + threads);
    return start;
}

// Records the error as the ending of the job. If that fails too (full disk), the job log has both
// messages.
void record_failure(const CampaignFolder& folder, const Error& error) {
    try {
        write_ending(folder,
                     {CampaignState::failed, static_cast<int>(error.blame()), error.what()});
    } catch (const Error& unwritten) {
        std::cerr << unwritten.what() << '\n';
    }
}

// Copies the data sets to this node's scratch disk, and makes the trainers read them there. Called
// before MPI_Init, because ranks may wait here for minutes.
std::unique_ptr<StagedData> stage_data(Arguments& arguments, const CampaignFolder& folder) {
    if (arguments.scratch.empty()) return nullptr;
    try {
        const Manifest manifest = read_manifest(folder);
        auto staged = std::make_unique<StagedData>(
            manifest, arguments.data.empty() ? manifest.data_folder : arguments.data,
            expand_variables(arguments.scratch, std::getenv));
        arguments.data = staged->folder().string();
        return staged;
    } catch (const Error& error) {
        record_failure(folder, error);
        throw;
    }
}

void require_connection(const CampaignFolder& folder) {
    const auto problem = cluster::unconnected_problem(std::getenv);
    if (!problem) return;
    const Error error = input_error(*problem);
    record_failure(folder, error);
    throw error;
}

int work(Arguments arguments) {
    const CampaignFolder folder =
        CampaignFolder(arguments.campaign).of_allocation(arguments.allocation);
    arguments.session.lease = std::chrono::seconds(arguments.lease_s);
    require_connection(folder);
    cluster::Spawner spawner; // forks, so it must precede MPI_Init
    const std::unique_ptr<StagedData> staged = stage_data(arguments, folder);
    cluster::MpiWorld world;
    log_to_file(folder.rank_log(world.rank()), fmt::format("agent {}", ::getpid()),
                LogFlush::when_told);
    IncarnationWatch incarnation(folder, arguments.session.incarnation);
    try {
        const Manifest manifest = read_manifest(folder);
        const Resources& resources = manifest.sweep.resources;
        const cluster::ProgramStart trainer =
            trainer_program(arguments, folder, manifest, world.rank());
        check_start(world, trainer, resources, folder.warnings());
        const Plan plan = manifest.plan();
        const std::string host = world.host();
        int exit_code = 0;
        {
            const auto mailbox = cluster::make_mpi_mailbox(world);
            std::optional<CoordinatorSession> session;
            if (world.rank() == 0)
                session.emplace(folder, manifest, plan, *mailbox, arguments.session);
            Agent agent(
                {.slots = resources.trainers_per_rank,
                 .spares = 1,
                 .on_gpus = device_of(arguments, manifest) == "cuda",
                 .trainer = trainer},
                *mailbox, spawner,
                [&](const std::vector<int>& members, int tag) {
                    return cluster::make_mpi_collectives(world, members, tag);
                },
                host);
            serve(agent, *mailbox, session ? &*session : nullptr, incarnation);
            if (session) exit_code = session->ending().exit_code;
        }
        world.finalize();
        return exit_code;
    } catch (const Error& error) {
        log_error("{}", error.what());
        std::cerr << error.what() << '\n';
        if (incarnation.superseded_now()) leave_to_later_job();
        record_failure(folder, error);
        world.abort(static_cast<int>(error.blame()));
    }
}

// The trial job of `dagan doctor`: the ranks connect, report problems and end.
int try_out(const Arguments& arguments) {
    if (const auto problem = cluster::unconnected_problem(std::getenv)) throw input_error(*problem);
    cluster::MpiWorld world;
    try {
        cluster::ProgramStart trainer{.argv = {arguments.trainer}, .environment = {}};
        if (!arguments.device.empty()) trainer.environment = device_environment(arguments.device);
        const int exit_code = probe(world, trainer, arguments.resources);
        world.finalize();
        return exit_code;
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        world.abort(static_cast<int>(error.blame()));
    }
}

void add_options(CLI::App& app, Arguments& arguments) {
    app.add_option("campaign", arguments.campaign, "the campaign's folder")->required();
    app.add_option("--trainer", arguments.trainer, "path of dagan-train")->required();
    app.add_option("--data", arguments.data,
                   "folder of the data sets (default: the one of the manifest)");
    app.add_option("--scratch", arguments.scratch,
                   "folder on the node's own disk to copy the data sets to and read them from");
    app.add_option("--device", arguments.device,
                   "device of the trainers, cpu or cuda (default: the one of the manifest)")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    app.add_option("--allocation", arguments.allocation,
                   "number of this allocation, if several share the campaign");
    app.add_option("--lease", arguments.lease_s,
                   "seconds without a heartbeat after which other allocations take over its tasks");
    app.add_option("--restarts", arguments.session.restarts,
                   "how often the job has been restarted");
    app.add_option("--incarnation", arguments.session.incarnation,
                   "number of the job, which ends when a later one begins (0: started by hand)");
    app.add_option("--deadline", arguments.session.deadline_s,
                   "end of the allocation, in seconds since 1970; the job stops before it");
    app.add_flag("--try-out", arguments.try_out,
                 "only check that the ranks connect and suit the machine, then end");
    app.add_option("--trainers-per-rank", arguments.resources.trainers_per_rank, "for --try-out");
    app.add_option("--threads-per-trainer", arguments.resources.threads_per_trainer,
                   "for --try-out");
    app.add_option("--gan-ranks", arguments.resources.gan_ranks, "for --try-out");
}

} // namespace
} // namespace dagan::launcher

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::launcher;
    const pid_t parent = ::getppid();
    cluster::die_with_parent(parent);
    cluster::ignore_broken_pipes();
    catch_stop_signals();
    CLI::App app{
        "One MPI rank of a campaign; `dagan run` starts it.\n"
        "Example: mpirun -n 2 dagan-worker campaigns/demo --trainer build/bin/dagan-train"};
    app.set_version_flag("--version", kVersion);
    Arguments arguments;
    add_options(app, arguments);
    return run_main(app, argc, argv, {.program = "dagan-worker", .error_prefix = "dagan-worker: "},
                    [&] { return arguments.try_out ? try_out(arguments) : work(arguments); });
}
