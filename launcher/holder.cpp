#include "launcher/holder.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
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

HolderName read_holder(const CampaignFolder& folder) {
    HolderName holder;
    std::istringstream(read_file(folder.holder())) >> holder.host >> holder.pid;
    return holder;
}
} // namespace

CampaignLock::CampaignLock(const CampaignFolder& folder) : fd_(::open(folder.holder().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
    if (fd_ < 0) throw system_error(fmt::format("{}: cannot be opened: {}", folder.holder().string(), errno_text(errno)));
    if (::flock(fd_, LOCK_EX | LOCK_NB) != 0) {
        ::close(fd_);
        const HolderName holder = read_holder(folder);
        throw input_error(fmt::format("{}: is being run by process {} on {}; hint: watch it with `dagan status {}`, or end it with `dagan stop {}`",
                                      folder.root().string(), holder.pid, holder.host, folder.root().string(), folder.root().string()));
    }
    const std::string name = fmt::format("{} {}\n", host_name(), ::getpid());
    const bool written = ::ftruncate(fd_, 0) == 0 && ::pwrite(fd_, name.data(), name.size(), 0) == static_cast<ssize_t>(name.size());
    if (!written) throw system_error(fmt::format("{}: cannot be written: {}", folder.holder().string(), errno_text(errno)));
}

CampaignLock::~CampaignLock() { ::close(fd_); }

std::optional<HolderName> holder_of(const CampaignFolder& folder) {
    const int fd = ::open(folder.holder().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    const bool free = ::flock(fd, LOCK_SH | LOCK_NB) == 0;
    ::close(fd);
    if (free) return std::nullopt;
    return read_holder(folder);
}

} // namespace dagan
