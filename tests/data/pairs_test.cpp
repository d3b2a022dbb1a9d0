#include "data/pairs.h"

#include "data/support.h"

#include <algorithm>
#include <array>
#include <numeric>

namespace dagan::data::test {

namespace {
// Pearson's statistic of counts against expected shares.
double chi_square(const std::vector<double>& counts, const std::vector<double>& shares) {
    const double total = std::accumulate(counts.begin(), counts.end(), 0.0);
    double sum = 0;
    for (size_t i = 0; i < counts.size(); ++i)
        sum +=
            (counts[i] - total * shares[i]) * (counts[i] - total * shares[i]) / (total * shares[i]);
    return sum;
}

constexpr uint64_t kStream = 11;
constexpr uint32_t kSteps = 400, kBatch = 25; // 10,000 pairs

template <class Use> void for_each_pair(const PairSampler& sampler, const Use& use) {
    for (uint32_t step = 0; step < kSteps; ++step) {
        for (uint32_t index = 0; index < kBatch; ++index) use(sampler.pair(step, index));
    }
}
} // namespace

// docs/reference/model.md, check 18. 0.999 quantiles of chi-square: 16.27 (3 degrees), 10.83 (1),
// 43.82 (19). The stream is fixed.
TEST(PairsTest, RotationIsIdentityInFiveEighthsAndEachTurnInOneEighth) {
    const Dataset data = random_dataset({20, 20}, 1, 4, 1);
    std::vector<double> turns(4, 0);
    for_each_pair(
        {data, {0, 1}, Pairs::with_replacement, true, kStream},
        [&](const PairSampler::Pair& pair) { ++turns[static_cast<size_t>(pair.quarter_turns)]; });
    EXPECT_LT(chi_square(turns, {5.0 / 8, 1.0 / 8, 1.0 / 8, 1.0 / 8}), 16.27);
}

TEST(PairsTest, WithoutRotationNoImageTurns) {
    const Dataset data = random_dataset({20, 20}, 1, 4, 1);
    for_each_pair({data, {0, 1}, Pairs::with_replacement, false, kStream},
                  [&](const PairSampler::Pair& pair) { ASSERT_EQ(pair.quarter_turns, 0); });
}

TEST(PairsTest, ClassesAndImagesAreUniformAndOnePairInTwentyIsOneImageTwice) {
    const Dataset data = random_dataset({3, 20, 20, 20, 20, 20}, 1, 4, 1);
    const std::vector<int> classes{5, 1, 3};
    std::vector<double> per_class(3, 0), condition(20, 0), target(20, 0), same(2, 0);
    for_each_pair({data, classes, Pairs::with_replacement, true, kStream},
                  [&](const PairSampler::Pair& pair) {
                      const int label = data.label(pair.condition);
                      ASSERT_EQ(data.label(pair.target), label);
                      const auto place = std::ranges::find(classes, label);
                      ASSERT_NE(place, classes.end());
                      ++per_class[static_cast<size_t>(place - classes.begin())];
                      ++condition[static_cast<size_t>(pair.condition - data.first_of(label))];
                      ++target[static_cast<size_t>(pair.target - data.first_of(label))];
                      ++same[pair.condition == pair.target];
                  });
    EXPECT_LT(chi_square(per_class, std::vector(3, 1.0 / 3)), 13.82); // 2 degrees
    EXPECT_LT(chi_square(condition, std::vector(20, 0.05)), 43.82);
    EXPECT_LT(chi_square(target, std::vector(20, 0.05)), 43.82);
    EXPECT_LT(chi_square(same, {0.95, 0.05}), 10.83);
}

TEST(PairsTest, DistinctPairsHaveTwoImagesAndStayUniform) {
    const Dataset data = random_dataset({20}, 1, 4, 1);
    std::vector<double> distance(20, 0);
    for_each_pair({data, {0}, Pairs::distinct, true, kStream}, [&](const PairSampler::Pair& pair) {
        ASSERT_NE(pair.condition, pair.target);
        ++distance[static_cast<size_t>((pair.target - pair.condition + 20) % 20)];
    });
    EXPECT_EQ(distance[0], 0);
    distance.erase(distance.begin());
    EXPECT_LT(chi_square(distance, std::vector(19, 1.0 / 19)), 42.31); // 18 degrees
}

TEST(PairsTest, AnySlicesMakeUpTheWholeBatch) {
    const Dataset data = random_dataset({5, 6, 7}, 3, 5, 1);
    const PairSampler sampler(data, {0, 1, 2}, Pairs::with_replacement, true, kStream);
    const size_t pixels = 75, batch = 12;
    std::vector<float> conditions(batch * pixels), targets(batch * pixels);
    sampler.fill(9, 0, batch, conditions, targets);
    for (const size_t part : {1, 3, 4, 6}) {
        std::vector<float> sliced_conditions(batch * pixels), sliced_targets(batch * pixels);
        for (size_t first = batch; first > 0;) { // from the back: order must not matter
            first -= part;
            sampler.fill(9, static_cast<uint32_t>(first), static_cast<uint32_t>(part),
                         std::span(sliced_conditions).subspan(first * pixels, part * pixels),
                         std::span(sliced_targets).subspan(first * pixels, part * pixels));
        }
        EXPECT_EQ(sliced_conditions, conditions);
        EXPECT_EQ(sliced_targets, targets);
    }
}

TEST(PairsTest, StepsDifferAndStreamsDiffer) {
    const Dataset data = random_dataset({20, 20, 20}, 1, 4, 1);
    const auto batch = [&](uint64_t stream, uint32_t step) {
        std::vector<float> conditions(16 * 16), targets(16 * 16);
        PairSampler(data, {0, 1, 2}, Pairs::with_replacement, true, stream)
            .fill(step, 0, 16, conditions, targets);
        return conditions;
    };
    EXPECT_EQ(batch(1, 0), batch(1, 0));
    EXPECT_NE(batch(1, 0), batch(1, 1));
    EXPECT_NE(batch(1, 0), batch(2, 0));
}

// The floats of a batch are the pair's images, both rotated counter-clockwise by the same angle.
TEST(PairsTest, FillsBothImagesWithTheSameRotation) {
    const int size = 4;
    const Dataset data = random_dataset({9, 9}, 3, size, 1);
    const PairSampler sampler(data, {0, 1}, Pairs::with_replacement, true, kStream);
    const uint32_t batch = 64;
    const size_t pixels = 3 * 16;
    std::vector<float> conditions(batch * pixels), targets(batch * pixels);
    sampler.fill(2, 0, batch, conditions, targets);
    std::array<int, 4> seen{};
    for (uint32_t k = 0; k < batch; ++k) {
        const auto pair = sampler.pair(2, k);
        ++seen[static_cast<size_t>(pair.quarter_turns)];
        for (int c = 0; c < 3; ++c) {
            for (int y = 0; y < size; ++y) {
                for (int x = 0; x < size; ++x) {
                    int sy = y, sx = x;
                    // The pixel at (y, x) was at (x, size - 1 - y) before one turn.
                    for (int turn = 0; turn < pair.quarter_turns; ++turn) {
                        const int old_y = sy;
                        sy = sx;
                        sx = size - 1 - old_y;
                    }
                    const auto from = static_cast<size_t>((c * size + sy) * size + sx);
                    const auto to = k * pixels + static_cast<size_t>((c * size + y) * size + x);
                    const auto expected = [&](int image) {
                        return static_cast<float>(2.0 * data.image(image)[from] / 255.0 - 1.0);
                    };
                    ASSERT_EQ(conditions[to], expected(pair.condition))
                        << "pair " << k << " turns " << pair.quarter_turns;
                    ASSERT_EQ(targets[to], expected(pair.target))
                        << "pair " << k << " turns " << pair.quarter_turns;
                }
            }
        }
    }
    for (const int count : seen) EXPECT_GT(count, 0);
}

TEST(PairsTest, RefusesNoClassAndDistinctPairsOfOneImage) {
    const Dataset data = random_dataset({5, 1}, 1, 4, 1);
    expect_refused([&] { PairSampler(data, {}, Pairs::with_replacement, true, 1); }, {"no class"});
    expect_refused(
        [&] {
            PairSampler(data, {0, 1}, Pairs::distinct, true, 1);
        },
        {data.class_name(1), "one image", "with_replacement"});
    EXPECT_NO_THROW(PairSampler(data, {1}, Pairs::with_replacement, true, 1)
                        .pair(0, 0)); // pairs the image with itself
}

} // namespace dagan::data::test
