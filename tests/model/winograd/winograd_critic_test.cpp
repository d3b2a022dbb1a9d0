// The gradient of the penalty, a second derivative, through a whole critic of the paper's size by Winograd's algorithm.
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
    double all = 0;   // of all gradients together, Euclidean, over their norm
    double worst = 0; // of one element, over its tensor's largest
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

// Where an activation lies within rounding of leaky ReLU's kink, its slope may flip, and the penalty's gradient jumps: the true
// one has a jump there too, so no precision helps. That happens to about one batch of pictures in five, hence the medians; the
// jump is bounded all the same. The rest is of the size that moving double's weights by 1e-6 of themselves makes.
TEST(WinogradCriticTest, TheGradientOfThePenaltyIsThatOfDouble) {
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
