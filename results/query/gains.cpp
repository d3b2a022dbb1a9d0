// The gains of generated images, and the choice of m* (results/query/cells.h).
#include "results/query/cells.h"
#include "results/statistics/bootstrap.h"
#include "results/statistics/significance.h"

#include <algorithm>

namespace dagan::results {

namespace {

using Trials = std::map<CellKey, SeedTrials>;

const SeedTrials& seeds_of(const Trials& trials, const CellKey& key) {
    static const SeedTrials kNone;
    const auto found = trials.find(key);
    return found == trials.end() ? kNone : found->second;
}

GainRow gain_of(const PlannedCell& cell, const PlannedCell& baseline, const Trials& trials) {
    GainRow row;
    row.dataset = cell.dataset;
    row.samples_per_class = cell.samples_per_class;
    row.generated_per_real = cell.generated_per_real;
    row.against = baseline.budget;
    const auto differences = differences_of(seeds_of(trials, key_of_cell(cell)),
                                            seeds_of(trials, key_of_cell(baseline)), test_accuracy);
    const Summary gain = summarize(differences);
    row.pairs = gain.count;
    row.missing = std::max(cell.seeds, baseline.seeds) - gain.count;
    row.mean = gain.mean;
    row.sd = gain.sd;
    row.low = gain.low;
    row.high = gain.high;
    if (const auto interval = bca_interval(differences)) {
        row.bootstrap_low = interval->low;
        row.bootstrap_high = interval->high;
    }
    row.p = paired_p(differences);
    return row;
}

// Adjusts p values for multiple tests. Tests against equal epochs and against equal steps answer
// different questions, so each family is adjusted separately.
void adjust(std::vector<GainRow>& rows) {
    for (const bool steps : {false, true}) {
        std::vector<GainRow*> family;
        std::vector<std::optional<double>> p;
        for (auto& row : rows) {
            if ((row.against != "epochs") != steps) continue;
            family.push_back(&row);
            p.push_back(row.p);
        }
        const auto adjusted = holm_adjusted(p);
        for (size_t i = 0; i < family.size(); ++i) family[i]->p_holm = adjusted[i];
    }
}

ChoiceRow choice_of(const PlannedCell& cell, const Trials& trials) {
    ChoiceRow row;
    row.dataset = cell.dataset;
    row.samples_per_class = cell.samples_per_class;
    row.generated_per_real = cell.generated_per_real;
    const auto& seeds = seeds_of(trials, key_of_cell(cell));
    row.seeds = static_cast<int>(seeds.size());
    row.missing = cell.seeds - row.seeds;
    const Summary validation = summarize(values_of(seeds, validation_accuracy));
    row.mean = validation.mean;
    row.sd = validation.sd;
    row.low = validation.low;
    row.high = validation.high;
    return row;
}

// Marks m* of one (dataset, n). [begin, end) is sorted by m; the smaller m wins a tie.
void choose(ChoiceRow* begin, ChoiceRow* end, const Trials& trials) {
    ChoiceRow* best = nullptr;
    for (ChoiceRow* row = begin; row != end; ++row) {
        if (row->mean && (!best || *row->mean > *best->mean)) best = row;
    }
    if (!best) return;
    best->chosen = true;
    const auto seeds = [&](const ChoiceRow& row) -> const SeedTrials& {
        return seeds_of(trials, {row.dataset, row.samples_per_class, row.generated_per_real, 0});
    };
    for (ChoiceRow* row = begin; row != end; ++row) {
        if (row == best) continue;
        const Summary behind =
            summarize(differences_of(seeds(*best), seeds(*row), validation_accuracy));
        row->behind_mean = behind.mean;
        row->behind_low = behind.low;
        row->behind_high = behind.high;
    }
}

std::vector<PlannedCell> in_order(std::vector<PlannedCell> cells) {
    std::sort(cells.begin(), cells.end(),
              [](const auto& a, const auto& b) { return key_of_cell(a) < key_of_cell(b); });
    return cells;
}

} // namespace

std::vector<GainRow> gains_of(const std::vector<PlannedCell>& planned,
                              const std::vector<TrialRow>& trials) {
    const auto by_cell = trials_by_cell(trials);
    std::map<CellKey, const PlannedCell*> baselines;
    for (const auto& cell : planned) {
        if (cell.generated_per_real == 0) baselines[key_of_cell(cell)] = &cell;
    }
    std::vector<GainRow> rows;
    for (const auto& cell : in_order(planned)) {
        if (cell.generated_per_real == 0) continue;
        for (const int matched : {0, cell.generated_per_real}) {
            const auto baseline =
                baselines.find({cell.dataset, cell.samples_per_class, 0, matched});
            if (baseline != baselines.end())
                rows.push_back(gain_of(cell, *baseline->second, by_cell));
        }
    }
    adjust(rows);
    return rows;
}

std::vector<ChoiceRow> choices_of(const std::vector<PlannedCell>& planned,
                                  const std::vector<TrialRow>& trials) {
    const auto by_cell = trials_by_cell(trials);
    std::vector<ChoiceRow> rows;
    for (const auto& cell : in_order(planned)) {
        if (cell.generated_per_real > 0) rows.push_back(choice_of(cell, by_cell));
    }
    for (size_t begin = 0, end = 0; begin < rows.size(); begin = end) {
        while (end < rows.size() && rows[end].dataset == rows[begin].dataset &&
               rows[end].samples_per_class == rows[begin].samples_per_class)
            ++end;
        choose(&rows[begin], &rows[begin] + (end - begin), by_cell);
    }
    return rows;
}

} // namespace dagan::results
