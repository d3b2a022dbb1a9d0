#include "results/report/timeline.h"

#include <gtest/gtest.h>

#include <regex>

namespace dagan::results {
namespace {

constexpr int64_t kHour = 3'600'000;
constexpr int64_t kStart = 1'767'600'000'000;

struct Box {
    double x, y, width;
};

std::vector<Box> boxes(const std::string& svg) {
    static const std::regex kRect(R"re(<rect x="([\d.]+)" y="([\d.]+)" width="([\d.]+)")re");
    std::vector<Box> found;
    for (auto it = std::sregex_iterator(svg.begin(), svg.end(), kRect);
         it != std::sregex_iterator(); ++it)
        found.push_back({std::stod((*it)[1]), std::stod((*it)[2]), std::stod((*it)[3])});
    return found;
}

TimedAttempt attempt(const std::vector<int>& ranks, int64_t from, int64_t to,
                     const std::string& outcome = "done", int allocation = 1) {
    std::vector<RankName> names;
    for (const int rank : ranks) names.push_back({allocation, rank});
    return {"task", "classifier", "node1", std::move(names), kStart + from, kStart + to, outcome};
}

TEST(TimelineTest, WithoutAttemptsNothingIsDrawn) { EXPECT_EQ(timeline_svg({}), ""); }

TEST(TimelineTest, BarsAreAsLongAsAttemptsTook) {
    const auto found =
        boxes(timeline_svg({attempt({0}, 0, kHour), attempt({0}, kHour, 3 * kHour)}));
    ASSERT_EQ(found.size(), 2u);
    EXPECT_NEAR(found[1].width, 2 * found[0].width, 0.2);
    EXPECT_NEAR(found[1].x, found[0].x + found[0].width, 0.2);
    EXPECT_EQ(found[0].y, found[1].y);
}

TEST(TimelineTest, ConcurrentAttemptsOfARankHaveSeparateLines) {
    const auto found =
        boxes(timeline_svg({attempt({0}, 0, 2 * kHour), attempt({0}, kHour, 3 * kHour),
                            attempt({0}, 2 * kHour, 3 * kHour)}));
    ASSERT_EQ(found.size(), 3u);
    EXPECT_LT(found[0].y, found[1].y);
    EXPECT_EQ(found[0].y, found[2].y) << "the first line is free again";
}

TEST(TimelineTest, AGangIsDrawnOnEachOfItsRanks) {
    EXPECT_EQ(boxes(timeline_svg({attempt({0, 1, 3}, 0, kHour)})).size(), 3u);
}

TEST(TimelineTest, RanksOfDifferentAllocationsHaveSeparateRows) {
    const auto svg =
        timeline_svg({attempt({0}, 0, kHour), attempt({0}, 2 * kHour, 3 * kHour, "done", 2)});
    const auto found = boxes(svg);
    ASSERT_EQ(found.size(), 2u);
    EXPECT_LT(found[0].y, found[1].y);
    EXPECT_NE(svg.find(">rank 0, node1<"), std::string::npos) << svg;
    EXPECT_NE(svg.find(">rank 2:0, node1<"), std::string::npos) << svg;
    EXPECT_NE(svg.find("2 attempts on 2 ranks"), std::string::npos);
}

TEST(TimelineTest, RankNamesRoundTripThroughText) {
    const std::vector<RankName> first{{1, 0}, {1, 12}}, second{{2, 0}, {2, 1}};
    EXPECT_EQ(to_text(first), "0,12");
    EXPECT_EQ(to_text(second), "2:0,2:1");
    EXPECT_EQ(rank_names_of_text(to_text(first)), first);
    EXPECT_EQ(rank_names_of_text(to_text(second)), second);
    EXPECT_EQ(rank_names_of_text("x,3,:4,2:,,5x,2:6"), (std::vector<RankName>{{1, 3}, {2, 6}}));
    EXPECT_TRUE(rank_names_of_text("").empty());
}

TEST(TimelineTest, ALongPauseIsShortenedAndLabelled) {
    const auto svg = timeline_svg({attempt({0}, 0, kHour), attempt({0}, 100 * kHour, 101 * kHour)});
    const auto found = boxes(svg);
    EXPECT_GT(found[0].width, 400) << "half of the busy time fills almost half of the chart";
    EXPECT_NE(svg.find("4.12 d idle"), std::string::npos) << svg;
}

TEST(TimelineTest, ShortFailuresAreVisibleAndCounted) {
    const auto svg =
        timeline_svg({attempt({0}, 0, 100 * kHour), attempt({1}, kHour, kHour + 1, "died")});
    EXPECT_NE(svg.find("class=\"t-failed\""), std::string::npos);
    EXPECT_NE(svg.find("1 of them failed"), std::string::npos);
    EXPECT_GE(boxes(svg).back().width, 3);
}

TEST(TimelineTest, ThousandsOfAttemptsMakeASmallPicture) {
    std::vector<TimedAttempt> many;
    for (int i = 0; i < 5500; ++i) many.push_back(attempt({i % 4}, i * 1000, i * 1000 + 3900));
    const auto svg = timeline_svg(many);
    EXPECT_LT(svg.size(), 250'000u);
    EXPECT_NE(svg.find("5500 attempts on 4 ranks"), std::string::npos);
}

TEST(TimelineTest, NamesNeverBecomeMarkup) {
    auto odd = attempt({0}, 0, kHour);
    odd.label = odd.kind = odd.host = odd.outcome = "<b>&";
    EXPECT_EQ(timeline_svg({odd}).find("<b>"), std::string::npos);
}

} // namespace
} // namespace dagan::results
