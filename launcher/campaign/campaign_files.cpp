#include "launcher/campaign/campaign_files.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// Enough for commits and log lines; checkpoints report a full disk themselves.
constexpr size_t kSpaceNeeded = size_t{1} << 20;

// Tolerates files that vanish meanwhile: running tasks replace and remove their checkpoints.
template <class Visit> void for_each_file(const fs::path& folder, Visit visit) {
    std::error_code ended;
    for (fs::directory_iterator entry(folder, ended), end; !ended && entry != end;
         entry.increment(ended))
        visit(entry->path());
}
} // namespace

fs::file_time_type newest_checkpoint(const CampaignFolder& folder) {
    fs::file_time_type newest{};
    for_each_file(folder.checkpoints_dir(), [&](const fs::path& path) {
        std::error_code gone;
        const auto written = fs::last_write_time(path, gone);
        if (!gone) newest = std::max(newest, written);
    });
    return newest;
}

void remove_leftovers(const CampaignFolder& folder, std::chrono::seconds age) {
    const auto latest = fs::file_time_type::clock::now() - age;
    for (const fs::path& directory :
         {folder.root(), folder.checkpoints_dir(), folder.pools_dir(), folder.samples_dir()}) {
        for_each_file(directory, [&](const fs::path& path) {
            if (!CampaignPaths::is_temporary(path)) return;
            // A leftover that stays only wastes disk space.
            std::error_code ignored;
            if (age.count() == 0 || fs::last_write_time(path, ignored) < latest)
                fs::remove(path, ignored);
        });
    }
}

void require_space(const CampaignFolder& folder) {
    const fs::path probe = folder.space_probe();
    try {
        write_atomically(probe, std::string(kSpaceNeeded, '\0'));
        fs::remove(probe);
    } catch (const Error& error) {
        throw system_error(fmt::format("{}; hint: make room there and run the same command again; "
                                       "no finished work is lost",
                                       error.what()));
    }
}

} // namespace dagan::launcher
