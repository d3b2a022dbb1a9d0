#include "base/duration.h"

#include <gtest/gtest.h>

#include <map>
#include <utility>
#include <vector>

namespace dagan {
namespace {

using namespace std::chrono_literals;

TEST(DurationTest, WallTimesAreReadAsSlurmReadsThem) {
    const std::map<std::string, std::chrono::seconds> times{
        {"90", 90min}, {"90:30", 90min + 30s},   {"01:30:00", 90min},
        {"1-12", 36h}, {"1-12:30", 36h + 30min}, {"2-00:00:01", 48h + 1s}};
    for (const auto& [text, time] : times) EXPECT_EQ(parse_wall_time(text), time) << text;
    for (const char* wrong : {"", "0", "00:00:00", "1h", "-5", "1:2:3:4", "1-", "infinite"})
        EXPECT_EQ(parse_wall_time(wrong), std::nullopt) << wrong;
}

TEST(DurationTest, TwoUnitsAreRoundedToSeconds) {
    const std::vector<std::pair<double, std::string>> table{
        {0, "0 s"},           {0.4, "0 s"},         {12.3, "12 s"},           {59.4, "59 s"},
        {59.6, "1 min 00 s"}, {60, "1 min 00 s"},   {250, "4 min 10 s"},      {3599, "59 min 59 s"},
        {3600, "1 h 00 min"}, {7500, "2 h 05 min"}, {360000, "100 h 00 min"}, {-3, "0 s"}};
    for (const auto& [seconds, text] : table)
        EXPECT_EQ(duration_in_two_units(seconds), text) << seconds;
}

TEST(DurationTest, OneUnitHasThreeSignificantDigits) {
    const std::vector<std::pair<int64_t, std::string>> table{
        {0, "0 s"},           {85'000, "85 s"},      {1'234, "1.23 s"},  {119'999, "120 s"},
        {120'000, "2 min"},   {750'000, "12.5 min"}, {7'200'000, "2 h"}, {11'520'000, "3.2 h"},
        {172'800'000, "2 d"}, {345'600'000, "4 d"}};
    for (const auto& [ms, text] : table) EXPECT_EQ(duration_in_one_unit(ms), text) << ms;
}

} // namespace
} // namespace dagan
