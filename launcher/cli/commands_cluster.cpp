// dagan submit, doctor
#include "base/error.h"
#include "base/program_folder.h"
#include "base/version.h"
#include "launcher/campaign/campaign.h"
#include "launcher/campaign/campaign_status.h"
#include "launcher/cli/commands.h"
#include "launcher/cli/sweep_arguments.h"
#include "launcher/doctor/doctor.h"
#include "launcher/slurm/batch_script.h"
#include "launcher/slurm/site_profile.h"
#include "launcher/slurm/submission.h"
#include "launcher/slurm/submit.h"
#include "sweeps/expand.h"

#include <fmt/format.h>

#include <algorithm>
#include <iostream>
#include <memory>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
struct SubmitArguments {
    SweepArguments sweep;
    std::string profile, output, nodes, time;
    std::optional<int64_t> lease_s;
    bool dry_run = false;
};

SiteProfile profile_of(const SubmitArguments& arguments, const fs::path& path) {
    SiteProfile profile =
        load_site_profile(path, {{"nodes", arguments.nodes}, {"time", arguments.time}});
    if (profile.scheduler == Scheduler::none) {
        throw input_error(fmt::format("{}: is not the profile of a cluster (scheduler: none); "
                                      "hint: use `dagan run` on that machine",
                                      path.string()));
    }
    return profile;
}

// The device is that of the profile, because the login node may have none.
std::string device_of(const SiteProfile& profile) {
    return profile.gpus_per_node > 0 ? "cuda" : "cpu";
}

// Checks that the programs support the device, and that it is the device with which the campaign
// began: all rows of a campaign are computed on one kind of device.
void check_device(const CampaignFolder& folder, const std::string& device,
                  const fs::path& profile) {
    if (device == "cuda" && !fs::exists(program_folder() / "libdagan_cuda.so")) {
        throw input_error(fmt::format("{}: gpus_per_node: libdagan_cuda.so was not built; hint: "
                                      "make setup CUDA=1 && make build, or gpus_per_node: 0",
                                      profile.string()));
    }
    if (!fs::exists(folder.manifest())) return;
    const std::string recorded = read_manifest(folder).device;
    if (recorded == device) return;
    throw input_error(fmt::format("{}: this campaign began with {}, but the profile {} requires "
                                  "{}; hint: name a new folder with -o",
                                  folder.root().string(), recorded, profile.string(), device));
}

// A results file has one writer; a database on a server may have several.
void refuse_second_job(const CampaignFolder& folder) {
    if (!is_held(folder) || !read_manifest(folder).store.empty()) return;
    throw input_error(
        folder.root().string() +
        ": is running now; hint: watch it with `dagan status`; several jobs can share a campaign "
        "that began with a PostgreSQL database (store: postgresql://...)");
}

void submit(const SubmitArguments& arguments) {
    const fs::path profile_path = find_site_profile(arguments.profile, program_folder());
    const SiteProfile profile = profile_of(arguments, profile_path);
    const sweeps::LoadedSweep loaded = load(arguments.sweep, sweeps::MissingData::refuse);
    const Plan plan = sweeps::expand(loaded);
    const SavedForecast forecast = make_forecast_at(profile, loaded.sweep, plan);
    // On stderr, because stdout may be the script.
    fmt::print(stderr, "{}", submission_plan(loaded.sweep, plan, profile, forecast));
    const CampaignFolder folder(arguments.output.empty() ? "campaigns/" + loaded.sweep.name
                                                         : arguments.output);
    const BatchJob job{.name = loaded.sweep.name,
                       .campaign = folder.root().string(),
                       .programs = program_folder().string(),
                       .data_folder =
                           fs::absolute(arguments.sweep.data_folder()).lexically_normal().string(),
                       .device = device_of(profile),
                       .created_by = std::string("dagan ") + kVersion,
                       .lease_s = arguments.lease_s,
                       .profile = profile,
                       .profile_path = profile_path.string()};
    if (arguments.dry_run) {
        std::cout << batch_script(job);
        return;
    }
    check_device(folder, job.device, profile_path);
    refuse_second_job(folder);
    const Manifest manifest = begin_campaign(folder, loaded, job.data_folder, job.device);
    keep_forecast(folder.forecast(), forecast);
    write_submission(folder, submission_of(manifest, job.programs, job.data_folder));
    const std::string number = submit_to_slurm(folder, job);
    fmt::print("submitted job {}; watch it with `dagan status {}`, end it with `dagan stop {}` or "
               "`scancel {}`\n",
               number, folder.root().string(), folder.root().string(), number);
}

