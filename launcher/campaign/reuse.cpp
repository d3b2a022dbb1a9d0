#include "launcher/campaign/reuse.h"

#include "base/error.h"
#include "base/file.h"
#include "spec/json.h"

#include <fmt/format.h>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// Returns the file that exists once a task is finished; "" for a classifier, which is not reused.
fs::path finished_file(const PlannedTask& task, const CampaignFolder& campaign) {
    switch (kind_of(task.spec)) {
    case TaskKind::classifier: return {};
    case TaskKind::pool: return campaign.pool(task.key);
    case TaskKind::selector:
    case TaskKind::gan: return campaign.weights(task.key);
    }
    throw Error(Blame::bug, "unknown kind of task");
}

void copy_whole(const fs::path& from, const fs::path& to) {
    write_atomically(to, [&](const fs::path& file) { fs::copy_file(from, file); });
}

// Copies a DAGAN's contact sheets.
void copy_samples(const std::string& key, const CampaignFolder& from, const CampaignFolder& to) {
    if (!fs::is_directory(from.samples_dir())) return;
    for (const auto& entry : fs::directory_iterator(from.samples_dir())) {
        if (CampaignPaths::is_sample_of(key, entry.path()))
            copy_whole(entry.path(), to.samples_dir() / entry.path().filename());
    }
}

// Appends an entry to the list of reused tasks. Called before they are copied.
void record_origin(const fs::path& file, const CampaignFolder& from,
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
        throw input_error(from.root().string() +
                          ": --reuse: is the same campaign; hint: name another one");
    const Manifest theirs = read_manifest(from);
    if (theirs.device != manifest.device) {
        throw input_error(
            fmt::format("{}: was computed with --device {}, this campaign with {}; hint: "
                        "rows of two kinds of device do not belong in one table",
                        from.root().string(), theirs.device, manifest.device));
    }
    const Plan plan = manifest.plan();
    std::vector<const PlannedTask*> reused;
    std::vector<std::string> labels;
    for (const PlannedTask& task : plan.tasks) {
        const fs::path file = finished_file(task, from);
        if (file.empty() || !fs::exists(file) || fs::exists(finished_file(task, to))) continue;
        reused.push_back(&task);
        labels.push_back(label_of(task.spec));
    }
    if (!reused.empty()) record_origin(to.reused(), from, theirs.campaign, labels);
    for (const PlannedTask* task : reused) {
        copy_samples(task->key, from, to);
        // Last: this file marks the task as finished.
        copy_whole(finished_file(*task, from), finished_file(*task, to));
    }
    return labels;
}

} // namespace dagan::launcher
