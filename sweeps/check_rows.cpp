#include "base/error.h"
#include "sweeps/check_sweep.h"
#include "sweeps/domains.h"
#include "sweeps/limits.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace dagan::sweeps {

namespace {

class RowCheck {
  public:
    RowCheck(const LoadedSweep& loaded, size_t index, Findings& findings)
        : loaded_(loaded), row_(loaded.sweep.sweep[index]), path_("sweep." + std::to_string(index)),
          findings_(findings) {}

    void run() {
        check_limits(row_, path_, [&](const std::string& at, const std::string& text) {
            findings_.report(at, text);
        });
        check_dataset();
        check_budget();
        if (!findings_.valid(path_ + ".dataset")) return;
        check_cases();
        check_pool();
        check_softmax();
        check_evaluation();
    }

  private:
    std::string options_path() const {
        return loaded_.sweep.classifier_for.contains(row_.dataset)
                   ? "classifier_for." + row_.dataset
                   : "classifier";
    }

    void check_dataset() {
        if (loaded_.sweep.datasets.contains(row_.dataset)) return;
        std::vector<std::string> names;
        for (const auto& [name, _] : loaded_.sweep.datasets) names.push_back(name);
        const std::string meant = nearest(row_.dataset, names);
        findings_.report(path_ + ".dataset",
                         meant.empty() ? fmt::format("unknown data set '{}'; known are: {}",
                                                     row_.dataset, fmt::join(names, ", "))
                                       : fmt::format("unknown data set '{}'; did you mean '{}'?",
                                                     row_.dataset, meant));
    }

    void check_budget() {
        if (row_.budget == BudgetChoice::epochs || !findings_.valid(path_ + ".generated_per_real"))
            return;
        const auto& counts = row_.generated_per_real;
        const bool baseline = std::find(counts.begin(), counts.end(), 0) != counts.end();
        const bool augmented =
            std::any_of(counts.begin(), counts.end(), [](int m) { return m > 0; });
        if (baseline && augmented) return;
        findings_.report(path_ + ".budget",
                         fmt::format("'{}' trains the baseline (0 generated per real) for as many "
                                     "steps as the others; the row has {}",
                                     to_string(row_.budget), baseline ? "only the 0" : "no 0"));
    }

    // The largest n and the held-out images must fit the smallest class.
    void check_cases() {
        const auto known = loaded_.known.find(row_.dataset);
        const std::string at = path_ + ".samples_per_class";
        if (known == loaded_.known.end() || !findings_.valid(at) ||
            !findings_.valid("datasets." + row_.dataset + ".cases"))
            return;
        const DatasetOptions& dataset = loaded_.sweep.datasets.at(row_.dataset);
        const int images = known->second.shape.images_per_class;
        const int largest =
            *std::max_element(row_.samples_per_class.begin(), row_.samples_per_class.end());
        // The test images of balanced47 come from EMNIST's own split.
        const int test = dataset.protocol == Protocol::balanced47 ? 0 : dataset.cases.test;
        const int held_out = test + dataset.cases.validation;
        if (largest + held_out <= images) return;
        const std::string& name = known->second.smallest_class;
        const std::string hint =
            images > held_out ? fmt::format("at most {}", images - held_out)
                              : fmt::format("its {} held-out images leave none for training: lower "
                                            "datasets.{}.cases or leave out such classes",
                                            held_out, row_.dataset);
        findings_.report(at, fmt::format("{} training + {} test + {} validation images = {}, but "
                                         "the smallest class of '{}'{} has {}; {}",
                                         largest, test, dataset.cases.validation,
                                         largest + held_out, row_.dataset,
                                         name.empty() ? "" : " (" + name + ")", images, hint));
    }

