#include "launcher/slurm/submit.h"

#include "base/duration.h"
#include "base/error.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "cluster/host/slurm_environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
std::string range_text(double expected, double factor,
                       const std::function<std::string(double)>& text) {
    return fmt::format("{} ({} to {})", text(expected), text(expected / factor),
                       text(expected * factor));
}
} // namespace

int expected_jobs(double makespan_s, std::chrono::seconds wall_time) {
    const auto usable =
        std::chrono::duration<double>(std::max(wall_time - kWarning, std::chrono::seconds(1)))
            .count();
    return std::max(1, static_cast<int>(std::ceil(makespan_s / usable)));
}

SavedForecast make_forecast_at(const SiteProfile& profile, const Sweep& sweep, const Plan& plan) {
    const bool gpus = profile.gpus_per_node > 0;
    return make_forecast(plan, sweep.resources, profile.fewest_ranks(), gpus,
                         calibrated_rate(gpus));
}

std::string submission_plan(const Sweep& sweep, const Plan& plan, const SiteProfile& profile,
                            const SavedForecast& saved) {
    const Forecast& forecast = saved.forecast;
    const double uncertainty = saved.rate.uncertainty;
    std::map<std::string, int> kinds;
    for (const PlannedTask& task : plan.tasks) ++kinds[to_string(kind_of(task.spec))];
    const char* hours = profile.gpus_per_node > 0 ? "GPU hours" : "rank hours";
    std::string text = fmt::format("{}: {} tasks on {} nodes x {} ranks\n", sweep.name,
                                   plan.tasks.size(), profile.nodes, profile.ranks_per_node);
    for (const auto& [kind, count] : kinds)
        text += fmt::format("  {:<11} {:>6} tasks\n", kind, count);
    text += fmt::format("  {:<11} {}\n", hours,
                        range_text(forecast.rank_seconds / 3600, uncertainty,
                                   [](double h) { return fmt::format("{:.1f}", h); }));
    text += fmt::format("  {:<11} {}\n", "makespan",
                        range_text(forecast.makespan_s, uncertainty, duration_in_two_units));
    text += fmt::format(
        "  {:<11} {} of {} each\n", "jobs",
        range_text(forecast.makespan_s, uncertainty,
                   [&](double s) { return std::to_string(expected_jobs(s, profile.wall_time())); }),
        profile.time);
    text += fmt::format("  {:<11} {:.1f} MiB\n", "disk",
                        static_cast<double>(disk_bytes(plan)) / (1 << 20));
    return text;
}

std::string submit_to_slurm(const CampaignFolder& folder, const BatchJob& job) {
    fs::create_directories(folder.logs()); // a job fails silently if its output has no folder
    write_atomically(folder.batch_script(), batch_script(job));
    fs::permissions(folder.batch_script(), fs::perms::owner_exec, fs::perm_options::add);
    const ProgramOutput sbatch =
        run_program({"sbatch", "--parsable", folder.batch_script().string()},
                    cluster::without_job_variables(own_environment()));
    if (sbatch.exit_code == 127) {
        throw system_error(fmt::format("sbatch: cannot be started; hint: run `dagan submit` on a "
                                       "login node, or see --dry-run; the script is {}",
                                       folder.batch_script().string()));
    }
    if (sbatch.exit_code != 0) {
        throw system_error(fmt::format("sbatch: refused the job (code {}), see above; hint: "
                                       "correct the site profile {}; the script is {}",
                                       sbatch.exit_code, job.profile_path,
                                       folder.batch_script().string()));
    }
    return sbatch.text.substr(0, sbatch.text.find_first_of(";\n")); // "12" or "12;cluster"
}

} // namespace dagan::launcher
