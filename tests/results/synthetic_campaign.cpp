#include "synthetic_campaign.h"

#include "base/random.h"
#include "campaign_support.h"
#include "results/database/raw_database.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>

namespace dagan::results::testing {

namespace {

constexpr uint64_t kSeed = 2018;
// Step-matched baselines exist for these m.
constexpr int kMatched[] = {3, 4, 5, 6};
// Host and rank of each trainer.
const std::vector<std::string> kPlaces{"node1/0", "node1/0", "node1/1", "node1/1",
                                       "node2/2", "node2/2", "node2/3", "node2/3"};

struct Cells {
    std::string dataset;
    std::vector<int> samples_per_class;
    double accuracy, gain;
    int validation_total, test_total;
};
const std::vector<Cells> kCells{{"omniglot", {5, 10, 15}, 0.68, 0.10, 636, 422},
                                {"emnist", {15, 25, 50, 100}, 0.74, 0.02, 141, 18800},
                                {"faces", {5, 15, 25}, 0.20, 0.05, 288, 994}};

DatasetRef dataset(const std::string& name) {
    DatasetRef ref;
    ref.name = name;
    ref.sha256 = std::string(64, name == "omniglot" ? 'a' : name == "emnist" ? 'b' : 'c');
    ref.channels = name == "faces" ? 3 : 1;
    ref.size = name == "faces" ? 64 : 28;
    return ref;
}

ClassifierTask trial(const std::string& name, int n, int m, int seed, int matched = 0) {
    auto task = classifier(name, n, m, seed, matched);
    task.dataset = dataset(name);
    task.classifier.softmax = Softmax::all;
    return task;
}

// The accuracy as a function of n, m and the steps, plus the variation of a seed.
double expected_accuracy(const Cells& cells, const ClassifierTask& task) {
    const int m = task.generated_per_real;
    const double from_data = 0.06 * std::log2(static_cast<double>(task.samples_per_class) /
                                              cells.samples_per_class.front());
    const double from_dagan = cells.gain * (std::sqrt(m / 3.0) - 0.35 * std::max(0, m - 3) / 3.0);
    const double from_steps = task.match_steps_of > 0 ? 0.3 * cells.gain : 0;
    Random variation(derive(kSeed, cells.dataset, {static_cast<uint64_t>(task.seed)}), 0);
    return cells.accuracy + from_data + from_dagan + from_steps + 0.01 * variation.normal();
}

int draw(Random& random, double share, int total) {
    const double spread = std::sqrt(share * (1 - share) / total);
    return std::clamp(static_cast<int>(std::lround(total * (share + spread * random.normal()))), 0,
                      total);
}

TaskResult classifier_result(const ClassifierTask& task, const std::string& key, int64_t token,
                             int epochs) {
    const auto cells = *std::find_if(kCells.begin(), kCells.end(),
                                     [&](const auto& c) { return c.dataset == task.dataset.name; });
    Random random(derive(kSeed, key));
    const double share = expected_accuracy(cells, task);
    TaskResult result;
    result.task = key;
    result.attempt = token;
    int best_epoch = 0, best = -1;
    for (int epoch = 1; epoch <= epochs; ++epoch) {
        const double learned = 1 - std::exp(-8.0 * epoch / epochs);
        const int correct =
            draw(random, std::clamp(share * learned, 0.01, 0.99), cells.validation_total);
        if (correct > best) best = correct, best_epoch = epoch;
        result.curve.push_back(
            {epoch, "validation_accuracy", static_cast<double>(correct) / cells.validation_total});
        result.curve.push_back(
            {epoch, "loss", 4 * std::exp(-5.0 * epoch / epochs) + 0.02 * random.uniform()});
    }
    const int64_t steps =
        100LL * epochs * (1 + std::max(task.generated_per_real, task.match_steps_of));
    result.score = ClassifierScore{steps,
                                   best_epoch,
                                   best,
                                   cells.validation_total,
                                   draw(random, share, cells.test_total),
                                   cells.test_total};
    const double seconds = 0.004 * static_cast<double>(steps);
    result.cost = {"cpu", seconds, steps, 0.004};
    return result;
}

// A complete PNG file of one grey pixel.
const std::string
    kPng("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\0\0\0\0:~\x9bU\0\0\0\nIDATx\xda"
         "c\xf8\x0f\0\1\1\1\0\x1b\xb6\xeeV\0\0\0\0IEND\xae"
         "B`\x82",
         67);

TaskResult gan_result(const GanTask& task, const std::string& key, int64_t token) {
    TaskResult result = ended(key, token, Outcome::done);
    Random random(derive(kSeed, key));
    for (int64_t iteration = 1; iteration <= 2000; ++iteration) {
        const double i = static_cast<double>(iteration);
        result.curve.push_back(
            {iteration, "critic_loss", -20 * std::exp(-i / 400) - 2 + 0.3 * random.normal()});
        result.curve.push_back(
            {iteration, "generator_loss", 5 * std::sin(i / 500) + random.normal()});
        if (iteration % 200 != 0) continue;
        result.curve.push_back({iteration, "score", 0.7 * (1 - std::exp(-i / 600))});
        result.curve.push_back(
            {iteration, "validation_critic_loss", -3 - i / 1000 + 0.2 * random.normal()});
        result.curve.push_back(
            {iteration, "z_diversity", 0.4 * std::exp(-i / 5000) + 0.01 * random.normal()});
        result.artifacts.push_back(
            {"samples", fmt::format("samples/{}.{}.png", key, iteration), std::string(64, 'd')});
    }
    result.curve.push_back({1800, "chosen", 0.66});
    result.artifacts.push_back(
        {"weights", fmt::format("checkpoints/{}.safetensors", key), std::string(64, 'e')});
    result.cost = {"cpu", task.dataset.name == "faces" ? 9000.0 : 3600.0, 2000, 1.8};
    return result;
}

// Assigns each task to the trainer that is free first; a gang takes one trainer on each rank.
class Trainers {
  public:
    struct Use {
        std::string host, ranks;
        double from_s = 0, to_s = 0;
    };
    Use take(double seconds, bool gang) {
        std::vector<size_t> taken;
        if (gang)
            taken = {0, 2, 4, 6};
        else
            taken = {static_cast<size_t>(std::min_element(free_at_.begin(), free_at_.end()) -
                                         free_at_.begin())};
        Use use;
        for (const size_t trainer : taken) use.from_s = std::max(use.from_s, free_at_[trainer]);
        use.to_s = use.from_s + seconds;
        for (const size_t trainer : taken) {
            free_at_[trainer] = use.to_s + 0.5;
            use.ranks += (use.ranks.empty() ? "" : ",") + kPlaces[trainer].substr(6);
        }
        use.host = kPlaces[taken.front()].substr(0, 5);
        return use;
    }

