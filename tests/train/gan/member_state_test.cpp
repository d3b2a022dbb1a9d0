#include "train/gan/member_state.h"

#include "support/fake_group.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cstring>

namespace dagan::train {
namespace {

// A module with two buffers: {rank, -0, subnormal, infinity} and a scalar.
struct Buffers : torch::nn::Module {
    explicit Buffers(int rank) {
        many = register_buffer(
            "many", torch::tensor({static_cast<float>(rank) + 0.1F, -0.0F, 1e-45F, INFINITY}));
        one = register_buffer("one", torch::full({}, 1.0F / static_cast<float>(rank + 3)));
    }
    torch::Tensor many, one;
};

TEST(MemberStateTest, GatherReturnsTheBitsOfEveryMemberOnAll) {
    for (const int size : {1, 2, 3, 5, 7}) {
        run_gang(size, [&](gang::Group& group) {
            Buffers buffers(group.rank());
            const torch::Tensor all = MemberState(buffers, group).gather();
            ASSERT_EQ(all.sizes(), (std::vector<int64_t>{size, 5}));
            for (int rank = 0; rank < size; ++rank) {
                Buffers expected(rank);
                const torch::Tensor row = torch::cat({expected.many, expected.one.view({1})});
                EXPECT_EQ(0, std::memcmp(all[rank].data_ptr(), row.data_ptr(), row.nbytes()))
                    << "rank " << rank << " of " << size;
            }
        });
    }
}

TEST(MemberStateTest, UnpackRestoresThePackedState) {
    const auto group = gang::make_group_alone();
    Buffers buffers(4), other(9);
    MemberState(other, *group).unpack(MemberState(buffers, *group).pack());
    EXPECT_EQ(0,
              std::memcmp(other.many.data_ptr(), buffers.many.data_ptr(), buffers.many.nbytes()));
    EXPECT_TRUE(torch::equal(other.one, buffers.one));
}

TEST(MemberStateTest, AverageIsTheMeanOverTheMembers) {
    run_gang(3, [](gang::Group& group) {
        Buffers buffers(group.rank());
        MemberState(buffers, group).average();
        EXPECT_FLOAT_EQ(buffers.many[0].item<float>(), 1.1F);
        EXPECT_FLOAT_EQ(buffers.one.item<float>(), (1.0F / 3 + 1.0F / 4 + 1.0F / 5) / 3);
    });
}

} // namespace
} // namespace dagan::train
