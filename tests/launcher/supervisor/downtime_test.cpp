#include "launcher/supervisor/downtime.h"

#include "base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace dagan::launcher {
namespace {

using namespace std::chrono_literals;
using testing::AllOf;
using testing::HasSubstr;

class DowntimeTest : public testing::Test {
  protected:
    // Writes a snapshot as rank 0 does, with or without a running task, `age` ago.
    void snapshot(bool running, std::chrono::seconds age = 0s) {
        Status status;
        status.tasks.ready = 1;
        status.tasks.running = running ? 1 : 0;
        if (running)
            status.running.push_back(
                {.label = "gan strokes", .ranks = {0, 1}, .step = 3, .steps = 9});
        write_status(folder_, status);
        std::filesystem::last_write_time(folder_.status(),
                                         std::filesystem::file_time_type::clock::now() - age);
    }
    std::optional<std::string> report_of(Downtime& downtime) {
        return downtime.on_status(read_status(folder_));
    }
    static void let_time_pass() { std::this_thread::sleep_for(20ms); }

    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(DowntimeTest, ANewCampaignHasNoDowntime) {
    Downtime downtime(folder_);
    downtime.on_job_started();
    let_time_pass();
    snapshot(true);
    EXPECT_EQ(report_of(downtime), std::nullopt);
}

TEST_F(DowntimeTest, TheTimeSinceTheLastSnapshotIsReportedOnceATaskRuns) {
    snapshot(true, 60s);
    Downtime downtime(folder_);
    downtime.on_job_started();
    EXPECT_EQ(report_of(downtime), std::nullopt) << "a snapshot of the earlier job";
    let_time_pass();
    snapshot(false);
    EXPECT_EQ(report_of(downtime), std::nullopt) << "no task runs yet";
    snapshot(true);
    const auto report = report_of(downtime);
    ASSERT_TRUE(report.has_value());
    EXPECT_THAT(*report, AllOf(HasSubstr("working again 60."), HasSubstr("(launcher 0."),
                               HasSubstr("its queue 60.")));
    EXPECT_EQ(report_of(downtime), std::nullopt) << "reported only once";
}

TEST_F(DowntimeTest, SnapshotsThatAnEarlierJobStillWritesAreIgnored) {
    snapshot(true, 60s);
    Downtime downtime(folder_);
    let_time_pass();
    snapshot(true); // from a node that lost its network
    let_time_pass();
    downtime.on_job_started();
    EXPECT_EQ(report_of(downtime), std::nullopt);
}

TEST_F(DowntimeTest, ARestartByThisProcessIsTheLaunchersAlone) {
    Downtime downtime(folder_);
    downtime.on_job_started();
    snapshot(true, 5s);
    downtime.on_job_lost();
    downtime.on_job_started();
    let_time_pass();
    snapshot(true);
    const auto report = report_of(downtime);
    ASSERT_TRUE(report.has_value());
    EXPECT_THAT(*report, AllOf(HasSubstr("working again 5."), HasSubstr("launcher 5."),
                               HasSubstr("its queue 0.0 s")));
}

} // namespace
} // namespace dagan::launcher
