// The two sides of `dagan-bench` do the same work: the same weights, batch and masks give the same
// scores, losses, gradients, states and steps, in float32. (tests/train checks the product's side
// in float64.)
#include "bench/plain_training.h"

#include "base/random.h"
#include "bench/bench.h"
#include "bench/convolutions.h"
#include "model/dropout.h"
#include "model/networks.h"
#include "train/gan/wgan_gp.h"
#include "train/random_images.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <numeric>

namespace dagan::bench {
namespace {

constexpr uint64_t kStream = 21;

// float32 has a relative precision of 6e-8. Sums of some thousand terms through twenty layers,
// differentiated twice, are precise to about 1e-5 of the largest. A different layer, mask, norm or
// factor changes them far more.
constexpr double kTolerance = 1e-3;
// Adam's first steps have the length of the learning rate, whatever the gradient: a weight whose
// gradient is only rounding may move the other way. Updates are therefore compared on average, in
// units of the learning rate.
constexpr double kUpdateTolerance = 2e-2;

GanOptions gan_options() {
    GanOptions options;
    options.generator_widths = {6, 5, 7, 4};
    options.critic_widths = {5, 7, 6, 8};
    options.generator_inner = 2;
    options.critic_inner = 3;
    options.z_dim = 6;
    options.critic_steps = 2;
    options.batch_size = 6;
    return options;
}

void expect_same(const torch::Tensor& actual, const torch::Tensor& expected, double scale,
                 const std::string& what) {
    ASSERT_EQ(actual.sizes(), expected.sizes()) << what;
    EXPECT_LE((actual - expected).abs().max().item<double>(), kTolerance * scale) << what;
}

// Compares each gradient relative to the largest value of its tensor, or of the network if the
// tensor's gradient is only rounding.
void expect_same_gradients(const torch::nn::Module& actual, const torch::nn::Module& expected) {
    const auto given = actual.named_parameters();
    double largest = 0;
    for (const auto& item : expected.named_parameters()) {
        largest = std::max(largest, item.value().grad().abs().max().item<double>());
    }
    ASSERT_GT(largest, 0);
    for (const auto& item : expected.named_parameters()) {
        const torch::Tensor gradient = item.value().grad();
        const double scale = std::max(gradient.abs().max().item<double>(), 1e-4 * largest);
        expect_same(given[item.key()].grad(), gradient, scale, item.key());
    }
}

void expect_same_buffers(const torch::nn::Module& actual, const torch::nn::Module& expected) {
    const auto given = actual.named_buffers();
    for (const auto& item : expected.named_buffers())
        expect_same(given[item.key()], item.value(), 1, item.key());
}

void expect_same_updates(const torch::nn::Module& actual, const torch::nn::Module& expected,
                         double rate) {
    const auto given = actual.named_parameters();
    for (const auto& item : expected.named_parameters()) {
        const double apart = (given[item.key()] - item.value()).abs().mean().item<double>();
        EXPECT_LE(apart, kUpdateTolerance * rate) << item.key();
    }
}

uint32_t layer_of(const NetworkTable& table, const std::string& name) {
    const auto row = std::ranges::find(table.layers, name, &LayerRow::name);
    EXPECT_NE(row, table.layers.end()) << name;
    return static_cast<uint32_t>(row - table.layers.begin());
}

torch::Tensor mask_like(const torch::Tensor& map, double probability, const model::Pass& pass,
                        uint32_t layer) {
    return model::dropout(torch::ones_like(map), probability, pass, layer);
}

// Both sides of one DAGAN, with the same weights and the same dropout masks.
class GanPair {
  public:
    GanPair()
        : data_(train::random_images()), options_(gan_options()), group_(gang::make_group_alone()),
          ours_(options_, kStream, data_, {0, 1, 2}, *group_),
          plain_(
              options_, 1, train::kPixels,
              [this](const torch::Tensor& map, const std::string& name) {
                  return map * mask_like(map, options_.dropout, pass("dropout generator"),
                                         layer_of(ours_.generator().table(), name));
              },
              [this](const torch::Tensor& map, const std::string& name) {
                  return map * critic_mask(map, name);
              }) {
        at::set_num_threads(1);
        plain::copy_weights(ours_.generator(), plain_.generator());
        plain::copy_weights(ours_.critic(), plain_.critic());
    }

