#include "results/report/report_data.h"

#include "results/database/table.h"
#include "results/query/reductions.h"
#include "results/store/timestamp.h"
#include "spec/json.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

using Row = std::vector<Value>;

std::vector<TrainedGan> read_gans(const Location& database) {
    std::vector<TrainedGan> gans;
    const auto tasks = run_query(
        database,
        "SELECT t.key, t.dataset, a.outcome, a.token FROM task t LEFT JOIN "
        "(SELECT task, max(token) AS token FROM attempt GROUP BY task) l ON l.task = t.key "
        "LEFT JOIN attempt a ON a.token = l.token WHERE t.kind = 'gan' ORDER BY t.dataset, t.key");
    std::map<std::string, size_t> position;
    for (const auto& row : tasks.rows) {
        position[as_text(row[0])] = gans.size();
        const bool started = !std::holds_alternative<std::monostate>(row[3]);
        const auto outcome = as_text(row[2]);
        gans.push_back({as_text(row[0]),
                        as_text(row[1]),
                        !outcome.empty() ? outcome
                        : started        ? "running"
                                         : "waiting",
                        {},
                        {}});
    }
    const auto curves = run_query(
        database,
        "SELECT c.task, c.quantity, c.step, c.value FROM curve c JOIN task t ON t.key = c.task "
        "WHERE t.kind = 'gan' ORDER BY c.task, c.quantity, c.step");
    for (const auto& row : curves.rows)
        gans[position.at(as_text(row[0]))].curves[as_text(row[1])].emplace_back(as_integer(row[2]),
                                                                                as_number(row[3]));
    const auto samples =
        run_query(database, "SELECT a.task, a.path FROM artifact a JOIN task t ON t.key = a.task "
                            "WHERE t.kind = 'gan' AND a.role = 'samples'");
    for (const auto& row : samples.rows)
        gans[position.at(as_text(row[0]))].samples.push_back(as_text(row[1]));
    for (auto& gan : gans) {
        std::sort(gan.samples.begin(), gan.samples.end(), [](const auto& a, const auto& b) {
            return std::pair(iteration_of(a), a) < std::pair(iteration_of(b), b);
        });
    }
    return gans;
}

// The label of a task, as label_of() gives it. Made from the row, because another version of this
// program may have written the specification.
std::string label_of_row(const Row& row, size_t kind) {
    std::string label = as_text(row[kind]) + " " + as_text(row[kind + 1]);
    if (!is_null(row[kind + 2]) && !is_null(row[kind + 3]))
        label += fmt::format(" n={} m={}", as_integer(row[kind + 2]), as_integer(row[kind + 3]));
    if (!is_null(row[kind + 4])) label += fmt::format(" seed={}", as_integer(row[kind + 4]));
    if (!is_null(row[kind + 5]) && as_text(row[kind + 5]) != "epochs")
        label += " " + as_text(row[kind + 5]);
    return label;
}
constexpr const char* kLabelColumns =
    "t.kind, t.dataset, t.samples_per_class, t.generated_per_real, t.seed, t.budget";

std::vector<FailedAttempt> read_failures(const Location& database) {
    std::vector<FailedAttempt> failures;
    const auto rows = run_query(
        database,
        fmt::format(
            "SELECT a.task, a.outcome, a.error, a.host, a.started, a.final, {} FROM attempt a "
            "JOIN task t ON t.key = a.task "
            "WHERE a.outcome NOT IN ('done', 'interrupted') ORDER BY a.token",
            kLabelColumns));
    for (const auto& row : rows.rows) {
        failures.push_back({label_of_row(row, 6), as_text(row[0]), as_text(row[1]), as_text(row[2]),
                            as_text(row[3]), as_text(row[4]), as_integer(row[5]) != 0});
    }
    return failures;
}

// Attempts that have not ended get `latest_ms` as their end.
std::vector<TimedAttempt> read_attempts(const Location& database, int64_t latest_ms) {
    std::vector<TimedAttempt> attempts;
    const auto rows = run_query(
        database,
        fmt::format("SELECT a.host, a.ranks, a.started, a.ended, a.outcome, {} FROM attempt a "
                    "JOIN task t ON t.key = a.task ORDER BY a.token",
                    kLabelColumns));
    for (const auto& row : rows.rows) {
        attempts.push_back({label_of_row(row, 5), as_text(row[5]), as_text(row[0]),
                            rank_names_of_text(as_text(row[1])), milliseconds_of(as_text(row[2])),
                            is_null(row[3]) ? latest_ms : milliseconds_of(as_text(row[3])),
                            as_text(row[4])});
    }
    return attempts;
}

