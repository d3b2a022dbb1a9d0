#include "sweeps/cost_model.h"

#include "base/error.h"
#include "spec/network.h"
#include "sweeps/domains.h"

#include <algorithm>

namespace dagan::sweeps {

namespace {

// Forward passes that one sample costs (dagan.md section 13): a backward pass counts two, the penalty's second derivative
// doubles.
constexpr double kTraining = 3;               // forward and backward
constexpr double kCriticPerCriticStep = 12;   // real and fake 3 each, interpolate 6
constexpr double kGeneratorPerCriticStep = 1; // without gradient
constexpr double kGeneratorPerGeneratorStep = 3;
constexpr double kCriticPerGeneratorStep = 2; // its weights need no gradient

constexpr int kEmnistTestImages = 400; // per class, in EMNIST's own split

int64_t divided_up(int64_t total, int64_t part) { return (total + part - 1) / part; }

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

// Optimiser steps of an epoch with `m` generated images per real one.
int64_t steps_per_epoch(const ClassifierTask& task, int m) {
    return divided_up(real_images(task) * (1 + m), task.classifier.batch_size);
}

int64_t steps(const ClassifierTask& task) {
    return task.classifier.epochs *
           steps_per_epoch(task, std::max(task.generated_per_real, task.match_steps_of));
}
int64_t steps(const SelectorTask& task) {
    return task.classifier.epochs * divided_up(selector_images(task), task.classifier.batch_size);
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
    const ClassRange& chooses =
        task.classifier.softmax == Softmax::target ? options.split.test : options.split.validation;
    return {1.0 * size_of(chooses, classes) * options.cases.validation,
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
        total_steps / static_cast<double>(steps_per_epoch(task, task.generated_per_real));
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

// Scoring the candidates: images made from each condition and classified by the selector.
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
