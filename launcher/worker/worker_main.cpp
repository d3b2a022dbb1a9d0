// dagan-worker: one MPI rank. Its loop looks at the mail, the trainers and, on rank 0, the coordinator, and pauses when nothing
// happens. Started by the supervisor through mpirun, or by srun: `dagan-worker CAMPAIGN --trainer PATH [--data DIR] [--restarts
// N]`.

#include "base/error.h"
#include "base/log.h"
#include "base/stop.h"
#include "base/topology.h"
#include "base/version.h"
#include "cluster/process/liveness.h"
#include "cluster/process/process_guard.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/device_choice.h"
#include "launcher/campaign/incarnation.h"
#include "launcher/coordinator/coordinator_session.h"
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
    int allocation = 1; // of those that share the campaign
    CoordinatorSession::Options
        run; // incarnation: see launcher/campaign/incarnation.h; 0: started by hand
    int64_t lease_s = kLease.count();
    std::string scratch = {}; // of this node; "": data is read from where it is
    bool try_out = false;
    Resources resources = {}; // for try_out; else the campaign's
};

void dispatch(const cluster::Envelope& envelope, Agent& agent, CoordinatorSession* run) {
    const Message message = decode_message(envelope.bytes);
    if (const auto* assign = std::get_if<Assign>(&message)) return agent.on_assign(*assign);
    if (std::holds_alternative<StopWork>(message)) return agent.on_stop_work();
    if (const auto* abandon = std::get_if<Abandon>(&message)) return agent.on_abandon(*abandon);
    if (const auto* lost = std::get_if<MemberLost>(&message)) return agent.on_member_lost(*lost);
    if (std::holds_alternative<ShutDown>(message)) return agent.on_shut_down();
    if (std::holds_alternative<Beat>(message)) return;
    require(run != nullptr, "what is for the coordinator is sent to rank 0");
    if (const auto* up = std::get_if<RankUp>(&message)) return run->on_rank_up(envelope.from, *up);
    if (const auto* progress = std::get_if<Progress>(&message))
        return run->coordinator().on_progress(*progress);
    if (const auto* ended = std::get_if<Ended>(&message))
        return run->coordinator().on_ended(*ended);
    if (std::holds_alternative<StopRequested>(message))
        return run->coordinator().on_stop_requested();
    throw Error(Blame::bug,
                fmt::format("a rank sent what only trainers send (kind {})", message.index()));
}

// Says that this rank is alive and notices when one that it depends on is not.
class Pulse {
  public:
    explicit Pulse(cluster::Mailbox& mailbox)
        : mailbox_(mailbox), watched_(cluster::ranks_watched_by(mailbox.rank(), mailbox.size())),
          heartbeat_(watched_, kLimits, std::chrono::steady_clock::now()) {}

    void on_message(int from) { heartbeat_.on_sign(from, std::chrono::steady_clock::now()); }
    // Throws Blame::system, which ends the job; the supervisor starts it again.
    void turn() {
        const auto now = std::chrono::steady_clock::now();
        if (heartbeat_.due(now)) {
            for (const int rank : watched_) mailbox_.send(rank, encode(Beat{}));
        }
        if (const auto lost = heartbeat_.lost(now)) {
            throw system_error(fmt::format(
                "rank {}: is dead or frozen: gave no sign of life for too long", *lost));
        }
    }

  private:
    static constexpr cluster::Heartbeat::Limits kLimits{.silence = std::chrono::seconds(10),
                                                        .first_sign = std::chrono::minutes(5)};
    cluster::Mailbox& mailbox_;
    std::vector<int> watched_;
    cluster::Heartbeat heartbeat_;
};

// A later job of this campaign has begun, as this one was thought dead: nothing more may be written, no last word either. All
// below this process dies with it.
[[noreturn]] void leave_to_later_job() {
    log_error("a later job has taken this campaign over; this rank leaves");
    ::raise(SIGKILL);
    std::abort();
}

