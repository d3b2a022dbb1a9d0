// The lock of a campaign, with real processes, since the kernel releases it when its process ends.
#include "launcher/campaign/campaign_lock.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/incarnation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <csignal>
#include <thread>
#include <utility>

namespace dagan::launcher {
namespace {

using testing::HasSubstr;

// Another process that holds the lock until it is killed.
class OtherOwner {
  public:
    // In a Slurm job it ends when it is superseded, as the supervisor does.
    explicit OtherOwner(const CampaignFolder& folder, const std::string& slurm_job = "")
        : slurm_job_(slurm_job) {
        std::array<int, 2> pipe{};
        if (::pipe(pipe.data()) != 0) throw system_error("pipe");
        pid_ = ::fork();
        if (pid_ == 0) hold(folder, pipe[1]);
        ::close(pipe[1]);
        char answer = 0;
        holds_ = ::read(pipe[0], &answer, 1) == 1 && answer == 'h';
        ::close(pipe[0]);
    }
    ~OtherOwner() { kill(); }
    OtherOwner(const OtherOwner&) = delete;
    OtherOwner& operator=(const OtherOwner&) = delete;

    bool holds() const { return holds_; }
    pid_t pid() const { return pid_; }
    void kill() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
        pid_ = 0;
    }

  private:
    [[noreturn]] void hold(const CampaignFolder& folder, int pipe) const {
        try {
            if (!slurm_job_.empty()) hold_in_slurm(folder, pipe);
            const CampaignLock lock(folder);
            if (::write(pipe, "h", 1) == 1) ::pause();
        } catch (const std::exception&) {
        }
        ::_exit(1);
    }

    void hold_in_slurm(const CampaignFolder& folder, int pipe) const {
        const CampaignLock lock(folder, slurm_job_, [] {});
        IncarnationWatch watch(folder, begin_incarnation(folder));
        if (::write(pipe, "h", 1) != 1) ::_exit(1);
        while (!watch.superseded_now()) std::this_thread::sleep_for(std::chrono::milliseconds(10));
        ::_exit(0);
    }

