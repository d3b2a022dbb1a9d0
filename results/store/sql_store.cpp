#include "results/store/sql_store.h"

#include "base/fault.h"
#include "results/database/postgresql.h"
#include "results/database/sqlite.h"
#include "results/store/trial_record.h"

#include <fmt/format.h>

#include <cmath>

namespace dagan::results {

namespace {

// Validation does not choose among a selector's epochs: its last weights count.
EpochSelect epoch_select_of(const TaskSpec& spec) {
    const auto* classifier = std::get_if<ClassifierTask>(&spec);
    return classifier ? classifier->classifier.epoch_select : EpochSelect::last;
}

// Sets the columns of `task` that a kind of task has.
struct FillColumns {
    InsertTask& row;

    void operator()(const SelectorTask& task) const {
        row.epoch_select.set(to_string(epoch_select_of(task)));
    }
    void operator()(const GanTask&) const {}
    void operator()(const PoolTask& task) const {
        row.samples_per_class.set(task.samples_per_class);
        row.softmax.set(to_string(task.softmax));
        row.seed.set(task.seed);
    }
    void operator()(const ClassifierTask& task) const {
        row.samples_per_class.set(task.samples_per_class);
        row.generated_per_real.set(task.generated_per_real);
        row.budget.set(task.budget());
        row.softmax.set(to_string(task.classifier.softmax));
        row.seed.set(task.seed);
        row.epoch_select.set(to_string(epoch_select_of(task)));
    }
};

constexpr const char* kAttemptColumns =
    "task, outcome, final, charged, error, CAST(token AS TEXT), CAST(checkpoint_before AS TEXT)";

// Adds an attempt to its task's record. Must be called in the order of the tokens.
void add_attempt(const soci::row& row, StoredTask& task) {
    const bool open = row.get_indicator(1) == soci::i_null;
    const bool charged = row.get<int>(3) != 0;
    ++task.attempts;
    task.charged += charged;
    task.lost += charged && !open && row.get<std::string>(1) == to_string(Outcome::lost);
    task.error = row.get<std::string>(4);
    if (row.get<int>(2) != 0) task.ended = enum_from<Outcome>(row.get<std::string>(1));
    task.open_attempt = open ? std::stoll(row.get<std::string>(5)) : 0;
    task.checkpoint_before = open ? std::stoll(row.get<std::string>(6)) : 0;
}

} // namespace

SqlStore::SqlStore(std::unique_ptr<soci::session> sql, Location location)
    : sql_(std::move(sql)), location_(std::move(location)), insert_task_(*sql_),
      insert_attempt_(*sql_), end_attempt_(*sql_), insert_best_epoch_(*sql_), insert_epoch_(*sql_),
      insert_result_(*sql_), insert_curve_(*sql_), insert_artifact_(*sql_) {}

void SqlStore::begin() {
    if (in_transaction_) return;
    *sql_ << (location_.is_server() ? "BEGIN" : "BEGIN IMMEDIATE");
    in_transaction_ = true;
}

int64_t SqlStore::next_token() {
    if (!location_.is_server()) return last_token_ + 1;
    long long token = 0;
    *sql_ << "SELECT nextval('attempt_token')", soci::into(token);
    return token;
}

bool SqlStore::still_open(const std::string& task) {
    if (!location_.is_server()) return true;
    std::string key;
    *sql_ << "SELECT key FROM task WHERE key = :task FOR UPDATE", soci::use(task), soci::into(key);
    int final = 0;
    *sql_ << "SELECT COALESCE(max(final), 0) FROM attempt WHERE task = :task", soci::use(task),
        soci::into(final);
    return final == 0;
}

bool SqlStore::still_current(const std::string& task, int64_t token) {
    if (!location_.is_server()) return true;
    if (!still_open(task)) return false;
    const long long asked = token;
    int current = 0;
    *sql_ << "SELECT CASE WHEN max(token) = :token AND max(CASE WHEN token = :token AND outcome IS "
             "NULL THEN 1 ELSE 0 END) = 1 "
             "THEN 1 ELSE 0 END FROM attempt WHERE task = :task",
        soci::use(asked, "token"), soci::use(task, "task"), soci::into(current);
    return current != 0;
}

void SqlStore::commit() {
    if (!in_transaction_) return;
    fault_point(FaultPoint::before_commit);
    database::guarded(location_, [&] { *sql_ << "COMMIT"; });
    fault_point(FaultPoint::after_commit);
    in_transaction_ = false;
}

void SqlStore::enter(const Campaign& campaign, const Plan& plan) {
    database::guarded(location_, [&] {
        begin();
        // Two coordinators may enter a campaign at the same time. The commit releases the lock.
        if (location_.is_server()) *sql_ << "LOCK TABLE campaign IN EXCLUSIVE MODE";
        enter_campaign(campaign);
        for (const auto& task : plan.tasks) enter_task(task);
        read_states();
    });
}

void SqlStore::enter_campaign(const Campaign& campaign) {
    std::string name, sweep, created;
    soci::indicator found = soci::i_null;
    *sql_ << "SELECT name, sweep, created FROM campaign", soci::into(name, found),
        soci::into(sweep), soci::into(created);
    if (!sql_->got_data()) {
        *sql_ << "INSERT INTO campaign (name, sweep, code_version, created) VALUES (:name, :sweep, "
                 ":code_version, :created)",
            soci::use(campaign.name), soci::use(campaign.sweep), soci::use(campaign.code_version),
            soci::use(campaign.created);
        return;
    }
    if (sweep != campaign.sweep) {
        throw input_error(fmt::format(
            "{}: holds the results of another sweep, '{}'; hint: give '{}' {} of its own",
            location_.name(), name, campaign.name,
            location_.is_server() ? "a database or a schema" : "a folder"));
    }
    // Weights, pools and checkpoints are files, so allocations that share the tables must share the
    // directory too.
    if (location_.is_server() && created != campaign.created) {
        throw input_error(fmt::format(
            "{}: holds the campaign '{}' that began at {} in another folder, this one began at {}; "
            "hint: run all allocations of a campaign in one folder (-o), or give this campaign a "
            "database of its own",
            location_.name(), name, created, campaign.created));
    }
}

void SqlStore::enter_task(const PlannedTask& task) {
    auto& row = insert_task_;
    row.key = task.key;
    row.kind = to_string(kind_of(task.spec));
    row.dataset = dataset_of(task.spec).name;
    row.spec = to_text(task.spec);
    for (auto* column : {&row.samples_per_class, &row.generated_per_real, &row.seed})
        column->clear();
    for (auto* column : {&row.budget, &row.softmax, &row.epoch_select}) column->clear();
    std::visit(FillColumns{row}, task.spec);
    row.run();
    tasks_[task.key].epoch_select = epoch_select_of(task.spec);
}

void SqlStore::read_states() {
    soci::rowset<soci::row> attempts =
        (sql_->prepare
         << "SELECT task, outcome, final, CAST(token AS TEXT) FROM attempt ORDER BY token");
    for (const auto& row : attempts) {
        auto& state = tasks_[row.get<std::string>(0)];
        last_token_ = std::stoll(row.get<std::string>(3));
        state.running = row.get_indicator(1) == soci::i_null ? last_token_ : 0;
        state.ended = state.ended || row.get<int>(2) != 0;
    }
}

std::vector<StoredTask> SqlStore::load() {
    return database::guarded(location_, [&] {
        std::vector<StoredTask> loaded;
        std::unordered_map<std::string, size_t> position;
        soci::rowset<std::string> keys = (sql_->prepare << "SELECT key FROM task");
        for (const auto& key : keys) {
            position[key] = loaded.size();
            loaded.emplace_back().task = key;
        }
        soci::rowset<soci::row> attempts =
            (sql_->prepare << fmt::format("SELECT {} FROM attempt ORDER BY token",
                                          kAttemptColumns));
        for (const auto& row : attempts)
            add_attempt(row, loaded[position.at(row.get<std::string>(0))]);
        soci::rowset<soci::row> artifacts =
            (sql_->prepare
             << "SELECT task, role, path, sha256 FROM artifact ORDER BY task, role, path");
        for (const auto& row : artifacts) {
            loaded[position.at(row.get<std::string>(0))].artifacts.push_back(
                {row.get<std::string>(1), row.get<std::string>(2), row.get<std::string>(3)});
        }
        return loaded;
    });
}

StoredTask SqlStore::load_task(const std::string& key) {
    return database::guarded(location_, [&] {
        StoredTask task;
        task.task = key;
        soci::rowset<soci::row> attempts =
            (sql_->prepare << fmt::format(
                 "SELECT {} FROM attempt WHERE task = :task ORDER BY token", kAttemptColumns),
             soci::use(key));
        for (const auto& row : attempts) add_attempt(row, task);
        soci::rowset<soci::row> artifacts =
            (sql_->prepare << "SELECT role, path, sha256 FROM artifact WHERE task = :task ORDER BY "
                              "role, path",
             soci::use(key));
        for (const auto& row : artifacts)
            task.artifacts.push_back(
                {row.get<std::string>(0), row.get<std::string>(1), row.get<std::string>(2)});
        auto& state = tasks_.at(key);
        state.running = task.open_attempt;
        state.ended = task.ended.has_value();
        return task;
    });
}

std::vector<PastAttempt> SqlStore::attempts_on_suspect_hosts() {
    return database::guarded(location_, [&] {
        std::vector<PastAttempt> history;
        soci::rowset<soci::row> attempts =
            (sql_->prepare << fmt::format(
                 "SELECT task, host, outcome FROM attempt WHERE outcome IS NOT NULL AND host IN "
                 "(SELECT host FROM attempt WHERE outcome IN ({})) ORDER BY token",
                 node_outcomes_sql()));
        for (const auto& row : attempts)
            history.push_back({row.get<std::string>(0), row.get<std::string>(1),
                               enum_from<Outcome>(row.get<std::string>(2)).value()});
        return history;
    });
}

void SqlStore::refund_attempts(const std::string& host) {
    database::guarded(location_, [&] {
        begin();
        *sql_ << fmt::format("UPDATE attempt SET charged = 0 WHERE host = :host AND final = 0 AND "
                             "outcome IN ({})",
                             node_outcomes_sql()),
            soci::use(host);
    });
}

int SqlStore::reopen_failed() {
    return database::guarded(location_, [&] {
        begin();
        soci::rowset<std::string> failed =
            (sql_->prepare << fmt::format(
                 "SELECT task FROM attempt WHERE final = 1 AND outcome NOT IN ({})",
                 finished_outcomes_sql()));
        const std::vector<std::string> keys(failed.begin(), failed.end());
        for (const auto& key : keys) {
            *sql_ << "UPDATE attempt SET final = 0, charged = 0 WHERE task = :task", soci::use(key);
            tasks_[key].ended = false;
        }
        return static_cast<int>(keys.size());
    });
}

int64_t SqlStore::start_attempt(const std::string& task, const std::string& ranks,
                                const std::string& host, int64_t checkpoint_before) {
    const auto found = tasks_.find(task);
    require(found != tasks_.end(), task + ": an attempt started of a task that is not in the plan");
    require(!found->second.ended, task + ": an attempt started after the task had ended");
    return database::guarded(location_, [&]() -> int64_t {
        begin();
        if (!still_open(task)) return 0;
        auto& row = insert_attempt_;
        row.token = next_token();
        row.task = task;
        row.ranks = ranks;
        row.host = host;
        row.checkpoint_before = checkpoint_before;
        row.started = timestamp_.now();
        row.run();
        fault_point(FaultPoint::attempt);
        found->second.running = last_token_ = row.token;
        return last_token_;
    });
}

bool SqlStore::is_current(const std::string& task, int64_t attempt) {
    const auto& state = tasks_.at(task);
    if (state.ended || attempt == 0 || state.running != attempt) return false;
    return database::guarded(location_, [&] {
        if (location_.is_server()) begin();
        return still_current(task, attempt);
    });
}

bool SqlStore::finish_attempt(const TaskResult& result, bool final, bool refund) {
    const auto found = tasks_.find(result.task);
    require(found != tasks_.end(), result.task + ": a result of a task that is not in the plan");
    auto& state = found->second;
    if (state.ended || result.attempt == 0 || state.running != result.attempt) return false;
    std::vector<EpochCounts> epochs;
    // Throws before anything is written.
    if (final && result.score) epochs = validation_counts(result, state.epoch_select);
    const bool accepted = database::guarded(location_, [&] {
        begin();
        if (!still_current(result.task, result.attempt)) return false;
        end_attempt(result, final, refund);
        if (!final) return true;
        if (result.score) write_trial(result, epochs, state.epoch_select);
        write_curve(result);
        write_artifacts(result);
        return true;
    });
    state.running = 0;
    if (!accepted) return false; // another allocation has started or ended the task
    state.ended = final;
    return true;
}

void SqlStore::end_attempt(const TaskResult& result, bool final, bool refund) {
    auto& row = end_attempt_;
    row.token = result.attempt;
    row.ended = timestamp_.now();
    row.outcome = to_string(result.outcome);
    row.error = result.error;
    row.host = result.host;
    row.final = final;
    row.charged = !refund;
    const bool measured = !result.cost.device.empty();
    row.device.set(result.cost.device);
    row.seconds.set(result.cost.seconds);
    row.steps.set(result.cost.steps);
    row.seconds_per_step.set(result.cost.seconds_per_step);
    if (!measured) {
        row.device.clear();
        row.seconds.clear();
        row.steps.clear();
        row.seconds_per_step.clear();
    }
    row.run();
}

void SqlStore::write_trial(const TaskResult& result, const std::vector<EpochCounts>& epochs,
                           EpochSelect rule) {
    const auto& score = *result.score;
    auto& best = insert_best_epoch_;
    best.task = result.task;
    best.rule = to_string(rule);
    best.epoch = score.best_epoch;
    best.validation_correct = score.validation_correct;
    best.validation_total = score.validation_total;
    best.run();

    auto& epoch = insert_epoch_;
    epoch.task = result.task;
    epoch.rule = best.rule;
    epoch.validation_total = score.validation_total;
    epoch.best_epoch = score.best_epoch;
    epoch.best_correct = score.validation_correct;
    for (const auto& counts : epochs) {
        epoch.epoch = counts.epoch;
        epoch.validation_correct = counts.validation_correct;
        epoch.run();
    }

    auto& row = insert_result_;
    row.task = result.task;
    row.attempt = result.attempt;
    row.steps = score.steps;
    row.best_epoch = score.best_epoch;
    row.validation_correct = score.validation_correct;
    row.validation_total = score.validation_total;
    row.test_correct = score.test_correct;
    row.test_total = score.test_total;
    row.run();
}

void SqlStore::write_curve(const TaskResult& result) {
    auto& row = insert_curve_;
    row.task = result.task;
    for (const auto& point : result.curve) {
        // The validation counts are in the table `epoch`.
        if (result.score && point.quantity == kValidationAccuracy && point.step >= 1) continue;
        row.quantity = point.quantity;
        row.step = point.step;
        row.value.set(point.value);
        if (std::isnan(point.value)) row.value.clear();
        row.run();
    }
}

void SqlStore::write_artifacts(const TaskResult& result) {
    auto& row = insert_artifact_;
    row.task = result.task;
    for (const auto& artifact : result.artifacts) {
        row.role = artifact.role;
        row.path = artifact.path;
        row.sha256 = artifact.sha256;
        row.run();
    }
}

std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path) {
    return open_store(path);
}

std::unique_ptr<Store> open_store(const Location& location) {
    auto sql = location.is_server() ? postgresql::open_to_write(location)
                                    : sqlite::open_to_write(location.file());
    return database::guarded(location,
                             [&] { return std::make_unique<SqlStore>(std::move(sql), location); });
}

} // namespace dagan::results
