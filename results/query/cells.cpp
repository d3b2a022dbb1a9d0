#include "results/query/cells.h"

#include "results/query/published.h"

#include <algorithm>

namespace dagan::results {

namespace {

std::optional<double> share(int correct, int total) {
    if (total == 0) return std::nullopt;
    return static_cast<double>(correct) / total;
}

CellRow cell_of(const PlannedCell& planned, const std::map<CellKey, SeedTrials>& trials,
                IntervalMethod method) {
    CellRow row;
    row.dataset = planned.dataset;
    row.samples_per_class = planned.samples_per_class;
    row.generated_per_real = planned.generated_per_real;
    row.budget = planned.budget;
    row.missing = planned.seeds;
    const auto key = key_of_cell(planned);
    const auto found = trials.find(key);
    if (found == trials.end()) return row;
    const auto tests = summarize(values_of(found->second, test_accuracy), method);
    row.seeds = static_cast<int>(found->second.size());
    row.missing = planned.seeds - row.seeds;
    row.validation_mean = summarize(values_of(found->second, validation_accuracy)).mean;
    row.test_mean = tests.mean;
    row.test_sd = tests.sd;
    row.test_low = tests.low;
    row.test_high = tests.high;
    const CellKey baseline{planned.dataset, planned.samples_per_class, 0, 0};
    const auto base = trials.find(baseline);
    if (key == baseline || base == trials.end()) return row;
    const auto gain = summarize(differences_of(found->second, base->second, test_accuracy), method);
    row.gain_mean = gain.mean;
    row.gain_low = gain.low;
    row.gain_high = gain.high;
    return row;
}

Table1Row table1_row(const CellRow& cell) {
    const bool augmented = cell.generated_per_real > 0;
    Table1Row row{cell.dataset,  cell.samples_per_class,
                  augmented,     cell.generated_per_real,
                  cell.budget,   cell.seeds,
                  cell.missing,  cell.test_mean,
                  cell.test_low, cell.test_high,
                  std::nullopt};
    if (matched_steps_of(cell.budget) == 0)
        row.published = published_accuracy(cell.dataset, cell.samples_per_class, augmented);
    return row;
}

// Returns the augmented cell of [begin, end) with the highest mean validation accuracy; nullptr if
// none has a result.
const CellRow* best_by_validation(const CellRow* begin, const CellRow* end) {
    const CellRow* best = nullptr;
    for (const CellRow* cell = begin; cell != end; ++cell) {
        if (cell->generated_per_real == 0 || !cell->validation_mean) continue;
        // Cells are sorted by m, so the smaller m wins a tie.
        if (!best || *cell->validation_mean > *best->validation_mean) best = cell;
    }
    return best;
}

} // namespace

int matched_steps_of(const std::string& budget) {
    const auto colon = budget.find(':');
    return colon == std::string::npos ? 0 : std::stoi(budget.substr(colon + 1));
}

std::map<CellKey, SeedTrials> trials_by_cell(const std::vector<TrialRow>& trials) {
    std::map<CellKey, SeedTrials> by_cell;
    for (const auto& trial : trials) by_cell[key_of_cell(trial)][trial.seed] = &trial;
    return by_cell;
}

std::optional<double> validation_accuracy(const TrialRow& trial) {
    return share(trial.validation_correct, trial.validation_total);
}

std::optional<double> test_accuracy(const TrialRow& trial) {
    return share(trial.test_correct, trial.test_total);
}

std::vector<double> values_of(const SeedTrials& cell, Accuracy accuracy) {
    std::vector<double> values;
    for (const auto& [seed, trial] : cell) {
        if (const auto value = accuracy(*trial)) values.push_back(*value);
    }
    return values;
}

std::vector<double> differences_of(const SeedTrials& a, const SeedTrials& b, Accuracy accuracy) {
    std::vector<double> differences;
    for (const auto& [seed, trial] : a) {
        const auto other = b.find(seed);
        if (other == b.end()) continue;
        const auto of_a = accuracy(*trial), of_b = accuracy(*other->second);
        if (of_a && of_b) differences.push_back(*of_a - *of_b);
    }
    return differences;
}

std::vector<CellRow> cells_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials, IntervalMethod method) {
    const auto by_cell = trials_by_cell(trials);
    std::vector<CellRow> rows;
    for (const auto& cell : planned) rows.push_back(cell_of(cell, by_cell, method));
    std::sort(rows.begin(), rows.end(),
              [](const auto& a, const auto& b) { return key_of_cell(a) < key_of_cell(b); });
    return rows;
}

std::vector<Table1Row> table1_of(const std::vector<CellRow>& cells) {
    std::vector<Table1Row> rows;
    for (size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
        while (end < cells.size() && cells[end].dataset == cells[begin].dataset &&
               cells[end].samples_per_class == cells[begin].samples_per_class)
            ++end;
        const CellRow* chosen = best_by_validation(&cells[begin], &cells[begin] + (end - begin));
        for (size_t i = begin; i < end; ++i) {
            const int matched = matched_steps_of(cells[i].budget);
            const bool shown = matched == 0 || (chosen && matched == chosen->generated_per_real);
            if (cells[i].generated_per_real == 0 && shown) rows.push_back(table1_row(cells[i]));
        }
        if (chosen) rows.push_back(table1_row(*chosen));
    }
    return rows;
}

} // namespace dagan::results
