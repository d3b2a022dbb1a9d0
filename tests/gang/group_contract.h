// The tests that every implementation of Group must pass. An implementation is a struct with
//     static std::vector<int> sizes();   // sizes of gangs that can be tested
//     static void run(int size, const GroupBody& body);
// where run() calls `body` on each member in this process, concurrently. The members check each
// other through the group itself, so they may be threads or processes.
#pragma once

#include "gang/group.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

namespace dagan::gang {

using GroupBody = std::function<void(Group&)>;

// Returns member `rank`'s value at index i. Signs and magnitudes differ, so that the bits of a sum
// depend on the order of its terms.
inline float contract_value(int rank, size_t i, int step) {
    const uint32_t mixed = (static_cast<uint32_t>(i) * 2654435761U +
                            static_cast<uint32_t>(rank) * 40503U + static_cast<uint32_t>(step)) *
                           2246822519U;
    return std::ldexp(static_cast<float>(static_cast<int32_t>(mixed)) * 0x1p-31F,
                      static_cast<int>(mixed >> 7 & 15));
}

// Checks that x has the same bits on every member. Halves of 16 bits are exact as floats, and so is
// the mean of equal ones.
inline void expect_same_bits_on_all(Group& group, std::span<const float> x) {
    const auto halves = group.allocate(2 * x.size());
    std::vector<float> own(2 * x.size());
    for (size_t i = 0; i < x.size(); ++i) {
        const auto bits = std::bit_cast<uint32_t>(x[i]);
        own[2 * i] = halves[2 * i] = static_cast<float>(bits >> 16);
        own[2 * i + 1] = halves[2 * i + 1] = static_cast<float>(bits & 0xFFFF);
    }
    group.all_reduce_mean(halves);
    group.wait();
    EXPECT_TRUE(std::equal(own.begin(), own.end(), halves.begin()))
        << "member " << group.rank() << " has different bits";
}

template <class Backend> class GroupContract : public testing::Test {
  protected:
    void on_each_size(const GroupBody& body) {
        for (const int size : Backend::sizes()) {
            SCOPED_TRACE("gang of " + std::to_string(size));
            Backend::run(size, [&](Group& group) {
                EXPECT_EQ(group.size(), size);
                body(group);
            });
        }
    }
};
TYPED_TEST_SUITE_P(GroupContract);

TYPED_TEST_P(GroupContract, RanksArePositions) {
    this->on_each_size([](Group& group) {
        ASSERT_TRUE(0 <= group.rank() && group.rank() < group.size());
        const auto here = group.allocate(static_cast<size_t>(group.size()));
        here[static_cast<size_t>(group.rank())] = 1;
        group.all_reduce_mean(here);
        group.wait();
        for (const float share : here) EXPECT_EQ(share, 1.0F / static_cast<float>(group.size()));
    });
}

TYPED_TEST_P(GroupContract, AllocatedMemoryIsZeroAlignedAndStable) {
    this->on_each_size([](Group& group) {
        const auto small = group.allocate(3);
        small[2] = 7;
        const auto big = group.allocate(3 << 20);
        for (const auto part : {small, big})
            EXPECT_EQ(reinterpret_cast<uintptr_t>(part.data()) % 64, 0U);
        EXPECT_TRUE(std::all_of(big.begin(), big.end(), [](float value) { return value == 0; }));
        EXPECT_TRUE(big.data() >= small.data() + 3 || small.data() >= big.data() + big.size());
        EXPECT_EQ(small[2], 7);
        EXPECT_EQ(small[0], 0);
    });
}

TYPED_TEST_P(GroupContract, MeanEqualsAReferenceInDouble) {
    this->on_each_size([](Group& group) {
        for (const size_t count : {1, 2, 7, 1000, 100003}) {
            const auto x = group.allocate(count);
            for (size_t i = 0; i < count; ++i) x[i] = contract_value(group.rank(), i, 0);
            group.all_reduce_mean(x);
            group.wait();
            for (size_t i = 0; i < count; ++i) {
                double sum = 0, magnitude = 0;
                for (int rank = 0; rank < group.size(); ++rank) {
                    sum += contract_value(rank, i, 0);
                    magnitude += std::abs(contract_value(rank, i, 0));
                }
                // size - 1 additions and one division, each with an error of at most half a unit in
                // the last place of `magnitude`.
                ASSERT_NEAR(x[i], sum / group.size(),
                            magnitude / group.size() * group.size() * 0x1p-24)
                    << count << " at " << i;
            }
        }
    });
}

TYPED_TEST_P(GroupContract, AllMembersGetTheSameBits) {
    this->on_each_size([](Group& group) {
        for (const size_t count : {5, 4097, 300000}) {
            const auto x = group.allocate(count);
            for (int step = 0; step < 3; ++step) {
                for (size_t i = 0; i < count; ++i) x[i] = contract_value(group.rank(), i, step);
                group.all_reduce_mean(x);
                group.wait();
                expect_same_bits_on_all(group, x);
            }
        }
    });
}

TYPED_TEST_P(GroupContract, OnlyTheGivenPartIsReduced) {
    this->on_each_size([](Group& group) {
        const auto x = group.allocate(100);
        const auto own = static_cast<float>(group.rank() + 1);
        std::fill(x.begin(), x.end(), own);
        group.all_reduce_mean(x.subspan(33, 21));
        group.wait();
        for (size_t i = 0; i < 100; ++i) {
            EXPECT_EQ(x[i], 33 <= i && i < 54 ? static_cast<float>(group.size() + 1) / 2 : own)
                << "at " << i;
        }
    });
}

TYPED_TEST_P(GroupContract, ManySmallReductionsInARow) {
    this->on_each_size([](Group& group) {
        const auto x = group.allocate(1);
        for (int step = 0; step < 300; ++step) {
            x[0] = static_cast<float>(step * group.size() + group.rank());
            group.all_reduce_mean(x);
            group.wait();
            ASSERT_EQ(x[0], static_cast<float>(step * group.size()) +
                                static_cast<float>(group.size() - 1) / 2);
        }
    });
}

REGISTER_TYPED_TEST_SUITE_P(GroupContract, RanksArePositions, AllocatedMemoryIsZeroAlignedAndStable,
                            MeanEqualsAReferenceInDouble, AllMembersGetTheSameBits,
                            OnlyTheGivenPartIsReduced, ManySmallReductionsInARow);

} // namespace dagan::gang
