#include "results/query/runs.h"

#include "results/database/table.h"
#include "results/query/cells.h"
#include "results/store/timestamp.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

using Row = std::vector<Value>;

// The columns of kTasksWithLatestAttempt.
enum Column {
    key,
    kind,
    dataset,
    n,
    m,
    budget,
    softmax,
    seed,
    host,
    ranks,
    device,
    started,
    ended,
    outcome,
    first_score
};

constexpr const char* kTasksWithLatestAttempt =
    "SELECT t.key, t.kind, t.dataset, t.samples_per_class, t.generated_per_real, t.budget, "
    "t.softmax, t.seed, a.host, a.ranks, a.device, a.started, a.ended, a.outcome, "
    "r.steps, r.best_epoch, r.validation_correct, r.validation_total, r.test_correct, r.test_total "
    "FROM task t "
    "LEFT JOIN (SELECT task, max(token) AS token FROM attempt GROUP BY task) l ON l.task = t.key "
    "LEFT JOIN attempt a ON a.token = l.token LEFT JOIN result r ON r.task = t.key "
    "ORDER BY t.kind, t.dataset, t.samples_per_class, t.generated_per_real, t.budget, t.seed, "
    "t.key";

std::string name_of(const Row& row) {
    const auto task_kind = as_text(row[kind]);
    const bool is_classifier = task_kind == "classifier";
    std::string name =
        is_classifier ? as_text(row[dataset]) : task_kind + "-" + as_text(row[dataset]);
    if (is_classifier) {
        name += fmt::format("-n{}-m{}", as_integer(row[n]), as_integer(row[m]));
        const int matched = matched_steps_of(as_text(row[budget]));
        if (matched > 0) name += fmt::format("-steps{}", matched);
    }
    if (!is_null(row[seed])) name += fmt::format("-seed{}", as_integer(row[seed]));
    return file_name_of(name);
}

void set(std::map<std::string, std::string>& texts, const char* name, const Value& value) {
    if (is_null(value)) return;
    texts[name] =
        std::holds_alternative<int64_t>(value) ? std::to_string(as_integer(value)) : as_text(value);
}

void set_scores(Run& run, const Row& row) {
    if (is_null(row[first_score])) return;
    const auto value = [&](int offset) {
        return as_number(row[static_cast<size_t>(first_score + offset)]);
    };
    run.best_epoch = as_integer(row[first_score + 1]);
    run.scores["steps"] = value(0);
    run.scores["best_epoch"] = value(1);
    if (value(3) > 0) run.scores["best_validation_accuracy"] = value(2) / value(3);
    if (value(5) > 0) run.scores["test_accuracy"] = value(4) / value(5);
}

Run run_of(const Row& row) {
    Run run;
    run.task = as_text(row[key]);
    run.name = name_of(row);
    set(run.parameters, "kind", row[kind]);
    set(run.parameters, "dataset", row[dataset]);
    set(run.parameters, "samples_per_class", row[n]);
    set(run.parameters, "generated_per_real", row[m]);
    set(run.parameters, "budget", row[budget]);
    set(run.parameters, "softmax", row[softmax]);
    set(run.parameters, "seed", row[seed]);
    set(run.places, "host", row[host]);
    set(run.places, "ranks", row[ranks]);
    set(run.places, "device", row[device]);
    set(run.places, "outcome", row[outcome]);
    run.started_ms = is_null(row[started]) ? 0 : milliseconds_of(as_text(row[started]));
    run.ended_ms = is_null(row[ended]) ? 0 : milliseconds_of(as_text(row[ended]));
    run.outcome = as_text(row[outcome]);
    set_scores(run, row);
    return run;
}

// Adds the key to names that occur twice: tasks may differ in options that are not in their names,
// or in characters that file names cannot have.
void make_names_unique(std::vector<Run>& runs) {
    std::map<std::string, int> uses;
    for (const auto& run : runs) ++uses[run.name];
    for (auto& run : runs) {
        if (uses[run.name] > 1) run.name += "-" + run.task.substr(0, 8);
    }
}

} // namespace

std::vector<Run> read_runs(const Location& database) {
    std::vector<Run> runs;
    for (const auto& row : run_query(database, kTasksWithLatestAttempt).rows)
        runs.push_back(run_of(row));
    make_names_unique(runs);
    std::map<std::string, Run*> by_task;
    for (auto& run : runs) by_task[run.task] = &run;
    // Calls `add_row` for each row of a query whose first column is a task.
    const auto each = [&](const std::string& sql, const auto& add_row) {
        for (const auto& row : run_query(database, sql).rows) {
            const auto found = by_task.find(as_text(row[0]));
            if (found != by_task.end()) add_row(*found->second, row);
        }
    };
    each("SELECT task, quantity, step, value FROM curve ORDER BY task, quantity, step",
         [](Run& run, const Row& row) {
             run.curves[as_text(row[1])].emplace_back(as_integer(row[2]), as_number(row[3]));
         });
    each("SELECT task, epoch, validation_correct, validation_total FROM epoch WHERE "
         "validation_total > 0 ORDER BY task, epoch",
         [](Run& run, const Row& row) {
             run.curves["validation_accuracy"].emplace_back(as_integer(row[1]),
                                                            as_number(row[2]) / as_number(row[3]));
         });
    each("SELECT task, path FROM artifact WHERE role = 'samples' ORDER BY task, path",
         [](Run& run, const Row& row) { run.samples.push_back(as_text(row[1])); });
    for (auto& run : runs) {
        std::stable_sort(run.samples.begin(), run.samples.end(), [](const auto& a, const auto& b) {
            return iteration_of(a) < iteration_of(b);
        });
    }
    return runs;
}

std::string file_name_of(const std::string& text) {
    std::string name;
    for (const char c : text) {
        const bool plain = ('a' <= c && c <= 'z') || ('A' <= c && c <= 'Z') ||
                           ('0' <= c && c <= '9') || c == '-' || c == '_' ||
                           (c == '.' && !name.empty());
        name += plain ? c : '_';
    }
    return name.empty() ? "_" : name;
}

std::optional<fs::path> file_in(const fs::path& campaign, const std::string& relative) {
    const auto path = fs::path(relative).lexically_normal();
    if (path.is_absolute() || path.empty() || *path.begin() == "..") return std::nullopt;
    const auto file = campaign / path;
    return fs::is_regular_file(file) ? std::optional(file) : std::nullopt;
}

int64_t iteration_of(const std::string& path) {
    const auto stem = fs::path(path).stem().string();
    const auto before = stem.find_last_not_of("0123456789");
    const auto digits = stem.substr(before == std::string::npos ? 0 : before + 1);
    return digits.empty() || digits.size() > 18 ? 0 : std::stoll(digits);
}

} // namespace dagan::results
