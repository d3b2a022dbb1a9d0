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

TEST(StatusTest, TheLineSaysWhatMatters) {
    EXPECT_EQ(status_line(midway()),
              "12/48 done, 3 running, 1 failed, 35.2 steps/s, about 4 min 10 s left");
}

TEST(StatusTest, TheLineLeavesOutWhatIsNotThere) {
    Status status;
    status.tasks = {.done = 48};
    status.state = CampaignState::finished;
    status.eta_s = 0;
    EXPECT_EQ(status_line(status), "48/48 done, 0 running");
    status.tasks = {.done = 40, .failed = 1, .quarantined = 2, .blocked = 5};
    status.restarts = 2;
    EXPECT_EQ(status_line(status), "40/48 done, 0 running, 3 failed, 5 blocked, 2 restarts");
}

TEST(StatusTest, DurationsReadWell) {
    const std::vector<std::pair<double, std::string>> table{
        {0, "0 s"},           {0.4, "0 s"},         {12.3, "12 s"},           {59.4, "59 s"},
        {59.6, "1 min 00 s"}, {60, "1 min 00 s"},   {250, "4 min 10 s"},      {3599, "59 min 59 s"},
        {3600, "1 h 00 min"}, {7500, "2 h 05 min"}, {360000, "100 h 00 min"}, {-3, "0 s"}};
    for (const auto& [seconds, text] : table) EXPECT_EQ(duration_text(seconds), text) << seconds;
}

TEST(StatusTest, JsonHasTheKeysThatScriptsRelyOn) {
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

TEST(StatusTest, TheTableNamesWhatRuns) {
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

TEST_F(SnapshotTest, HalfAOneIsNone) {
    write_status(folder_, midway());
    const std::string whole = read_file(folder_.status());
    for (size_t length = 0; length + 2 < whole.size(); length += 7) {
        std::ofstream(folder_.status()) << whole.substr(0, length);
        ASSERT_EQ(read_status(folder_), std::nullopt) << length << " bytes of it";
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

// Two allocations live, a third has died before it could say so.
TEST_F(SnapshotTest, OfSeveralAllocationsTheLatestThatLivesSpeaksForAll) {
    EXPECT_EQ(present_status(folder_), std::nullopt);
    const auto desk = [&](int number) {
        fs::create_directories(folder_.of_allocation(number).logs());
        return folder_.of_allocation(number);
    };
    const auto write = [&](int number, int done, const std::string& label) {
        Status status = midway();
        status.tasks.done = done;
        status.steps_per_s = 10;
        status.running = {{label, {0}, 1, 2}};
        write_status(desk(number), status);
        // Times of files are coarse, and what is compared is only their order.
        fs::last_write_time(folder_.of_allocation(number).status(),
                            fs::file_time_type::clock::now() + std::chrono::seconds(done));
    };
    write(1, 10, "a");
    write(2, 12, "b");
    write(3, 14, "c");
    {
        const CampaignLock first(desk(1)), second(desk(2));
        const Status live = *present_status(folder_);
        EXPECT_EQ(live.state, CampaignState::running);
        EXPECT_EQ(live.tasks.done, 12);
        EXPECT_EQ(live.steps_per_s, 20);
        ASSERT_EQ(live.running.size(), 2U);
        EXPECT_EQ(live.running[1].label, "b");
        EXPECT_EQ(live.running[1].allocation, 2);
        EXPECT_THAT(status_table(live), testing::HasSubstr("step 1/2 of allocation 2"));
        EXPECT_TRUE(is_held(folder_));
    }
    const Status rest = *present_status(folder_);
    EXPECT_EQ(rest.state, CampaignState::stopped);
    EXPECT_EQ(rest.tasks.done, 14);
    EXPECT_TRUE(rest.running.empty());
    EXPECT_EQ(rest.tasks.running, 0);
    EXPECT_EQ(rest.tasks.ready, midway().tasks.ready + midway().tasks.running)
        << "for whoever comes next";
    EXPECT_FALSE(is_held(folder_));
}

// Nobody may lose a running campaign for want of a snapshot.
TEST_F(SnapshotTest, AFolderThatIsGoneStopsNobody) {
    fs::remove_all(folder_.root());
    EXPECT_NO_THROW(write_status(folder_, midway()));
}

} // namespace
} // namespace dagan::launcher
