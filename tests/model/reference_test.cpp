// The modules against the plain-loop networks of reference.h, in double, on a small configuration
// with an odd size (14 -> 7 -> 4 -> 2 -> 1) and different widths.
#include "reference.h"

#include "model/networks.h"
#include "tensors.h"

#include <gtest/gtest.h>

namespace dagan::model {
namespace {

// Both are double; only the order of summation differs.
constexpr double kTolerance = 1e-9;

const std::array<int, 4> kWidths{3, 4, 5, 6};

GanOptions small_options() {
    GanOptions options;
    options.generator_widths = options.critic_widths = kWidths;
    options.generator_inner = 2;
    options.critic_inner = 3;
    options.z_dim = 7;
    return options;
}

std::vector<double> values(const torch::Tensor& tensor) {
    const torch::Tensor flat = tensor.detach().to(torch::kDouble).contiguous();
    return {flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel()};
}

reference::Maps maps(const torch::Tensor& tensor) {
    const auto size = [&](int64_t axis) {
        return axis < tensor.dim() ? static_cast<int>(tensor.size(axis)) : 1;
    };
    reference::Maps out(size(0), size(1), size(2), size(3));
    out.values = values(tensor);
    return out;
}

reference::Weights weights(const torch::nn::Module& module) {
    reference::Weights all;
    for (const auto& item : module.named_parameters()) all[item.key()] = values(item.value());
    for (const auto& item : module.named_buffers()) all[item.key()] = values(item.value());
    return all;
}

void expect_near(const torch::Tensor& actual, const std::vector<double>& expected,
                 const std::string& what) {
    const std::vector<double> got = values(actual);
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (size_t i = 0; i < got.size(); ++i)
        ASSERT_NEAR(got[i], expected[i], kTolerance) << what << " element " << i;
}

void expect_same_buffers(const torch::nn::Module& module, const reference::Weights& expected) {
    for (const auto& item : module.named_buffers())
        expect_near(item.value(), expected.at(item.key()), item.key());
}

Pass training_pass(uint32_t step) {
    return {.training = true, .key = 99, .step = step, .first_index = 4};
}

// Four training steps, each on new inputs, then inference with the resulting state.
void expect_generator(const GanOptions& options, int channels, int inner) {
    Generator generator(options, channels, 14, 1);
    generator.to(torch::kDouble);
    perturb(generator, 0.1, 50);
    reference::Weights expected = weights(generator);
    for (uint32_t step = 0; step < 5; ++step) {
        SCOPED_TRACE(to_string(options.topology) + ", channels " + std::to_string(channels) +
                     ", step " + std::to_string(step));
        const Pass pass = step < 4 ? training_pass(step) : Pass::inference();
        const torch::Tensor x = random_images({3, channels, 14, 14}, 10 + step),
                            z = random_tensor({3, 7}, 20 + step);
        reference::Network network(expected, reference::NormKind::renorm, 0.5, pass);
        const auto forward = options.topology == Topology::code
                                 ? &reference::Network::generator
                                 : &reference::Network::paper_generator;
        const reference::Maps y = (network.*forward)(maps(x), maps(z), kWidths, inner);
        expect_near(generator.forward(x, z, pass), y.values, "output");
        expect_same_buffers(generator, expected);
    }
}

void expect_critic(const GanOptions& options, int channels, const std::array<int, 4>& widths,
                   int inner) {
    SCOPED_TRACE(to_string(options.topology) + ", channels " + std::to_string(channels));
    Critic critic(options, channels, 14, 2);
    critic.to(torch::kDouble);
    perturb(critic, 0.1, 60);
    reference::Weights expected = weights(critic);
    const torch::Tensor x = random_images({3, channels, 14, 14}, 1),
                        y = random_images({3, channels, 14, 14}, 2);
    for (const Pass& pass : {training_pass(8), Pass::inference()}) {
        reference::Network network(expected, reference::NormKind::layer, 0.5, pass);
        const auto forward = options.topology == Topology::code ? &reference::Network::critic
                                                                : &reference::Network::paper_critic;
        expect_near(critic.forward(x, y, pass),
                    (network.*forward)(maps(x), maps(y), widths, inner).values, "score");
    }
}

// Sizes in which an odd number is halved by SAME padding (14 -> 7 -> 4) or by pooling
// (28 -> 14 -> 7 -> 3 -> 1).
void expect_classifier(ClassifierArch reading, int channels, int size) {
    ClassifierOptions options;
    options.reading = reading;
    options.growth = 4;
    Classifier classifier(options, channels, size, 6, 3);
    classifier.to(torch::kDouble);
    perturb(classifier, 0.1, 70);
    reference::Weights expected = weights(classifier);
    const std::vector<double> real{1, 0, 0, 1};
    for (uint32_t step = 0; step < 4; ++step) {
        SCOPED_TRACE(to_string(reading) + ", channels " + std::to_string(channels) + ", step " +
                     std::to_string(step));
        const Pass pass = step < 3 ? training_pass(step) : Pass::inference();
        const torch::Tensor images = random_images({4, channels, size, size}, 30 + step);
        reference::Network network(expected, reference::NormKind::batch, 0.5, pass);
        const auto forward = reading == ClassifierArch::lineage
                                 ? &reference::Network::lineage_classifier
                                 : &reference::Network::huang_classifier;
        const reference::Maps logits = (network.*forward)(maps(images), real, 4, 6);
        expect_near(classifier.forward(images, torch::tensor(real), pass), logits.values, "logits");
        expect_same_buffers(classifier, expected);
    }
}

TEST(ReferenceTest, GeneratorAgreesInTrainingWithStateAndThenInInference) {
    for (const int channels : {1, 3}) expect_generator(small_options(), channels, 2);
}

TEST(ReferenceTest, CriticAgreesInTrainingAndInference) {
    for (const int channels : {1, 3}) expect_critic(small_options(), channels, kWidths, 3);
}

TEST(ReferenceTest, PointwiseProjectionsAgree) {
    GanOptions options = small_options();
    options.skip_kernel = 1;
    expect_generator(options, 1, 2);
    expect_critic(options, 1, kWidths, 3);
}

TEST(ReferenceTest, PaperTopologyAgrees) {
    GanOptions options = small_options();
    options.topology = Topology::paper; // overrides the numbers below
    expect_generator(options, 1, 4);
    expect_critic(options, 1, {64, 64, 64, 64}, 5);
}

TEST(ReferenceTest, LineageClassifierAgreesInTrainingWithRunningStatisticsAndThenInInference) {
    for (const int channels : {1, 3}) expect_classifier(ClassifierArch::lineage, channels, 14);
}

TEST(ReferenceTest, HuangClassifierAgreesInTrainingWithRunningStatisticsAndThenInInference) {
    for (const int channels : {1, 3}) expect_classifier(ClassifierArch::huang, channels, 28);
}

} // namespace
} // namespace dagan::model
