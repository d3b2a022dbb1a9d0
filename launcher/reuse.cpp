#include "launcher/reuse.h"

#include "base/error.h"
#include "base/file.h"
#include "spec/json.h"
#include "train/workplace.h"

#include <fmt/format.h>

namespace dagan {

namespace fs = std::filesystem;

namespace {
// Whether it was there to be taken, or had been before.
bool take(const fs::path& from, const fs::path& to) {
    if (fs::exists(to)) return true;
    if (!fs::exists(from)) return false;
    write_atomically(to, [&](const fs::path& file) { fs::copy_file(from, file); });
    return true;
}

// A DAGAN's sheets: KEY.ITERATION.png.
void take_samples(const std::string& key, const fs::path& from, const fs::path& to) {
    if (!fs::is_directory(from)) return;
    for (const auto& entry : fs::directory_iterator(from)) {
        const fs::path name = entry.path().filename();
        if (name.string().starts_with(key + ".")) take(entry.path(), to / name);
    }
}

bool take_task(const PlannedTask& task, const Workplace& from, const Workplace& to) {
    switch (kind_of(task.spec)) {
    case TaskKind::classifier: return false; // a row of its own is what a campaign is for
    case TaskKind::pool: return take(from.pool(task.key), to.pool(task.key));
    case TaskKind::selector:
    case TaskKind::gan: break;
    }
    if (!fs::exists(from.weights(task.key))) return false;
    take_samples(task.key, from.campaign / "samples", to.campaign / "samples"); // before the file that says it is done
    return take(from.weights(task.key), to.weights(task.key));
}
} // namespace

std::vector<std::string> reuse_finished(const CampaignFolder& from, const CampaignFolder& to, const Manifest& manifest) {
    const Manifest theirs = read_manifest(from);
    if (theirs.device != manifest.device) {
        throw input_error(
            fmt::format("{}: was computed with --device {}, this campaign is with {}; hint: rows of two kinds of device "
                        "do not belong into one table",
                        from.root().string(), theirs.device, manifest.device));
    }
    std::vector<std::string> taken;
    for (const PlannedTask& task : manifest.plan().tasks) {
        if (take_task(task, Workplace{from.root()}, Workplace{to.root()})) taken.push_back(label_of(task.spec));
    }
    if (!taken.empty()) {
        write_atomically(to.root() / "reused.json", Json{{"campaign", from.root().string()},
                                                         {"code_version", theirs.campaign.code_version},
                                                         {"created", theirs.campaign.created},
                                                         {"tasks", taken}}
                                                            .dump(2) +
                                                        "\n");
    }
    return taken;
}

} // namespace dagan
