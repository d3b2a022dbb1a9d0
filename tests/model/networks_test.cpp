// The built modules: sizes, inputs of each layer, modes, determinism (docs/reference/model.md,
// checks 1-4 and 13-16).
#include "model/networks.h"

#include "base/error.h"
#include "model/layer.h"
#include "model/losses.h"
#include "tensors.h"

#include <map>
#include <string>
#include <vector>

namespace dagan::model {
namespace {

GanOptions small_options() {
    GanOptions options;
    options.generator_widths = options.critic_widths = {4, 5, 6, 7};
    options.generator_inner = 2;
    options.critic_inner = 2;
    options.z_dim = 9;
    return options;
}

GanOptions with_topology(GanOptions options, Topology topology) {
    options.topology = topology;
    return options;
}

std::vector<std::shared_ptr<Layer>> layers_of(const Network& network) {
    std::vector<std::shared_ptr<Layer>> layers;
    for (const auto& module : network.modules(/*include_self=*/false)) {
        if (auto layer = std::dynamic_pointer_cast<Layer>(module)) layers.push_back(layer);
    }
    return layers;
}

int64_t elements(const torch::nn::Module& module) {
    int64_t count = 0;
    for (const torch::Tensor& parameter : module.parameters()) count += parameter.numel();
    return count;
}

void expect_parameters(const Network& network, int64_t total) {
    EXPECT_EQ(elements(network), total);
    const auto layers = layers_of(network);
    ASSERT_EQ(layers.size(), network.table().layers.size());
    std::map<std::string, const LayerRow*> rows;
    for (const LayerRow& row : network.table().layers) rows[row.name] = &row;
    for (const auto& layer : layers) {
        const LayerRow& row = *rows.at(layer->row().name);
        EXPECT_EQ(elements(*layer), row.parameters + row.norm_parameters) << row.name;
        const torch::Tensor weight = layer->named_parameters()["weight"];
        EXPECT_EQ(weight.size(0), row.out_channels) << row.name;
        EXPECT_EQ(weight.size(1), row.in_channels) << row.name;
        EXPECT_EQ(weight.dim() == 4 ? weight.size(2) : 1, row.kernel) << row.name;
    }
}

struct Counts {
    int convolutions = 0, norms = 0, dropouts = 0, linear = 0, noise = 0;
};

Counts counts(const Network& network) {
    Counts c;
    for (const auto& layer : layers_of(network)) {
        const bool conv = layer->named_parameters()["weight"].dim() == 4,
                   norm = layer->named_parameters().contains("norm.weight");
        c.convolutions += conv;
        c.norms += norm;
        c.linear += conv && !norm;
        c.dropouts += layer->row().after == After::unit_dropout;
        c.noise += layer->row().name.starts_with("noise");
    }
    return c;
}

Pass training(uint64_t key, uint32_t step = 0) {
    return {.training = true, .key = key, .step = step};
}

torch::Tensor floats(const torch::Tensor& x) { return x.to(torch::kFloat); }

TEST(NetworksTest, BuiltModulesHaveTheDocumentedParameters) {
    expect_parameters(Generator({}, 1, 28, 1), 10526421);
    expect_parameters(Critic({}, 1, 28, 1), 7072551);
    expect_parameters(Generator({}, 3, 64, 1), 10604311);
    expect_parameters(Critic({}, 3, 64, 1), 7078987);
    expect_parameters(Classifier({}, 1, 28, 211, 1), 1355411);
    expect_parameters(Classifier({}, 3, 64, 2396, 1), 1502044);
}

TEST(NetworksTest, BuiltVariantsHaveTheDocumentedParameters) {
    GanOptions inner, skip, paper;
    inner.generator_inner = inner.critic_inner = 1;
    expect_parameters(Generator(inner, 1, 28, 1), 3706965);
    expect_parameters(Critic(inner, 1, 28, 1), 1391655);
    skip.skip_kernel = 1;
    expect_parameters(Generator(skip, 1, 28, 1), 9379533);
    expect_parameters(Critic(skip, 1, 28, 1), 6908679);
    paper.topology = Topology::paper;
    expect_parameters(Generator(paper, 3, 64, 1), 13341187);
    expect_parameters(Critic(paper, 3, 64, 1), 3092417);
    paper.generator_widths = {64, 64, 64, 64};
    expect_parameters(Generator(paper, 1, 28, 1), 5445089);
    expect_parameters(Critic(paper, 1, 28, 1), 3077825);
}

TEST(NetworksTest, LayersAreCountedByKind) {
    const Counts generator = counts(Generator({}, 1, 28, 1)), critic = counts(Critic({}, 1, 28, 1));
    EXPECT_EQ(generator.convolutions, 50);
    EXPECT_EQ(generator.norms, 34);
    EXPECT_EQ(generator.dropouts, 7);
    EXPECT_EQ(generator.linear, 16);
    EXPECT_EQ(generator.noise, 3);
    EXPECT_EQ(critic.convolutions, 22);
    EXPECT_EQ(critic.norms, 19);
    EXPECT_EQ(critic.dropouts, 3);
    EXPECT_EQ(critic.linear, 3);
}

TEST(NetworksTest, EveryVariantGivesItsShapeAndUsesEveryParameter) {
    GanOptions pointwise = small_options();
    pointwise.skip_kernel = 1;
    for (GanOptions options :
         {small_options(), pointwise, with_topology(small_options(), Topology::paper)}) {
        for (const auto& [channels, size] : std::vector<std::pair<int, int>>{{1, 28}, {3, 16}}) {
            Generator generator(options, channels, size, 1);
            Critic critic(options, channels, size, 2);
            const torch::Tensor x = floats(random_images({2, channels, size, size}, 1));
            const torch::Tensor y =
                generator.forward(x, floats(random_tensor({2, 9}, 2)), training(1));
            ASSERT_EQ(y.sizes(), x.sizes());
            EXPECT_LE(y.abs().max().item<double>(), 1);
            const torch::Tensor score = critic.forward(x, y, training(2));
            ASSERT_EQ(score.sizes(), torch::IntArrayRef({2}));
            score.square().sum().backward();
            for (const Network* network :
                 {static_cast<const Network*>(&generator), static_cast<const Network*>(&critic)}) {
                for (const auto& item : network->named_parameters()) {
                    ASSERT_TRUE(item.value().grad().defined() &&
                                item.value().grad().abs().max().item<double>() > 0)
                        << network->table().network << " " << item.key() << " gets no gradient";
                }
            }
        }
    }
}

TEST(NetworksTest, BothClassifierReadingsGiveLogitsAndUseEveryParameter) {
    for (const ClassifierArch reading : {ClassifierArch::lineage, ClassifierArch::huang}) {
        ClassifierOptions options;
        options.reading = reading;
        options.growth = 6;
        for (const auto& [channels, size] : std::vector<std::pair<int, int>>{{1, 28}, {3, 64}}) {
            Classifier classifier(options, channels, size, 5, 1);
            perturb(classifier, 0.05, 9);
            const torch::Tensor images = floats(random_images({4, channels, size, size}, 1));
            const torch::Tensor logits =
                classifier.forward(images, torch::tensor({1.F, 0.F, 1.F, 0.F}), training(3));
            ASSERT_EQ(logits.sizes(), torch::IntArrayRef({4, 5}));
            logits.square().sum().backward();
            for (const auto& item : classifier.named_parameters()) {
                ASSERT_TRUE(item.value().grad().abs().max().item<double>() > 0)
                    << to_string(reading) << " " << item.key();
            }
        }
    }
}

TEST(NetworksTest, InitialWeightsAreGlorotUniformBiasesZeroAndNormsNeutral) {
    const Generator generator(small_options(), 1, 28, 5);
    for (const auto& item : generator.named_parameters()) {
        const std::string& name = item.key();
        const torch::Tensor& value = item.value();
        if (name.ends_with(".norm.weight"))
            EXPECT_TRUE((value == 1).all().item<bool>()) << name;
        else if (name.ends_with(".bias"))
            EXPECT_TRUE((value == 0).all().item<bool>()) << name;
        else {
            const double area = value.dim() == 4 ? 9 : 1;
            EXPECT_LE(value.abs().max().item<double>(),
                      std::sqrt(6 / (area * double(value.size(0) + value.size(1)))) * (1 + 1e-6))
                << name;
            EXPECT_GT(value.abs().max().item<double>(), 0) << name;
        }
    }
}

TEST(NetworksTest, WeightsDependOnlyOnStreamAndName) {
    const Critic a(small_options(), 1, 28, 5), b(small_options(), 1, 28, 5),
        other(small_options(), 1, 28, 6);
    for (const auto& item : a.named_parameters())
        EXPECT_TRUE(torch::equal(item.value(), b.named_parameters()[item.key()])) << item.key();
    const auto weight = [](const Critic& critic, const char* name) {
        return critic.named_parameters()[name];
    };
    EXPECT_FALSE(torch::equal(weight(a, "E1.conv1.weight"), weight(other, "E1.conv1.weight")));
    GanOptions deeper = small_options();
    deeper.critic_inner = 3;
    EXPECT_TRUE(torch::equal(weight(a, "E2.conv2.weight"),
                             weight(Critic(deeper, 1, 28, 5), "E2.conv2.weight")));
}

TEST(NetworksTest, NoiseChangesTheImageOnlyThroughItsThreeLayers) {
    Generator generator(small_options(), 1, 28, 1);
    const torch::Tensor x = floats(random_images({1, 1, 28, 28}, 1)),
                        z1 = floats(random_tensor({1, 9}, 2)),
                        z2 = floats(random_tensor({1, 9}, 3));
    const auto image = [&](const torch::Tensor& z) {
        return generator.forward(x, z, Pass::inference());
    };
    EXPECT_FALSE(torch::equal(image(z1), image(z2)));
    std::vector<torch::Tensor> saved;
    for (const auto& item : generator.named_parameters()) {
        if (!item.key().starts_with("noise")) continue;
        const torch::NoGradGuard no_grad;
        saved.push_back(item.value().clone());
        torch::Tensor(item.value()).zero_();
    }
    EXPECT_EQ(saved.size(), 6U);
    EXPECT_TRUE(torch::equal(image(z1), image(z2)));
    for (int l = 0; l < 3; ++l) { // each of the three alone changes the image
        const torch::NoGradGuard no_grad;
        torch::Tensor weight =
            generator.named_parameters()["noise" + std::to_string(l) + ".weight"];
        weight.copy_(saved[static_cast<size_t>(2 * l)]);
        EXPECT_FALSE(torch::equal(image(z1), image(z2))) << "noise" << l;
        weight.zero_();
    }
}

TEST(NetworksTest, NoiseLayersHave32And64And98OutputsAt28Pixels) {
    const Generator generator({}, 1, 28, 1);
    EXPECT_EQ(generator.named_parameters()["noise0.weight"].sizes(), torch::IntArrayRef({32, 100}));
    EXPECT_EQ(generator.named_parameters()["noise1.weight"].sizes(), torch::IntArrayRef({64, 100}));
    EXPECT_EQ(generator.named_parameters()["noise2.weight"].sizes(), torch::IntArrayRef({98, 100}));
    EXPECT_FALSE(generator.named_parameters().contains("noise3.weight"));
}

// The flag is the last input channel. It changes the logits even if its weights are zero in all
// convolutions but one.
TEST(NetworksTest, FlagEntersEachOfTheSixteenConvolutions) {
    for (const ClassifierArch reading : {ClassifierArch::lineage, ClassifierArch::huang}) {
        ClassifierOptions options;
        options.reading = reading;
        options.growth = 6;
        Classifier classifier(options, 1, 28, 5, 1);
        const torch::NoGradGuard no_grad;
        const torch::Tensor images = floats(random_images({2, 1, 28, 28}, 1));
        const auto flips = [&] {
            return !torch::equal(classifier.forward(images, torch::ones({2}), Pass::inference()),
                                 classifier.forward(images, torch::zeros({2}), Pass::inference()));
        };
        EXPECT_TRUE(flips());
        std::vector<std::pair<torch::Tensor, torch::Tensor>> flag_weights;
        for (const auto& layer : layers_of(classifier)) {
            const torch::Tensor weight = layer->named_parameters()["weight"];
            if (weight.dim() == 4)
                flag_weights.emplace_back(weight.select(1, -1), weight.select(1, -1).clone());
        }
        ASSERT_EQ(flag_weights.size(), 16U);
        for (auto& [weight, saved] : flag_weights) weight.zero_();
        EXPECT_FALSE(flips());
        for (auto& [weight, saved] : flag_weights) {
            weight.copy_(saved);
            EXPECT_TRUE(flips());
            weight.zero_();
        }
    }
}

TEST(NetworksTest, FlagAffectsOnlyItsOwnSample) {
    Classifier classifier({}, 1, 28, 5, 1);
    const torch::Tensor images = floats(random_images({2, 1, 28, 28}, 1));
    const torch::Tensor both = classifier.forward(images, torch::ones({2}), Pass::inference());
    const torch::Tensor first =
        classifier.forward(images, torch::tensor({1.F, 0.F}), Pass::inference());
    EXPECT_TRUE(torch::equal(both[0], first[0]));
    EXPECT_FALSE(torch::equal(both[1], first[1]));
}

TEST(NetworksTest, CriticHasNoSigmoid) {
    Critic critic(small_options(), 1, 28, 1);
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1));
    torch::Tensor bias = critic.named_parameters()["head.dense2.bias"];
    const torch::NoGradGuard no_grad;
    bias.fill_(10);
    EXPECT_GT(critic.forward(x, x, Pass::inference()).min().item<double>(), 1);
    bias.fill_(-10);
    EXPECT_LT(critic.forward(x, x, Pass::inference()).max().item<double>(), 0);
}

