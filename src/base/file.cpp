#include "base/file.h"

#include "base/error.h"
#include "base/fault.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <sstream>

namespace dagan {

namespace fs = std::filesystem;

namespace {
// An open file that names its path in errors.
class OpenFile {
  public:
    OpenFile(const fs::path& path, int flags)
        : path_(path), fd_(::open(path.c_str(), flags | O_CLOEXEC, 0644)) {
        if (fd_ < 0) throw fail("cannot be opened");
    }
    ~OpenFile() { ::close(fd_); }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    void write(std::string_view bytes) {
        fault_point(FaultPoint::before_write);
        while (!bytes.empty()) {
            const ssize_t written = ::write(fd_, bytes.data(), bytes.size());
            if (written < 0 && errno == EINTR) continue;
            if (written < 0) throw fail("cannot be written");
            bytes.remove_prefix(static_cast<size_t>(written));
        }
        fault_point(FaultPoint::after_write);
    }
    void sync() {
        if (::fsync(fd_) != 0 && errno != EINVAL) throw fail("cannot be synced to disk");
    }

  private:
    Error fail(const std::string& what) const {
        return system_error(path_.string() + ": " + what + ": " + errno_text(errno));
    }

    fs::path path_;
    int fd_;
};

// Unique to this process among all machines that share a file system.
std::string temporary_suffix() {
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    return std::string(kTemporaryMark) + host.data() + "-" + std::to_string(::getpid());
}

// Renames a complete temporary file to `path` and replaces what was there.
void replace(const fs::path& temporary, const fs::path& path) {
    if (::rename(temporary.c_str(), path.c_str()) != 0)
        throw system_error(path.string() + ": cannot be renamed into place: " + errno_text(errno));
}

// Gives a complete temporary file the name `path`; returns false if `path` exists. link(2) succeeds
// for at most one of several processes, on network file systems too.
bool publish_new(const fs::path& temporary, const fs::path& path) {
    const bool linked = ::link(temporary.c_str(), path.c_str()) == 0;
    if (!linked && errno != EEXIST)
        throw system_error(path.string() + ": cannot be linked into place: " + errno_text(errno));
    fs::remove(temporary);
    return linked;
}

// Fills a temporary file, syncs it, publishes it under its name, and syncs the directory. Removes
// the temporary file if anything fails.
template <class Fill, class Publish>
void write_whole(const fs::path& path, const Fill& fill, const Publish& publish) {
    const fs::path target = fs::absolute(path);
    std::error_code failed;
    fs::create_directories(target.parent_path(), failed);
    if (failed)
        throw system_error(target.parent_path().string() +
                           ": cannot be created: " + failed.message());
    fs::path temporary = target;
    temporary += temporary_suffix();
    try {
        fill(temporary);
        fault_point(FaultPoint::before_fsync);
        OpenFile(temporary, O_RDONLY).sync();
        fault_point(FaultPoint::after_fsync);
        fault_point(FaultPoint::before_rename);
        publish(temporary, target);
        fault_point(FaultPoint::after_rename);
        OpenFile(target.parent_path(), O_RDONLY | O_DIRECTORY).sync();
    } catch (...) {
        fs::remove(temporary, failed);
        throw;
    }
}

void fill_with(const fs::path& temporary, std::string_view bytes) {
    OpenFile(temporary, O_WRONLY | O_CREAT | O_TRUNC).write(bytes);
}
} // namespace

void write_atomically(const fs::path& path, const std::function<void(const fs::path&)>& fill) {
    write_whole(path, fill, replace);
}

void write_atomically(const fs::path& path, std::string_view bytes) {
    write_whole(
        path, [&](const fs::path& temporary) { fill_with(temporary, bytes); }, replace);
}

bool create_atomically(const fs::path& path, std::string_view bytes) {
    bool created = false;
    write_whole(
        path, [&](const fs::path& temporary) { fill_with(temporary, bytes); },
        [&](const fs::path& temporary, const fs::path& target) {
            created = publish_new(temporary, target);
        });
    return created;
}

std::string read_file(const fs::path& path) {
    std::ifstream in(path, std::ios::binary);
    if (!in) throw system_error(path.string() + ": cannot be read: " + errno_text(errno));
    std::ostringstream text;
    text << in.rdbuf();
    if (in.bad()) throw system_error(path.string() + ": cannot be read to its end");
    return std::move(text).str();
}

} // namespace dagan
