#include "model/tensor/same_conv.h"

#include "model/tensors.h"

#include <cmath>
#include <vector>

namespace dagan::model {
namespace {

std::vector<int64_t> read_indices(int64_t from, int64_t to) {
    const torch::Tensor ramp = torch::arange(from, torch::kFloat)
                                   .view({1, 1, from, 1})
                                   .expand({1, 1, from, from})
                                   .contiguous();
    const torch::Tensor rows = resize_nearest(ramp, to).select(3, 0).flatten().to(torch::kLong);
    return {rows.data_ptr<int64_t>(), rows.data_ptr<int64_t>() + rows.numel()};
}

TEST(SamePaddingTest, StrideTwoPadsEvenSizesOnlyAfterAndOddSizesOnBothSides) {
    for (const int64_t size : {64, 32, 28, 16, 14, 8, 4})
        EXPECT_EQ(same_padding(size, 3, 2), (Padding{0, 1})) << size;
    EXPECT_EQ(same_padding(7, 3, 2), (Padding{1, 1}));
}

TEST(SamePaddingTest, StrideOnePadsOnBothSidesAndPointwiseKernelsNotAtAll) {
    for (const int64_t size : {1, 2, 7, 28})
        EXPECT_EQ(same_padding(size, 3, 1), (Padding{1, 1})) << size;
    for (const int64_t size : {7, 28}) EXPECT_EQ(same_padding(size, 1, 2), (Padding{0, 0})) << size;
}

TEST(SameConvTest, TopLeftKernelOnARampReadsEverySecondPixel) {
    torch::Tensor kernel = torch::zeros({1, 1, 3, 3});
    kernel[0][0][0][0] = 1;
    const torch::Tensor ramp = torch::arange(16, torch::kFloat).view({1, 1, 4, 4});
    const torch::Tensor y = same_conv(ramp, kernel, torch::zeros({1}), 2);
    EXPECT_TRUE(torch::equal(y.flatten(), torch::tensor({0.F, 2.F, 8.F, 10.F}))) << y;
}

TEST(SameConvTest, BottomRightKernelReadsTheZerosAfterTheLastPixel) {
    torch::Tensor kernel = torch::zeros({1, 1, 3, 3});
    kernel[0][0][2][2] = 1;
    const torch::Tensor ramp = torch::arange(16, torch::kFloat).view({1, 1, 4, 4});
    const torch::Tensor y = same_conv(ramp, kernel, torch::zeros({1}), 2);
    EXPECT_TRUE(torch::equal(y.flatten(), torch::tensor({10.F, 0.F, 0.F, 0.F}))) << y;
}

TEST(SameConvTest, StrideTwoGivesTheSizesOfTheNetworks) {
    const torch::Tensor kernel = torch::ones({1, 1, 3, 3}), bias = torch::zeros({1});
    for (const auto& [in, out] : std::vector<std::pair<int64_t, int64_t>>{
             {28, 14}, {14, 7}, {7, 4}, {4, 2}, {64, 32}, {8, 4}}) {
        EXPECT_EQ(same_conv(torch::ones({1, 1, in, in}), kernel, bias, 2).size(3), out);
        EXPECT_EQ(
            same_conv(torch::ones({1, 1, in, in}), torch::ones({1, 1, 1, 1}), bias, 2).size(3),
            out);
    }
}

TEST(ResizeTest, ReadsTheDocumentedIndices) {
    EXPECT_EQ(read_indices(4, 7), (std::vector<int64_t>{0, 0, 1, 1, 2, 2, 3}));
    EXPECT_EQ(read_indices(2, 4), (std::vector<int64_t>{0, 0, 1, 1}));
    EXPECT_EQ(read_indices(7, 14),
              (std::vector<int64_t>{0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6}));
}

TEST(ResizeTest, EverySizeOfAnEncoderReadsTheFloorOfTheRatio) {
    for (int64_t to = 1; to <= 128; ++to) {
        const int64_t from = (to + 1) / 2;
        const std::vector<int64_t> indices = read_indices(from, to);
        for (int64_t i = 0; i < to; ++i)
            ASSERT_EQ(indices[static_cast<size_t>(i)], i * from / to)
                << from << " to " << to << " at " << i;
    }
}

TEST(GlorotTest, FillsTheWholeRangeOfTheFans) {
    torch::Tensor conv = torch::empty({128, 64, 3, 3}), dense = torch::empty({1024, 128});
    fill_glorot_uniform(conv, 1);
    fill_glorot_uniform(dense, 2);
    const double conv_bound = std::sqrt(6.0 / (9 * 64 + 9 * 128)),
                 dense_bound = std::sqrt(6.0 / (128 + 1024));
    for (const auto& [weight, bound] :
         {std::pair{conv, conv_bound}, std::pair{dense, dense_bound}}) {
        EXPECT_LE(weight.max().item<double>(), bound * (1 + 1e-6));
        EXPECT_GT(weight.max().item<double>(), bound * 0.999);
        EXPECT_LT(weight.min().item<double>(), -bound * 0.999);
        // Standard error of the mean of 73,728 or more draws is below 0.003 bounds; of the variance
        // below 0.4 %.
        EXPECT_NEAR(weight.mean().item<double>() / bound, 0, 0.01);
        EXPECT_NEAR(weight.var().item<double>() / (bound * bound / 3), 1, 0.02);
    }
}

TEST(GlorotTest, DependsOnlyOnTheStream) {
    torch::Tensor a = torch::empty({8, 4, 3, 3}), b = a.clone(), c = a.clone();
    fill_glorot_uniform(a, 7);
    fill_glorot_uniform(b, 7);
    fill_glorot_uniform(c, 8);
    EXPECT_TRUE(torch::equal(a, b));
    EXPECT_FALSE(torch::equal(a, c));
}

} // namespace
} // namespace dagan::model