TEST(NetworksTest, DropoutDiffersBetweenThePassesOfAStepAndIsOffInInference) {
    Critic critic(small_options(), 1, 28, 1);
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1)),
                        y = floats(random_images({2, 1, 28, 28}, 2));
    const auto trained = [&](uint64_t key) { return critic.forward(x, y, training(key, 7)); };
    EXPECT_FALSE(torch::equal(trained(1), trained(2)));
    EXPECT_FALSE(torch::equal(trained(1), trained(3)));
    EXPECT_FALSE(torch::equal(trained(2), trained(3)));
    EXPECT_TRUE(torch::equal(trained(1), trained(1)));
    EXPECT_FALSE(torch::equal(critic.forward(x, y, training(1, 8)), trained(1)));
    EXPECT_TRUE(torch::equal(critic.forward(x, y, Pass::inference()),
                             critic.forward(x, y, Pass::inference())));
}

TEST(NetworksTest, GeneratorInInferenceIsBitIdenticalAndKeepsItsState) {
    Generator generator(small_options(), 1, 28, 1);
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1)),
                        z = floats(random_tensor({2, 9}, 2));
    generator.forward(x, z, training(1));
    std::vector<torch::Tensor> state;
    for (const torch::Tensor& buffer : generator.buffers()) state.push_back(buffer.clone());
    EXPECT_TRUE(torch::equal(generator.forward(x, z, Pass::inference()),
                             generator.forward(x, z, Pass::inference())));
    for (size_t i = 0; i < state.size(); ++i)
        EXPECT_TRUE(torch::equal(generator.buffers()[i], state[i]));
}

