#include "results/maintenance/rows_file.h"

#include "base/file.h"
#include "results/database/sqlite.h"
#include "results/output/table_text.h"
#include "results/query/queries.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <sstream>
#include <string_view>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

// Reads a CSV file line by line and field by field. Names of data sets contain neither commas nor
// quotation marks, so fields need no unquoting. Throws Blame::input with the line's number.
class RowsReader {
  public:
    explicit RowsReader(const fs::path& file) : file_(file), lines_(read_file(file)) {
        const std::string header = render_rows({}, TableFormat::csv);
        if (!next() || line_ + '\n' != header)
            throw input_error(fmt::format("{}: not a table of trials; hint: `dagan results rows "
                                          "CAMPAIGN --format csv` writes one",
                                          file_.string()));
    }
    bool next() {
        ++number_;
        if (!std::getline(lines_, line_)) return false;
        rest_ = line_;
        return true;
    }
    std::string text() {
        const size_t end = std::min(rest_.find(','), rest_.size());
        std::string field(rest_.substr(0, end));
        rest_.remove_prefix(std::min(end + 1, rest_.size()));
        return field;
    }
    template <class Integer> void read(Integer& value) {
        const std::string field = text();
        const auto [end, error] = std::from_chars(field.data(), field.data() + field.size(), value);
        if (error != std::errc() || end != field.data() + field.size() || value < 0)
            throw wrong(fmt::format("expected a count, got '{}'", field));
    }
    void end_line() const {
        if (!rest_.empty()) throw wrong(fmt::format("'{}' after the last column", rest_));
    }
    Error wrong(const std::string& what) const {
        return input_error(fmt::format("{}:{}: {}", file_.string(), number_, what));
    }

  private:
    fs::path file_;
    std::istringstream lines_;
    std::string line_;
    std::string_view rest_;
    int number_ = 0;
};

TrialRow read_trial(RowsReader& reader) {
    TrialRow row;
    row.dataset = reader.text();
    reader.read(row.samples_per_class);
    reader.read(row.generated_per_real);
    reader.read(row.seed);
    row.budget = reader.text();
    row.softmax = reader.text();
    reader.read(row.steps);
    reader.read(row.best_epoch);
    reader.read(row.validation_correct);
    reader.read(row.validation_total);
    reader.read(row.test_correct);
    reader.read(row.test_total);
    reader.end_line();
    return row;
}

void enter_trial(soci::session& sql, const RowsReader& reader, const TrialRow& row,
                 const std::string& when) {
    std::string key, rule;
    sql << "SELECT key, epoch_select FROM task WHERE kind = 'classifier' AND dataset = :dataset "
           "AND samples_per_class = :n AND generated_per_real = :m AND seed = :seed AND "
           "budget = :budget AND softmax = :softmax",
        soci::use(row.dataset), soci::use(row.samples_per_class), soci::use(row.generated_per_real),
        soci::use(row.seed), soci::use(row.budget), soci::use(row.softmax), soci::into(key),
        soci::into(rule);
    if (!sql.got_data()) throw reader.wrong("the campaign's sweep does not have this trial");
    int known = 0;
    sql << "SELECT count(*) FROM result WHERE task = :key", soci::use(key), soci::into(known);
    if (known > 0) throw reader.wrong("the same trial as in an earlier line");
    sql << "INSERT INTO attempt (token, task, ranks, host, started, ended, outcome, final) "
           "SELECT COALESCE(max(token), 0) + 1, :key, '', 'rows', :started, :ended, 'done', 1 FROM "
           "attempt",
        soci::use(key), soci::use(when), soci::use(when);
    sql << "INSERT INTO best_epoch (task, rule, epoch, validation_correct, validation_total) "
           "VALUES (:key, :rule, :epoch, :correct, :total)",
        soci::use(key), soci::use(rule), soci::use(row.best_epoch),
        soci::use(row.validation_correct), soci::use(row.validation_total);
    sql << "INSERT INTO epoch (task, epoch, validation_correct, validation_total, rule, "
           "best_epoch, best_correct) "
           "SELECT task, epoch, validation_correct, validation_total, rule, epoch, "
           "validation_correct FROM best_epoch WHERE task = :key",
        soci::use(key);
    const long long steps = row.steps;
    sql << "INSERT INTO result (task, attempt, steps, best_epoch, validation_correct, "
           "validation_total, test_correct, test_total) "
           "SELECT b.task, a.token, :steps, b.epoch, b.validation_correct, b.validation_total, "
           ":correct, :total "
           "FROM best_epoch b JOIN attempt a ON a.task = b.task WHERE b.task = :key",
        soci::use(steps), soci::use(row.test_correct), soci::use(row.test_total), soci::use(key);
}

} // namespace

void make_database_of_rows(const fs::path& rows, const Campaign& campaign, const Plan& plan,
                           const fs::path& database) {
    require(!fs::exists(database), "make_database_of_rows: the database exists already");
    RowsReader reader(rows);
    {
        const auto store = open_sqlite_store(database);
        store->enter(campaign, plan);
        store->commit();
    }
    const auto sql = sqlite::open_to_write(database);
    *sql << "PRAGMA synchronous = OFF"; // the database can be rebuilt at any time
    *sql << "BEGIN";
    while (reader.next()) {
        const TrialRow row = read_trial(reader);
        try {
            enter_trial(*sql, reader, row, campaign.created);
        } catch (const soci::sqlite3_soci_error& error) {
            if (error.result() != SQLITE_CONSTRAINT) throw sqlite::explained(database, error);
            throw reader.wrong(
                "impossible counts: more correct answers than cases, or no best epoch");
        }
    }
    *sql << "COMMIT";
}

} // namespace dagan::results
