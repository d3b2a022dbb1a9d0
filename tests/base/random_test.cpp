#include "base/random.h"

#include "base/error.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <set>

namespace dagan {
namespace {

// Random123's kat_vectors for philox4x32-10: zeros, ones, and the digits of pi.
TEST(PhiloxTest, KnownAnswers) {
    EXPECT_EQ(philox({0, 0, 0, 0}, {0, 0}),
              (PhiloxBlock{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
    EXPECT_EQ(philox({0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff}, {0xffffffff, 0xffffffff}),
              (PhiloxBlock{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
    EXPECT_EQ(philox({0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, {0xa4093822, 0x299f31d0}),
              (PhiloxBlock{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(DeriveTest, DependsOnEveryPart) {
    const std::set<uint64_t> keys{
        derive(1, "z"),         derive(2, "z"),      derive(1, "dropout"),   derive(1, "z", {0}),
        derive(1, "z", {0, 0}), derive(1, "z", {1}), derive(1, "z", {1, 2}), derive(1, "z", {12}),
        derive(1, "z", {2, 1}), derive(1, "z1"),     derive(1, "")};
    EXPECT_EQ(keys.size(), 11U);
}

TEST(DeriveTest, IsDeterministic) {
    EXPECT_EQ(derive(2018, "trial", {7, 3}), derive(2018, "trial", {7, 3}));
    EXPECT_EQ(derive(2018, "trial", {7, 3}), 0xd3a38eb0093f638cU)
        << "existing campaigns depend on it";
}

// Streams with neighbouring numbers or places are uncorrelated: |r| is below 5 standard errors.
TEST(DeriveTest, NeighbouringStreamsAreIndependent) {
    constexpr int kDraws = 4000;
    const auto correlation = [](Random a, Random b) {
        double sum = 0;
        for (int i = 0; i < kDraws; ++i) sum += (a.uniform() - 0.5) * (b.uniform() - 0.5);
        return sum / kDraws * 12;
    };
    const double bound = 5 / std::sqrt(kDraws);
    EXPECT_LT(std::abs(correlation(Random(derive(1, "z", {0})), Random(derive(1, "z", {1})))),
              bound);
    EXPECT_LT(std::abs(correlation(Random(5, 0), Random(5, 1))), bound);
    EXPECT_LT(std::abs(correlation(Random(5, 0, 0), Random(5, 0, 1))), bound);
    EXPECT_LT(std::abs(correlation(Random(5, 0, 0, 0), Random(5, 0, 0, 1))), bound);
    EXPECT_GT(std::abs(correlation(Random(5), Random(5))), 0.9)
        << "the same stream gives the same numbers";
}

TEST(RandomTest, StepIndexAndLayerSelectDifferentNumbers) {
    std::set<uint32_t> first;
    for (uint32_t place = 1; place <= 3; ++place) {
        first.insert(Random(9, place, 0, 0).bits());
        first.insert(Random(9, 0, place, 0).bits());
        first.insert(Random(9, 0, 0, place).bits());
    }
    EXPECT_EQ(first.size(), 9U);
}

// Chi-squared over 16 cells, 15 degrees of freedom: exceeds 45 once in 10,000 times. The seed is
// fixed.
TEST(RandomTest, UniformNumbersAreEvenlyDistributed) {
    Random random(20180101);
    std::vector<int> cells(16);
    constexpr int kDraws = 64000;
    double sum = 0;
    for (int i = 0; i < kDraws; ++i) {
        const double u = random.uniform();
        ASSERT_GE(u, 0);
        ASSERT_LT(u, 1);
        sum += u;
        ++cells[static_cast<size_t>(u * 16)];
    }
    double chi_squared = 0;
    for (const int count : cells)
        chi_squared += (count - kDraws / 16.0) * (count - kDraws / 16.0) / (kDraws / 16.0);
    EXPECT_LT(chi_squared, 45);
    EXPECT_NEAR(sum / kDraws, 0.5, 5 * std::sqrt(1 / 12.0 / kDraws));
}

TEST(RandomTest, BelowIsUnbiasedAndLessThanItsBound) {
    Random random(77);
    constexpr int kDraws = 60000;
    std::vector<int> counts(6);
    for (int i = 0; i < kDraws; ++i) ++counts.at(random.below(6));
    for (const int count : counts) EXPECT_NEAR(count, kDraws / 6, 5 * std::sqrt(kDraws / 6.0));
    for (int i = 0; i < 100; ++i) EXPECT_EQ(random.below(1), 0U);
    EXPECT_THROW(random.below(0), Error);
}

// With bound 3 * 2^62, a plain remainder would fall into the lower third with probability 1/2
// instead of 1/3.
TEST(RandomTest, BelowHasNoModuloBiasForLargeBounds) {
    Random random(78);
    constexpr uint64_t kThird = uint64_t{1} << 62;
    constexpr int kDraws = 20000;
    int low = 0;
    for (int i = 0; i < kDraws; ++i) {
        const uint64_t drawn = random.below(3 * kThird);
        ASSERT_LT(drawn, 3 * kThird);
        if (drawn < kThird) ++low;
    }
    EXPECT_NEAR(low, kDraws / 3.0, 5 * std::sqrt(kDraws * 2 / 9.0));
}

TEST(RandomTest, NormalHasMeanZeroVarianceOneAndTails) {
    Random random(5);
    constexpr int kDraws = 100000;
    double sum = 0, squares = 0;
    int beyond_two = 0;
    for (int i = 0; i < kDraws; ++i) {
        const double x = random.normal();
        ASSERT_TRUE(std::isfinite(x));
        sum += x;
        squares += x * x;
        if (std::abs(x) > 2) ++beyond_two;
    }
    EXPECT_NEAR(sum / kDraws, 0, 5 / std::sqrt(kDraws));
    EXPECT_NEAR(squares / kDraws, 1, 5 * std::sqrt(2.0 / kDraws));
    EXPECT_NEAR(beyond_two, 0.0455 * kDraws, 5 * std::sqrt(0.0455 * kDraws));
}

TEST(RandomTest, PermutationsAreUniformlyDistributed) {
    EXPECT_TRUE(Random(1).permutation(0).empty());
    std::map<std::vector<int>, int> orders;
    constexpr int kDraws = 24000;
    for (uint32_t i = 0; i < kDraws; ++i) {
        std::vector<int> order = Random(3, i).permutation(4);
        ++orders[order];
        std::sort(order.begin(), order.end());
        ASSERT_EQ(order, (std::vector<int>{0, 1, 2, 3}));
    }
    EXPECT_EQ(orders.size(), 24U);
    for (const auto& [order, count] : orders) EXPECT_NEAR(count, 1000, 5 * std::sqrt(1000.0));
}

TEST(FillTest, NormalsAreThoseOfARandomAtTheSamePlace) {
    std::vector<float> filled(7);
    fill_normal(filled, 11, 2, 3, 4);
    Random random(11, 2, 3, 4);
    for (const float value : filled) EXPECT_EQ(value, static_cast<float>(random.normal()));
}

TEST(FillTest, DropoutZeroesItsShareAndScalesTheRest) {
    for (const double p : {0.0, 0.3, 0.5, 0.9}) {
        std::vector<float> mask(40000);
        fill_dropout(mask, p, 42, 1, 2, 3);
        const double rounded = std::lround(p * 65536) / 65536.0;
        const auto dropped = static_cast<double>(std::count(mask.begin(), mask.end(), 0.0F));
        EXPECT_NEAR(dropped, rounded * 40000, 5 * std::sqrt(40000 * rounded * (1 - rounded)) + 1e-9)
            << "p = " << p;
        for (const float value : mask) {
            if (value != 0) {
                ASSERT_FLOAT_EQ(value, static_cast<float>(1 / (1 - rounded))) << "p = " << p;
            }
        }
    }
    std::vector<float> mask(1);
    EXPECT_THROW(fill_dropout(mask, 1.0, 42, 0, 0, 0), Error);
}

TEST(FillTest, DropoutMasksAreThe16BitHalvesOfPhilox) {
    constexpr uint64_t kKey = 0x0123456789ABCDEF;
    constexpr uint32_t kThreshold = 3 * 65536 / 10 + 1; // 0.3, rounded
    std::vector<float> mask(1003);
    fill_dropout(mask, 0.3, kKey, 1, 2, 3);
    for (uint32_t i = 0; i < mask.size(); ++i) {
        const PhiloxBlock words = philox(
            {i / 8, 3, 2, 1}, {static_cast<uint32_t>(kKey), static_cast<uint32_t>(kKey >> 32)});
        const uint32_t draw = words[i % 8 / 2] >> (16 * (i % 2)) & 0xFFFF;
        ASSERT_EQ(mask[i] == 0, draw < kThreshold) << i;
    }
}

// A mask is a function of its place and position: a longer mask starts with the shorter one, and
// each (step, index, layer) has a different mask.
TEST(FillTest, DropoutMaskDoesNotDependOnItsLength) {
    std::vector<float> whole(300);
    fill_dropout(whole, 0.5, 42, 1, 2, 3);
    for (const size_t length :
         {size_t{1}, size_t{8}, size_t{127}, size_t{128}, size_t{129}, size_t{256}}) {
        std::vector<float> part(length);
        fill_dropout(part, 0.5, 42, 1, 2, 3);
        EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin())) << "length " << length;
    }
    std::set<std::vector<float>> masks{whole};
    for (const auto& [step, index, layer] :
         {std::tuple{2U, 2U, 3U}, std::tuple{1U, 3U, 3U}, std::tuple{1U, 2U, 4U}}) {
        std::vector<float> other(300);
        fill_dropout(other, 0.5, 42, step, index, layer);
        masks.insert(other);
    }
    EXPECT_EQ(masks.size(), 4U);
}

} // namespace
} // namespace dagan
