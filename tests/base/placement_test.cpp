#include "base/random.h"
#include "base/topology.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

namespace dagan {
namespace {

using testing::ElementsAre;

// Nodes by rank.
std::vector<int> choose(const std::vector<int>& nodes, const std::vector<int>& candidates,
                        size_t count) {
    return on_few_nodes(candidates, count,
                        [&](int rank) { return nodes[static_cast<size_t>(rank)]; });
}

TEST(PlacementTest, AGangThatFitsOnOneNodeIsPutThere) {
    EXPECT_THAT(choose({7, 8, 7, 8, 9}, {0, 1, 2, 3, 4}, 2), ElementsAre(1, 3))
        << "of two that fit, the later: 0 and 2 stay whole";
    EXPECT_THAT(choose({7, 8, 8, 8, 7}, {0, 1, 2, 3, 4}, 2), ElementsAre(0, 4))
        << "the node that just has room";
    EXPECT_THAT(choose({7, 8, 8, 8, 7}, {0, 1, 2, 3, 4}, 3), ElementsAre(1, 2, 3));
}

TEST(PlacementTest, AGangThatFitsOnNoNodeTakesTheLargest) {
    EXPECT_THAT(choose({1, 2, 3, 3, 3, 2}, {0, 1, 2, 3, 4, 5}, 5), ElementsAre(1, 2, 3, 4, 5));
}

TEST(PlacementTest, OnANodeTheBestCandidatesAreTaken) {
    EXPECT_THAT(choose({1, 1, 1, 1}, {3, 0, 2, 1}, 2), ElementsAre(0, 3));
}

// Against trying every choice.
TEST(PlacementTest, NoOtherChoiceTouchesFewerNodes) {
    for (uint64_t seed = 0; seed < 300; ++seed) {
        Random random(seed);
        std::vector<int> nodes(8), candidates(8);
        for (int& node : nodes) node = static_cast<int>(random.below(4));
        std::iota(candidates.begin(), candidates.end(), 0);
        const auto count = static_cast<size_t>(1 + random.below(8));
        const auto touched = [&](const std::vector<int>& ranks) {
            std::set<int> found;
            for (const int rank : ranks) found.insert(nodes[static_cast<size_t>(rank)]);
            return found.size();
        };
        size_t fewest = 9;
        for (unsigned mask = 0; mask < 256; ++mask) {
            std::vector<int> ranks;
            for (int rank = 0; rank < 8; ++rank) {
                if ((mask >> rank & 1U) != 0) ranks.push_back(rank);
            }
            if (ranks.size() == count) fewest = std::min(fewest, touched(ranks));
        }
        const std::vector<int> chosen = choose(nodes, candidates, count);
        EXPECT_EQ(chosen.size(), count) << "seed " << seed;
        EXPECT_EQ(touched(chosen), fewest) << "seed " << seed;
    }
}

} // namespace
} // namespace dagan
