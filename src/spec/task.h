// One unit of work, complete in itself: a worker needs nothing but a TaskSpec and the files it names. Two tasks with equal
// canonical text are the same task; the key is the text's hash and names the task in the store, in files and in messages.
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dagan {

// A data set as a task needs it.
struct DatasetRef {
    std::string name;
    DatasetOptions options;
    std::string sha256; // of its images and labels; "" when the plan was made without the file
    int channels = 0;
    int size = 0;              // H = W
    uint64_t split_stream = 0; // shuffles the classes when class_order says so

    DAGAN_FIELDS(name, options, sha256, channels, size, split_stream)
    bool operator==(const DatasetRef&) const = default;
};

// Trains the classifier that compares GAN checkpoints (dagan.md section 6).
struct SelectorTask {
    DatasetRef dataset;
    SelectorClasses classes = SelectorClasses::validation;
    double train_share = 0.75;
    ClassifierOptions classifier;
    uint64_t stream = 0;
    int threads = 1;

    DAGAN_FIELDS(dataset, classes, train_share, classifier, stream, threads)
    bool operator==(const SelectorTask&) const = default;
};

// Trains one DAGAN on the source classes, data-parallel over `ranks`, and chooses its best checkpoint.
struct GanTask {
    DatasetRef dataset;
    GanOptions gan;
    std::string selector; // key of the SelectorTask; "" unless gan.select is classifier
    uint64_t stream = 0;
    int ranks = 1;
    int threads = 1;

    DAGAN_FIELDS(dataset, gan, selector, stream, ranks, threads)
    bool operator==(const GanTask&) const = default;
};

// Generates `pool_size` images from every training case of one (dataset, seed), for the largest n of the sweep.
struct PoolTask {
    DatasetRef dataset;
    GanOptions gan;
    std::string gan_task; // key of the GanTask
    Softmax softmax = Softmax::all;
    int samples_per_class = 0; // the largest n
    int pool_size = 20;
    int seed = 0;        // 0 .. seeds-1
    uint64_t stream = 0; // of (dataset, seed): the same for its pool and all its classifiers
    int threads = 1;

    DAGAN_FIELDS(dataset, gan, gan_task, softmax, samples_per_class, pool_size, seed, stream,
                 threads)
    bool operator==(const PoolTask&) const = default;
};

// Trains one classifier with n real and m generated images per real one, and tests it at its best validation epoch.
struct ClassifierTask {
    DatasetRef dataset;
    ClassifierOptions classifier;
    int samples_per_class = 0;  // n
    int generated_per_real = 0; // m
    int match_steps_of =
        0; // 0: budget in epochs; M: as many steps as the run with m = M (only for m = 0)
    int seed = 0;
    uint64_t stream = 0;
    std::string pool;              // key of the PoolTask; "" when m = 0 or generation is fresh
    std::string gan_task;          // key of the GanTask when generation is fresh and m > 0, else ""
    std::optional<GanOptions> gan; // its options, likewise
    int threads = 1;

    // "epochs" or "steps:M", as in tables and files.
    std::string budget() const {
        return match_steps_of == 0 ? "epochs" : "steps:" + std::to_string(match_steps_of);
    }

    DAGAN_FIELDS(dataset, classifier, samples_per_class, generated_per_real, match_steps_of, seed,
                 stream, pool, gan_task, gan, threads)
    bool operator==(const ClassifierTask&) const = default;
};

using TaskSpec = std::variant<SelectorTask, GanTask, PoolTask, ClassifierTask>;

DAGAN_ENUM(TaskKind, selector, gan, pool, classifier) // in the order of TaskSpec's alternatives

inline TaskKind kind_of(const TaskSpec& spec) { return static_cast<TaskKind>(spec.index()); }
inline const DatasetRef& dataset_of(const TaskSpec& spec) {
    return std::visit([](const auto& task) -> const DatasetRef& { return task.dataset; }, spec);
}
int ranks_of(const TaskSpec& spec); // 1 but for a gang
int threads_of(const TaskSpec& spec);

std::string to_text(const TaskSpec& spec);        // canonical JSON: {"kind": ..., fields sorted}
TaskSpec task_from_text(const std::string& text); // throws Blame::bug on what to_text did not write
std::string key_of(const TaskSpec& spec);         // 32 hex digits
std::string label_of(const TaskSpec& spec); // for people: "classifier omniglot n=5 m=3 seed=0"

// The sweep as a directed acyclic graph. `needs` are indices of earlier tasks, so the order is topological.
struct PlannedTask {
    std::string key;
    TaskSpec spec;
    std::vector<int> needs;
};
struct Plan {
    std::vector<PlannedTask> tasks;
};

} // namespace dagan
