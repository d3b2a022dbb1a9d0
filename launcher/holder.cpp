#include "launcher/holder.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <sstream>

namespace dagan {

namespace {
std::string host_name() {
    std::array<char, 256> name{};
    ::gethostname(name.data(), name.size() - 1);
    return name.data();
}

// The lock on the whole file as fcntl takes it. It belongs to the open file (F_OFD_...), not to the process, and ends when that
// is closed.
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

HolderName read_holder(const CampaignFolder& folder) {
    HolderName holder;
    std::istringstream(read_file(folder.holder())) >> holder.host >> holder.pid;
    return holder;
}
} // namespace

CampaignLock::CampaignLock(const CampaignFolder& folder)
    : fd_(::open(folder.holder().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0) throw system_error(fmt::format("{}: cannot be opened: {}", folder.holder().string(), errno_text(errno)));
    struct flock lock = whole_file();
    if (::fcntl(fd_, F_OFD_SETLK, &lock) != 0) {
        const int error = errno;
        ::close(fd_);
        if (error != EAGAIN && error != EACCES)
            throw system_error(fmt::format("{}: cannot be locked: {}", folder.holder().string(), errno_text(error)));
        const HolderName holder = read_holder(folder);
        throw input_error(fmt::format(
            "{}: is being run by process {} on {}; hint: watch it with `dagan status {}`, or end it with `dagan stop {}`",
            folder.root().string(), holder.pid, holder.host, folder.root().string(), folder.root().string()));
    }
    const std::string name = fmt::format("{} {}\n", host_name(), ::getpid());
    const bool written =
        ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, name.data(), name.size(), 0) == static_cast<ssize_t>(name.size());
    if (!written) {
        const int error = errno;
        ::close(fd_);
        throw system_error(fmt::format("{}: cannot be written: {}", folder.holder().string(), errno_text(error)));
    }
}

CampaignLock::~CampaignLock() { ::close(fd_); }

std::optional<HolderName> holder_of(const CampaignFolder& folder) {
    const int fd = ::open(folder.holder().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    struct flock lock = whole_file();
    const bool known = ::fcntl(fd, F_OFD_GETLK, &lock) == 0; // asks without taking it, so that nobody is kept from it
    ::close(fd);
    if (!known) throw system_error(fmt::format("{}: its lock cannot be read: {}", folder.holder().string(), errno_text(errno)));
    if (lock.l_type == F_UNLCK) return std::nullopt;
    return read_holder(folder);
}

} // namespace dagan
