#include "results/report_data.h"

#include <algorithm>
#include <cmath>

namespace dagan {

namespace {

namespace fs = std::filesystem;

using Row = std::vector<Value>;

std::string text(const Value& value) {
    const auto* found = std::get_if<std::string>(&value);
    return found ? *found : "";
}

int64_t integer(const Value& value) {
    const auto* found = std::get_if<int64_t>(&value);
    return found ? *found : 0;
}

double number(const Value& value) {
    if (const auto* whole = std::get_if<int64_t>(&value)) return static_cast<double>(*whole);
    const auto* found = std::get_if<double>(&value);
    return found ? *found : std::nan("");
}

int small(const Value& value) { return static_cast<int>(integer(value)); }

// The number before ".png" in "KEY.ITERATION.png": files sort by iteration, not by the alphabet.
int64_t iteration_of(const std::string& path) {
    const auto stem = fs::path(path).stem().string();
    const auto digits = stem.find_last_not_of("0123456789");
    const auto number_text = stem.substr(digits == std::string::npos ? 0 : digits + 1);
    return number_text.empty() || number_text.size() > 18 ? 0 : std::stoll(number_text);
}

std::vector<TrainedGan> read_gans(const fs::path& database) {
    std::vector<TrainedGan> gans;
    const auto tasks =
        run_query(database, "SELECT t.key, t.dataset, a.outcome, a.token FROM task t LEFT JOIN "
                            "(SELECT task, max(token) AS token FROM attempt GROUP BY task) l ON l.task = t.key "
                            "LEFT JOIN attempt a ON a.token = l.token WHERE t.kind = 'gan' ORDER BY t.dataset, t.key");
    std::map<std::string, size_t> position;
    for (const auto& row : tasks.rows) {
        position[text(row[0])] = gans.size();
        const bool started = !std::holds_alternative<std::monostate>(row[3]);
        const auto outcome = text(row[2]);
        gans.push_back({text(row[0]), text(row[1]), !outcome.empty() ? outcome : started ? "running" : "waiting", {}, {}});
    }
    const auto curves =
        run_query(database, "SELECT c.task, c.quantity, c.step, c.value FROM curve c JOIN task t ON t.key = c.task "
                            "WHERE t.kind = 'gan' ORDER BY c.task, c.quantity, c.step");
    for (const auto& row : curves.rows)
        gans[position.at(text(row[0]))].curves[text(row[1])].emplace_back(integer(row[2]), number(row[3]));
    const auto samples = run_query(database, "SELECT a.task, a.path FROM artifact a JOIN task t ON t.key = a.task "
                                             "WHERE t.kind = 'gan' AND a.role = 'samples'");
    for (const auto& row : samples.rows) gans[position.at(text(row[0]))].samples.push_back(text(row[1]));
    for (auto& gan : gans) {
        std::sort(gan.samples.begin(), gan.samples.end(),
                  [](const auto& a, const auto& b) { return std::pair(iteration_of(a), a) < std::pair(iteration_of(b), b); });
    }
    return gans;
}

std::vector<FailedAttempt> read_failures(const fs::path& database) {
    std::vector<FailedAttempt> failures;
    const auto rows =
        run_query(database, "SELECT t.spec, a.task, a.outcome, a.error, a.host, a.started, a.final FROM attempt a "
                            "JOIN task t ON t.key = a.task WHERE a.outcome NOT IN ('done', 'interrupted') ORDER BY a.token");
    for (const auto& row : rows.rows) {
        failures.push_back({label_of(task_from_text(text(row[0]))), text(row[1]), text(row[2]), text(row[3]), text(row[4]),
                            text(row[5]), integer(row[6]) != 0});
    }
    return failures;
}

std::vector<MissingTrial> read_missing(const fs::path& database) {
    std::vector<MissingTrial> missing;
    const auto rows = run_query(
        database, "SELECT dataset, samples_per_class, generated_per_real, seed, budget, attempts, outcome, error FROM missing "
                  "ORDER BY dataset, samples_per_class, generated_per_real, budget, seed");
    for (const auto& row : rows.rows) {
        missing.push_back(
            {text(row[0]), small(row[1]), small(row[2]), small(row[3]), text(row[4]), small(row[5]), text(row[6]), text(row[7])});
    }
    return missing;
}

std::vector<HostUse> read_hosts(const fs::path& database) {
    std::vector<HostUse> hosts;
    const auto rows = run_query(
        database, "SELECT host, COALESCE(device, ''), count(*), COALESCE(sum(seconds), 0) / 3600.0, min(started), max(ended) "
                  "FROM attempt GROUP BY host, device ORDER BY host, device");
    for (const auto& row : rows.rows) {
        hosts.push_back({text(row[0]), text(row[1]), small(row[2]), number(row[3]), text(row[4]), text(row[5])});
    }
    return hosts;
}

std::vector<StepCost> read_costs(const fs::path& database) {
    std::vector<StepCost> costs;
    const auto rows =
        run_query(database, "SELECT kind, device, attempts, steps, seconds_per_step FROM cost ORDER BY kind, device");
    for (const auto& row : rows.rows)
        costs.push_back({text(row[0]), text(row[1]), small(row[2]), integer(row[3]), number(row[4])});
    return costs;
}

std::map<std::string, std::string> read_datasets(const fs::path& database) {
    std::map<std::string, std::string> hashes;
    for (const auto& row : run_query(database, "SELECT dataset, min(spec) FROM task GROUP BY dataset").rows) {
        hashes[text(row[0])] = dataset_of(task_from_text(text(row[1]))).sha256;
    }
    return hashes;
}

} // namespace

ReportData read_report_data(const fs::path& database) {
    ReportData data;
    data.campaign = campaign_of(database);
    data.sweep = sweep_from_text(data.campaign.sweep);
    data.trials = trial_rows(database);
    data.cells = cell_rows(database);
    data.table1 = table1_rows(database);
    data.gans = read_gans(database);
    data.failures = read_failures(database);
    data.missing = read_missing(database);
    data.hosts = read_hosts(database);
    data.costs = read_costs(database);
    data.dataset_sha256 = read_datasets(database);
    return data;
}

} // namespace dagan