  private:
    std::vector<double> free_at_ = std::vector<double>(kPlaces.size(), 0.0);
};

TaskResult result_of(const PlannedTask& task, int64_t token, int epochs) {
    if (const auto* classifier = std::get_if<ClassifierTask>(&task.spec))
        return classifier_result(*classifier, task.key, token, epochs);
    if (const auto* gan = std::get_if<GanTask>(&task.spec))
        return gan_result(*gan, task.key, token);
    // A selector: its last epoch counts, and it has no test images.
    auto result = scored(task.key, token, 800, 0, 1000, 3);
    result.score->test_total = 0;
    result.cost = {"cpu", 60, 20, 3};
    return result;
}

std::string time_text(double seconds) {
    constexpr std::time_t kStart = 1767600000; // 2026-01-05T08:00:00Z
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.000Z",
                       fmt::gmtime(kStart + static_cast<std::time_t>(seconds)));
}

// Replaces the times of the attempts by those of a real campaign, with plain SQL, since a store
// records the present time.
void spread_times_out(const std::filesystem::path& database,
                      const std::map<int64_t, Trainers::Use>& uses) {
    RawDatabase db(database);
    db.execute("BEGIN");
    for (const auto& [token, use] : uses) {
        EXPECT_EQ(db.execute(fmt::format(
                      "UPDATE attempt SET started = '{}', ended = '{}' WHERE token = {}",
                      time_text(use.from_s), time_text(use.to_s), token)),
                  SQLITE_OK);
    }
    db.execute("COMMIT");
}

std::map<int64_t, Trainers::Use> run(Store& store, const SyntheticSize& size) {
    const Plan plan = synthetic_plan(size);
    Sweep sweep;
    sweep.name = "synthetic";
    sweep.classifier.epochs = size.epochs;
    store.enter({sweep.name, to_text(sweep), "0.1.0 (0123456789abcdef)", "2026-01-05T08:00:00Z"},
                plan);
    Trainers trainers;
    std::map<int64_t, Trainers::Use> uses;
    const auto start = [&](const PlannedTask& task, double seconds) {
        const auto use = trainers.take(seconds, ranks_of(task.spec) > 1);
        const auto token = store.start_attempt(task.key, use.ranks, use.host);
        uses[token] = use;
        return token;
    };
    int count = 0;
    for (const auto& task : plan.tasks) {
        const auto* classifier = std::get_if<ClassifierTask>(&task.spec);
        if (++count % 40 == 0 && classifier) { // dies once and is retried
            const auto token = start(task, 30);
            auto died = ended(task.key, token, Outcome::died,
                              "the trainer was killed by signal 9 (out of memory?)");
            died.cost = {"cpu", 30, 1000, 0.03};
            store.finish_attempt(died, false, false);
        }
        const bool fails = classifier && classifier->match_steps_of > 0 &&
                           classifier->seed == size.seeds - 1 &&
                           classifier->dataset.name == "faces";
        auto result = result_of(task, 0, size.epochs);
        result.attempt = start(task, result.cost.seconds);
        if (fails) {
            auto failed = ended(task.key, result.attempt, Outcome::input_error,
                                "/data/faces.h5: /images: chunk 17: checksum differs: the file is "
                                "damaged; hint: import it again");
            failed.cost = {"cpu", 5, 10, 0.5};
            store.finish_attempt(failed, true, false);
        } else {
            store.finish_attempt(result, true, false);
        }
    }
    store.commit();
    return uses;
}

} // namespace

