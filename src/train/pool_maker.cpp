#include "base/error.h"
#include "base/hash.h"
#include "base/random.h"
#include "data/roles.h"
#include "train/generate.h"
#include "train/step_times.h"
#include "train/tasks.h"

#include <algorithm>

namespace dagan::train {

namespace {
// Returns the real images from which the pool is made, each once, ascending: the training cases and
// no others, docs/reference/model.md, "Classifier" and eq. (38).
std::vector<int> conditions(const PoolTask& task, const data::Dataset& data) {
    const data::ClassifierCases cases =
        data::draw_cases(data, task.dataset, task.softmax, task.samples_per_class, task.stream);
    std::vector<int> images;
    for (const data::Case& one : cases.training) images.push_back(one.image);
    std::sort(images.begin(), images.end());
    images.erase(std::unique(images.begin(), images.end()), images.end());
    return images;
}

// Whether `path` already is a complete pool made by the same generator from the same images.
bool is_made(const std::filesystem::path& path, const TrainedGenerator& generator,
             const std::vector<int>& sources, int per_image) {
    if (!std::filesystem::exists(path)) return false;
    try {
        const data::Pool pool = data::Pool::open(path);
        return pool.gan_sha256() == generator.sha256 && pool.per_image() == per_image &&
               std::ranges::equal(pool.sources(), sources);
    } catch (const Error& error) {
        if (error.blame() == Blame::system) throw;
        return false;
    }
}
} // namespace

TaskOutput make_pool(const PoolTask& task, const std::string& task_key, const data::Dataset& data,
                     const TaskPaths& paths, Observer& observer, const Compute& compute) {
    const TrainedGenerator generator = load_generator(paths.weights(task.gan_task));
    generator.network->to(compute.device);
    if (compute.gpu != nullptr) set_precision(Precision::float32);
    const std::vector<int> sources = conditions(task, data);
    const std::filesystem::path path = paths.pool(task_key);
    TaskOutput output;
    if (!is_made(path, generator, sources, task.pool_size)) {
        StepTimes times;
        times.start();
        const auto pool = generate_pool(generator, data, sources, task.pool_size,
                                        derive(task.stream, "pool z"), 0, observer, true);
        times.stop();
        if (!pool) return {.outcome = Outcome::interrupted};
        pool->save(path);
        output.steps_done = static_cast<int64_t>(sources.size()) * task.pool_size;
        output.seconds_per_step =
            output.steps_done > 0 ? times.median() / static_cast<double>(output.steps_done) : 0;
    }
    output.artifacts.push_back(paths.artifact("pool", path));
    return output;
}

} // namespace dagan::train
