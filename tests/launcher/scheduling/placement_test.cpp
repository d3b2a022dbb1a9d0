#include "launcher/scheduling/placement.h"

#include "base/random.h"

#include <gmock/gmock.h>

#include <numeric>
#include <set>

namespace dagan::launcher {
namespace {

using testing::ElementsAre;

// Chooses with `nodes` as the node of each rank.
std::vector<int> choose(const std::vector<int>& nodes, const std::vector<int>& candidates,
                        size_t count) {
    const auto node_of = [&](Rank rank) {
        return NodeIndex::from(nodes[static_cast<size_t>(rank.value())]);
    };
    return values_of(on_few_nodes(indices_from<Rank>(candidates), count, node_of));
}

TEST(PlacementTest, AGangThatFitsOnOneNodeIsPlacedThere) {
    EXPECT_THAT(choose({7, 8, 7, 8, 9}, {0, 1, 2, 3, 4}, 2), ElementsAre(1, 3))
        << "of two nodes that fit, the later";
    EXPECT_THAT(choose({7, 8, 8, 8, 7}, {0, 1, 2, 3, 4}, 2), ElementsAre(0, 4))
        << "the node with the least room that suffices";
    EXPECT_THAT(choose({7, 8, 8, 8, 7}, {0, 1, 2, 3, 4}, 3), ElementsAre(1, 2, 3));
}

TEST(PlacementTest, AGangThatFitsOnNoNodeTakesTheLargestNodes) {
    EXPECT_THAT(choose({1, 2, 3, 3, 3, 2}, {0, 1, 2, 3, 4, 5}, 5), ElementsAre(1, 2, 3, 4, 5));
}

TEST(PlacementTest, TheBestCandidatesOfANodeAreTaken) {
    EXPECT_THAT(choose({1, 1, 1, 1}, {3, 0, 2, 1}, 2), ElementsAre(0, 3));
}

// Compared with an exhaustive search.
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
} // namespace dagan::launcher