TEST(NetworksTest, EachTrainingPassUpdatesAllRenormStatesOnce) {
    Generator generator(small_options(), 1, 28, 1);
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1)),
                        z = floats(random_tensor({2, 9}, 2));
    for (uint32_t step = 0; step < 6;
         ++step) { // five critic steps without gradient, one generator step
        torch::AutoGradMode gradients(step == 5);
        generator.forward(x, z, training(1, step));
    }
    int states = 0;
    for (const auto& item : generator.named_buffers()) {
        if (!item.key().ends_with(".norm.w")) continue;
        EXPECT_NEAR(item.value().item<double>(), 1 - std::pow(0.99, 6), 1e-6) << item.key();
        ++states;
    }
    EXPECT_EQ(states, counts(generator).norms);
}

TEST(NetworksTest, PlainBatchNormIsRenormWithoutItsCorrection) {
    GanOptions batch = small_options();
    batch.norm = Norm::batch;
    Generator plain(batch, 1, 28, 1), renorm(small_options(), 1, 28, 1);
    const torch::Tensor z = floats(random_tensor({4, 9}, 2));
    const auto both = [&](uint64_t seed) {
        const torch::Tensor x = floats(random_images({4, 1, 28, 28}, seed));
        return std::pair(plain.forward(x, z, training(1)), renorm.forward(x, z, training(1)));
    };
    const auto [first_plain, first_renorm] = both(1); // r = 1, d = 0 in the first step
    EXPECT_LT(largest_difference(first_plain, first_renorm), 1e-5);
    const auto [plain_output, renorm_output] = both(2);
    EXPECT_GT(largest_difference(plain_output, renorm_output), 1e-3);
}

