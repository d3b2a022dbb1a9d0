#include "model/norm/batch_renorm.h"

#include "base/error.h"
#include "model/tensors.h"

#include <array>
#include <cmath>
#include <vector>

namespace dagan::model {
namespace {

torch::Tensor buffer(const torch::nn::Module& module, const std::string& name) {
    return module.named_buffers()[name];
}

// docs/reference/model.md, eqs. (12) to (17), for one channel, as scalar code.
struct ScalarRenorm {
    double gamma = 1, beta = 0, r_min = 0, r_max = kInfinity, d_max = kInfinity;
    double a_mu = 0, a_sg = 0, w = 0, M = 0, V = 1;
    double mu = 0, sigma = 0, r = 1, d = 0; // of the last batch
    static constexpr double kInfinity = std::numeric_limits<double>::infinity();

    std::vector<double> train(const std::vector<double>& x) {
        mu = 0;
        for (const double v : x) mu += v / double(x.size());
        double variance = 0;
        for (const double v : x) variance += (v - mu) * (v - mu) / double(x.size());
        sigma = std::sqrt(variance + 1e-3);
        const double A_mu = a_mu + (1 - w) * mu, A_sg = a_sg + (1 - w) * sigma;
        r = std::clamp(sigma / A_sg, r_min, r_max);
        d = std::clamp((mu - A_mu) / A_sg, -d_max, d_max);
        std::vector<double> y;
        for (const double v : x) y.push_back(gamma * ((v - mu) / sigma * r + d) + beta);
        a_mu = 0.99 * a_mu + 0.01 * mu;
        a_sg = 0.99 * a_sg + 0.01 * sigma;
        w = 0.99 * w + 0.01;
        M = 0.99 * M + 0.01 * a_mu / w;
        V = 0.99 * V + 0.01 * (a_sg / w * (a_sg / w) - 1e-3);
        return y;
    }
    double infer(double x) const { return gamma * (x - M) / std::sqrt(V + 1e-3) + beta; }
};

std::vector<double> channel(const torch::Tensor& x, int64_t k) {
    const torch::Tensor flat = x.select(1, k).detach().contiguous().flatten();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

BatchRenorm double_renorm(int64_t channels, const RenormClip& clip = {}) {
    BatchRenorm norm(channels, clip);
    norm.to(torch::kDouble);
    return norm;
}

TEST(BatchRenormTest, FollowsTheGoldenTable) {
    BatchRenorm norm(1, {});
    ScalarRenorm scalar;
    struct {
        float x0, x1;
        double r, d, y0, y1, a_mu, a_sg, w, M, V;
    } const steps[]{
        {1, 3, 1.0000000, 0.0000000, -0.9995004, 0.9995004, 0.020000, 0.01000500, 0.010000,
         0.0200000, 1.0000000},
        {2, 6, 1.0050232, 0.0100490, -0.9948487, 1.0149466, 0.059800, 0.02990745, 0.019900,
         0.0498503, 1.0125767},
        {0, 2, 0.9901064, -0.0394855, -1.0290972, 0.9501262, 0.069202, 0.03961337, 0.029701,
         0.0726513, 1.0202295},
    };
    for (const auto& step : steps) {
        const torch::Tensor y =
            norm.forward(torch::tensor({step.x0, step.x1}).view({2, 1, 1, 1}), true, 1).flatten();
        scalar.train({step.x0, step.x1});
        EXPECT_NEAR(scalar.r, step.r, 1e-7);
        EXPECT_NEAR(scalar.d, step.d, 1e-7);
        EXPECT_NEAR(y[0].item<double>(), step.y0, 5e-7); // float32
        EXPECT_NEAR(y[1].item<double>(), step.y1, 5e-7);
        EXPECT_NEAR(buffer(norm, "a_mu").item<double>(), step.a_mu, 5e-7);
        EXPECT_NEAR(buffer(norm, "a_sg").item<double>(), step.a_sg, 1e-8);
        EXPECT_NEAR(buffer(norm, "w").item<double>(), step.w, 1e-8);
        EXPECT_NEAR(buffer(norm, "M").item<double>(), step.M, 1e-7);
        EXPECT_NEAR(buffer(norm, "V").item<double>(), step.V, 2e-7);
    }
    EXPECT_NEAR(norm.forward(torch::full({1, 1, 1, 1}, 2.F), false, 1).item<double>(), 1.9072104,
                5e-7);
}

TEST(BatchRenormTest, AgreesWithTheScalarReferenceOverManyUpdatesClippedOrNot) {
    constexpr double kInfinity = ScalarRenorm::kInfinity;
    for (const RenormClip& clip : {RenormClip{}, RenormClip{0, 1.05, 0.02},
                                   RenormClip{0, kInfinity, 0.01}, RenormClip::batch_norm()}) {
        BatchRenorm norm = double_renorm(3, clip);
        perturb(norm, 0.5, 1);
        std::array<ScalarRenorm, 3> scalars;
        for (size_t k = 0; k < 3; ++k) {
            const auto index = static_cast<int64_t>(k);
            scalars[k].gamma = norm.named_parameters()["weight"][index].item<double>();
            scalars[k].beta = norm.named_parameters()["bias"][index].item<double>();
            scalars[k].r_min = clip.r_min, scalars[k].r_max = clip.r_max,
            scalars[k].d_max = clip.d_max;
        }
        for (uint64_t step = 0; step < 6; ++step) {
            SCOPED_TRACE("seed " + std::to_string(step) + ", r_max " + std::to_string(clip.r_max));
            const torch::Tensor x =
                random_tensor({4, 3, 5, 2}, step) * (1.0 + double(step)) + double(step % 3);
            const torch::Tensor y = norm.forward(x, true, 1), inferred = norm.forward(x, false, 1);
            for (int64_t k = 0; k < 3; ++k) {
                ScalarRenorm& scalar = scalars[static_cast<size_t>(k)];
                const std::vector<double> values = channel(x, k), outputs = channel(y, k),
                                          inferences = channel(inferred, k);
                const std::vector<double> expected = scalar.train(values);
                for (size_t i = 0; i < values.size(); ++i) {
                    ASSERT_NEAR(outputs[i], expected[i], 1e-10);
                    ASSERT_NEAR(inferences[i], scalar.infer(values[i]), 1e-10);
                }
                EXPECT_NEAR(buffer(norm, "a_mu")[k].item<double>(), scalar.a_mu, 1e-12);
                EXPECT_NEAR(buffer(norm, "a_sg")[k].item<double>(), scalar.a_sg, 1e-12);
                EXPECT_NEAR(buffer(norm, "M")[k].item<double>(), scalar.M, 1e-12);
                EXPECT_NEAR(buffer(norm, "V")[k].item<double>(), scalar.V, 1e-12);
                EXPECT_NEAR(buffer(norm, "w").item<double>(), scalar.w, 1e-12);
            }
        }
    }
}

TEST(BatchRenormTest, GradientEqualsFiniteDifferencesWithRAndDFixed) {
    BatchRenorm norm = double_renorm(2);
    perturb(norm, 0.5, 3);
    const torch::Tensor gamma = norm.named_parameters()["weight"],
                        beta = norm.named_parameters()["bias"];
    // Steps after which r and d differ from 1 and 0.
    for (uint64_t step = 0; step < 3; ++step)
        norm.forward(random_tensor({3, 2, 2, 2}, step) * 2 + 1, true, 1);

    const torch::Tensor x0 = random_tensor({3, 2, 2, 2}, 10),
                        target = random_tensor({3, 2, 2, 2}, 11);
    // r and d at x0, from the state before the step.
    const torch::Tensor mu = x0.mean({0, 2, 3}),
                        sigma = (x0.var({0, 2, 3}, /*unbiased=*/false) + 1e-3).sqrt();
    const torch::Tensor A_mu = buffer(norm, "a_mu") + (1 - buffer(norm, "w")) * mu,
                        A_sg = buffer(norm, "a_sg") + (1 - buffer(norm, "w")) * sigma;
    const torch::Tensor r = sigma / A_sg, d = (mu - A_mu) / A_sg;
    const auto frozen_loss = [&](const torch::Tensor& x) {
        const torch::NoGradGuard no_grad;
        const torch::Tensor m = x.mean({0, 2, 3}, true),
                            s = (x.var({0, 2, 3}, false, true) + 1e-3).sqrt();
        const auto per_channel = [](const torch::Tensor& t) { return t.view({1, -1, 1, 1}); };
        const torch::Tensor y =
            per_channel(gamma) * ((x - m) / s * per_channel(r) + per_channel(d)) +
            per_channel(beta);
        return (y * target).sum().item<double>();
    };

    const torch::Tensor x = x0.clone().requires_grad_();
    (norm.forward(x, true, 1) * target).sum().backward();
    const torch::Tensor gradient = x.grad().flatten();
    for (int64_t i = 0; i < x0.numel(); ++i) {
        constexpr double kStep = 1e-5;
        torch::Tensor plus = x0.clone(), minus = x0.clone();
        plus.flatten()[i] += kStep;
        minus.flatten()[i] -= kStep;
        EXPECT_NEAR(gradient[i].item<double>(),
                    (frozen_loss(plus) - frozen_loss(minus)) / (2 * kStep), 1e-8)
            << i;
    }
    const torch::Tensor normalised =
        (x0 - mu.view({1, -1, 1, 1})) / sigma.view({1, -1, 1, 1}) * r.view({1, -1, 1, 1}) +
        d.view({1, -1, 1, 1});
    EXPECT_LT(largest_difference(gamma.grad(), (normalised * target).sum({0, 2, 3})), 1e-10);
    EXPECT_LT(largest_difference(beta.grad(), target.sum({0, 2, 3})), 1e-10);
}

TEST(BatchRenormTest, NoGradientReachesTheState) {
    BatchRenorm norm(2, {});
    for (int i = 0; i < 2; ++i)
        norm.forward(random_tensor({4, 2, 3, 3}, 1).to(torch::kFloat), true, 1)
            .square()
            .mean()
            .backward();
    for (const torch::Tensor& state : norm.buffers()) {
        EXPECT_FALSE(state.requires_grad());
        EXPECT_FALSE(state.grad_fn());
    }
}

TEST(BatchRenormTest, TrainingUpdatesTheStateEvenWithoutGradientsAndInferenceNever) {
    BatchRenorm norm(2, {});
    const torch::Tensor x = random_tensor({4, 2, 3, 3}, 1).to(torch::kFloat);
    {
        const torch::NoGradGuard no_grad;
        norm.forward(x, true, 1);
    }
    EXPECT_NEAR(buffer(norm, "w").item<double>(), 0.01, 1e-8);
    const std::vector<torch::Tensor> before = norm.buffers();
    std::vector<torch::Tensor> copies;
    for (const torch::Tensor& state : before) copies.push_back(state.clone());
    norm.forward(x, false, 1);
    for (size_t i = 0; i < before.size(); ++i) EXPECT_TRUE(torch::equal(before[i], copies[i]));
}

TEST(BatchRenormTest, GroupsEqualRanksThatAverageTheirStateAfterTheStep) {
    BatchRenorm whole = double_renorm(3), first = double_renorm(3), second = double_renorm(3);
    for (uint64_t step = 0; step < 4; ++step) {
        const torch::Tensor x = random_tensor({6, 3, 2, 2}, step) + 0.5 * double(step);
        const torch::Tensor y = whole.forward(x, true, 2);
        const torch::Tensor y1 = first.forward(x.slice(0, 0, 3), true, 1),
                            y2 = second.forward(x.slice(0, 3, 6), true, 1);
        EXPECT_LT(largest_difference(y, torch::cat({y1, y2})), 1e-12);
        for (const auto& item : whole.named_buffers()) {
            const torch::NoGradGuard no_grad;
            torch::Tensor a = first.named_buffers()[item.key()],
                          b = second.named_buffers()[item.key()];
            const torch::Tensor mean = (a + b) / 2;
            EXPECT_LT(largest_difference(item.value(), mean), 1e-12) << item.key();
            a.copy_(mean);
            b.copy_(mean);
        }
    }
}

TEST(BatchRenormTest, RefusesGroupsThatDoNotDivideTheBatch) {
    BatchRenorm norm(1, {});
    EXPECT_THROW(norm.forward(torch::zeros({5, 1, 2, 2}), true, 2), Error);
}

} // namespace
} // namespace dagan::model