    void check_pool() {
        const ClassifierOptions& options = loaded_.sweep.classifier_options(row_.dataset);
        if (options.generation != Generation::pool ||
            !findings_.valid(options_path() + ".pool_size"))
            return;
        const int most =
            *std::max_element(row_.generated_per_real.begin(), row_.generated_per_real.end());
        if (most <= options.pool_size) return;
        findings_.report(
            path_ + ".generated_per_real",
            fmt::format("{} exceeds {}.pool_size = {}, the images generated per real image", most,
                        options_path(), options.pool_size));
    }

    // A classifier with one class is always right.
    void check_softmax() {
        const auto known = loaded_.known.find(row_.dataset);
        const DatasetOptions& dataset = loaded_.sweep.datasets.at(row_.dataset);
        if (loaded_.sweep.classifier_options(row_.dataset).softmax != Softmax::target ||
            known == loaded_.known.end() || dataset.protocol == Protocol::balanced47 ||
            !findings_.valid("datasets." + row_.dataset) ||
            size_of(dataset.split.test, known->second.shape.classes) > 1) {
            return;
        }
        findings_.report("datasets." + row_.dataset + ".split.test",
                         "1 class is too few for a classifier of the test classes alone; at least "
                         "2, or classifier.softmax: held_out");
    }

    void check_evaluation() {
        const ClassifierOptions& options = loaded_.sweep.classifier_options(row_.dataset);
        const auto known = loaded_.known.find(row_.dataset);
        const DatasetOptions& dataset = loaded_.sweep.datasets.at(row_.dataset);
        if (!options.eval_drop_last || known == loaded_.known.end() ||
            dataset.protocol == Protocol::balanced47 ||
            !findings_.valid("datasets." + row_.dataset)) {
            return;
        }
        const int classes = known->second.shape.classes;
        const auto& domain =
            options.softmax == Softmax::target ? dataset.split.test : dataset.split.validation;
        const int fewest = std::min(size_of(dataset.split.test, classes) * dataset.cases.test,
                                    size_of(domain, classes) * dataset.cases.validation);
        if (fewest < options.batch_size) {
            findings_.report(
                options_path() + ".eval_drop_last",
                fmt::format(
                    "leaves none of the {} cases of '{}', which are fewer than a batch of {}",
                    fewest, row_.dataset, options.batch_size));
        }
    }

    const LoadedSweep& loaded_;
    const SweepRow& row_;
    std::string path_;
    Findings& findings_;
};

// No cell may occur twice, within a row or in two rows.
void check_duplicates(const Sweep& sweep, Findings& findings) {
    std::map<std::tuple<std::string, int, int>, std::string> seen; // cell -> its place
    for (size_t i = 0; i < sweep.sweep.size(); ++i) {
        const auto& row = sweep.sweep[i];
        const std::string path = "sweep." + std::to_string(i);
        if (!findings.valid(path)) continue;
        const auto repeated = [](const std::vector<int>& counts) {
            return std::set<int>(counts.begin(), counts.end()).size() < counts.size();
        };
        if (repeated(row.samples_per_class))
            findings.report(path + ".samples_per_class", "contains a number twice");
        if (repeated(row.generated_per_real))
            findings.report(path + ".generated_per_real", "contains a number twice");
        for (const int n : row.samples_per_class) {
            for (const int m : row.generated_per_real) {
                const auto [first, fresh] =
                    seen.emplace(std::tuple(row.dataset, n, m), findings.place(path));
                if (!fresh && findings.valid(path)) {
                    findings.report(path,
                                    fmt::format("the cell {} n={} m={} is already in the row at {}",
                                                row.dataset, n, m, first->second));
                }
            }
        }
    }
}

} // namespace

void check_rows(const LoadedSweep& loaded, Findings& findings) {
    if (loaded.sweep.sweep.empty()) findings.report("sweep", "no row is given");
    for (size_t i = 0; i < loaded.sweep.sweep.size(); ++i) {
        if (findings.valid("sweep." + std::to_string(i))) RowCheck(loaded, i, findings).run();
    }
    check_duplicates(loaded.sweep, findings);
}

} // namespace dagan::sweeps