TEST(NetworksTest, OneRankWithNormGroupsAndFirstIndexComputesTheSameAsTwoRanks) {
    Generator whole(small_options(), 1, 28, 1), first(small_options(), 1, 28, 1),
        second(small_options(), 1, 28, 1);
    for (Generator* generator : {&whole, &first, &second}) generator->to(torch::kDouble);
    const torch::Tensor x = random_images({4, 1, 28, 28}, 1), z = random_tensor({4, 9}, 2);
    Pass pass = training(5, 3), upper = training(5, 3);
    pass.norm_groups = 2;
    upper.first_index = 2;
    const torch::Tensor y = whole.forward(x, z, pass);
    const torch::Tensor y1 = first.forward(x.slice(0, 0, 2), z.slice(0, 0, 2), training(5, 3));
    const torch::Tensor y2 = second.forward(x.slice(0, 2, 4), z.slice(0, 2, 4), upper);
    EXPECT_LT(largest_difference(y, torch::cat({y1, y2})), 1e-10);
    for (const auto& item : whole.named_buffers()) {
        const torch::Tensor mean =
            (first.named_buffers()[item.key()] + second.named_buffers()[item.key()]) / 2;
        EXPECT_LT(largest_difference(item.value(), mean), 1e-12) << item.key();
    }
}

