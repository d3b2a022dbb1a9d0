#include "launcher/campaign/campaign_lock.h"

#include "base/error.h"
#include "base/file.h"
#include "base/host_facts.h"

#include <fmt/format.h>

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <sstream>
#include <thread>

namespace dagan::launcher {

namespace {
// Describes a lock on the whole file. With F_OFD_SETLK it belongs to the open file, not to the
// process, and is released when the file is closed.
struct flock whole_file() {
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    return lock;
}

CampaignOwner read_owner(const CampaignFolder& folder) {
    CampaignOwner owner;
    std::istringstream(read_file(folder.owner_file())) >> owner.host >> owner.pid >>
        owner.slurm_job;
    return owner;
}

Descriptor open_owner_file(const CampaignFolder& folder) {
    Descriptor file(::open(folder.owner_file().c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644));
    if (file.get() < 0)
        throw system_error(fmt::format("{}: cannot be opened: {}", folder.owner_file().string(),
                                       errno_text(errno)));
    return file;
}

// Returns false if another process holds the lock.
bool try_to_lock(const CampaignFolder& folder, int file) {
    struct flock lock = whole_file();
    if (::fcntl(file, F_OFD_SETLK, &lock) == 0) return true;
    if (errno == EAGAIN || errno == EACCES) return false;
    throw system_error(fmt::format("{}: cannot be locked: {}; hint: keep campaigns on a file "
                                   "system with locks (Lustre has them when mounted with the "
                                   "option flock)",
                                   folder.owner_file().string(), errno_text(errno)));
}

[[noreturn]] void refuse(const CampaignFolder& folder, const CampaignOwner& owner) {
    throw input_error(fmt::format("{}: is being run by process {} on {}; hint: watch it with "
                                  "`dagan status {}`, or end it with `dagan stop {}`; "
                                  "several allocations can share a campaign whose store is a "
                                  "PostgreSQL database (store: postgresql://...)",
                                  folder.root().string(), owner.pid, owner.host,
                                  folder.root().string(), folder.root().string()));
}

// A file server may hold the lock of a vanished node for a while.
void wait_for_lock(const CampaignFolder& folder, int file, const CampaignOwner& owner,
                   const std::function<void()>& supersede) {
    constexpr std::chrono::seconds kPatience{180};
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (!try_to_lock(folder, file)) {
        supersede();
        if (std::chrono::steady_clock::now() > deadline) {
            throw system_error(
                fmt::format("{}: is still locked by process {} on {}, left over from an earlier "
                            "run of this Slurm job, after {} s; hint: submit again when that node "
                            "is back or gone",
                            folder.root().string(), owner.pid, owner.host, kPatience.count()));
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
    }
}

void write_owner(const CampaignFolder& folder, int file, const std::string& slurm_job) {
    const std::string text = fmt::format("{} {} {}\n", host_facts().name, ::getpid(), slurm_job);
    const bool written = ::ftruncate(file, 0) == 0 && ::pwrite(file, text.data(), text.size(), 0) ==
                                                          static_cast<ssize_t>(text.size());
    if (!written)
        throw system_error(fmt::format("{}: cannot be written: {}", folder.owner_file().string(),
                                       errno_text(errno)));
}
} // namespace

CampaignLock::CampaignLock(const CampaignFolder& folder) : file_(open_owner_file(folder)) {
    if (!try_to_lock(folder, file_.get())) refuse(folder, read_owner(folder));
    write_owner(folder, file_.get(), "");
}

CampaignLock::CampaignLock(const CampaignFolder& folder, const std::string& slurm_job,
                           const std::function<void()>& supersede)
    : file_(open_owner_file(folder)) {
    if (!try_to_lock(folder, file_.get())) {
        const CampaignOwner owner = read_owner(folder);
        if (owner.slurm_job != slurm_job) refuse(folder, owner);
        wait_for_lock(folder, file_.get(), owner, supersede);
    }
    write_owner(folder, file_.get(), slurm_job);
}

std::optional<CampaignLock> CampaignLock::if_free(const CampaignFolder& folder,
                                                  const std::string& slurm_job) {
    Descriptor file = open_owner_file(folder);
    if (!try_to_lock(folder, file.get())) return std::nullopt;
    write_owner(folder, file.get(), slurm_job);
    return CampaignLock(std::move(file));
}

TakenAllocation take_allocation(const CampaignFolder& campaign, const std::string& slurm_job,
                                const std::function<void(const CampaignFolder&)>& supersede) {
    for (const CampaignFolder& folder : campaign.allocations()) {
        const bool had_before = !slurm_job.empty() &&
                                std::filesystem::exists(folder.owner_file()) &&
                                read_owner(folder).slurm_job == slurm_job;
        if (had_before)
            return {folder, CampaignLock(folder, slurm_job, [&] { supersede(folder); })};
    }
    for (int number = 1;; ++number) {
        const CampaignFolder folder = campaign.of_allocation(number);
        std::filesystem::create_directories(folder.logs());
        if (auto lock = CampaignLock::if_free(folder, slurm_job)) return {folder, std::move(*lock)};
    }
}

std::optional<CampaignOwner> owner_of(const CampaignFolder& folder) {
    const int fd = ::open(folder.owner_file().c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) return std::nullopt;
    struct flock lock = whole_file();
    // Queries the lock without taking it, so that no other process is refused meanwhile.
    const bool known = ::fcntl(fd, F_OFD_GETLK, &lock) == 0;
    ::close(fd);
    if (!known)
        throw system_error(fmt::format("{}: its lock cannot be read: {}",
                                       folder.owner_file().string(), errno_text(errno)));
    if (lock.l_type == F_UNLCK) return std::nullopt;
    return read_owner(folder);
}

} // namespace dagan::launcher
