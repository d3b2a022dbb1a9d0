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

class RecoveryTest : public testing::Test {
  protected:
    // A snapshot as rank 0 writes it, with a task that runs or without, `age` ago.
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
    std::optional<std::string> look(Downtime& recovery) {
        return recovery.on_status(read_status(folder_));
    }
    static void let_time_pass() { std::this_thread::sleep_for(20ms); }

    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(RecoveryTest, ANewCampaignHasNothingToRecoverFrom) {
    Downtime recovery(folder_);
    recovery.on_job_started();
    let_time_pass();
    snapshot(true);
    EXPECT_EQ(look(recovery), std::nullopt);
}

TEST_F(RecoveryTest, TheTimeSinceTheLastSignOfLifeIsToldOnceATaskRuns) {
    snapshot(true, 60s);
    Downtime recovery(folder_);
    recovery.on_job_started();
    EXPECT_EQ(look(recovery), std::nullopt) << "the earlier job's snapshot";
    let_time_pass();
    snapshot(false);
    EXPECT_EQ(look(recovery), std::nullopt) << "nothing runs yet";
    snapshot(true);
    const auto told = look(recovery);
    ASSERT_TRUE(told.has_value());
    EXPECT_THAT(*told, AllOf(HasSubstr("working again 60."), HasSubstr("(ours 0."),
                             HasSubstr("the queue's 60.")));
    EXPECT_EQ(look(recovery), std::nullopt) << "once";
}

TEST_F(RecoveryTest, WhatAnEarlierJobStillWritesIsNotTakenForWork) {
    snapshot(true, 60s);
    Downtime recovery(folder_);
    let_time_pass();
    snapshot(true); // from a node that was cut off, before it left
    let_time_pass();
    recovery.on_job_started();
    EXPECT_EQ(look(recovery), std::nullopt);
}

TEST_F(RecoveryTest, AJobThatDiedWithinThisOneIsOursAlone) {
    Downtime recovery(folder_);
    recovery.on_job_started();
    snapshot(true, 5s);
    recovery.on_job_lost();
    recovery.on_job_started();
    let_time_pass();
    snapshot(true);
    const auto told = look(recovery);
    ASSERT_TRUE(told.has_value());
    EXPECT_THAT(*told, AllOf(HasSubstr("working again 5."), HasSubstr("ours 5."),
                             HasSubstr("the queue's 0.0 s")));
}

} // namespace
} // namespace dagan::launcher
