#include "base/index.h"

#include <gtest/gtest.h>

#include <set>
#include <sstream>
#include <string>
#include <type_traits>
#include <unordered_set>

namespace dagan {
namespace {

using Rank = Index<struct RankTag>;
using TaskIndex = Index<struct TaskTag>;

static_assert(!std::is_convertible_v<Rank, int>);
static_assert(!std::is_convertible_v<Rank, TaskIndex>);
static_assert(!std::is_constructible_v<TaskIndex, Rank>);
static_assert(std::is_trivially_copyable_v<Rank> && sizeof(Rank) == sizeof(int));

TEST(IndexTest, ConstantsConvertAndVariablesAreConvertedByName) {
    const Rank constant = 2;
    const int number = 2;
    EXPECT_EQ(constant, Rank::from(number));
    EXPECT_EQ(constant.value(), number);
    EXPECT_TRUE(constant == 2 && constant < 3 && constant != 0);
    EXPECT_EQ(Rank{}.value(), 0);
}

TEST(IndexTest, AnIndexIsOrderedHashedAndPrintedLikeItsNumber) {
    EXPECT_EQ((std::set<Rank>{3, 1, 2}.begin()->value()), 1);
    EXPECT_TRUE((std::unordered_set<Rank>{3, 1}.contains(3)));
    EXPECT_EQ(fmt::format("{:03}", Rank{7}), "007");
    EXPECT_EQ(fmt::format("{}", fmt::join(std::vector<Rank>{4, 5}, ",")), "4,5");
    std::ostringstream text;
    text << Rank{7};
    EXPECT_EQ(text.str(), "7");
}

TEST(IndexTest, AVectorIsAddressedByItsIndexType) {
    IndexVector<Rank, std::string> hosts(2, "?");
    hosts.push_back("c");
    hosts[0] = "a";
    std::string all;
    for (const Rank rank : hosts.indices()) all += hosts[rank];
    EXPECT_EQ(all, "a?c");
    EXPECT_EQ(hosts.size(), 3);
    IndexVector<TaskIndex, bool> done(2, false);
    done[1] = true;
    EXPECT_TRUE(done[1] && !done[0]);
    for (const Rank rank : IndexRange<Rank>(0)) ADD_FAILURE() << rank << " is in an empty range";
}

TEST(IndexTest, ListsAreConvertedBothWays) {
    const std::vector<int> numbers{3, 0, 2};
    EXPECT_EQ(values_of(indices_from<Rank>(numbers)), numbers);
}

} // namespace
} // namespace dagan
