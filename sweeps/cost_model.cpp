#include "sweeps/cost_model.h"

#include "base/error.h"
#include "spec/classifier_steps.h"
#include "spec/network.h"
#include "spec/selector_split.h"
#include "sweeps/domains.h"

#include <algorithm>

namespace dagan::sweeps {

namespace {

// Cost of a sample in forward passes (docs/reference/model.md, eq. (43)): a backward pass counts as
// two, and the second derivative of the penalty doubles the cost.
constexpr double kTraining = 3;               // forward and backward
constexpr double kCriticPerCriticStep = 12;   // real and fake 3 each, interpolate 6
constexpr double kGeneratorPerCriticStep = 1; // without gradient
constexpr double kGeneratorPerGeneratorStep = 3;
constexpr double kCriticPerGeneratorStep = 2; // its weights need no gradient

constexpr int kEmnistTestImages = 400; // per class, in EMNIST's own split

double forward_of(const NetworkTable& table) { return static_cast<double>(table.macs()); }

int classes_in(const DatasetRef& dataset, Softmax softmax) {
    return softmax_classes(dataset.options, dataset.options.expect.classes, softmax);
}

int selector_classes(const SelectorTask& task) {
    const Split& split = task.dataset.options.split;
    return size_of(task.classes == SelectorClasses::source ? split.source : split.validation,
                   task.dataset.options.expect.classes);
}

int64_t selector_images(const SelectorTask& task) {
    return int64_t{selector_classes(task)} *
           selector_training_images(task.train_share, task.dataset.options.expect.images_per_class);
}

int64_t real_images(const ClassifierTask& task) {
    return int64_t{classes_in(task.dataset, task.classifier.softmax)} * task.samples_per_class;
}

int64_t steps(const ClassifierTask& task) { return classifier_steps(task, real_images(task)); }
int64_t steps(const SelectorTask& task) {
    return classifier_steps(task.classifier, selector_images(task), 0);
}
int64_t steps(const GanTask& task) { return task.gan.iterations; }
int64_t steps(const PoolTask& task) {
    return int64_t{classes_in(task.dataset, task.softmax)} * task.samples_per_class *
           task.pool_size;
}

struct HeldOut {
    double validation = 0, test = 0; // images
};

HeldOut held_out(const ClassifierTask& task) {
    const DatasetOptions& options = task.dataset.options;
    const int classes = options.expect.classes;
    if (options.protocol == Protocol::balanced47) {
        return {1.0 * classes * options.cases.validation, 1.0 * classes * kEmnistTestImages};
    }
    const ClassRange& validation =
        task.classifier.softmax == Softmax::target ? options.split.test : options.split.validation;
    return {1.0 * size_of(validation, classes) * options.cases.validation,
            1.0 * size_of(options.split.test, classes) * options.cases.test};
}

double classifier_forward(const ClassifierOptions& options, const DatasetRef& dataset,
                          int classes) {
    return forward_of(classifier_table(options, dataset.channels, dataset.size, classes));
}

double generator_forward(const GanOptions& options, const DatasetRef& dataset) {
    return forward_of(generator_table(options, dataset.channels, dataset.size));
}

double macs(const ClassifierTask& task, const Plan&) {
    const double forward = classifier_forward(task.classifier, task.dataset,
                                              classes_in(task.dataset, task.classifier.softmax));
    const double total_steps = static_cast<double>(steps(task));
    const double epochs =
        total_steps / static_cast<double>(classifier_steps_per_epoch(
                          task.classifier, real_images(task), task.generated_per_real));
    const double images =
        epochs * static_cast<double>(real_images(task)) * (1 + task.generated_per_real);
    const HeldOut evaluated = held_out(task);
    double sum =
        kTraining * images * forward + (epochs * evaluated.validation + evaluated.test) * forward;
    if (task.gan)
        sum += images * task.generated_per_real / (1 + task.generated_per_real) *
               generator_forward(*task.gan, task.dataset);
    return sum;
}

double macs(const SelectorTask& task, const Plan&) {
    const double all = 1.0 * selector_classes(task) * task.dataset.options.expect.images_per_class;
    const double training = static_cast<double>(selector_images(task));
    const double forward =
        classifier_forward(task.classifier, task.dataset, selector_classes(task));
    return task.classifier.epochs * forward * (kTraining * training + (all - training));
}

// Cost of scoring the candidates: images are generated from each condition, and the selector
// classifies them.
double scoring_macs(const GanTask& task, const Plan& plan, double generator) {
    if (task.selector.empty()) return 0;
    const auto found =
        std::find_if(plan.tasks.begin(), plan.tasks.end(),
                     [&](const PlannedTask& planned) { return planned.key == task.selector; });
    require(found != plan.tasks.end(), "a DAGAN's selector is in the plan");
    const auto& selector = std::get<SelectorTask>(found->spec);
    const double conditions =
        1.0 * selector_classes(selector) * task.dataset.options.expect.images_per_class -
        static_cast<double>(selector_images(selector));
    const double classifier =
        classifier_forward(selector.classifier, task.dataset, selector_classes(selector));
    return std::min<int64_t>(task.gan.checkpoints, task.gan.iterations) * conditions *
           task.gan.selector_z * (generator + classifier);
}

double macs(const GanTask& task, const Plan& plan) {
    const double generator = generator_forward(task.gan, task.dataset);
    const double critic =
        forward_of(critic_table(task.gan, task.dataset.channels, task.dataset.size));
    const double critic_step = kGeneratorPerCriticStep * generator + kCriticPerCriticStep * critic;
    const double generator_step =
        kGeneratorPerGeneratorStep * generator + kCriticPerGeneratorStep * critic;
    const double iteration =
        task.gan.batch_size * (task.gan.critic_steps * critic_step + generator_step);
    return static_cast<double>(task.gan.iterations) * iteration +
           scoring_macs(task, plan, generator);
}

double macs(const PoolTask& task, const Plan&) {
    return static_cast<double>(steps(task)) * generator_forward(task.gan, task.dataset);
}

} // namespace

double macs_of(const TaskSpec& spec, const Plan& plan) {
    return std::visit([&](const auto& task) { return macs(task, plan); }, spec);
}

int64_t steps_of(const TaskSpec& spec) {
    return std::visit([](const auto& task) { return steps(task); }, spec);
}

int classes_of_task(const TaskSpec& spec) {
    if (const auto* task = std::get_if<ClassifierTask>(&spec))
        return classes_in(task->dataset, task->classifier.softmax);
    if (const auto* task = std::get_if<PoolTask>(&spec))
        return classes_in(task->dataset, task->softmax);
    if (const auto* task = std::get_if<SelectorTask>(&spec)) return selector_classes(*task);
    const DatasetRef& dataset = std::get<GanTask>(spec).dataset;
    return size_of(dataset.options.split.source, dataset.options.expect.classes);
}

} // namespace dagan::sweeps