TEST(NetworksTest, TheCriticOfASliceEqualsTheSliceOfTheCritic) {
    Critic critic(small_options(), 1, 28, 1);
    critic.to(torch::kDouble);
    const torch::Tensor x = random_images({4, 1, 28, 28}, 1), y = random_images({4, 1, 28, 28}, 2);
    Pass upper = training(5);
    upper.first_index = 2;
    const torch::Tensor whole = critic.forward(x, y, training(5));
    EXPECT_LT(largest_difference(whole.slice(0, 2, 4),
                                 critic.forward(x.slice(0, 2, 4), y.slice(0, 2, 4), upper)),
              1e-12);
}

TEST(NetworksTest, ACriticStepGivesTheGeneratorNoGradientAndAGeneratorStepGivesTheCriticNone) {
    Generator generator(small_options(), 1, 28, 1);
    Critic critic(small_options(), 1, 28, 2);
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1)),
                        real = floats(random_images({2, 1, 28, 28}, 2));
    const torch::Tensor z = floats(random_tensor({2, 9}, 3));
    const CriticFunction score = [&](const torch::Tensor& a, const torch::Tensor& b) {
        return critic.forward(a, b, training(4));
    };
    // The penalty must not reach G, even from an x~ with a graph.
    gradient_penalty(score, x, real, generator.forward(x, z, training(1)),
                     torch::tensor({0.2F, 0.7F}), PenaltyNorm::image)
        .backward();
    for (const torch::Tensor& parameter : generator.parameters())
        EXPECT_FALSE(parameter.grad().defined());

    critic.zero_grad();
    for (torch::Tensor& parameter : critic.parameters()) parameter.requires_grad_(false);
    (-score(x, generator.forward(x, z, training(1))).mean()).backward();
    for (const torch::Tensor& parameter : critic.parameters())
        EXPECT_FALSE(parameter.grad().defined());
    for (const torch::Tensor& parameter : generator.parameters())
        EXPECT_TRUE(parameter.grad().defined());
}

// Both losses of a critic step, as in training: the second adds to the gradients of the first, and
// the penalty's gradient is a second derivative, which reaches a kernel twice.
std::map<std::string, torch::Tensor> critic_gradients(Convolution convolution,
                                                      bool adds_gradients) {
    GanOptions options = small_options();
    options.critic_widths = {16, 16, 20, 24};
    options.convolution = convolution;
    Critic critic(options, 1, 28, 3);
    uint64_t seed = 100;
    for (torch::Tensor& parameter : critic.parameters()) {
        const torch::Tensor before = floats(random_tensor(parameter.sizes(), seed++));
        parameter.mutable_grad() =
            before.dim() == 4 ? before.contiguous(torch::MemoryFormat::ChannelsLast) : before;
    }
    Pass pass = training(5);
    pass.adds_gradients = adds_gradients;
    const CriticFunction score = [&](const torch::Tensor& a, const torch::Tensor& b) {
        return critic.forward(a, b, pass);
    };
    const torch::Tensor x = floats(random_images({2, 1, 28, 28}, 1)),
                        y = floats(random_images({2, 1, 28, 28}, 2));
    score(x, y).mean().backward();
    gradient_penalty(score, x, y, -y, torch::tensor({0.2F, 0.7F}), PenaltyNorm::image).backward();
    std::map<std::string, torch::Tensor> gradients;
    for (const auto& item : critic.named_parameters()) gradients[item.key()] = item.value().grad();
    return gradients;
}

TEST(NetworksTest, GradientsAddedInPlaceEqualThoseOfAutograd) {
    for (const Convolution convolution : {Convolution::automatic, Convolution::direct}) {
        const auto by_autograd = critic_gradients(convolution, false),
                   in_place = critic_gradients(convolution, true);
        for (const auto& [name, gradient] : by_autograd) {
            const double largest = gradient.abs().max().item<double>();
            EXPECT_LE(largest_difference(in_place.at(name), gradient), 1e-5 * largest) << name;
        }
    }
}

TEST(NetworksTest, ImagesOfAnotherSizeAreRefused) {
    Generator generator(small_options(), 1, 28, 1);
    EXPECT_THROW(
        generator.forward(torch::zeros({1, 1, 32, 32}), torch::zeros({1, 9}), Pass::inference()),
        Error);
}

} // namespace
} // namespace dagan::model
