#include "cluster/gang/mean.h"

#include "gang/group_contract.h"

#include <gtest/gtest.h>

#include <numeric>

namespace dagan::cluster {
namespace {

TEST(MeanTest, SlicesCoverTheArrayInOrderAndBeginOnCacheLines) {
    for (int members = 1; members <= 9; ++members) {
        for (const size_t count : {0, 1, 15, 16, 17, 100, 127, 128, 129, 1000, 100003}) {
            SCOPED_TRACE(std::to_string(count) + " floats, " + std::to_string(members) +
                         " members");
            size_t end = 0;
            for (int position = 0; position < members; ++position) {
                const Slice slice = slice_of(count, position, members);
                EXPECT_EQ(slice.begin, end);
                EXPECT_TRUE(slice.begin % 16 == 0 || slice.count == 0);
                EXPECT_LE(slice.count, slice_of(count, 0, members).count);
                EXPECT_LE(slice.count, count / static_cast<size_t>(members) + 16);
                end += slice.count;
            }
            EXPECT_EQ(end, count);
        }
    }
}

TEST(MeanTest, TheSumIsInTheOrderOfMembersAndTheMeanIsWrittenToAll) {
    for (const size_t count : {0, 1, 7, 4095, 4096, 4097, 10001}) {
        std::vector<std::vector<float>> arrays(5, std::vector<float>(count + 1));
        std::vector<float> expected(count);
        for (size_t i = 0; i < count; ++i) {
            for (int member = 0; member < 5; ++member)
                arrays[member][i] = gang::contract_value(member, i, 0);
            for (const auto& array : arrays)
                expected[i] = &array == &arrays[0] ? array[i] : expected[i] + array[i];
            expected[i] /= 5;
        }
        std::vector<float*> parts;
        for (auto& array : arrays) parts.push_back(array.data());
        write_mean(std::vector<const float*>(parts.begin(), parts.end()), parts, count);
        expected.push_back(0); // floats beyond `count` are unchanged
        for (const auto& array : arrays) EXPECT_EQ(array, expected);
    }
}

} // namespace
} // namespace dagan::cluster
