#include "model/norm/layer_norm.h"

#include "model/tensors.h"

namespace dagan::model {
namespace {

TEST(LayerNormTest, ScalesPerChannelAfterNormalisingEachSample) {
    LayerNorm norm(3);
    norm.to(torch::kDouble);
    perturb(norm, 0.5, 1);
    const torch::Tensor gamma = norm.named_parameters()["weight"],
                        beta = norm.named_parameters()["bias"];
    EXPECT_EQ(gamma.numel(), 3);
    EXPECT_EQ(beta.numel(), 3);
    const torch::Tensor x = random_tensor({4, 3, 5, 2}, 2) * 3 + 1, y = norm.forward(x);
    for (int64_t n = 0; n < 4; ++n) {
        const torch::Tensor sample = x[n];
        const torch::Tensor centred = sample - sample.mean();
        const torch::Tensor expected =
            centred / centred.square().mean().sqrt() * gamma.view({3, 1, 1}) + beta.view({3, 1, 1});
        EXPECT_LT(largest_difference(y[n], expected), 1e-10);
    }
}

TEST(LayerNormTest, SamplesDoNotInfluenceEachOther) {
    LayerNorm norm(2);
    const torch::Tensor x = random_tensor({3, 2, 4, 4}, 1).to(torch::kFloat);
    torch::Tensor changed = x.clone();
    changed[1] *= 100;
    const torch::Tensor before = norm.forward(x), after = norm.forward(changed);
    EXPECT_TRUE(torch::equal(before[0], after[0]));
    EXPECT_TRUE(torch::equal(before[2], after[2]));
}

TEST(LayerNormTest, AMapOfZerosGivesBeta) {
    LayerNorm norm(2);
    perturb(norm, 0.5, 1);
    const torch::Tensor y = norm.forward(torch::zeros({1, 2, 3, 3}));
    EXPECT_TRUE(
        torch::equal(y, norm.named_parameters()["bias"].view({1, 2, 1, 1}).expand({1, 2, 3, 3})));
}

} // namespace
} // namespace dagan::model
