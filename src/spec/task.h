// One unit of work, self-contained: a worker needs only a TaskSpec and the files it names.
// Two tasks with equal canonical text are the same task. The key is the hash of that text and
// names the task in the store, in files and in messages.
//
//     const TaskSpec spec = GanTask{.dataset = dataset, .gan = options, .stream = stream};
//     const std::string key = key_of(spec);          // 32 hexadecimal digits
//     const TaskSpec same = task_from_text(to_text(spec));
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace dagan {

// The data set of a task.
struct DatasetRef {
    std::string name;
    DatasetOptions options;
    std::string sha256; // of its images and labels; "" if the plan was made without the file
    int channels = 0;
    int size = 0;              // height and width in pixels
    uint64_t split_stream = 0; // key of the random order of classes for class_order: shuffled

    DAGAN_FIELDS(name, options, sha256, channels, size, split_stream)
    bool operator==(const DatasetRef&) const = default;
};

// Trains the selector: the classifier that compares GAN checkpoints (docs/reference/model.md,
// "Choosing the DAGAN").
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

// Trains one DAGAN on the source classes, data-parallel on `ranks` ranks, and selects its best
// checkpoint.
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

// Generates `pool_size` images from every training image of one (dataset, seed), for the largest n
// of the sweep.
struct PoolTask {
    DatasetRef dataset;
    GanOptions gan;
    std::string gan_task; // key of the GanTask
    Softmax softmax = Softmax::all;
    int samples_per_class = 0; // the largest n
    int pool_size = 20;
    int seed = 0;        // 0 .. seeds-1
    uint64_t stream = 0; // of (dataset, seed): equal for its pool and all its classifiers
    int threads = 1;

    DAGAN_FIELDS(dataset, gan, gan_task, softmax, samples_per_class, pool_size, seed, stream,
                 threads)
    bool operator==(const PoolTask&) const = default;
};

// Trains one classifier on n real images per class and m generated images per real one, and tests
// the weights of its best validation epoch.
struct ClassifierTask {
    DatasetRef dataset;
    ClassifierOptions classifier;
    int samples_per_class = 0;  // n
    int generated_per_real = 0; // m
    // 0: the budget is in epochs. M: as many steps as the run with m = M; only if m = 0.
    int match_steps_of = 0;
    int seed = 0;
    uint64_t stream = 0;
    std::string pool;              // key of the PoolTask; "" if m = 0 or generation is fresh
    std::string gan_task;          // key of the GanTask if generation is fresh and m > 0, else ""
    std::optional<GanOptions> gan; // that GanTask's options; nullopt if there is none
    int threads = 1;

    // Returns "epochs" or "steps:M", as in tables and files.
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
// Returns the size of a GanTask's gang; 1 for the other kinds.
int ranks_of(const TaskSpec& spec);
int threads_of(const TaskSpec& spec);

// Returns canonical JSON: an object with "kind" and the fields, sorted by name.
std::string to_text(const TaskSpec& spec);
// Parses a text written by to_text(). Throws Blame::bug if it is any other text.
TaskSpec task_from_text(const std::string& text);
// Returns 32 hexadecimal digits.
std::string key_of(const TaskSpec& spec);
// Returns a short text for people: "classifier omniglot n=5 m=3 seed=0".
std::string label_of(const TaskSpec& spec);

// The tasks of a sweep as a directed acyclic graph. `needs` are indices into Plan::tasks, each less
// than the task's own, so the order is topological.
struct PlannedTask {
    std::string key;
    TaskSpec spec;
    std::vector<int> needs;
};
struct Plan {
    std::vector<PlannedTask> tasks;
};

} // namespace dagan
