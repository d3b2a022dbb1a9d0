// Tests that need a GPU. They are skipped, with a message, if none can be used.
#include "base/error.h"
#include "base/gpu_driver.h"
#include "base/random.h"
#include "model/dropout.h"
#include "train/device/device_epochs.h"
#include "train/files/tensor_file.h"
#include "train/gan/wgan_gp.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <iostream>

namespace dagan::train {
namespace {

constexpr uint64_t kStream = 5;
std::vector<int> classes() { return {0, 1, 2, 3, 4, 5}; }

// Opened once: LibTorch does not support loading its CUDA library twice.
Gpu* gpu_here() {
    static const std::unique_ptr<Gpu> gpu = []() -> std::unique_ptr<Gpu> {
        if (const GpuSurvey survey = survey_gpus(); !survey.problem.empty()) {
            std::cout << "no GPU can be used here: " << survey.problem << '\n';
            return nullptr;
        }
        auto opened =
            open_gpu(std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
                     "bin" / "libdagan_cuda.so");
        at::globalContext().setDeterministicAlgorithms(true, false);
        at::globalContext().setDeterministicFillUninitializedMemory(false);
        return opened;
    }();
    return gpu.get();
}

class GpuTest : public testing::Test {
  protected:
    void SetUp() override {
        at::set_num_threads(1);
        gpu_ = gpu_here();
        if (gpu_ == nullptr) GTEST_SKIP() << "no GPU can be used here";
    }
    Compute compute() const { return Compute::on(*gpu_); }
    std::unique_ptr<gang::Group> device_group() const {
        const auto agents = gang::make_group_alone();
        return make_device_group(compute(), *agents, [] {});
    }

    Gpu* gpu_ = nullptr;
    data::Dataset data_ = tiny::dataset();
};

double relative_difference(const torch::Tensor& a, const torch::Tensor& b) {
    return ((a - b).abs().max() / b.abs().max()).item<double>();
}

torch::Tensor gradients_of(torch::nn::Module& network) {
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& parameter : network.parameters())
        parts.push_back(parameter.grad().contiguous().flatten().cpu());
    return torch::cat(parts);
}

torch::Tensor values_of(torch::nn::Module& network) {
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& parameter : network.parameters())
        parts.push_back(parameter.detach().contiguous().flatten().cpu());
    return torch::cat(parts);
}

TEST_F(GpuTest, DropoutMasksEqualThoseOfTheHostToTheBitInBothLayouts) {
    const torch::Tensor host = torch::ones({3, 5, 7, 7});
    for (const auto layout : {torch::MemoryFormat::Contiguous, torch::MemoryFormat::ChannelsLast}) {
        model::Pass pass{
            .training = true, .key = 0x123456789abcdefULL, .step = 77, .first_index = 4};
        const torch::Tensor expected = model::dropout(host, 0.3, pass, 9);
        pass.device_step = torch::tensor(int64_t{77}, torch::device(compute().device));
        const torch::Tensor found =
            model::dropout(host.to(compute().device).contiguous(layout), 0.3, pass, 9);
        EXPECT_TRUE(torch::equal(found.cpu().contiguous(), expected));
        EXPECT_EQ(found.suggest_memory_format(), layout);
    }
}

TEST_F(GpuTest, BatchesOfClassifiersEqualThoseOfTheHostExceptTheLastBitsOfTheNoise) {
    std::vector<data::Case> training;
    for (int image = 0; image < 40; ++image)
        training.push_back({.image = image, .label = image / 10});
    const data::Augmentation augmentation{
        .rotate = true, .shift_px = 2, .noise_sigma = 0.1, .fill_with_background = true};
    const data::EpochLoader loader(data_, training, nullptr, 0, 16, augmentation, kStream);
    DeviceEpochs device(shape_of(data_), 16, augmentation, kStream, compute());
    device.load(data_, training, nullptr);
    data::LabelledBatch expected;
    loader.fill(2, 1, expected);
    const int64_t size = device.stage(loader, 2, 1, 0);
    const torch::Tensor images = device.assemble(size).cpu().contiguous();
    const torch::Tensor host = copied_tensor(expected.images, images.sizes());
    // A normal number, computed in double and rounded, may differ by one unit in the last place.
    EXPECT_LE((images - host).abs().max().item<double>(), 1e-6);
}

