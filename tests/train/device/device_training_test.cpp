// The code for GPUs on a fake GPU (fake_gpu.h): it must give the bits of the training on the host.
#include "base/error.h"
#include "base/random.h"
#include "cluster/gang/through_fake_agents.h"
#include "data/epochs.h"
#include "data/pairs.h"
#include "data/pool.h"
#include "fake_gpu.h"
#include "train/device/device_batches.h"
#include "train/device/device_epochs.h"
#include "train/files/tensor_file.h"
#include "train/gan/wgan_gp.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <mutex>

namespace dagan::train {
namespace {

constexpr uint64_t kStream = 5;
std::vector<int> classes() { return {0, 1, 2, 3, 4, 5}; }

class DeviceTrainingTest : public testing::Test {
  protected:
    void SetUp() override { at::set_num_threads(1); }
    data::Dataset data_ = tiny::dataset();
    FakeGpu gpu_;
};

struct State {
    torch::Tensor generator, critic, sums;
    friend bool operator==(const State& a, const State& b) {
        return torch::equal(a.generator, b.generator) && torch::equal(a.critic, b.critic) &&
               torch::equal(a.sums, b.sums);
    }
};

State state_of(WganGp& gan) {
    return {gan.generator_parameters().values().clone(), gan.critic_parameters().values().clone(),
            gan.loss_sums().clone()};
}

State after(int64_t steps, const data::Dataset& data, gang::Group& group, const GanOptions& options,
            const Compute& compute = {}) {
    WganGp gan(options, kStream, data, classes(), group, 1, compute);
    for (uint32_t s = 0; s < steps; ++s) gan.step(s, {});
    return state_of(gan);
}

TEST_F(DeviceTrainingTest, QueuedAndReplayedStepsGiveTheBitsOfTheHost) {
    const int64_t steps = 8 * (tiny::gan_options().critic_steps + 1);
    const auto group = gang::make_group_alone();
    const State host = after(steps, data_, *group, tiny::gan_options());
    EXPECT_EQ(after(steps, data_, *group, tiny::gan_options(), gpu_.compute()), host);
    EXPECT_EQ(gpu_.captures_, 2) << "a critic's and a generator's step";
    EXPECT_GT(gpu_.replays_, steps / 2);
}

TEST_F(DeviceTrainingTest, StepsWithoutGraphsGiveTheSameBits) {
    const auto group = gang::make_group_alone();
    Compute compute = gpu_.compute();
    compute.graphs = false;
    EXPECT_EQ(after(12, data_, *group, tiny::gan_options(), compute),
              after(12, data_, *group, tiny::gan_options()));
    EXPECT_EQ(gpu_.captures_, 0);
}

TEST_F(DeviceTrainingTest, ADataSetThatDoesNotFitIsCopiedBatchByBatchWithTheSameBits) {
    gpu_.free_bytes_ = 1000;
    const auto group = gang::make_group_alone();
    EXPECT_EQ(after(12, data_, *group, tiny::gan_options(), gpu_.compute()),
              after(12, data_, *group, tiny::gan_options()));
}

TEST_F(DeviceTrainingTest, VotesOfAnIterationAreReturnedAfterItsGeneratorStep) {
    const auto group = gang::make_group_alone();
    WganGp gan(tiny::gan_options(), kStream, data_, classes(), *group, 1, gpu_.compute());
    EXPECT_FALSE(gan.step(0, {.stop = true, .save = false}).stop);
    EXPECT_FALSE(gan.step(1, {}).stop);
    const Votes agreed = gan.step(2, {.stop = false, .save = true});
    EXPECT_TRUE(agreed.stop);
    EXPECT_TRUE(agreed.save);
    for (uint32_t s = 3; s < 6; ++s) {
        const Votes next = gan.step(s, {});
        EXPECT_FALSE(next.stop || next.save) << "votes count for their iteration alone";
    }
}

// A gang whose gradients use the double of NCCL; everything else goes through agents.
TEST_F(DeviceTrainingTest, AGangThroughNcclGivesTheBitsOfOneThroughAgents) {
    const auto train = [&](bool on_gpus) {
        std::mutex mutex;
        std::vector<State> states(2);
        cluster::ThroughFakeAgents::run(2, [&](gang::Group& agents) {
            at::set_num_threads(1);
            FakeGpu gpu("GPU-" + std::to_string(agents.rank()));
            const Compute compute = on_gpus ? gpu.compute() : Compute{};
            const auto device_group = make_device_group(compute, agents, [] {});
            const State state = after(9, data_, device_group ? *device_group : agents,
                                      tiny::gan_options(), compute);
            const std::scoped_lock lock(mutex);
            states[static_cast<size_t>(agents.rank())] = state;
        });
        return states;
    };
    const auto host = train(false), device = train(true);
    EXPECT_TRUE(torch::equal(device[0].critic, device[1].critic));
    EXPECT_EQ(device[0], host[0]);
    EXPECT_EQ(device[1], host[1]);
}

TEST_F(DeviceTrainingTest, AWholeDaganEqualsThatOfTheHostEvenIfInterrupted) {
    GanTask task = tiny::gan_task();
    task.gan.iterations = 8;
    const auto group = gang::make_group_alone();
    tiny::Campaign host, device, interrupted;
    tiny::FakeObserver observer;
    ASSERT_EQ(train_gan(task, "g", data_, host.paths(), *group, observer).outcome, Outcome::done);
    ASSERT_EQ(train_gan(task, "g", data_, device.paths(), *group, observer, gpu_.compute()).outcome,
              Outcome::done);
    tiny::FakeObserver stops(13);
    ASSERT_EQ(
        train_gan(task, "g", data_, interrupted.paths(), *group, stops, gpu_.compute()).outcome,
        Outcome::interrupted);
    ASSERT_EQ(
        train_gan(task, "g", data_, interrupted.paths(), *group, observer, gpu_.compute()).outcome,
        Outcome::done);
    const TensorFile expected = read_tensor_file(host.paths().weights("g"));
    for (tiny::Campaign* campaign : {&device, &interrupted}) {
        const TensorFile file = read_tensor_file(campaign->paths().weights("g"));
        for (const auto& [name, tensor] : expected.tensors)
            EXPECT_TRUE(torch::equal(tensor, file.tensors.at(name))) << name;
    }
}

TEST_F(DeviceTrainingTest, ACheckpointOfAnotherDeviceIsRefused) {
    const auto group = gang::make_group_alone();
    tiny::Campaign campaign;
    tiny::FakeObserver stops(5), observer;
    ASSERT_EQ(train_gan(tiny::gan_task(), "g", data_, campaign.paths(), *group, stops).outcome,
              Outcome::interrupted);
    EXPECT_THROW(
        train_gan(tiny::gan_task(), "g", data_, campaign.paths(), *group, observer, gpu_.compute()),
        Error);
}

data::Pool pool_of(const data::Dataset& data, int per_image) {
    std::vector<int> sources;
    std::vector<uint8_t> bytes;
    for (int image = 0; image < data.info().images; ++image) {
        sources.push_back(image);
        for (int k = 0; k < per_image; ++k) {
            for (const uint8_t value : data.image(image))
                bytes.push_back(static_cast<uint8_t>(value ^ (k + 1)));
        }
    }
    return {data.info().channels, data.info().height, per_image, sources, bytes, "gan"};
}

TEST_F(DeviceTrainingTest, AClassifierHasTheScoreAndCurveOfTheHost) {
    ClassifierTask task = tiny::classifier_task();
    task.generated_per_real = 2;
    task.pool = "pool";
    const data::Pool pool = pool_of(data_, 3);
    tiny::FakeObserver observer;
    const auto train = [&](const Compute& compute) {
        tiny::Campaign campaign;
        std::filesystem::create_directories(campaign.paths().pool("pool").parent_path());
        pool.save(campaign.paths().pool("pool"));
        return train_classifier(task, "c", data_, campaign.paths(), observer, compute);
    };
    const TaskOutput host = train({}), device = train(gpu_.compute());
    EXPECT_EQ(device.score, host.score);
    EXPECT_EQ(device.curve, host.curve);
    EXPECT_EQ(gpu_.captures_, 1);
    EXPECT_GT(gpu_.replays_, 0);
}

TEST_F(DeviceTrainingTest, BatchesOnTheDeviceEqualThoseOfTheEpochLoaderToTheBit) {
    std::vector<data::Case> training;
    for (int image = 3; image < 40; image += 2)
        training.push_back({.image = image, .label = image / 10});
    const data::Pool pool = pool_of(data_, 4);
    for (const bool background : {true, false}) {
        const data::Augmentation augmentation{
            .rotate = true, .shift_px = 3, .noise_sigma = 0.1, .fill_with_background = background};
        const data::EpochLoader loader(data_, training, &pool, 2, 8, augmentation, kStream);
        DeviceEpochs device(shape_of(data_), 8, augmentation, kStream, gpu_.compute());
        device.load(data_, training, &pool);
        for (uint32_t epoch = 0; epoch < 3; ++epoch) {
            for (int batch = 0; batch < loader.batches_per_epoch(); ++batch) {
                data::LabelledBatch expected;
                loader.fill(epoch, batch, expected);
                const int64_t size =
                    device.stage(loader, epoch, batch, epoch * 100 + static_cast<uint32_t>(batch));
                ASSERT_EQ(size, expected.size());
                const torch::Tensor images = device.assemble(size);
                EXPECT_TRUE(torch::equal(images.flatten(),
                                         copied_tensor(expected.images, {images.numel()})))
                    << "epoch " << epoch << " batch " << batch << " background " << background;
                EXPECT_TRUE(torch::equal(device.real(size), copied_tensor(expected.real, {size})));
                EXPECT_TRUE(torch::equal(device.labels(size), torch::tensor(expected.labels)));
                EXPECT_EQ(device.step().item<int64_t>(),
                          epoch * 100 + static_cast<uint32_t>(batch));
            }
        }
    }
}

TEST_F(DeviceTrainingTest, LoadingReplacesTheImagesByAsManyOthers) {
    const auto bytes = [](uint8_t value) {
        return torch::full({4, 1, tiny::kSize, tiny::kSize}, value, torch::kByte);
    };
    ResidentImages images(bytes(0), torch::kCPU);
    const torch::Tensor first = torch::zeros({1}, torch::kLong),
                        sources = images.rotation_sources(first);
    const auto pixel = [&] {
        return images.gather_images(first, sources).flatten()[0].item<float>();
    };
    EXPECT_EQ(pixel(), -1);
    images.replace(bytes(255));
    EXPECT_EQ(pixel(), 1);
    EXPECT_THROW(images.replace(torch::zeros({5, 1, tiny::kSize, tiny::kSize}, torch::kByte)),
                 Error);
}

// The generated images are new in each epoch.
TEST_F(DeviceTrainingTest, AClassifierOnFreshImagesHasTheScoreAndCurveOfTheHost) {
    ClassifierTask task = tiny::classifier_task();
    task.generated_per_real = 1;
    task.classifier.generation = Generation::fresh;
    task.gan_task = "g";
    task.gan = tiny::gan_options();
    const auto group = gang::make_group_alone();
    tiny::Campaign campaign;
    tiny::FakeObserver observer;
    ASSERT_EQ(train_gan(tiny::gan_task(), "g", data_, campaign.paths(), *group, observer).outcome,
              Outcome::done);
    const TaskOutput host = train_classifier(task, "c", data_, campaign.paths(), observer);
    const TaskOutput device =
        train_classifier(task, "c", data_, campaign.paths(), observer, gpu_.compute());
    EXPECT_EQ(device.score, host.score);
    EXPECT_EQ(device.curve, host.curve);
}

TEST_F(DeviceTrainingTest, ChannelsLastWeightsHaveTheSameValuesAndGradients) {
    const auto group = gang::make_group_alone();
    Compute compute = gpu_.compute();
    const auto gradient = [&](torch::MemoryFormat maps) {
        compute.maps = maps;
        WganGp gan(tiny::gan_options(), kStream, data_, classes(), *group, 1, compute);
        GanBatch batch = gan.draw_batch(0);
        for (torch::Tensor* images : {&batch.x, &batch.real}) *images = images->contiguous(maps);
        gan.accumulate_critic_gradient(batch, batch.x.flip(2), 0);
        gan.accumulate_generator_gradient(batch, 0);
        std::vector<torch::Tensor> parts;
        for (torch::nn::Module* network :
             std::initializer_list<torch::nn::Module*>{&gan.critic(), &gan.generator()}) {
            for (const torch::Tensor& parameter : network->parameters())
                parts.push_back(parameter.grad().contiguous().flatten());
        }
        return torch::cat(parts);
    };
    const torch::Tensor plain = gradient(torch::MemoryFormat::Contiguous),
                        last = gradient(torch::MemoryFormat::ChannelsLast);
    // Float sums in another order.
    EXPECT_LT((plain - last).abs().max().item<double>(), 1e-4 * plain.abs().max().item<double>());
}

TEST_F(DeviceTrainingTest, Tf32AffectsOnlyConvolutionsAndOnlyOnRequest) {
    for (const Precision precision :
         {Precision::tf32, Precision::float32, Precision::bf16, Precision::float32}) {
        set_precision(precision);
        EXPECT_EQ(at::globalContext().allowTF32CuDNN(), precision == Precision::tf32);
        EXPECT_EQ(at::globalContext().allowTF32CuDNN(at::Float32Op::CONV),
                  precision == Precision::tf32);
        EXPECT_FALSE(at::globalContext().allowTF32CuBLAS());
        EXPECT_TRUE(at::globalContext().deterministicCuDNN());
    }
}

// In TF32 the penalty is computed in float32. The host has no TF32, so losses are equal, and
// gradients too up to the order of summation.
TEST_F(DeviceTrainingTest, InTf32AnExactPenaltyGivesTheSameGradientOnTheHost) {
    const auto group = gang::make_group_alone();
    const auto train = [&](Precision precision) {
        GanOptions options = tiny::gan_options();
        options.precision = precision;
        WganGp gan(options, kStream, data_, classes(), *group, 1, gpu_.compute());
        const GanBatch batch = gan.draw_batch(0);
        gan.accumulate_critic_gradient(batch, batch.x.flip(2), 0);
        return std::pair(gan.critic_parameters().gradients().clone(),
                         gan.critic_parameters().extra().clone());
    };
    const auto [whole, losses] = train(Precision::float32);
    const auto [apart, losses_apart] = train(Precision::tf32);
    EXPECT_TRUE(torch::equal(losses, losses_apart));
    EXPECT_LT((whole - apart).abs().max().item<double>(), 1e-5 * whole.abs().max().item<double>());
    EXPECT_TRUE(at::globalContext().allowTF32CuDNN()) << "TF32 is back for the rest";
}

TEST_F(DeviceTrainingTest, Bfloat16RoundsConvolutionsButNotThePenalty) {
    const auto group = gang::make_group_alone();
    const auto losses = [&](Precision precision) {
        GanOptions options = tiny::gan_options();
        options.precision = precision;
        WganGp gan(options, kStream, data_, classes(), *group);
        const GanBatch batch = gan.draw_batch(0);
        gan.accumulate_critic_gradient(batch, batch.x.flip(2), 0);
        return gan.critic_parameters().extra().clone(); // loss, wasserstein, penalty
    };
    const torch::Tensor exact = losses(Precision::float32), rounded = losses(Precision::bf16);
    EXPECT_EQ(rounded[2].item<float>(), exact[2].item<float>());
    const float difference = std::abs(rounded[1].item<float>() - exact[1].item<float>());
    EXPECT_GT(difference, 0);
    EXPECT_LT(difference, 0.1F * std::max(1.0F, std::abs(exact[1].item<float>())))
        << "8 bits of mantissa";
}

} // namespace
} // namespace dagan::train
