#include "bench/sides.h"

#include "base/error.h"
#include "base/random.h"
#include "bench/plain_training.h"
#include "train/classifier/classifier_run.h"
#include "train/gan/wgan_gp.h"
#include "train/generate.h"
#include "train/observer.h"

#include <numeric>
#include <utility>

namespace dagan::bench {

namespace {
constexpr uint64_t kStream = 1;
constexpr int kImagesPerClass = 15;

data::Dataset random_images(const Workload& workload) {
    const int count = workload.classes * kImagesPerClass;
    std::vector<uint8_t> images(static_cast<size_t>(count) *
                                static_cast<size_t>(workload.channels) *
                                static_cast<size_t>(workload.size * workload.size));
    Random random(kStream);
    for (uint8_t& value : images) value = static_cast<uint8_t>(random.bits());
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    for (int label = 0; label < workload.classes; ++label) {
        names.push_back(std::to_string(label));
        labels.insert(labels.end(), kImagesPerClass, label);
    }
    data::DatasetInfo info;
    info.channels = workload.channels;
    info.height = info.width = workload.size;
    info.source = "random";
    info.polarity = "ink_is_low";
    return data::Dataset(std::move(info), std::move(images), std::move(labels), std::move(names));
}

std::vector<int> all_classes(const Workload& workload) {
    std::vector<int> classes(static_cast<size_t>(workload.classes));
    std::iota(classes.begin(), classes.end(), 0);
    return classes;
}

// Steps of a DAGAN: kind 0 is the critic's step, kind 1 the generator's.
class OurGan final : public BenchSide {
  public:
    explicit OurGan(const Workload& workload)
        : data_(random_images(workload)), group_(gang::make_group_alone()),
          gan_(workload.gan, kStream, data_, all_classes(workload), *group_) {}
    train::WganGp& gan() { return gan_; }

    void step(size_t kind) override {
        const uint32_t in_iteration = gan_.steps_per_iteration();
        const auto of_kind = kind == 0 ? critic_steps_ / (in_iteration - 1) * in_iteration +
                                             critic_steps_ % (in_iteration - 1)
                                       : generator_steps_ * in_iteration + in_iteration - 1;
        ++(kind == 0 ? critic_steps_ : generator_steps_);
        require(gan_.is_generator_step(of_kind) == (kind == 1),
                "the step is of the requested kind");
        gan_.step(of_kind, {});
    }

  private:
    data::Dataset data_;
    std::unique_ptr<gang::Group> group_;
    train::WganGp gan_;
    uint32_t critic_steps_ = 0, generator_steps_ = 0;
};

class PlainGan final : public BenchSide {
  public:
    explicit PlainGan(const Workload& workload)
        : gan_(workload.gan, workload.channels, workload.size,
               plain::stock_dropout(workload.gan.dropout),
               plain::stock_dropout(workload.gan.dropout)) {
        OurGan ours(workload);
        plain::copy_weights(ours.gan().generator(), gan_.generator());
        plain::copy_weights(ours.gan().critic(), gan_.critic());
        batch_ = ours.gan().draw_batch(0);
    }
    void step(size_t kind) override {
        kind == 0 ? gan_.critic_step(batch_) : gan_.generator_step(batch_);
    }

  private:
    plain::Gan gan_;
    train::GanBatch batch_;
};

class SilentObserver final : public train::Observer {
  public:
    bool stop_requested() override { return false; }
    void progress(int64_t, int64_t) override {}
};

train::ClassifierJob classifier_job(const Workload& workload) {
    train::ClassifierJob job;
    job.options = workload.classifier;
    job.cases.classes = workload.classes;
    for (int image = 0; image < workload.classes * kImagesPerClass; ++image) {
        job.cases.training.push_back({image, image / kImagesPerClass});
    }
    job.steps = 1; // not a limit: the caller decides how many steps to take
    job.epoch_select = EpochSelect::last;
    job.stream = kStream;
    return job;
}

class OurClassifier final : public BenchSide {
  public:
    explicit OurClassifier(const Workload& workload)
        : data_(random_images(workload)),
          run_(classifier_job(workload), "bench", data_, train::TaskPaths{},
               train::GeneratedImages(), observer_) {}
    const model::Classifier& network() const { return run_.network(); }

    void step(size_t) override {
        run_.prepare_epoch();
        run_.train_step();
    }

  private:
    data::Dataset data_;
    SilentObserver observer_;
    train::ClassifierRun run_;
};

class PlainClassifier final : public BenchSide {
  public:
    explicit PlainClassifier(const Workload& workload)
        : training_(workload.classifier, workload.channels, workload.classes,
                    plain::stock_dropout(workload.classifier.dropout)) {
        plain::copy_weights(OurClassifier(workload).network(), training_.network());
        const int64_t batch = workload.classifier.batch_size;
        images_ = torch::rand({batch, workload.channels, workload.size, workload.size}) * 2 - 1;
        real_ = torch::ones({batch});
        labels_ = torch::arange(batch) % workload.classes;
    }
    void step(size_t) override { training_.step(images_, real_, labels_); }

  private:
    plain::ClassifierTraining training_;
    torch::Tensor images_, real_, labels_;
};

class OurGeneration final : public BenchSide {
  public:
    explicit OurGeneration(const Workload& workload)
        : data_(random_images(workload)), shape_(train::shape_of(data_)),
          z_dim_(workload.gan.z_dim),
          generator_(workload.gan, shape_.channels, shape_.size, kStream) {
        for (int i = 0; i < kGeneratedAtOnce; ++i) wanted_.push_back({i % data_.info().images, i});
    }
    const model::Generator& generator() const { return generator_; }

    void step(size_t) override {
        train::generate(generator_, data_, shape_, wanted_, z_dim_, kStream, epoch_++);
    }

  private:
    data::Dataset data_;
    train::ImageShape shape_;
    int z_dim_;
    model::Generator generator_;
    std::vector<train::ImageRequest> wanted_;
    uint32_t epoch_ = 0;
};

class PlainGeneration final : public BenchSide {
  public:
    explicit PlainGeneration(const Workload& workload)
        : generator_(workload.gan, workload.channels, workload.size,
                     plain::stock_dropout(workload.gan.dropout)),
          x_(torch::rand({kGeneratedAtOnce, workload.channels, workload.size, workload.size}) * 2 -
             1),
          z_(torch::randn({kGeneratedAtOnce, workload.gan.z_dim})) {
        plain::copy_weights(OurGeneration(workload).generator(), generator_);
        generator_.eval();
    }
    void step(size_t) override {
        const torch::NoGradGuard no_grad;
        generator_.forward(x_, z_);
    }

  private:
    plain::Generator generator_;
    torch::Tensor x_, z_;
};

template <class Ours, class Plain>
std::unique_ptr<BenchSide> make(Side side, const Workload& workload) {
    if (side == Side::ours) return std::make_unique<Ours>(workload);
    return std::make_unique<Plain>(workload);
}
} // namespace

std::vector<StepKind> step_kinds(Subject subject, const Workload& workload) {
    if (subject == Subject::iteration)
        return {{"critic", workload.gan.critic_steps}, {"generator", 1}};
    return {{"step", 1}};
}

std::unique_ptr<BenchSide> make_side(Subject subject, Side side, const Workload& workload) {
    switch (subject) {
    case Subject::iteration: return make<OurGan, PlainGan>(side, workload);
    case Subject::classifier: return make<OurClassifier, PlainClassifier>(side, workload);
    case Subject::generate: return make<OurGeneration, PlainGeneration>(side, workload);
    }
    require(false, "the subject is known");
    return nullptr;
}

} // namespace dagan::bench