// One step from the same weights and batch. Host and GPU sum floats in different orders and with
// different algorithms, which for a network of this depth differs by some 1e-5 of the largest
// gradient. A wrong mask or scale differs by orders of magnitude more.
TEST_F(GpuTest, OneCriticAndOneGeneratorStepAgreeWithTheHost) {
    constexpr double kTolerance = 1e-3;
    const auto alone = gang::make_group_alone(), on_gpu = device_group();
    GanOptions options = tiny::gan_options();
    options.critic_steps = 1;
    WganGp host(options, kStream, data_, classes(), *alone),
        device(options, kStream, data_, classes(), *on_gpu, 1, compute());
    for (uint32_t s = 0; s < 2; ++s) {
        host.step(s, {});
        device.step(s, {});
        torch::nn::Module& of_host =
            s == 0 ? static_cast<torch::nn::Module&>(host.critic()) : host.generator();
        torch::nn::Module& of_device =
            s == 0 ? static_cast<torch::nn::Module&>(device.critic()) : device.generator();
        EXPECT_LT(relative_difference(gradients_of(of_device), gradients_of(of_host)), kTolerance)
            << "step " << s;
    }
    const GanLosses a = host.take_losses(), b = device.take_losses();
    EXPECT_NEAR(a.critic_loss, b.critic_loss, kTolerance * std::abs(a.critic_loss));
    EXPECT_NEAR(a.penalty, b.penalty, kTolerance * std::abs(a.penalty));
    EXPECT_NEAR(a.generator_loss, b.generator_loss,
                kTolerance * std::max(1.0, std::abs(a.generator_loss)));
}

torch::Tensor weights_after(int iterations, const data::Dataset& data, const GanOptions& options,
                            gang::Group& group, const Compute& compute) {
    WganGp gan(options, kStream, data, classes(), group, 1, compute);
    for (uint32_t s = 0; s < static_cast<uint32_t>(iterations) * gan.steps_per_iteration(); ++s)
        gan.step(s, {});
    return torch::cat({values_of(gan.generator()), values_of(gan.critic())});
}

TEST_F(GpuTest, ReplayedStepsGiveTheSameBitsAsEagerStepsAndAsASecondRun) {
    const auto group = device_group();
    Compute eager = compute();
    eager.graphs = false;
    const torch::Tensor replayed = weights_after(8, data_, tiny::gan_options(), *group, compute());
    EXPECT_TRUE(
        torch::equal(replayed, weights_after(8, data_, tiny::gan_options(), *group, compute())));
    EXPECT_TRUE(
        torch::equal(replayed, weights_after(8, data_, tiny::gan_options(), *group, eager)));
}

TEST_F(GpuTest, AnInterruptedDaganGivesTheSameBitsAsAnUninterruptedOne) {
    GanTask task = tiny::gan_task();
    task.gan.iterations = 8;
    const auto agents = gang::make_group_alone();
    tiny::Campaign whole, interrupted;
    tiny::FakeObserver observer, stops(13);
    ASSERT_EQ(train_gan(task, "g", data_, whole.paths(), *agents, observer, compute()).outcome,
              Outcome::done);
    ASSERT_EQ(train_gan(task, "g", data_, interrupted.paths(), *agents, stops, compute()).outcome,
              Outcome::interrupted);
    ASSERT_EQ(
        train_gan(task, "g", data_, interrupted.paths(), *agents, observer, compute()).outcome,
        Outcome::done);
    const TensorFile a = read_tensor_file(whole.paths().weights("g")),
                     b = read_tensor_file(interrupted.paths().weights("g"));
    for (const auto& [name, tensor] : a.tensors)
        EXPECT_TRUE(torch::equal(tensor, b.tensors.at(name))) << name;
}

