#include "launcher/worker/staging.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/host_facts.h"
#include "base/log.h"
#include "data/dataset.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <chrono>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// Written last: marks a copy that is complete and checked.
constexpr const char* kMark = "checked";

Descriptor open_lock(const fs::path& path) {
    Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
    if (!file)
        throw system_error(
            fmt::format("scratch: {}: cannot be opened: {}", path.string(), errno_text(errno)));
    return file;
}

// Takes the exclusive lock on a file. Opens it again if its last user has removed it meanwhile.
Descriptor lock_file(const fs::path& path) {
    for (;;) {
        Descriptor file = open_lock(path);
        while (::flock(file.get(), LOCK_EX) != 0) {
            if (errno != EINTR)
                throw system_error(fmt::format("scratch: {}: cannot be locked: {}", path.string(),
                                               errno_text(errno)));
        }
        struct stat opened {
        }, named{};
        if (::fstat(file.get(), &opened) == 0 && ::stat(path.c_str(), &named) == 0 &&
            opened.st_ino == named.st_ino)
            return file;
    }
}

std::string content_name(const Manifest& manifest) {
    std::string hashes;
    for (const auto& [name, known] : manifest.known)
        hashes += manifest.sweep.datasets.at(name).file + known.sha256;
    return fmt::format("dagan-{}-{}", ::getuid(), hash128_hex(hashes).substr(0, 16));
}

void require_room(const fs::path& folder, uintmax_t bytes) {
    std::error_code unknown;
    const fs::space_info space = fs::space(folder, unknown);
    if (unknown || space.available >= bytes) return;
    throw system_error(fmt::format("scratch: {} on {}: has {} MiB free, the data sets need {}; "
                                   "hint: name another folder in the site profile, or none",
                                   folder.string(), host_facts().name, space.available >> 20,
                                   bytes >> 20));
}

void copy_whole(const fs::path& from, const fs::path& to) {
    write_atomically(to, [&](const fs::path& temporary) {
        std::error_code failed;
        fs::copy_file(from, temporary, fs::copy_options::overwrite_existing, failed);
        if (failed) {
            throw system_error(fmt::format("scratch: {} on {}: cannot be copied to {}: {}; hint: "
                                           "make room there, or name another folder in the site "
                                           "profile",
                                           from.string(), host_facts().name, to.string(),
                                           failed.message()));
        }
    });
}

// Copies one data set with all its shards, then reads the whole copy and compares its hash.
void stage(const fs::path& from, const fs::path& to, const std::string& sha256) {
    const std::vector<fs::path> files = data::files_of_dataset(from);
    uintmax_t bytes = 0;
    for (const fs::path& file : files) bytes += fs::file_size(file);
    require_room(to.parent_path(), bytes);
    for (const fs::path& file : files) copy_whole(file, to.parent_path() / file.filename());
    const data::DatasetInfo copy = data::verify_dataset(to);
    if (copy.sha256 == sha256) return;
    throw input_error(fmt::format("{}: is not the data set that this campaign began with: sha256 "
                                  "{} now, {} then; hint: put the old file back, or begin a new "
                                  "campaign",
                                  from.string(), copy.sha256, sha256));
}
} // namespace

StagedData::StagedData(const Manifest& manifest, const fs::path& data_folder,
                       const fs::path& scratch)
    : folder_(scratch / content_name(manifest)) {
    std::error_code failed;
    fs::create_directories(scratch, failed);
    if (failed) {
        throw system_error(fmt::format("scratch: {} on {}: cannot be created: {}; hint: name a "
                                       "folder on each node's own disk in the site profile",
                                       scratch.string(), host_facts().name, failed.message()));
    }
    const Descriptor lock = lock_file(lock_path());
    if (!fs::exists(folder_ / kMark)) copy_all(manifest, data_folder);
    in_use_ = open_lock(use_path());
    ::flock(in_use_.get(), LOCK_SH);
}

void StagedData::copy_all(const Manifest& manifest, const fs::path& data_folder) const {
    const auto began = std::chrono::steady_clock::now();
    for (const auto& [name, known] : manifest.known) {
        const fs::path file = manifest.sweep.datasets.at(name).file;
        if (file.is_absolute()) continue;
        fs::create_directories((folder_ / file).parent_path());
        stage(data_folder / file, folder_ / file, known.sha256);
    }
    write_atomically(folder_ / kMark, "");
    log_info("data sets copied to {} and checked in {:.1f} s", folder_.string(),
             std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
}

StagedData::~StagedData() {
    try {
        const Descriptor lock = lock_file(lock_path());
        if (::flock(in_use_.get(), LOCK_EX | LOCK_NB) != 0)
            return; // other ranks still use the copy
        std::error_code ignored;
        fs::remove_all(folder_, ignored);
        fs::remove(use_path(), ignored);
        fs::remove(lock_path(), ignored);
    } catch (const Error&) {
        // The copy stays, for the next job to use or remove.
    }
}

std::string expand_variables(const std::string& text, const cluster::Variables& variables) {
    const auto in_name = [](char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_';
    };
    std::string expanded;
    for (size_t at = 0; at < text.size();) {
        if (text[at] != '$') {
            expanded += text[at++];
            continue;
        }
        const bool braced = at + 1 < text.size() && text[at + 1] == '{';
        const size_t begin = at + (braced ? 2 : 1);
        size_t end = begin;
        while (end < text.size() && in_name(text[end])) ++end;
        const std::string name = text.substr(begin, end - begin);
        const char* value = name.empty() ? nullptr : variables(name.c_str());
        if (value == nullptr || (braced && (end >= text.size() || text[end] != '}'))) {
            throw input_error(fmt::format(
                "scratch: {}: {} is not set on {}; hint: correct the site profile, or leave "
                "scratch out",
                text, name.empty() ? "a variable without a name" : "$" + name, host_facts().name));
        }
        expanded += value;
        at = end + (braced ? 1 : 0);
    }
    return expanded;
}

} // namespace dagan::launcher