// The loop of a rank. Ends when the coordinator says so and nothing of ours is under way.
void serve(Agent& agent, cluster::Mailbox& mailbox, CoordinatorSession* run,
           IncarnationWatch& fence) {
    cluster::Backoff backoff;
    Pulse pulse(mailbox);
    bool stop_sent = false;
    while (!agent.shut_down() || mailbox.unsent() > 0) {
        bool active = agent.busy_reducing();
        if (fence.superseded()) leave_to_later_job();
        if (stop_signalled() && !stop_sent) {
            stop_sent = true;
            mailbox.send(0, encode(StopRequested{}));
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

// On a full disk even this may fail; the job log has the message then.
void leave_last_word(const CampaignFolder& folder, const Error& error) {
    try {
        write_ending(folder,
                     {CampaignState::failed, static_cast<int>(error.blame()), error.what()});
    } catch (const Error& unwritten) {
        std::cerr << unwritten.what() << '\n';
    }
}

// The node's own copy of the data, from which its trainers then read. Before MPI_Init: ranks may wait here for minutes.
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
        leave_last_word(folder, error);
        throw;
    }
}

void require_connection(const CampaignFolder& folder) {
    const auto problem = cluster::unconnected_problem(std::getenv);
    if (!problem) return;
    const Error error = input_error(*problem);
    leave_last_word(folder, error);
    throw error;
}

int work(Arguments arguments) {
    const CampaignFolder folder =
        CampaignFolder(arguments.campaign).of_allocation(arguments.allocation);
    arguments.run.lease = std::chrono::seconds(arguments.lease_s);
    require_connection(folder);
    cluster::Spawner spawner; // forks, so it comes before MPI_Init
    const std::unique_ptr<StagedData> staged = stage_data(arguments, folder);
    cluster::MpiWorld world;
    log_to_file(folder.rank_log(world.rank()), fmt::format("agent {}", ::getpid()),
                LogFlush::when_told);
    IncarnationWatch fence(folder, arguments.run.incarnation);
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
            std::optional<CoordinatorSession> run;
            if (world.rank() == 0) run.emplace(folder, manifest, plan, *mailbox, arguments.run);
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
            serve(agent, *mailbox, run ? &*run : nullptr, fence);
            if (run) exit_code = run->ending().exit_code;
        }
        world.finalize();
        return exit_code;
    } catch (const Error& error) {
        log_error("{}", error.what());
        std::cerr << error.what() << '\n';
        if (fence.superseded_now()) leave_to_later_job();
        leave_last_word(folder, error);
        world.abort(static_cast<int>(error.blame()));
    }
}

// `dagan doctor`'s trial: the ranks meet, say what is wrong, and end.
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
                   "folder of the data sets (default: where they were when the campaign began)");
    app.add_option("--scratch", arguments.scratch,
                   "folder on the node's own disk to copy the data sets to and read them from");
    app.add_option("--device", arguments.device,
                   "cpu or cuda: what its trainers compute on (default: as the campaign began)")
        ->check(CLI::IsMember({"cpu", "cuda"}));
    app.add_option("--allocation", arguments.allocation,
                   "which of the allocations that share the campaign this is");
    app.add_option("--lease", arguments.lease_s,
                   "seconds without a sign of life after which others take its tasks over");
    app.add_option("--restarts", arguments.run.restarts,
                   "how often the job was started again so far");
    app.add_option("--incarnation", arguments.run.incarnation,
                   "the job's number; a later one fences it off");
    app.add_option("--deadline", arguments.run.deadline_s,
                   "when the allocation ends, seconds since 1970; it stops before");
    app.add_flag("--try-out", arguments.try_out,
                 "only see whether the ranks find each other and the machine suits them");
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
    CLI::App app{"One MPI rank of a campaign; `dagan run` starts it.\nExample: mpirun -n 2 "
                 "dagan-worker campaigns/demo --trainer "
                 "build/bin/dagan-train"};
    app.set_version_flag("--version", kVersion);
    Arguments arguments;
    add_options(app, arguments);
    try {
        app.parse(argc, argv);
        return arguments.try_out ? try_out(arguments) : work(arguments);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const Error& error) {
        std::cerr << "dagan-worker: " << error.what() << '\n';
        return static_cast<int>(error.blame());
    } catch (const std::exception& error) {
        std::cerr << "dagan-worker: " << error.what() << '\n';
        return static_cast<int>(ExitCode::bug);
    }
}
