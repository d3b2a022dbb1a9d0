// A full disk is reported clearly and loses nothing; the campaign continues once there is space.
// The disk is a small tmpfs.
#include "e2e/disturbed.h"

#include <sys/mount.h>

namespace dagan {
namespace {

class SmallDisk {
  public:
    explicit SmallDisk(const fs::path& path) : path_(path) {
        fs::create_directories(path_);
        mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=64m") == 0;
    }
    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }
    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    bool mounted() const { return mounted_; }
    void resize(int64_t bytes) const {
        const std::string size = "size=" + std::to_string(bytes);
        ASSERT_EQ(::mount("tmpfs", path_.c_str(), "tmpfs", MS_REMOUNT, size.c_str()), 0)
            << errno_text(errno);
    }
    int64_t used() const {
        const fs::space_info space = fs::space(path_);
        return static_cast<int64_t>(space.capacity - space.free);
    }

  private:
    fs::path path_;
    bool mounted_ = false;
};

class FullDiskTest : public DisturbedTest {};

TEST_F(FullDiskTest, IsReportedClearlyAndLosesNothing) {
    const SmallDisk disk(sandbox().campaign("disk"));
    if (!disk.mounted()) GTEST_SKIP() << "mounting a small disk needs root";
    const fs::path campaign = sandbox().campaign("disk") / "campaign";
    const Args command = sandbox().command(run_args(kSmoke, campaign, 2));
    {
        Process run(command, sandbox().setting());
        ASSERT_TRUE(eventually([&] { return !run.running() || tasks_done(campaign) >= 0; }));
        disk.resize(disk.used() + (64 << 10)); // no space for a checkpoint of the DAGAN
        const Finished full = run.wait();
        EXPECT_EQ(full.exit_code, 3) << full.text();
        EXPECT_THAT(full.err, testing::HasSubstr("No space left on device"));
        EXPECT_THAT(full.err, testing::HasSubstr("hint: make room"));
        EXPECT_TRUE(no_process_left(campaign));
    }
    const Finished still_full = run_program(command, sandbox().setting());
    EXPECT_EQ(still_full.exit_code, 3) << still_full.text();
    EXPECT_THAT(still_full.err, testing::HasSubstr("No space left on device"));

    disk.resize(64 << 20);
    run_until_complete(campaign, {}, {}, 1);
    expect_undisturbed(campaign, {});
}

} // namespace
} // namespace dagan
