// The gradient of the penalty, a second derivative, of a whole critic of the paper's size, computed
// by Winograd's algorithm.
#include "model/losses.h"
#include "model/networks.h"
#include "model/tensors.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <vector>

namespace dagan::model {
namespace {

constexpr int kPixels = 28;

using Gradients = std::map<std::string, torch::Tensor>; // by parameter, double

Gradients penalty_gradients(Convolution convolution, torch::Dtype type, uint64_t images) {
    GanOptions options;
    options.dropout = 0;
    options.convolution = convolution;
    Critic critic(options, 1, kPixels, 3);
    critic.to(type);
    const auto score = [&](const torch::Tensor& a, const torch::Tensor& b) {
        return critic.forward(a, b, Pass{.training = true});
    };
    const auto pictures = [&](uint64_t number) {
        return random_images({2, 1, kPixels, kPixels}, 100 * images + number).to(type);
    };
    const torch::Tensor epsilon = torch::tensor({0.3, 0.8}, torch::kDouble).to(type);
    gradient_penalty(score, pictures(1), pictures(2), pictures(3), epsilon, PenaltyNorm::image)
        .backward();
    Gradients gradients;
    for (const auto& item : critic.named_parameters()) {
        if (item.value().grad().defined())
            gradients[item.key()] = item.value().grad().to(torch::kDouble);
    }
    return gradients;
}

struct Errors {
    double all = 0;   // Euclidean norm of the error of all gradients, relative to their norm
    double worst = 0; // largest error of an element, relative to the largest of its tensor
};

Errors errors_of(const Gradients& gradients, const Gradients& exact) {
    Errors errors;
    double norm = 0;
    for (const auto& [name, gradient] : exact) {
        const torch::Tensor difference = gradients.at(name) - gradient;
        errors.all += difference.square().sum().item<double>();
        norm += gradient.square().sum().item<double>();
        errors.worst =
            std::max(errors.worst, (difference.abs().max() / gradient.abs().max()).item<double>());
    }
    errors.all = std::sqrt(errors.all / norm);
    return errors;
}

double median(std::vector<double> values) {
    std::ranges::sort(values);
    return values[values.size() / 2];
}

// If an activation is within rounding error of the kink of the leaky ReLU, its slope may change and
// the penalty's gradient jumps. The exact gradient jumps there too, so higher precision does not
// help. This happens in about one batch of five, so the test compares medians and bounds the jump.
// The other errors are of the size that a relative change of 1e-6 of the weights causes in double.
TEST(WinogradCriticTest, TheGradientOfThePenaltyAgreesWithDouble) {
    std::vector<double> all, worst;
    for (uint64_t images = 0; images < 5; ++images) {
        const Gradients exact = penalty_gradients(Convolution::direct, torch::kDouble, images);
        const Errors errors =
            errors_of(penalty_gradients(Convolution::winograd, torch::kFloat, images), exact);
        EXPECT_LT(errors.all, 2e-2) << "pictures " << images;
        all.push_back(errors.all);
        worst.push_back(errors.worst);
    }
    RecordProperty("all", std::to_string(median(all)));
    EXPECT_LT(median(all), 3e-5);
    EXPECT_LT(median(worst), 1e-4);
}

} // namespace
} // namespace dagan::model
