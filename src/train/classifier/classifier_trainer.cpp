#include "base/error.h"
#include "base/random.h"
#include "data/roles.h"
#include "spec/classifier_steps.h"
#include "train/classifier/classifier_run.h"
#include "train/files/network_file.h"
#include "train/tasks.h"

#include <fmt/format.h>

namespace dagan::train {

namespace {
GeneratedImages generated_images(const ClassifierTask& task, const data::Dataset& data,
                                 const std::vector<data::Case>& training, const TaskPaths& paths,
                                 const Compute& compute) {
    if (task.generated_per_real == 0) return {};
    if (task.classifier.generation == Generation::pool)
        return GeneratedImages(data::Pool::open(paths.pool(task.pool)));
    TrainedGenerator generator = load_generator(paths.weights(task.gan_task));
    generator.network->to(compute.device);
    return {std::move(generator), data, training, task.generated_per_real,
            derive(task.stream, "fresh z")};
}
} // namespace

TaskOutput train_classifier(const ClassifierTask& task, const std::string& task_key,
                            const data::Dataset& data, const TaskPaths& paths, Observer& observer,
                            const Compute& compute) {
    require(task.match_steps_of == 0 || task.generated_per_real == 0,
            "only a baseline has the step budget of another run");
    ClassifierJob job;
    job.options = task.classifier;
    job.cases = data::draw_cases(data, task.dataset, task.classifier.softmax,
                                 task.samples_per_class, task.stream);
    job.generated_per_real = task.generated_per_real;
    job.steps = classifier_steps(task, static_cast<int64_t>(job.cases.training.size()));
    job.epoch_select = task.classifier.epoch_select;
    job.stream = task.stream;
    GeneratedImages generated = generated_images(task, data, job.cases.training, paths, compute);
    ClassifierRun run(std::move(job), task_key, data, paths, std::move(generated), observer,
                      compute);
    TaskOutput output = run.run();
    if (output.outcome != Outcome::interrupted) run.remove_checkpoint();
    return output;
}

// The selector keeps the weights of the last epoch: no epoch is chosen on the conditions. They are
// real images that it has not seen, so its accuracy on them, logged as validation accuracy, shows
// how reliable its scores are.
TaskOutput train_selector(const SelectorTask& task, const std::string& task_key,
                          const data::Dataset& data, const TaskPaths& paths, Observer& observer,
                          const Compute& compute) {
    const std::filesystem::path weights = paths.weights(task_key);
    if (const auto finished = finished_task(weights, task_key)) {
        return {.score = finished->score,
                .curve = finished->curve,
                .artifacts = {paths.artifact("weights", weights)}};
    }
    const data::SelectorCases cases =
        data::draw_selector_cases(data, task.dataset, task.classes, task.train_share, task.stream);
    ClassifierJob job;
    job.options = task.classifier;
    job.cases = {.classes = cases.classes,
                 .training = cases.training,
                 .validation = cases.conditions,
                 .test = {}};
    job.steps = classifier_steps(task.classifier, static_cast<int64_t>(cases.training.size()), 0);
    job.epoch_select = EpochSelect::last;
    job.stream = task.stream;
    ClassifierRun run(std::move(job), task_key, data, paths, GeneratedImages(), observer, compute);
    TaskOutput output = run.run();
    if (output.outcome != Outcome::done) return output;
    TensorFile file = selector_file(run.network(), task.classifier, shape_of(data), cases.classes,
                                    cases.conditions);
    mark_finished(file,
                  {.task = task_key, .score = output.score, .curve = output.curve, .samples = {}});
    write_tensor_file(weights, file);
    run.remove_checkpoint();
    output.artifacts.push_back(paths.artifact("weights", weights));
    return output;
}

} // namespace dagan::train
