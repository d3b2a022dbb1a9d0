#include "train/tensors/adam.h"

#include "base/random.h"
#include "train/tensors/tensors.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <vector>

namespace dagan::train {
namespace {

torch::Tensor random_tensor(int64_t count, uint64_t key) {
    const torch::Tensor tensor = torch::empty({count}, torch::kFloat);
    fill_normal(floats_of(tensor), key, 0, 0);
    return tensor;
}

TEST(AdamTest, FirstStepWithoutFirstMomentMovesEachWeightByTheLearningRateAgainstItsSign) {
    constexpr double kRate = 1e-4;
    const torch::Tensor values = torch::zeros({1000}), gradients = random_tensor(1000, 1);
    gradients[7] = 0;
    Adam adam(1000, {kRate, 0, 0.9});
    adam.step(values, gradients);
    for (int64_t i = 0; i < 1000; ++i) {
        const float g = gradients[i].item<float>();
        // |g| / (|g| + eps): eps = 1e-8 reduces the step by the share 1e-8 / |g|.
        const double expected = g == 0 ? 0 : -kRate * (g > 0 ? 1 : -1);
        EXPECT_NEAR(values[i].item<float>(), expected,
                    kRate * (1e-6 + 1e-8 / std::max(1e-8F, std::abs(g))))
            << "gradient " << g;
    }
}

TEST(AdamTest, AgreesWithTheEquationsInDouble) {
    constexpr int kCount = 53, kSteps = 20;
    const AdamOptions options{.learning_rate = 1e-2, .beta1 = 0.9, .beta2 = 0.99};
    const torch::Tensor values = random_tensor(kCount, 2);
    std::vector<double> w(kCount), m(kCount), v(kCount);
    for (int i = 0; i < kCount; ++i) w[static_cast<size_t>(i)] = values[i].item<float>();
    Adam adam(kCount, options);
    for (int t = 1; t <= kSteps; ++t) {
        const torch::Tensor gradients = random_tensor(kCount, 100 + static_cast<uint64_t>(t));
        adam.step(values, gradients);
        for (size_t i = 0; i < kCount; ++i) {
            const double g = gradients[static_cast<int64_t>(i)].item<float>();
            m[i] = options.beta1 * m[i] + (1 - options.beta1) * g;
            v[i] = options.beta2 * v[i] + (1 - options.beta2) * g * g;
            const double m_hat = m[i] / (1 - std::pow(options.beta1, t)),
                         v_hat = v[i] / (1 - std::pow(options.beta2, t));
            w[i] -= options.learning_rate * m_hat / (std::sqrt(v_hat) + 1e-8);
        }
    }
    for (size_t i = 0; i < kCount; ++i)
        EXPECT_NEAR(values[static_cast<int64_t>(i)].item<float>(), w[i], 1e-5);
}

TEST(AdamTest, ARestoredStateContinuesToTheBit) {
    const AdamOptions options{.learning_rate = 1e-2, .beta1 = 0.9, .beta2 = 0.99};
    const torch::Tensor values = random_tensor(64, 3);
    Adam adam(64, options);
    for (uint64_t t = 0; t < 5; ++t) adam.step(values, random_tensor(64, t));
    const torch::Tensor copy = values.clone();
    Adam other(64, options);
    other.restore(adam.first_moment(), adam.second_moment(), adam.steps());
    adam.step(values, random_tensor(64, 9));
    other.step(copy, random_tensor(64, 9));
    EXPECT_TRUE(torch::equal(values, copy));
}

TEST(AdamTest, GradientsAreOnlyRead) {
    const torch::Tensor gradients = random_tensor(64, 4), before = gradients.clone();
    Adam adam(64, {});
    adam.step(torch::zeros({64}), gradients);
    EXPECT_TRUE(torch::equal(gradients, before));
}

} // namespace
} // namespace dagan::train
