#include "launcher/cli/reproduce.h"

#include "base/error.h"
#include "base/file.h"
#include "base/program_folder.h"
#include "base/subprocess.h"
#include "base/temporary_folder.h"
#include "base/version.h"
#include "launcher/campaign/task_history.h"
#include "results/query/queries.h"
#include "spec/json.h"

#include <fmt/format.h>

#include <unistd.h>

#include <cstdlib>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// A temporary folder for the second run, with links to the weights and pools of the campaign.
class Scratch {
  public:
    explicit Scratch(const CampaignFolder& campaign) {
        const CampaignPaths paths(root());
        link_files(campaign.checkpoints_dir(), paths.checkpoints_dir());
        link_files(campaign.pools_dir(), paths.pools_dir());
    }
    const fs::path& root() const { return folder_.path(); }

  private:
    static void link_files(const fs::path& from, const fs::path& to) {
        fs::create_directories(to);
        for (const auto& entry : fs::directory_iterator(from)) {
            if (!CampaignPaths::is_checkpoint(entry.path()))
                fs::create_symlink(entry.path(), to / entry.path().filename());
        }
    }

    TemporaryFolder folder_;
};

std::string describe(const ClassifierScore& score) {
    return fmt::format("steps {}, best epoch {}, validation {}/{}, test {}/{}", score.steps,
                       score.best_epoch, score.validation_correct, score.validation_total,
                       score.test_correct, score.test_total);
}

ClassifierScore stored_score(const results::Location& database, const std::string& key,
                             const std::string& label) {
    const results::Table table = results::run_query(
        database, fmt::format("SELECT steps, best_epoch, validation_correct, validation_total, "
                              "test_correct, test_total FROM result WHERE task = '{}'",
                              key)); // a key has only hex digits
    if (table.rows.empty())
        throw input_error(
            fmt::format("{}: has no result to compare with; hint: see `dagan explain`", label));
    const auto number = [&](size_t column) {
        return static_cast<int>(std::get<int64_t>(table.rows.front()[column]));
    };
    return {.steps = number(0),
            .best_epoch = number(1),
            .validation_correct = number(2),
            .validation_total = number(3),
            .test_correct = number(4),
            .test_total = number(5)};
}

ClassifierScore run_again(const CampaignFolder& folder, const Manifest& manifest,
                          const PlannedTask& planned) {
    const Scratch scratch(folder);
    const fs::path task = scratch.root() / "task.json";
    write_atomically(task, to_text(planned.spec));
    const std::string threads = std::to_string(threads_of(planned.spec));
    ::setenv("OMP_NUM_THREADS", threads.c_str(), 1);
    ::setenv("MKL_NUM_THREADS", threads.c_str(), 1);
    const ProgramOutput output =
        run_program({(program_folder() / "dagan-train").string(), "once", scratch.root().string(),
                     "--task", task.string(), "--data", manifest.data_folder, "--threads", threads,
                     "--device", manifest.device},
                    own_environment());
    if (output.exit_code == static_cast<int>(ExitCode::input))
        throw input_error(label_of(planned.spec) + ": was refused; see the message above");
    if (output.exit_code != 0)
        throw system_error(fmt::format("{}: dagan-train ended with code {}", label_of(planned.spec),
                                       output.exit_code));
    const auto result = from_json_text<TaskResult>(output.text);
    if (!result.score)
        throw system_error(
            fmt::format("{}: ended as {}", label_of(planned.spec), to_string(result.outcome)));
    return *result.score;
}
} // namespace

Reproduction reproduce(const CampaignFolder& folder, const Manifest& manifest,
                       const std::string& name) {
    const Plan plan = manifest.plan();
    const PlannedTask& planned = task_at(plan, find_task(plan, name));
    const std::string label = label_of(planned.spec);
    if (kind_of(planned.spec) != TaskKind::classifier)
        throw input_error(label + ": is not a row of the results; hint: name a classifier");
    if (manifest.campaign.code_version != kVersion) {
        throw input_error(
            fmt::format("{}: was created by version {}, this is {}; hint: use that version",
                        folder.root().string(), manifest.campaign.code_version, kVersion));
    }
    const ClassifierScore then = stored_score(results_of(folder, manifest), planned.key, label);
    const ClassifierScore now = run_again(folder, manifest, planned);
    return {.equal = now == then,
            .text = fmt::format("{}\n  then: {}\n  now:  {}\n  {}\n", label, describe(then),
                                describe(now), now == then ? "equal" : "DIFFERENT")};
}

} // namespace dagan::launcher