    train::WganGp& ours() { return ours_; }
    plain::Gan& plain() { return plain_; }
    const GanOptions& options() const { return options_; }
    void at_step(uint32_t s) {
        step_ = s;
        passes_ = 0;
    }

  private:
    model::Pass pass(const std::string& purpose) const {
        return {.training = true, .key = derive(kStream, purpose), .step = step_, .first_index = 0};
    }
    // In the critic's step, the plain side's passes are real, fake, penalty. The product computes
    // fakes and reals in one batch, in which they alternate.
    torch::Tensor critic_mask(const torch::Tensor& map, const std::string& name) {
        if (name == "E1.close") ++passes_;
        const uint32_t layer = layer_of(ours_.critic().table(), name);
        if (ours_.is_generator_step(step_))
            return mask_like(map, options_.dropout, pass("dropout critic generator step"), layer);
        if (passes_ == 3)
            return mask_like(map, options_.dropout, pass("dropout critic interpolates"), layer);
        const torch::Tensor both = torch::cat({map, map});
        const torch::Tensor mask = mask_like(both, options_.dropout, pass("dropout critic"), layer);
        return mask.slice(0, passes_ == 1 ? 1 : 0, mask.size(0), 2);
    }

    data::Dataset data_;
    GanOptions options_;
    std::unique_ptr<gang::Group> group_;
    train::WganGp ours_;
    plain::Gan plain_;
    uint32_t step_ = 0;
    int passes_ = 0;
};

TEST(PlainTest, TheCriticsStepHasTheSameLossesAndGradients) {
    GanPair pair;
    for (const uint32_t s : {0U, 1U}) { // the second starts with another renorm state
        pair.at_step(s);
        const train::GanBatch batch = pair.ours().draw_batch(s);
        pair.ours().accumulate_critic_gradient(batch, pair.ours().make_fakes(batch, s), s);
        const plain::Gan::CriticLosses losses = pair.plain().critic_gradient(batch);
        const torch::Tensor& extra = pair.ours().critic_parameters().extra();
        expect_same(losses.loss, extra[0], 1, "loss");
        expect_same(losses.wasserstein, extra[1], 1, "wasserstein");
        expect_same(losses.penalty, extra[2], 1, "penalty");
        expect_same_gradients(pair.plain().critic(), pair.ours().critic());
        expect_same_buffers(pair.plain().generator(), pair.ours().generator());
    }
}

TEST(PlainTest, TheGeneratorsStepHasTheSameLossAndGradients) {
    GanPair pair;
    const uint32_t s = pair.ours().steps_per_iteration() - 1;
    pair.at_step(s);
    const train::GanBatch batch = pair.ours().draw_batch(s);
    pair.ours().accumulate_generator_gradient(batch, s);
    const torch::Tensor loss = pair.plain().generator_gradient(batch);
    expect_same(loss, pair.ours().generator_parameters().extra()[0], 1, "loss");
    expect_same_gradients(pair.plain().generator(), pair.ours().generator());
    expect_same_buffers(pair.plain().generator(), pair.ours().generator());
}

TEST(PlainTest, AnIterationUpdatesTheWeightsAlike) {
    GanPair pair;
    for (uint32_t s = 0; s < pair.ours().steps_per_iteration(); ++s) {
        pair.at_step(s);
        const train::GanBatch batch = pair.ours().draw_batch(s);
        pair.ours().step(s, {});
        pair.ours().is_generator_step(s) ? pair.plain().generator_step(batch)
                                         : pair.plain().critic_step(batch);
    }
    expect_same_updates(pair.plain().critic(), pair.ours().critic(), pair.options().learning_rate);
    expect_same_updates(pair.plain().generator(), pair.ours().generator(),
                        pair.options().learning_rate);
}

TEST(PlainTest, TheClassifiersStepHasTheSameLossAndGradients) {
    at::set_num_threads(1);
    torch::manual_seed(2);
    ClassifierOptions options;
    options.growth = 5;
    model::Classifier ours(options, 1, train::kPixels, train::kClasses, kStream);
    const model::Pass pass{.training = true, .key = 9, .step = 3};
    plain::ClassifierTraining plain(
        options, 1, train::kClasses, [&](const torch::Tensor& map, const std::string& name) {
            return map * mask_like(map, options.dropout, pass, layer_of(ours.table(), name));
        });
    plain::copy_weights(ours, plain.network());
    const torch::Tensor images = torch::randn({6, 1, train::kPixels, train::kPixels}),
                        real = torch::tensor({1.F, 0.F, 1.F, 0.F, 0.F, 1.F}),
                        labels = torch::tensor({0, 1, 2, 0, 1, 2}, torch::kLong);
    const torch::Tensor loss = torch::cross_entropy_loss(ours.forward(images, real, pass), labels);
    loss.backward();
    expect_same(plain.gradient(images, real, labels), loss.detach(), 1, "loss");
    expect_same_gradients(plain.network(), ours);
    for (const auto& item : ours.named_buffers()) {
        expect_same(plain.network().named_buffers()[item.key()], item.value(), 1, item.key());
    }
}

// At the paper's size, which is measured, with images of one and of three channels.
class PaperSizeTest : public testing::TestWithParam<int> {};

TEST_P(PaperSizeTest, TheNetworksGiveTheSameImagesScoresAndLogits) {
    const torch::NoGradGuard no_grad;
    torch::manual_seed(3);
    const Workload workload;
    const int channels = GetParam(), size = workload.size;
    const torch::Tensor x = torch::rand({2, channels, size, size}) * 2 - 1,
                        z = torch::randn({2, workload.gan.z_dim}), real = torch::tensor({1.F, 0.F});
    model::Generator generator(workload.gan, channels, size, kStream);
    model::Critic critic(workload.gan, channels, size, kStream);
    model::Classifier classifier(workload.classifier, channels, size, workload.classes, kStream);
    plain::Gan gan(workload.gan, channels, size, {}, {});
    plain::ClassifierTraining training(workload.classifier, channels, workload.classes, {});
    plain::copy_weights(generator, gan.generator());
    plain::copy_weights(critic, gan.critic());
    plain::copy_weights(classifier, training.network());
    gan.generator().eval();
    gan.critic().eval();
    training.network().eval();
    const torch::Tensor made = generator.forward(x, z, model::Pass::inference());
    const auto scale = [](const torch::Tensor& tensor) {
        return tensor.abs().max().item<double>();
    };
    expect_same(gan.generator().forward(x, z), made, scale(made), "images");
    const torch::Tensor scores = critic.forward(x, made, model::Pass::inference());
    expect_same(gan.critic().forward(x, made), scores, scale(scores), "scores");
    const torch::Tensor logits = classifier.forward(x, real, model::Pass::inference());
    expect_same(training.network().forward(x, real), logits, scale(logits), "logits");
}

INSTANTIATE_TEST_SUITE_P(Channels, PaperSizeTest, testing::Values(1, 3));

// A small workload, to test the measurement itself.
Workload small_workload() {
    Workload workload;
    workload.gan = gan_options();
    workload.classifier.growth = 4;
    workload.classifier.batch_size = 6;
    workload.size = train::kPixels;
    workload.classes = 4;
    return workload;
}

TEST(BenchTest, TimesEveryKindOfStepOfEverySubject) {
    at::set_num_threads(1);
    const struct {
        Subject subject;
        std::vector<std::string> kinds;
        std::vector<size_t> counts; // in two rounds
    } table[]{{Subject::iteration, {"critic", "generator"}, {4, 2}},
              {Subject::classifier, {"step"}, {2}},
              {Subject::generate, {"step"}, {2}}};
    for (const auto& [subject, kinds, counts] : table) {
        SCOPED_TRACE(to_string(subject));
        const Comparison times = compare(subject, small_workload(), 2);
        ASSERT_EQ(times.kinds.size(), kinds.size());
        for (size_t kind = 0; kind < kinds.size(); ++kind) {
            EXPECT_EQ(times.kinds[kind].name, kinds[kind]);
            EXPECT_EQ(times.ours[kind].all.size(), counts[kind]);
            EXPECT_EQ(times.plain[kind].all.size(), counts[kind]);
            EXPECT_GT(times.ours[kind].minimum(), 0);
        }
        EXPECT_GT(times.ratio(), 0);
    }
}

TEST(BenchTest, TimesEveryConvolutionWithTwoAlgorithmsOnce) {
    at::set_num_threads(1);
    Workload workload = small_workload();
    workload.gan.generator_widths = workload.gan.critic_widths = {16, 16, 16, 16};
    const auto timed = time_convolutions(workload, 1);
    ASSERT_FALSE(timed.empty());
    int layers = 0;
    for (size_t i = 0; i < timed.size(); ++i) {
        EXPECT_TRUE(model::winograd_supports(timed[i].shape));
        EXPECT_EQ(timed[i].winograd,
                  model::winograd_selected(Convolution::automatic, timed[i].shape));
        EXPECT_GT(timed[i].faster_s(), 0);
        EXPECT_GE(timed[i].chosen_s(), timed[i].faster_s());
        EXPECT_GE(timed[i > 0 ? i - 1 : 0].shape.size, timed[i].shape.size);
        layers += timed[i].layers;
    }
    const auto possible = [](const NetworkTable& table) {
        return std::ranges::count_if(table.layers, [](const LayerRow& row) {
            return row.op == LayerOp::conv && row.kernel == 3 && row.in_channels >= 16 &&
                   row.out_channels >= 16;
        });
    };
    EXPECT_GE(layers, possible(generator_table(workload.gan, 1, train::kPixels)) +
                          possible(critic_table(workload.gan, 1, train::kPixels)));
    EXPECT_LT(timed.size(), static_cast<size_t>(layers)); // several layers have one shape
}

TEST(BenchTest, TheSlowdownOfTheRuleIsOverAllLayers) {
    const auto one = [](double direct, double winograd, bool chosen, int layers) {
        TimedConvolution timed;
        timed.layers = layers;
        timed.winograd = chosen;
        timed.times.direct.output = direct;
        timed.times.winograd.x_gradient = timed.times.winograd.kernel_gradient = winograd / 2;
        return timed;
    };
    EXPECT_DOUBLE_EQ(slowdown_of_rule({one(4, 2, true, 3), one(1, 2, false, 5)}), 1);
    EXPECT_DOUBLE_EQ(slowdown_of_rule({one(4, 2, false, 3), one(1, 2, true, 5)}),
                     (3.0 * 4 + 5 * 2) / (3 * 2 + 5 * 1));
    EXPECT_DOUBLE_EQ(slowdown_of_rule({}), 1);
}

TEST(BenchTest, AUnitIsTheSumOfTheMinimaOfItsSteps) {
    const Comparison times{
        {{"critic", 5}, {"generator", 1}}, {{{3, 2}}, {{7}}}, {{{8, 9}}, {{11, 10}}}};
    EXPECT_DOUBLE_EQ(times.unit_s(Side::ours), 5 * 2 + 7);
    EXPECT_DOUBLE_EQ(times.unit_s(Side::plain), 5 * 8 + 10);
    EXPECT_DOUBLE_EQ(times.ratio(), 50.0 / 17);
    EXPECT_DOUBLE_EQ((StepSeconds{{4, 1, 2}}).median(), 2);
    EXPECT_DOUBLE_EQ((StepSeconds{{4, 1, 2, 3}}).median(), 2.5);
}

} // namespace
} // namespace dagan::bench
