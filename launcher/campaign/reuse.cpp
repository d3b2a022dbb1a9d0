#include "launcher/campaign/reuse.h"

#include "base/error.h"
#include "base/file.h"
#include "spec/json.h"
#include "train/task_paths.h"

#include <fmt/format.h>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// The file whose presence says that a task is finished; none for a classifier: a row of its own is what a campaign is for.
fs::path finished_file(const PlannedTask& task, const CampaignFolder& campaign) {
    const train::TaskPaths place{campaign.root()};
    switch (kind_of(task.spec)) {
    case TaskKind::classifier: return {};
    case TaskKind::pool: return place.pool(task.key);
    case TaskKind::selector:
    case TaskKind::gan: return place.weights(task.key);
    }
    throw Error(Blame::bug, "unknown kind of task");
}

void copy_whole(const fs::path& from, const fs::path& to) {
    write_atomically(to, [&](const fs::path& file) { fs::copy_file(from, file); });
}

// A DAGAN's sheets: KEY.ITERATION.png.
void copy_samples(const std::string& key, const fs::path& from, const fs::path& to) {
    if (!fs::is_directory(from)) return;
    for (const auto& entry : fs::directory_iterator(from)) {
        const fs::path name = entry.path().filename();
        if (name.string().starts_with(key + ".")) copy_whole(entry.path(), to / name);
    }
}

// One entry for each time that something was taken, before it is.
void note_origin(const fs::path& file, const CampaignFolder& from,
                 const results::Campaign& campaign, const std::vector<std::string>& tasks) {
    Json origins = fs::exists(file) ? Json::parse(read_file(file)) : Json::array();
    origins.push_back({{"campaign", from.root().string()},
                       {"code_version", campaign.code_version},
                       {"created", campaign.created},
                       {"tasks", tasks}});
    write_atomically(file, origins.dump(2) + "\n");
}
} // namespace

std::vector<std::string> reuse_finished(const CampaignFolder& from, const CampaignFolder& to,
                                        const Manifest& manifest) {
    if (from.root() == to.root())
        throw input_error(from.root().string() + ": --reuse: is this campaign itself");
    const Manifest theirs = read_manifest(from);
    if (theirs.device != manifest.device) {
        throw input_error(fmt::format("{}: was computed with --device {}, this campaign is with "
                                      "{}; hint: rows of two kinds of device "
                                      "do not belong into one table",
                                      from.root().string(), theirs.device, manifest.device));
    }
    const Plan plan = manifest.plan();
    std::vector<const PlannedTask*> taken;
    std::vector<std::string> labels;
    for (const PlannedTask& task : plan.tasks) {
        const fs::path theirs_done = finished_file(task, from);
        if (theirs_done.empty() || !fs::exists(theirs_done) || fs::exists(finished_file(task, to)))
            continue;
        taken.push_back(&task);
        labels.push_back(label_of(task.spec));
    }
    if (!taken.empty()) note_origin(to.root() / "reused.json", from, theirs.campaign, labels);
    for (const PlannedTask* task : taken) {
        copy_samples(task->key, from.root() / "samples", to.root() / "samples");
        copy_whole(finished_file(*task, from),
                   finished_file(*task, to)); // last: it says that all is there
    }
    return labels;
}

} // namespace dagan::launcher
