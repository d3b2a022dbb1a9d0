#include "results/query/queries.h"

#include "results/database/database.h"
#include "results/query/cells.h"

#include <algorithm>
#include <tuple>

namespace dagan::results {

namespace {

std::vector<TrialRow> read_trials(soci::session& sql) {
    TrialRow row;
    long long steps = 0;
    soci::statement statement =
        (sql.prepare
             << "SELECT dataset, samples_per_class, generated_per_real, seed, budget, softmax, "
                "steps, best_epoch, validation_correct, validation_total, test_correct, "
                "test_total FROM trial",
         soci::into(row.dataset), soci::into(row.samples_per_class),
         soci::into(row.generated_per_real), soci::into(row.seed), soci::into(row.budget),
         soci::into(row.softmax), soci::into(steps), soci::into(row.best_epoch),
         soci::into(row.validation_correct), soci::into(row.validation_total),
         soci::into(row.test_correct), soci::into(row.test_total));
    statement.execute();
    std::vector<TrialRow> rows;
    while (statement.fetch()) {
        row.steps = steps;
        rows.push_back(row);
    }
    const auto order = [](const TrialRow& trial) {
        return std::tuple(trial.dataset, trial.samples_per_class, trial.generated_per_real,
                          trial.seed, matched_steps_of(trial.budget), trial.softmax);
    };
    std::sort(rows.begin(), rows.end(),
              [&](const auto& a, const auto& b) { return order(a) < order(b); });
    return rows;
}

std::vector<PlannedCell> read_planned_cells(soci::session& sql) {
    PlannedCell cell;
    soci::statement statement =
        (sql.prepare
             << "SELECT dataset, samples_per_class, generated_per_real, budget, count(*) FROM task "
                "WHERE kind = 'classifier' GROUP BY dataset, samples_per_class, "
                "generated_per_real, budget",
         soci::into(cell.dataset), soci::into(cell.samples_per_class),
         soci::into(cell.generated_per_real), soci::into(cell.budget), soci::into(cell.seeds));
    statement.execute();
    std::vector<PlannedCell> cells;
    while (statement.fetch()) cells.push_back(cell);
    return cells;
}

struct PlanAndTrials {
    std::vector<PlannedCell> planned;
    std::vector<TrialRow> trials;
};

PlanAndTrials read_plan_and_trials(const Location& database) {
    const auto sql = database::open_to_read(database);
    return database::guarded(database, [&] {
        const soci::transaction snapshot(*sql); // both reads see the same state
        auto planned = read_planned_cells(*sql);
        return PlanAndTrials{std::move(planned), read_trials(*sql)};
    });
}

} // namespace

Campaign campaign_of(const Location& database) {
    const auto sql = database::open_to_read(database);
    return database::guarded(database, [&] {
        Campaign campaign;
        *sql << "SELECT name, sweep, code_version, created FROM campaign",
            soci::into(campaign.name), soci::into(campaign.sweep),
            soci::into(campaign.code_version), soci::into(campaign.created);
        if (!sql->got_data())
            throw input_error(database.name() + ": holds no campaign yet; run it first");
        return campaign;
    });
}

std::vector<TrialRow> trial_rows(const Location& database) {
    const auto sql = database::open_to_read(database);
    return database::guarded(database, [&] { return read_trials(*sql); });
}

std::vector<CellRow> cell_rows(const Location& database, IntervalMethod method) {
    const auto [planned, trials] = read_plan_and_trials(database);
    return cells_of(planned, trials, method);
}

std::vector<Table1Row> table1_rows(const Location& database) {
    return table1_of(cell_rows(database));
}

std::vector<GainRow> gain_rows(const Location& database) {
    const auto [planned, trials] = read_plan_and_trials(database);
    return gains_of(planned, trials);
}

std::vector<ChoiceRow> choice_rows(const Location& database) {
    const auto [planned, trials] = read_plan_and_trials(database);
    return choices_of(planned, trials);
}

} // namespace dagan::results
