#include "model/dropout.h"

#include "tensors.h"

#include <array>
#include <cmath>

namespace dagan::model {
namespace {

const Pass kTraining{.training = true, .key = 11, .step = 5};

TEST(DropoutTest, KeepsTheExpectationAndDropsTheGivenShare) {
    for (const double p : {0.5, 0.3}) {
        const torch::Tensor y = dropout(torch::ones({16, 8, 14, 14}), p, kTraining, 3);
        const double n = double(y.numel()), zeros = (y == 0).sum().item<double>() / n;
        EXPECT_NEAR(zeros, p, 5 * std::sqrt(p * (1 - p) / n));
        EXPECT_NEAR(y.max().item<double>(), 1 / (1 - p), 1e-4); // p is rounded to 2^-16
        EXPECT_TRUE(((y == 0) | (y == y.max())).all().item<bool>());
    }
}

TEST(DropoutTest, DoesNothingInInferenceOrWithProbabilityZero) {
    const torch::Tensor x = random_tensor({2, 3, 4, 4}, 1);
    EXPECT_TRUE(dropout(x, 0.5, Pass::inference(), 0).is_same(x));
    EXPECT_TRUE(dropout(x, 0, kTraining, 0).is_same(x));
}

TEST(DropoutTest, MasksOfASliceEqualThoseOfTheWholeBatch) {
    const torch::Tensor x = torch::ones({6, 3, 5, 5});
    const torch::Tensor whole = dropout(x, 0.5, kTraining, 2);
    for (const int64_t begin : {0, 2, 4}) {
        Pass slice = kTraining;
        slice.first_index = static_cast<uint32_t>(begin);
        EXPECT_TRUE(torch::equal(dropout(x.slice(0, begin, begin + 2), 0.5, slice, 2),
                                 whole.slice(0, begin, begin + 2)));
    }
}

TEST(DropoutTest, EachOfKeyStepIndexAndLayerChangesTheMask) {
    const torch::Tensor x = torch::ones({1, 4, 8, 8}), base = dropout(x, 0.5, kTraining, 2);
    Pass key = kTraining, step = kTraining, index = kTraining;
    key.key = 12;
    step.step = 6;
    index.first_index = 1;
    EXPECT_FALSE(torch::equal(dropout(x, 0.5, key, 2), base));
    EXPECT_FALSE(torch::equal(dropout(x, 0.5, step, 2), base));
    EXPECT_FALSE(torch::equal(dropout(x, 0.5, index, 2), base));
    EXPECT_FALSE(torch::equal(dropout(x, 0.5, kTraining, 3), base));
}

TEST(DropoutTest, GradientPassesOnlyWhereValuesWereKept) {
    const torch::Tensor x = random_tensor({2, 3, 4, 4}, 1).requires_grad_();
    dropout(x, 0.5, kTraining, 1).sum().backward();
    EXPECT_TRUE(torch::equal(x.grad(), dropout(torch::ones_like(x), 0.5, kTraining, 1)));
}

// Channels-last maps, as the convolutions return them, have separate loops.
TEST(DropoutTest, ChannelsLastMapsHaveTheSameMasksAndDerivatives) {
    for (const auto& [batch, channels, size] :
         {std::array<int64_t, 3>{5, 3, 7}, {2, 64, 14}, {3, 17, 1}, {4, 1, 5}}) {
        const torch::Tensor x = random_tensor({batch, channels, size, size}, 1).to(torch::kFloat);
        const torch::Tensor expected =
            dropout(x.to(torch::kDouble), 0.3, kTraining, 4).to(torch::kFloat);
        torch::Tensor last = x.contiguous(torch::MemoryFormat::ChannelsLast).requires_grad_();
        const torch::Tensor y = dropout(last, 0.3, kTraining, 4);
        EXPECT_TRUE(torch::allclose(y, expected, 1e-6, 0)) << x.sizes();
        const torch::Tensor u =
            random_tensor({batch, channels, size, size}, 2).to(torch::kFloat).requires_grad_();
        const torch::Tensor g =
            torch::autograd::grad({y}, {last}, {u}, true, /*create_graph=*/true).front();
        EXPECT_TRUE(torch::equal(g, dropout(u, 0.3, kTraining, 4))) << x.sizes();
        const torch::Tensor of_u = torch::autograd::grad({g}, {u}, {torch::ones_like(u)}).front();
        EXPECT_TRUE(torch::equal(of_u, dropout(torch::ones_like(u), 0.3, kTraining, 4)))
            << x.sizes();
    }
}

} // namespace
} // namespace dagan::model
