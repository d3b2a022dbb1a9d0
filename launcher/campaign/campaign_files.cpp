#include "launcher/campaign/campaign_files.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
constexpr size_t kSpaceToGoOn =
    size_t{1} << 20; // a commit, a log line, a word; checkpoints have their own errors

// Files may vanish while they are listed: running tasks replace and remove their checkpoints.
template <class Visit> void for_each_file(const fs::path& folder, Visit visit) {
    std::error_code ended;
    for (fs::directory_iterator entry(folder, ended), end; !ended && entry != end;
         entry.increment(ended))
        visit(entry->path());
}
} // namespace

fs::file_time_type newest_checkpoint(const CampaignFolder& folder) {
    fs::file_time_type newest{};
    for_each_file(folder.root() / "checkpoints", [&](const fs::path& path) {
        std::error_code gone;
        const auto written = fs::last_write_time(path, gone);
        if (!gone) newest = std::max(newest, written);
    });
    return newest;
}

void remove_leftovers(const CampaignFolder& folder, std::chrono::seconds age) {
    const auto latest = fs::file_time_type::clock::now() - age;
    for (const fs::path& place : {folder.root(), folder.root() / "checkpoints",
                                  folder.root() / "pools", folder.root() / "samples"}) {
        for_each_file(place, [&](const fs::path& path) {
            if (path.filename().string().find(kTemporaryMark) == std::string::npos) return;
            std::error_code ignored; // costs disk, nothing else
            if (age.count() == 0 || fs::last_write_time(path, ignored) < latest)
                fs::remove(path, ignored);
        });
    }
}

void require_space(const CampaignFolder& folder) {
    const fs::path probe = folder.root() / "space";
    try {
        write_atomically(probe, std::string(kSpaceToGoOn, '\0'));
        fs::remove(probe);
    } catch (const Error& error) {
        throw system_error(fmt::format("{}; hint: make room there and run the same command again: "
                                       "nothing that was finished is lost",
                                       error.what()));
    }
}

} // namespace dagan::launcher