void add_submit(CLI::App& app) {
    auto* command = app.add_subcommand(
        "submit",
        "prints the plan of a sweep for a site, writes its batch script and submits it to Slurm\n"
        "Example: dagan submit sweeps/table1.yaml --profile mysite --dry-run");
    auto arguments = std::make_shared<SubmitArguments>();
    arguments->sweep.add_to(*command);
    command->add_option("--profile", arguments->profile, "a name in cluster/profiles, or a file")
        ->required();
    command->add_option("-o,--output", arguments->output,
                        "the campaign's folder (default: campaigns/NAME)");
    command->add_option("--nodes", arguments->nodes,
                        "replaces the profile's nodes: 4, or a range such as 2-4");
    command->add_option("--time", arguments->time,
                        "replaces the profile's wall time of a job: 01:30:00, or minutes");
    arguments->sweep.add_store_to(*command);
    add_lease(*command, arguments->lease_s);
    command->add_flag("--dry-run", arguments->dry_run,
                      "prints the script only; writes and submits nothing");
    command->callback([arguments] { submit(*arguments); });
}

void add_doctor(CLI::App& app, int& exit_code) {
    auto* command = app.add_subcommand(
        "doctor",
        "checks this machine, a site profile, a sweep and its data, and suggests a fix for every "
        "problem (exit code 3 if there is a fault)\nExample: dagan doctor sweeps/table1.yaml -n 4");
    struct Arguments {
        SweepArguments sweep;
        std::string profile, output = "campaigns", store;
        int ranks = 0;
    };
    auto arguments = std::make_shared<Arguments>();
    arguments->sweep.add_to(*command);
    command->get_option("sweep")->required(false);
    command->add_option("--store", arguments->store,
                        "PostgreSQL database for the results (postgresql://...), to check as well");
    command
        ->add_option("-n,--ranks", arguments->ranks,
                     "ranks on this machine (default: those of the profile, otherwise of a gang)")
        ->check(CLI::Range(1, 100000));
    command->add_option("--profile", arguments->profile, "a name in cluster/profiles, or a file");
    command->add_option("-o,--output", arguments->output,
                        "the campaign's folder, which need not exist yet (default: campaigns)");
    command->callback([arguments, &exit_code] {
        DoctorOptions options{.ranks = arguments->ranks,
                              .profile = {},
                              .sweep = {},
                              .data_folder = arguments->sweep.data_folder(),
                              .output = arguments->output,
                              .store = arguments->store};
        if (!options.store.empty() && !results::Location::parse(options.store).is_server()) {
            throw input_error(fmt::format(
                "--store {}: wanted a PostgreSQL database such as postgresql://user@host/database",
                options.store));
        }
        if (!arguments->profile.empty())
            options.profile =
                load_site_profile(find_site_profile(arguments->profile, program_folder()));
        if (!arguments->sweep.sweep.empty())
            options.sweep = load(arguments->sweep, sweeps::MissingData::use_expect);
        const std::vector<Check> checks = examine(options);
        std::cout << checks_text(checks);
        const auto is_fault = [](const Check& check) { return check.severity == Severity::fault; };
        if (std::any_of(checks.begin(), checks.end(), is_fault))
            exit_code = static_cast<int>(ExitCode::system);
    });
}
} // namespace

void add_cluster_commands(CLI::App& app, int& exit_code) {
    add_submit(app);
    add_doctor(app, exit_code);
}

} // namespace dagan::launcher