TEST_F(GpuTest, TwoRunsOfAClassifierGiveTheSameResult) {
    tiny::FakeObserver observer;
    const auto train = [&] {
        tiny::Campaign campaign;
        return train_classifier(tiny::classifier_task(), "c", data_, campaign.paths(), observer,
                                compute());
    };
    const TaskOutput first = train(), second = train();
    ASSERT_EQ(first.outcome, Outcome::done);
    EXPECT_EQ(first.score, second.score);
    EXPECT_EQ(first.curve, second.curve);
}

// Compares means over 25 iterations. The curves of two precisions separate slowly, like those of
// any two orders of summation.
TEST_F(GpuTest, LossCurvesInBfloat16AndTf32StayCloseToFloat32Over500Iterations) {
    const auto curve = [&](Precision precision) {
        GanOptions options = tiny::gan_options();
        options.precision = precision;
        const auto group = device_group();
        WganGp gan(options, kStream, data_, classes(), *group, 1, compute());
        std::vector<double> losses;
        for (uint32_t iteration = 0; iteration < 500; ++iteration) {
            for (uint32_t k = 0; k < gan.steps_per_iteration(); ++k)
                gan.step(iteration * gan.steps_per_iteration() + k, {});
            if ((iteration + 1) % 25 == 0) losses.push_back(gan.take_losses().critic_loss);
        }
        return losses;
    };
    const auto exact = curve(Precision::float32);
    double scale = 0;
    for (const double loss : exact) scale = std::max(scale, std::abs(loss));
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
        const auto rounded = curve(precision);
        double difference = 0;
        for (size_t i = 0; i < exact.size(); ++i) {
            ASSERT_TRUE(std::isfinite(rounded[i]));
            difference += std::abs(rounded[i] - exact[i]) / static_cast<double>(exact.size());
        }
        std::cout << to_string(precision) << ": mean distance " << difference << ", largest loss "
                  << scale << '\n';
        EXPECT_LT(difference, 0.1 * scale) << to_string(precision);
    }
}

TEST_F(GpuTest, AnAllocationThatDoesNotFitReportsTheSizes) {
    try {
        torch::empty({gpu_->memory().total_bytes},
                     torch::dtype(torch::kFloat).device(compute().device));
        FAIL() << "four times the GPU's memory";
    } catch (const c10::OutOfMemoryError& error) {
        EXPECT_NE(std::string(error.what()).find("GiB"), std::string::npos) << error.what();
    }
}

// Page-locked memory, which host and GPU can both access.
class PinnedMemory final : public gang::GroupMemory {
  public:
    std::span<float> allocate(size_t count) override {
        blocks_.push_back(torch::zeros({static_cast<int64_t>(std::max<size_t>(count, 1))},
                                       torch::dtype(torch::kFloat).pinned_memory(true)));
        return {blocks_.back().data_ptr<float>(), count};
    }

  private:
    std::vector<torch::Tensor> blocks_;
};

// A communicator of one member, the largest that one GPU allows. tests/gpu/run.sh tests larger
// gangs if there are more GPUs.
TEST_F(GpuTest, NcclReducesInAGangOfOne) {
    const auto agents = gang::make_group_alone();
    const auto group =
        gang::make_nccl_group(gpu_->nccl(), gpu_->stream(), std::make_unique<PinnedMemory>(),
                              *agents, gpu_->facts().uuid);
    for (const size_t count : {1, 1000, 100003}) {
        const auto x = group->allocate(count);
        std::fill(x.begin(), x.end(), 3.0F);
        group->all_reduce_mean(x);
        group->wait();
        EXPECT_TRUE(std::all_of(x.begin(), x.end(), [](float value) { return value == 3; }));
    }
}

} // namespace
} // namespace dagan::train
