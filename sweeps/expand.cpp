#include "sweeps/expand.h"

#include "base/hash.h"
#include "base/random.h"
#include "sweeps/domains.h"

#include <algorithm>
#include <map>
#include <utility>

namespace dagan::sweeps {

namespace {

class Expander {
  public:
    explicit Expander(const LoadedSweep& loaded) : loaded_(loaded), sweep_(loaded.sweep) {}

    Plan run() {
        for (const auto& row : sweep_.sweep) {
            for (const int n : row.samples_per_class) {
                for (const int m : row.generated_per_real) add_cell(row, n, m);
            }
        }
        return std::move(plan_);
    }

  private:
    void add_cell(const SweepRow& row, int n, int m) {
        if (m > 0 || row.budget != BudgetChoice::steps) add_seeds(row.dataset, n, m, 0);
        if (m > 0 || row.budget == BudgetChoice::epochs) return;
        for (const int matched : row.generated_per_real) {
            if (matched > 0) add_seeds(row.dataset, n, 0, matched);
        }
    }

    void add_seeds(const std::string& dataset, int n, int m, int match_steps_of) {
        for (int seed = 0; seed < sweep_.seeds; ++seed)
            add_classifier(dataset, n, m, match_steps_of, seed);
    }

    void add_classifier(const std::string& dataset, int n, int m, int match_steps_of, int seed) {
        ClassifierTask task;
        task.dataset = ref(dataset);
        task.classifier = sweep_.classifier_options(dataset);
        task.samples_per_class = n;
        task.generated_per_real = m;
        task.match_steps_of = match_steps_of;
        task.seed = seed;
        task.stream = stream("trial", dataset, static_cast<uint64_t>(seed));
        task.threads = sweep_.resources.threads_per_trainer;
        std::vector<int> needs;
        if (m > 0 && task.classifier.generation == Generation::pool) {
            needs.push_back(pool(dataset, seed));
            task.pool = key(needs[0]);
        } else if (m > 0) {
            const std::string provider = gan_provider(sweep_, dataset);
            needs.push_back(gan(provider));
            task.gan_task = key(needs[0]);
            task.gan = sweep_.gan_options(provider);
        }
        add(std::move(task), std::move(needs));
    }

    // Each of these returns the index of its task, and adds the task on the first call.
    int pool(const std::string& dataset, int seed) {
        return once(pools_, {dataset, seed}, [&] {
            const std::string provider = gan_provider(sweep_, dataset);
            const int gan_index = gan(provider);
            const ClassifierOptions& classifier = sweep_.classifier_options(dataset);
            PoolTask task;
            task.dataset = ref(dataset);
            task.gan = sweep_.gan_options(provider);
            task.gan_task = key(gan_index);
            task.softmax = classifier.softmax;
            task.samples_per_class = largest_augmented(dataset);
            task.pool_size = classifier.pool_size;
            task.seed = seed;
            task.stream = stream("trial", dataset, static_cast<uint64_t>(seed));
            task.threads = sweep_.resources.threads_per_trainer;
            return add(std::move(task), {gan_index});
        });
    }

    int gan(const std::string& dataset) {
        return once(gans_, dataset, [&] {
            GanTask task;
            task.dataset = ref(dataset);
            task.gan = sweep_.gan_options(dataset);
            task.stream = stream("gan", dataset, 0);
            task.ranks = sweep_.resources.gan_ranks;
            task.threads = sweep_.resources.threads_per_trainer;
            std::vector<int> needs;
            if (task.gan.select == Select::classifier) {
                needs.push_back(selector(dataset, task.gan));
                task.selector = key(needs[0]);
            }
            return add(std::move(task), std::move(needs));
        });
    }

    int selector(const std::string& dataset, const GanOptions& gan) {
        SelectorTask task;
        task.dataset = ref(dataset);
        task.classes = gan.selector_classes;
        const int images = loaded_.known.at(dataset).shape.images_per_class;
        task.train_share =
            gan.selector_train < 1 ? gan.selector_train : gan.selector_train / images;
        task.classifier = sweep_.classifier_options(dataset);
        // A selector sees no generated images, and its last epoch counts: options about these keep
        // their defaults, so that they do not affect its key. It does not use the softmax option
        // either, but resetting that would change the keys of existing campaigns.
        const ClassifierOptions defaults;
        task.classifier.generation = defaults.generation;
        task.classifier.pool_size = defaults.pool_size;
        task.classifier.epoch_select = defaults.epoch_select;
        task.classifier.mark_generated = defaults.mark_generated;
        task.stream = stream("selector", dataset, 0);
        task.threads = sweep_.resources.threads_per_trainer;
        return add(std::move(task), {});
    }

    DatasetRef ref(const std::string& name) const {
        const KnownDataset& known = loaded_.known.at(name);
        DatasetRef ref;
        ref.name = name;
        ref.options = sweep_.datasets.at(name);
        ref.options.expect = known.shape;
        Split::fields(ref.options.split, [&](const char*, ClassRange& range, const char*) {
            if (range.end == ClassRange::kToTheEnd) range.end = known.shape.classes;
        });
        ref.sha256 = known.sha256;
        ref.channels = known.shape.channels;
        ref.size = known.shape.size;
        ref.split_stream = stream("split", name, 0);
        return ref;
    }

    uint64_t stream(std::string_view purpose, const std::string& dataset, uint64_t seed) const {
        return derive(sweep_.seed, purpose, {hash64(dataset), seed});
    }

    // Returns the largest n for which images of this data set are generated. Training cases are
    // nested, so one pool serves all n.
    int largest_augmented(const std::string& dataset) const {
        int largest = 0;
        for (const auto& row : sweep_.sweep) {
            const auto& counts = row.generated_per_real;
            if (row.dataset != dataset ||
                std::none_of(counts.begin(), counts.end(), [](int m) { return m > 0; }))
                continue;
            for (const int n : row.samples_per_class) largest = std::max(largest, n);
        }
        return largest;
    }

    template <class Key, class Make>
    int once(std::map<Key, int>& tasks, const Key& key, Make&& make) {
        const auto found = tasks.find(key);
        return found != tasks.end() ? found->second : tasks.emplace(key, make()).first->second;
    }

    int add(TaskSpec spec, std::vector<int> needs) {
        std::string key = key_of(spec);
        plan_.tasks.push_back({std::move(key), std::move(spec), std::move(needs)});
        return static_cast<int>(plan_.tasks.size()) - 1;
    }

    const std::string& key(int index) const { return plan_.tasks[static_cast<size_t>(index)].key; }

    const LoadedSweep& loaded_;
    const Sweep& sweep_;
    Plan plan_;
    std::map<std::pair<std::string, int>, int> pools_;
    std::map<std::string, int> gans_;
};

} // namespace

Plan expand(const LoadedSweep& loaded) { return Expander(loaded).run(); }

} // namespace dagan::sweeps