    std::string slurm_job_;
    pid_t pid_ = 0;
    bool holds_ = false;
};

class CampaignLockTest : public testing::Test {
  protected:
    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(CampaignLockTest, ANewCampaignHasNoOwner) { EXPECT_EQ(owner_of(folder_), std::nullopt); }

TEST_F(CampaignLockTest, ASecondOwnerIsRefusedWithHostAndProcess) {
    const OtherOwner other(folder_);
    ASSERT_TRUE(other.holds());
    std::array<char, 256> host{};
    ::gethostname(host.data(), host.size() - 1);
    try {
        const CampaignLock lock(folder_);
        FAIL() << "two processes hold the lock";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_THAT(error.what(), HasSubstr("process " + std::to_string(other.pid())));
        EXPECT_THAT(error.what(), HasSubstr(host.data()));
        EXPECT_THAT(error.what(), HasSubstr(folder_.root().string()));
    }
    const auto owner = owner_of(folder_);
    ASSERT_TRUE(owner.has_value());
    EXPECT_EQ(owner->pid, other.pid());
    EXPECT_EQ(owner->host, host.data());
}

TEST_F(CampaignLockTest, ADeadOwnerIsNotMistakenForALiveOne) {
    OtherOwner other(folder_);
    ASSERT_TRUE(other.holds());
    const pid_t pid = other.pid();
    other.kill();
    EXPECT_THAT(read_file(folder_.owner_file()), HasSubstr(std::to_string(pid)))
        << "the file still names it";
    EXPECT_EQ(owner_of(folder_), std::nullopt);
    const CampaignLock lock(folder_);
    const auto owner = owner_of(folder_);
    ASSERT_TRUE(owner.has_value());
    EXPECT_EQ(owner->pid, ::getpid());
}

TEST_F(CampaignLockTest, TheLockEndsWithItsObject) {
    { const CampaignLock lock(folder_); }
    EXPECT_EQ(owner_of(folder_), std::nullopt);
    const OtherOwner other(folder_);
    EXPECT_TRUE(other.holds());
}

TEST_F(CampaignLockTest, ProgramsThatTheOwnerStartsDoNotInheritTheLock) {
    std::optional<CampaignLock> lock(std::in_place, folder_);
    const pid_t child = ::fork();
    if (child == 0) {
        ::execlp("sleep", "sleep", "30", nullptr);
        ::_exit(1);
    }
    // The descriptor closes at exec, which takes a moment.
    lock.reset();
    bool free = false;
    for (int i = 0; i < 500 && !free; ++i) {
        free = !owner_of(folder_).has_value();
        if (!free) std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    EXPECT_TRUE(free);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
}

// As on a node that lost its network: its supervisor still runs after Slurm has restarted the job.
TEST_F(CampaignLockTest, ARestartedSlurmJobSupersedesItsLeftoverOwner) {
    const OtherOwner other(folder_, "12");
    ASSERT_TRUE(other.holds());
    EXPECT_EQ(owner_of(folder_)->slurm_job, "12");
    bool superseded = false;
    const CampaignLock lock(folder_, "12", [&] {
        if (!std::exchange(superseded, true)) begin_incarnation(folder_);
    });
    EXPECT_TRUE(superseded);
    EXPECT_EQ(owner_of(folder_)->pid, ::getpid());
}

TEST_F(CampaignLockTest, AnotherSlurmJobIsRefused) {
    const OtherOwner other(folder_, "12");
    ASSERT_TRUE(other.holds());
    EXPECT_THROW(CampaignLock(folder_, "13", [] { FAIL() << "must not be superseded"; }), Error);
    EXPECT_THROW(CampaignLock lock(folder_), Error) << "a run outside Slurm is refused too";
    EXPECT_EQ(owner_of(folder_)->pid, other.pid());
}

TEST_F(CampaignLockTest, EachTakesItsOwnAllocation) {
    const auto never = [](const CampaignFolder&) { FAIL() << "must not be superseded"; };
    std::optional<TakenAllocation> first(take_allocation(folder_, "", never));
    const TakenAllocation second = take_allocation(folder_, "", never),
                          third = take_allocation(folder_, "77", never);
    EXPECT_EQ(first->folder.owner_file(), folder_.owner_file());
    EXPECT_EQ(second.folder.allocation(), 2);
    EXPECT_EQ(third.folder.allocation(), 3);
    EXPECT_EQ(owner_of(folder_.of_allocation(3))->slurm_job, "77");
    first.reset();
    EXPECT_EQ(owner_of(folder_), std::nullopt);
    EXPECT_TRUE(owner_of(folder_.of_allocation(2)).has_value());
    EXPECT_EQ(take_allocation(folder_, "78", never).folder.allocation(), 1)
        << "the first without an owner";
}

TEST_F(CampaignLockTest, ARestartedSlurmJobTakesTheAllocationThatItHadBefore) {
    std::filesystem::create_directories(folder_.of_allocation(2).logs());
    const OtherOwner other(folder_, "11"), leftover(folder_.of_allocation(2), "12");
    ASSERT_TRUE(other.holds() && leftover.holds());
    int superseded = 0;
    const TakenAllocation again = take_allocation(folder_, "12", [&](const CampaignFolder& folder) {
        EXPECT_EQ(folder.allocation(), 2);
        if (superseded++ == 0) begin_incarnation(folder);
    });
    EXPECT_GE(superseded, 1) << "the leftover owner held it";
    EXPECT_EQ(again.folder.allocation(), 2);
    EXPECT_EQ(owner_of(folder_)->pid, other.pid());
}

// `dagan status` in a loop must not make `dagan run` believe that the campaign has an owner.
TEST_F(CampaignLockTest, QueryingTheOwnerDoesNotDisturbTheLock) {
    { const CampaignLock creates_the_file(folder_); }
    std::atomic<bool> stop = false;
    std::thread querying([&] {
        while (!stop) owner_of(folder_);
    });
    for (int i = 0; i < 3000; ++i) {
        EXPECT_NO_THROW(CampaignLock lock(folder_)) << "round " << i;
        if (HasFailure()) break;
    }
    stop = true;
    querying.join();
}

} // namespace
} // namespace dagan::launcher