std::vector<TaskSeconds> read_task_seconds(const Location& database) {
    std::vector<TaskSeconds> tasks;
    const auto rows = run_query(
        database,
        fmt::format("SELECT t.key, t.kind, t.dataset, COALESCE(max(CASE WHEN a.final = 1 AND "
                    "a.outcome IN ({}) THEN 1 ELSE 0 END), 0), COALESCE(sum(a.seconds), 0.0) "
                    "FROM task t LEFT JOIN attempt a ON a.task = t.key "
                    "GROUP BY t.key, t.kind, t.dataset ORDER BY t.key",
                    finished_outcomes_sql()));
    for (const auto& row : rows.rows)
        tasks.push_back({as_text(row[0]), as_text(row[1]), as_text(row[2]), as_integer(row[3]) != 0,
                         as_number(row[4])});
    return tasks;
}

std::vector<MissingTrial> read_missing(const Location& database) {
    std::vector<MissingTrial> missing;
    const auto rows = run_query(
        database, "SELECT dataset, samples_per_class, generated_per_real, seed, budget, attempts, "
                  "outcome, error FROM missing "
                  "ORDER BY dataset, samples_per_class, generated_per_real, budget, seed");
    for (const auto& row : rows.rows) {
        missing.push_back({as_text(row[0]), as_int(row[1]), as_int(row[2]), as_int(row[3]),
                           as_text(row[4]), as_int(row[5]), as_text(row[6]), as_text(row[7])});
    }
    return missing;
}

std::vector<HostUse> read_hosts(const Location& database) {
    std::vector<HostUse> hosts;
    const auto rows =
        run_query(database, "SELECT host, COALESCE(device, ''), count(*), COALESCE(sum(seconds), "
                            "0) / 3600.0, min(started), max(ended) "
                            "FROM attempt GROUP BY host, device ORDER BY host, device");
    for (const auto& row : rows.rows) {
        hosts.push_back({as_text(row[0]), as_text(row[1]), as_int(row[2]), as_number(row[3]),
                         as_text(row[4]), as_text(row[5])});
    }
    return hosts;
}

std::vector<StepCost> read_costs(const Location& database) {
    std::vector<StepCost> costs;
    const auto rows = run_query(
        database,
        "SELECT kind, device, attempts, steps, seconds_per_step FROM cost ORDER BY kind, device");
    for (const auto& row : rows.rows)
        costs.push_back({as_text(row[0]), as_text(row[1]), as_int(row[2]), as_integer(row[3]),
                         as_number(row[4])});
    return costs;
}

std::map<std::string, std::string> read_datasets(const Location& database) {
    std::map<std::string, std::string> hashes;
    for (const auto& row :
         run_query(database,
                   "SELECT dataset, min(spec) FROM task GROUP BY dataset ORDER BY dataset")
             .rows) {
        const auto spec = Json::parse(as_text(row[1]), nullptr, false);
        const auto at = Json::json_pointer("/dataset/sha256");
        hashes[as_text(row[0])] =
            !spec.is_discarded() && spec.contains(at) ? spec.at(at).get<std::string>() : "";
    }
    return hashes;
}

std::string read_latest(const Location& database) {
    const auto rows = run_query(database, "SELECT max(started), max(ended) FROM attempt").rows;
    return std::max(as_text(rows.at(0).at(0)), as_text(rows.at(0).at(1)));
}

} // namespace

ReportData read_report_data(const Location& database) {
    ReportData data;
    data.campaign = campaign_of(database);
    data.reduced = reductions_of(data.campaign);
    data.trials = trial_rows(database);
    data.cells = cell_rows(database);
    data.table1 = table1_rows(database);
    data.gains = gain_rows(database);
    data.choices = choice_rows(database);
    data.gans = read_gans(database);
    data.failures = read_failures(database);
    data.missing = read_missing(database);
    data.hosts = read_hosts(database);
    data.costs = read_costs(database);
    data.dataset_sha256 = read_datasets(database);
    data.latest = read_latest(database);
    data.attempts = read_attempts(database, milliseconds_of(data.latest));
    data.task_seconds = read_task_seconds(database);
    return data;
}

} // namespace dagan::results
