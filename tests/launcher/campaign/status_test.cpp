#include "launcher/campaign/status.h"

#include "base/file.h"
#include "base/temporary_folder.h"
#include "launcher/campaign/campaign_lock.h"
#include "launcher/campaign/campaign_status.h"
#include "spec/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;

Status midway() {
    Status status;
    status.name = "demo";
    status.tasks = {.waiting = 20, .ready = 12, .running = 3, .done = 12, .failed = 1};
    status.eta_s = 250;
    status.steps_per_s = 35.24;
    status.elapsed_s = 60.5;
    status.running = {{"gan omniglot", {0, 1}, 12, 300},
                      {"classifier omniglot n=5 m=3 seed=0", {2}, 7, 99}};
    return status;
}

TEST(StatusTest, TheLineShowsCountsSpeedAndTimeLeft) {
    EXPECT_EQ(status_line(midway()),
              "12/48 done, 3 running, 1 failed, 35.2 steps/s, about 4 min 10 s left");
}

TEST(StatusTest, TheLineOmitsEmptyParts) {
    Status status;
    status.tasks = {.done = 48};
    status.state = CampaignState::finished;
    status.eta_s = 0;
    EXPECT_EQ(status_line(status), "48/48 done, 0 running");
    status.tasks = {.done = 40, .failed = 1, .quarantined = 2, .blocked = 5};
    status.restarts = 2;
    EXPECT_EQ(status_line(status), "40/48 done, 0 running, 3 failed, 5 blocked, 2 restarts");
}

TEST(StatusTest, JsonHasTheDocumentedKeys) {
    const Json json = Json::parse(status_json(midway()));
    EXPECT_EQ(json.at("state"), "running");
    EXPECT_EQ(json.at("restarts"), 0);
    EXPECT_EQ(json.at("eta_s"), 250);
    const std::map<std::string, int> tasks = json.at("tasks");
    EXPECT_EQ(tasks, (std::map<std::string, int>{{"waiting", 20},
                                                 {"ready", 12},
                                                 {"running", 3},
                                                 {"done", 12},
                                                 {"failed", 1},
                                                 {"quarantined", 0},
                                                 {"blocked", 0}}));
}

TEST(StatusTest, TheTableListsTheRunningTasks) {
    const std::string table = status_table(midway());
    for (const char* part : {"demo: running", "12/48 done", "gan omniglot", "rank 0,1",
                             "step 12/300", "n=5 m=3 seed=0"}) {
        EXPECT_THAT(table, testing::HasSubstr(part));
    }
}

class SnapshotTest : public testing::Test {
  protected:
    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_.path()};
};

TEST_F(SnapshotTest, IsReadAsItWasWritten) {
    EXPECT_EQ(read_status(folder_), std::nullopt);
    write_status(folder_, midway());
    EXPECT_EQ(read_status(folder_), midway());
    Status later = midway();
    later.state = CampaignState::stopped;
    later.running.clear();
    write_status(folder_, later);
    EXPECT_EQ(read_status(folder_), later);
}

TEST_F(SnapshotTest, ATruncatedSnapshotIsIgnored) {
    write_status(folder_, midway());
    const std::string whole = read_file(folder_.status());
    for (size_t length = 0; length + 2 < whole.size(); length += 7) {
        std::ofstream(folder_.status()) << whole.substr(0, length);
        ASSERT_EQ(read_status(folder_), std::nullopt) << length << " bytes";
    }
    for (const char* other : {"null", "[]", "{}", "7", "{\"state\": \"resting\"}"}) {
        std::ofstream(folder_.status()) << other;
        EXPECT_EQ(read_status(folder_), std::nullopt) << other;
    }
}

TEST_F(SnapshotTest, TheEndingIsReadAsItWasWritten) {
    EXPECT_EQ(read_ending(folder_), std::nullopt);
    const Ending ending{CampaignState::stopped, 75, "7/9 done, \"2\" left"};
    write_ending(folder_, ending);
    EXPECT_EQ(read_ending(folder_), ending);
    std::ofstream(folder_.ending()) << "{\"state\":";
    EXPECT_EQ(read_ending(folder_), std::nullopt);
}

// Two allocations are active; a third died before it could write its last snapshot.
TEST_F(SnapshotTest, TheStatusCombinesTheActiveAllocations) {
    EXPECT_EQ(present_status(folder_), std::nullopt);
    const auto allocation = [&](int number) {
        fs::create_directories(folder_.of_allocation(number).logs());
        return folder_.of_allocation(number);
    };
    const auto write = [&](int number, int done, const std::string& label) {
        Status status = midway();
        status.tasks.done = done;
        status.steps_per_s = 10;
        status.running = {{label, {0}, 1, 2}};
        write_status(allocation(number), status);
        // File times are coarse, and only their order is compared.
        fs::last_write_time(folder_.of_allocation(number).status(),
                            fs::file_time_type::clock::now() + std::chrono::seconds(done));
    };
    write(1, 10, "a");
    write(2, 12, "b");
    write(3, 14, "c");
    {
        const CampaignLock first(allocation(1)), second(allocation(2));
        const Status active = *present_status(folder_);
        EXPECT_EQ(active.state, CampaignState::running);
        EXPECT_EQ(active.tasks.done, 12);
        EXPECT_EQ(active.steps_per_s, 20);
        ASSERT_EQ(active.running.size(), 2U);
        EXPECT_EQ(active.running[1].label, "b");
        EXPECT_EQ(active.running[1].allocation, 2);
        EXPECT_THAT(status_table(active), testing::HasSubstr("step 1/2 of allocation 2"));
        EXPECT_TRUE(is_held(folder_));
    }
    const Status stopped = *present_status(folder_);
    EXPECT_EQ(stopped.state, CampaignState::stopped);
    EXPECT_EQ(stopped.tasks.done, 14);
    EXPECT_TRUE(stopped.running.empty());
    EXPECT_EQ(stopped.tasks.running, 0);
    EXPECT_EQ(stopped.tasks.ready, midway().tasks.ready + midway().tasks.running)
        << "tasks of a dead allocation can run again";
    EXPECT_FALSE(is_held(folder_));
}

// A running campaign must not fail because of its snapshot.
TEST_F(SnapshotTest, WritingToAMissingFolderDoesNotThrow) {
    fs::remove_all(folder_.root());
    EXPECT_NO_THROW(write_status(folder_, midway()));
}

} // namespace
} // namespace dagan::launcher