Plan synthetic_plan(const SyntheticSize& size) {
    Plan plan;
    for (const auto& name : {"omniglot", "faces"}) {
        SelectorTask selector;
        selector.dataset = dataset(name);
        plan.tasks.push_back(planned(selector));
        GanTask gan;
        gan.dataset = dataset(name);
        gan.selector = plan.tasks.back().key;
        gan.ranks = 4;
        plan.tasks.push_back(planned(gan));
    }
    for (const auto& cells : kCells) {
        for (const int n : cells.samples_per_class) {
            for (int seed = 0; seed < size.seeds; ++seed) {
                for (int m = 0; m <= 10; ++m)
                    plan.tasks.push_back(planned(trial(cells.dataset, n, m, seed)));
                for (const int matched : kMatched)
                    plan.tasks.push_back(planned(trial(cells.dataset, n, 0, seed, matched)));
            }
        }
    }
    return plan;
}

void run_synthetic_campaign(Store& store, const SyntheticSize& size) { run(store, size); }

void make_synthetic_campaign(const std::filesystem::path& folder, const SyntheticSize& size) {
    std::filesystem::create_directories(folder / "samples");
    std::map<int64_t, Trainers::Use> uses;
    {
        const auto store = open_sqlite_store(folder / "results.sqlite");
        uses = run(*store, size);
    }
    spread_times_out(folder / "results.sqlite", uses);
    for (const auto& task : synthetic_plan(size).tasks) {
        if (kind_of(task.spec) != TaskKind::gan) continue;
        for (int iteration = 200; iteration <= 2000; iteration += 200)
            std::ofstream(folder / "samples" / fmt::format("{}.{}.png", task.key, iteration),
                          std::ios::binary)
                << kPng;
    }
}

Prediction synthetic_prediction(const SyntheticSize& size) {
    Prediction predicted;
    for (const auto& task : synthetic_plan(size).tasks) {
        const double seconds = result_of(task, 0, size.epochs).cost.seconds;
        predicted.seconds[task.key] =
            kind_of(task.spec) == TaskKind::classifier ? seconds / 1.5 : seconds;
    }
    predicted.uncertainty = 2;
    predicted.source = "calibrated";
    return predicted;
}

} // namespace dagan::results::testing
