#include "results/query/diff.h"

#include "results/database/table.h"
#include "results/query/cells.h"
#include "results/statistics/significance.h"
#include "spec/json.h"

#include <set>

namespace dagan::results {

namespace {

bool same_counts(const SeedTrials& a, const SeedTrials& b) {
    if (a.size() != b.size()) return false;
    for (const auto& [seed, trial] : a) {
        const auto other = b.find(seed);
        if (other == b.end() || other->second->test_correct != trial->test_correct ||
            other->second->test_total != trial->test_total ||
            other->second->validation_correct != trial->validation_correct ||
            other->second->best_epoch != trial->best_epoch)
            return false;
    }
    return true;
}

DiffRow row_of(const CellKey& key, const SeedTrials& a, const SeedTrials& b, bool paired) {
    const auto& [dataset, n, m, matched] = key;
    DiffRow row;
    row.dataset = dataset;
    row.samples_per_class = n;
    row.generated_per_real = m;
    row.budget = matched == 0 ? "epochs" : "steps:" + std::to_string(matched);
    row.seeds_a = static_cast<int>(a.size());
    row.seeds_b = static_cast<int>(b.size());
    const auto of_a = values_of(a, test_accuracy), of_b = values_of(b, test_accuracy);
    row.mean_a = summarize(of_a).mean;
    row.mean_b = summarize(of_b).mean;
    row.identical = !a.empty() && same_counts(a, b);
    const auto differences = differences_of(b, a, test_accuracy);
    if (paired && differences.size() >= 2) {
        row.test = "paired t";
        row.difference = summarize(differences).mean;
        row.p = paired_p(differences);
    } else {
        if (row.mean_a && row.mean_b) row.difference = *row.mean_b - *row.mean_a;
        row.p = welch_p(of_a, of_b);
        if (row.p) row.test = "Welch";
    }
    return row;
}

// Returns the sweep's seed and the data sets' hashes. If they are equal in two campaigns, seed k of
// both means the same data and the same random numbers. Reads JSON, not our structs, since either
// campaign may be of another version.
std::string random_source_of(const Location& database) {
    const auto sweep = Json::parse(campaign_of(database).sweep, nullptr, false);
    std::string source = sweep.is_object() && sweep.contains("seed") ? sweep.at("seed").dump() : "";
    for (const auto& row :
         run_query(database, "SELECT dataset, min(spec) FROM task GROUP BY dataset").rows) {
        const auto spec = Json::parse(as_text(row[1]), nullptr, false);
        const auto hash = Json::json_pointer("/dataset/sha256");
        source += "\n" + as_text(row[0]) + " " +
                  (spec.is_object() && spec.contains(hash) ? spec.at(hash).dump() : "");
    }
    return source;
}

} // namespace

std::vector<DiffRow> diff_of(const std::vector<TrialRow>& a, const std::vector<TrialRow>& b,
                             bool paired) {
    const auto cells_a = trials_by_cell(a), cells_b = trials_by_cell(b);
    std::set<CellKey> keys;
    for (const auto& [key, seeds] : cells_a) keys.insert(key);
    for (const auto& [key, seeds] : cells_b) keys.insert(key);
    static const SeedTrials kNone;
    std::vector<DiffRow> rows;
    std::vector<std::optional<double>> p;
    for (const auto& key : keys) {
        const auto in_a = cells_a.find(key), in_b = cells_b.find(key);
        rows.push_back(row_of(key, in_a == cells_a.end() ? kNone : in_a->second,
                              in_b == cells_b.end() ? kNone : in_b->second, paired));
        p.push_back(rows.back().p);
    }
    const auto adjusted = holm_adjusted(p);
    for (size_t i = 0; i < rows.size(); ++i) {
        rows[i].p_holm = adjusted[i];
        rows[i].differs = adjusted[i] && *adjusted[i] < kSignificance;
    }
    return rows;
}

Diff diff_campaigns(const Location& a, const Location& b) {
    const bool paired = random_source_of(a) == random_source_of(b);
    return {paired, diff_of(trial_rows(a), trial_rows(b), paired)};
}

} // namespace dagan::results
