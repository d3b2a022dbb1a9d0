// dagan run, status, stop, explain, logs, reproduce
#include "base/duration.h"
#include "base/error.h"
#include "base/host_facts.h"
#include "base/program_folder.h"
#include "cluster/host/slurm_environment.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/campaign_status.h"
#include "launcher/campaign/device_choice.h"
#include "launcher/campaign/reuse.h"
#include "launcher/campaign/task_history.h"
#include "launcher/cli/commands.h"
#include "launcher/cli/reproduce.h"
#include "launcher/cli/sweep_arguments.h"
#include "launcher/coordinator/forecast.h"
#include "launcher/doctor/machine_checks.h"
#include "launcher/slurm/submission.h"
#include "launcher/supervisor/supervisor.h"
#include "sweeps/expand.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <thread>

namespace dagan::launcher {

namespace {
struct RunArguments {
    SweepArguments sweep;
    std::string output;
    std::string device = "auto";
    std::string time;  // "": no limit
    std::string reuse; // the folder of another campaign; "": none
    int ranks = 0;
    std::optional<int64_t> lease_s;
    bool quiet = false;
};

// As many ranks as the cores suffice for, and at least those of a gang.
int default_ranks(const Resources& resources) {
    const int cores_per_rank = resources.trainers_per_rank * resources.threads_per_trainer;
    return std::max({1, resources.gan_ranks, available_cores() / std::max(1, cores_per_rank)});
}

// Returns the time in seconds since 1970 at which a wall time, in Slurm's format, will be over.
int64_t deadline_after(const std::string& time) {
    const auto span = parse_wall_time(time);
    if (!span)
        throw input_error(
            fmt::format("--time {}: wanted a time such as 01:30:00, 2-00:00:00, or minutes", time));
    return std::time(nullptr) + span->count();
}

// Replaces this process by the supervisor. Its command line contains the campaign's absolute path,
// by which operators find all processes of a campaign.
[[noreturn]] void become_supervisor(const CampaignFolder& folder, int ranks,
                                    const Manifest& manifest, const RunArguments& given) {
    const std::string program = (program_folder() / "dagan").string(),
                      root = folder.root().string(), count = std::to_string(ranks);
    std::vector<const char*> argv{program.c_str(),
                                  "supervise",
                                  root.c_str(),
                                  "-n",
                                  count.c_str(),
                                  "--data",
                                  manifest.data_folder.c_str(),
                                  "--device",
                                  manifest.device.c_str()};
    const std::string deadline =
        given.time.empty() ? "" : std::to_string(deadline_after(given.time));
    if (!deadline.empty()) argv.insert(argv.end(), {"--deadline", deadline.c_str()});
    const std::string lease = given.lease_s ? std::to_string(*given.lease_s) : "";
    if (!lease.empty()) argv.insert(argv.end(), {"--lease", lease.c_str()});
    if (given.quiet) argv.push_back("--quiet");
    argv.push_back(nullptr);
    std::cout.flush();
    ::execv(program.c_str(), const_cast<char* const*>(argv.data()));
    throw system_error(program + ": cannot be started: " + errno_text(errno));
}

// A campaign that continues keeps its device.
DeviceChoice device_of(const CampaignFolder& folder, const RunArguments& arguments) {
    const bool continues = std::filesystem::exists(folder.manifest());
    DeviceChoice choice =
        choose_device(arguments.device, continues ? read_manifest(folder).device : "");
    if (!choice.why.empty() && !arguments.quiet)
        fmt::print(stderr, "device: {} ({})\n", choice.device, choice.why);
    return choice;
}

void refuse_inherited_job() {
    const Check check = check_inherited_job(std::getenv, ancestor_names());
    if (check.severity == Severity::fault) throw input_error(check.text);
}

void reuse(const CampaignFolder& from, const CampaignFolder& folder, const Manifest& manifest) {
    if (is_held(folder))
        throw input_error(folder.root().string() +
                          ": is running; hint: use --reuse when it has stopped");
    const std::vector<std::string> tasks = reuse_finished(from, folder, manifest);
    if (tasks.empty()) {
        fmt::print(stderr,
                   "reused from {}: nothing: no finished task there is a task of this sweep that "
                   "is unfinished here; hint: the options of DAGAN, selector, data, seed and gang "
                   "must be equal\n",
                   from.root().string());
    } else {
        fmt::print(stderr, "reused from {}: {}\n", from.root().string(), fmt::join(tasks, ", "));
    }
}

void run(const RunArguments& arguments) {
    refuse_inherited_job();
    const sweeps::LoadedSweep loaded = load(arguments.sweep, sweeps::MissingData::refuse);
    const int ranks = arguments.ranks > 0 ? arguments.ranks : default_ranks(loaded.sweep.resources);
    const Plan plan = sweeps::expand(loaded);
    const CampaignFolder folder(arguments.output.empty() ? "campaigns/" + loaded.sweep.name
                                                         : arguments.output);
    const DeviceChoice device = device_of(folder, arguments);
    const bool gpus = device.device == "cuda";
    // Throws if a gang does not fit on the ranks.
    const SavedForecast forecast =
        make_forecast(plan, loaded.sweep.resources, ranks, gpus, calibrated_rate(gpus));
    const Manifest manifest =
        begin_campaign(folder, loaded, arguments.sweep.data_folder(), device.device);
    keep_forecast(folder.forecast(), forecast);
    if (!arguments.reuse.empty()) reuse(CampaignFolder(arguments.reuse), folder, manifest);
    become_supervisor(folder, ranks, manifest, arguments);
}

void add_run(CLI::App& app) {
    auto* command = app.add_subcommand(
        "run", "runs a sweep, or continues it: only unfinished tasks run\nExample: dagan run "
               "sweeps/demo.yaml -n 2 -o campaigns/demo");
    auto arguments = std::make_shared<RunArguments>();
    arguments->sweep.add_to(*command);
    command
        ->add_option("-n,--ranks", arguments->ranks,
                     "MPI ranks (default: as many as the cores suffice for)")
        ->check(CLI::Range(1, 1000000));
    command->add_option("-o,--output", arguments->output,
                        "the campaign's folder (default: campaigns/NAME)");
    command
        ->add_option("--device", arguments->device,
                     "cpu, cuda, or auto: a GPU if there is a usable one (default)")
        ->check(CLI::IsMember(kDeviceChoices));
    command->add_option(
        "--time", arguments->time,
        "stop with checkpoints (exit code 75) within this time: 01:30:00, or minutes");
    command->add_option(
        "--reuse", arguments->reuse,
        "folder of another campaign: copy its finished DAGANs, selectors and pools that are the "
        "same tasks here; to compare options of the classifiers on which the selector does not "
        "depend: generation, pool_size, epoch_select, mark_generated");
    arguments->sweep.add_store_to(*command);
    add_lease(*command, arguments->lease_s);
    command->add_flag("-q,--quiet", arguments->quiet, "print no progress");
    command->callback([arguments] { run(*arguments); });
}

// Sets the options that a Slurm job determines: its end, its number and its restarts. Checks that
// programs, sweep and data are those that were submitted.
void apply_slurm_job(const CampaignFolder& folder, SupervisorOptions& options) {
    const cluster::SlurmEnvironment slurm = cluster::slurm_environment(std::getenv);
    if (!options.job.deadline_s) options.job.deadline_s = slurm.end_time_s;
    if (options.job.starter.empty() || !slurm.in_job()) return; // not a batch job of `dagan submit`
    options.slurm_job = slurm.job_id;
    options.restarts_before = slurm.restarts;
    require_as_submitted(folder, read_manifest(folder), program_folder(), options.job.data_folder);
}

void add_supervise(CLI::App& app, int& exit_code) {
    auto* command =
        app.add_subcommand(
               "supervise",
               "runs the MPI job of a campaign; `dagan run` and the batch script become this")
            ->group("");
    struct Arguments {
        std::string folder;
        SupervisorOptions options;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder)->required();
    command->add_option("starter",
                        arguments->options.job.starter); // after `--`; default: mpirun -n
    command->add_option("-n", arguments->options.job.ranks);
    command->add_option("--deadline", arguments->options.job.deadline_s);
    command->add_option("--lease", arguments->options.job.lease_s);
    command->add_option("--scratch", arguments->options.job.scratch);
    command->add_option("--data", arguments->options.job.data_folder)->required();
    command->add_option("--device", arguments->options.job.device)->required();
    command->add_flag("--quiet", arguments->options.quiet);
    command->callback([arguments, &exit_code] {
        const CampaignFolder folder(arguments->folder);
        apply_slurm_job(folder, arguments->options);
        exit_code = supervise(folder, arguments->options);
    });
}

Status current_status(const CampaignFolder& folder) {
    read_manifest(folder); // throws if the folder is not a campaign
    const auto status = present_status(folder);
    if (!status) {
        const bool submitted = std::filesystem::exists(folder.submission());
        throw input_error(folder.root().string() +
                          (submitted ? ": waits in Slurm's queue; hint: squeue --me --start"
                                     : ": has not been started yet"));
    }
    return *status;
}

void add_status(CLI::App& app) {
    auto* command = app.add_subcommand(
        "status",
        "prints the progress of a campaign\nExample: dagan status campaigns/demo --watch");
    struct Arguments {
        std::string folder, format = "table";
        bool watch = false;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command->add_option("--format", arguments->format, "table or json")
        ->check(CLI::IsMember({"table", "json"}));
    command->add_flag("--watch", arguments->watch, "repeat every second until the campaign ends");
    command->callback([arguments] {
        const CampaignFolder folder(arguments->folder);
        for (;;) {
            const Status status = current_status(folder);
            if (arguments->watch && ::isatty(STDOUT_FILENO) != 0) std::cout << "\033[H\033[2J";
            std::cout << (arguments->format == "json" ? status_json(status) : status_table(status))
                      << std::flush;
            if (!arguments->watch || status.state != CampaignState::running) return;
            std::this_thread::sleep_for(std::chrono::seconds(1));
        }
    });
}

void add_stop(CLI::App& app) {
    auto* command =
        app.add_subcommand("stop", "asks a running campaign to write checkpoints and end (exit "
                                   "code 75)\nExample: dagan stop campaigns/demo");
    auto folder = std::make_shared<std::string>();
    command->add_option("folder", *folder, "the campaign's folder")->required();
    command->callback([folder] {
        request_stop(CampaignFolder(*folder));
        fmt::print("asked to stop; watch it with `dagan status {}`\n", *folder);
    });
}

void add_task_command(CLI::App& app, const std::string& name, const std::string& help,
                      std::string (*answer)(const CampaignFolder&, const Manifest&,
                                            const std::string&)) {
    auto* command = app.add_subcommand(
        name, fmt::format("{}\nExample: dagan {} campaigns/demo 'gan strokes'", help, name));
    struct Arguments {
        std::string folder, task;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command
        ->add_option("task", arguments->task,
                     "the task: its key, the beginning of its key, or its label")
        ->required();
    command->callback([arguments, answer] {
        const CampaignFolder folder(arguments->folder);
        std::cout << answer(folder, read_manifest(folder), arguments->task);
    });
}

void add_reproduce(CLI::App& app, int& exit_code) {
    auto* command = app.add_subcommand(
        "reproduce", "runs the classifier of one row again and compares the results (exit code 4 "
                     "if they differ)\n"
                     "Example: dagan reproduce campaigns/demo 'classifier strokes n=5 m=1 seed=0'");
    struct Arguments {
        std::string folder, task;
    };
    auto arguments = std::make_shared<Arguments>();
    command->add_option("folder", arguments->folder, "the campaign's folder")->required();
    command
        ->add_option("task", arguments->task,
                     "the classifier: its key, the beginning of its key, or its label")
        ->required();
    command->callback([arguments, &exit_code] {
        const CampaignFolder folder(arguments->folder);
        const Reproduction reproduction = reproduce(folder, read_manifest(folder), arguments->task);
        std::cout << reproduction.text;
        if (!reproduction.equal) exit_code = static_cast<int>(ExitCode::some_failed);
    });
}
} // namespace

void add_run_commands(CLI::App& app, int& exit_code) {
    add_run(app);
    add_supervise(app, exit_code);
    add_status(app);
    add_stop(app);
    add_reproduce(app, exit_code);
    add_task_command(app, "explain",
                     "explains a task: why it waits or failed, where it ran, what it cost",
                     explain);
    add_task_command(app, "logs", "prints the log lines of one task", log_of);
}

} // namespace dagan::launcher
