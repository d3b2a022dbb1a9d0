#include "results/maintenance/upgrade_merge.h"

#include "base/file.h"
#include "results/database/schema.h"
#include "results/database/sqlite.h"
#include "spec/result.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

// A column that a schema version added, with a default that preserves the meaning of older rows.
// The column "" stands for a whole table. A database that lacks any other column was changed by
// hand.
struct Added {
    int version;
    const char *table, *column;
};
constexpr Added kAdded[] = {
    {2, "attempt", "checkpoint_before"}, {2, "site", ""}, {2, "origin", ""}};

bool added_since(int version, const std::string& table, const std::string& column) {
    return std::any_of(std::begin(kAdded), std::end(kAdded), [&](const Added& added) {
        return version < added.version && table == added.table &&
               (*added.column == '\0' || column == added.column);
    });
}

// A database under construction. Other databases are attached to it by name. Unless finish() is
// called, it leaves no file behind.
class NewDatabase {
  public:
    explicit NewDatabase(const fs::path& place) : place_(place) {
        unfinished_ = place;
        unfinished_ += std::string(kTemporaryMark) + "rebuilt";
        fs::remove(unfinished_);
        sql_ = sqlite::open_to_write(unfinished_);
        run("PRAGMA synchronous = OFF"); // finish() syncs the file as a whole
    }
    ~NewDatabase() {
        sql_.reset();
        std::error_code ignored;
        fs::remove(unfinished_, ignored);
        fs::remove(unfinished_.string() + "-journal", ignored);
    }
    NewDatabase(const NewDatabase&) = delete;
    NewDatabase& operator=(const NewDatabase&) = delete;

    void attach(const fs::path& file, const std::string& name) {
        // Checks that it is a results database, and rolls an unfinished transaction back.
        sqlite::open_to_read(file);
        const std::string path = file.string();
        sqlite::guarded(file, [&] { *sql_ << "ATTACH :file AS " + name, soci::use(path); });
    }
    void run(const std::string& script) {
        sqlite::guarded(unfinished_, [&] { sqlite::execute_script(*sql_, script); });
    }
    int64_t number(const std::string& query) {
        long long value = 0;
        sqlite::guarded(unfinished_, [&] { *sql_ << query, soci::into(value); });
        return value;
    }
    std::vector<std::string> texts(const std::string& query) {
        return sqlite::guarded(unfinished_, [&] {
            soci::rowset<std::string> rows = (sql_->prepare << query);
            return std::vector<std::string>(rows.begin(), rows.end());
        });
    }
    std::vector<std::string> columns_of(const std::string& database, const std::string& table) {
        return texts(fmt::format("SELECT name FROM pragma_table_info('{}', '{}') ORDER BY cid",
                                 table, database));
    }

    // Checks the whole database, makes it durable and renames it to its final name.
    void finish() {
        const auto problems = texts("SELECT integrity_check FROM pragma_integrity_check");
        require(problems == std::vector<std::string>{"ok"},
                "a new database fails SQLite's integrity check");
        require(number("SELECT count(*) FROM pragma_foreign_key_check") == 0,
                "a new database violates foreign keys");
        sql_.reset();
        // The transaction is committed, so the journal under the temporary name is not needed.
        fs::remove(unfinished_.string() + "-journal");
        write_atomically(place_, [&](const fs::path& file) { fs::rename(unfinished_, file); });
    }

  private:
    fs::path place_, unfinished_;
    std::unique_ptr<soci::session> sql_;
};

// Returns the columns of `table` that the old database has too.
std::vector<std::string> common_columns(NewDatabase& fresh, int version, const std::string& table) {
    const auto ours = fresh.columns_of("main", table), theirs = fresh.columns_of("old", table);
    std::vector<std::string> common;
    for (const auto& column : ours) {
        if (std::find(theirs.begin(), theirs.end(), column) != theirs.end())
            common.push_back(column);
        else if (!added_since(version, table, column))
            throw input_error(fmt::format("results database of schema {}: table {} lacks its "
                                          "column {}: it was changed by hand",
                                          version, table, column));
    }
    return common;
}

} // namespace

std::optional<int> older_schema(const fs::path& database) {
    const auto sql = sqlite::open_to_read(database);
    const int version = sqlite::guarded(database, [&] { return sqlite::schema_version(*sql); });
    return version < kSchemaVersion ? std::optional(version) : std::nullopt;
}

std::optional<Upgraded> upgrade_database(const fs::path& database) {
    const auto version = older_schema(database);
    if (!version) return std::nullopt;
    Upgraded upgraded{*version, kSchemaVersion, database, {}};
    upgraded.backup += fmt::format(".schema-{}", *version);
    if (fs::exists(upgraded.backup))
        throw input_error(fmt::format(
            "{}: already exists and may be the backup of an earlier upgrade; hint: move it away",
            upgraded.backup.string()));
    write_atomically(upgraded.backup, [&](const fs::path& file) { fs::copy_file(database, file); });
    NewDatabase fresh(database);
    fresh.attach(upgraded.backup, "old");
    fresh.run("BEGIN");
    for (const std::string table : kSchemaTables) {
        const auto columns = common_columns(fresh, *version, table);
        if (columns.empty()) continue;
        fresh.run(fmt::format("INSERT INTO main.{0} ({1}) SELECT {1} FROM old.{0} ORDER BY rowid",
                              table, fmt::join(columns, ", ")));
        upgraded.rows[table] = fresh.number("SELECT count(*) FROM main." + table);
        require(upgraded.rows[table] == fresh.number("SELECT count(*) FROM old." + table),
                "an upgrade lost rows");
    }
    fresh.run("COMMIT; DETACH old");
    fresh.finish();
    return upgraded;
}

namespace {

// Refuses two tasks for one cell and seed: tables would average them, or show only one of them.
void check_cells(NewDatabase& fresh) {
    const auto doubled = fresh.texts("SELECT dataset || ', n = ' || samples_per_class || ', m = ' "
                                     "|| generated_per_real || ', ' || budget || ', seed ' || "
                                     "seed FROM main.task WHERE kind = 'classifier' GROUP BY "
                                     "dataset, samples_per_class, generated_per_real, budget, seed "
                                     "HAVING count(*) > 1 ORDER BY 1");
    if (doubled.empty()) return;
    throw input_error(fmt::format("merge: {} cells and seeds mean different tasks at different "
                                  "sites (other options, data or program), the first: {}; hint: "
                                  "compare the campaigns with `dagan results diff`, and report "
                                  "them separately",
                                  doubled.size(), doubled.front()));
}

// Compares a site's results, attached as "old", with those taken from earlier sites.
void compare_results(NewDatabase& fresh, const std::string& site, Merged& merged) {
    const std::string both =
        "FROM main.result a JOIN old.result b ON b.task = a.task WHERE "
        "a.test_correct {0} b.test_correct {1} a.validation_correct {0} b.validation_correct {1} "
        "a.best_epoch {0} b.best_epoch {1} a.test_total {0} b.test_total";
    merged.confirmed +=
        fresh.number("SELECT count(*) " + fmt::format(fmt::runtime(both), "=", "AND"));
    const auto other =
        fresh.texts("SELECT a.task || ': ' || a.test_correct || ' of ' || a.test_total || "
                    "' at the first site, ' || b.test_correct || ' of ' || b.test_total " +
                    fmt::format(fmt::runtime(both), "<>", "OR") + " ORDER BY a.task");
    for (const auto& line : other) merged.contradictions.push_back(line + " at " + site);
}

// Adds one site. Attempts of all sites are kept, but a task ends once: its outcome and output come
// from the first site that finished it.
void take_site(NewDatabase& fresh, const MergeSite& site, Merged& merged) {
    const auto name = "'" + site.name + "'"; // checked by merge_databases
    fresh.run("BEGIN");
    compare_results(fresh, site.name, merged);
    fresh.run(fmt::format(
        "INSERT INTO main.campaign SELECT * FROM old.campaign "
        "WHERE NOT EXISTS (SELECT 1 FROM main.campaign);"
        "INSERT INTO main.task SELECT * FROM old.task WHERE key NOT IN (SELECT key FROM main.task);"
        "CREATE TEMP TABLE taken AS SELECT DISTINCT task FROM old.attempt "
        "WHERE final = 1 AND outcome IN ({0}) AND task NOT IN "
        "(SELECT task FROM main.attempt WHERE final = 1 AND outcome IN ({0}));"
        "CREATE TEMP TABLE shift AS SELECT COALESCE(max(token), 0) AS by FROM main.attempt;"
        "UPDATE main.attempt SET final = 0 WHERE task IN (SELECT task FROM taken);",
        finished_outcomes_sql()));
    fresh.run("INSERT INTO main.attempt SELECT token + (SELECT by FROM shift), task, ranks, host, "
              "started, ended, outcome, error, "
              "CASE WHEN final = 1 AND (task IN (SELECT task FROM taken) OR NOT EXISTS "
              "(SELECT 1 FROM main.attempt m WHERE m.task = o.task AND m.final = 1)) "
              "THEN 1 ELSE 0 END, charged, checkpoint_before, device, seconds, steps, "
              "seconds_per_step FROM old.attempt o ORDER BY token;");
    fresh.run(fmt::format(
        "INSERT INTO main.site SELECT {0}, name, sweep, code_version, created FROM old.campaign;"
        "INSERT INTO main.origin SELECT token + (SELECT by FROM shift), {0}, token FROM "
        "old.attempt",
        name));
    for (const auto* table : {"best_epoch", "epoch"})
        fresh.run(fmt::format(
            "INSERT INTO main.{0} SELECT * FROM old.{0} WHERE task IN (SELECT task FROM taken)",
            table));
    fresh.run("INSERT INTO main.result SELECT task, attempt + (SELECT by FROM shift), steps, "
              "best_epoch, validation_correct, validation_total, test_correct, test_total "
              "FROM old.result WHERE task IN (SELECT task FROM taken)");
    for (const auto* table : {"curve", "artifact"})
        fresh.run(fmt::format(
            "INSERT INTO main.{0} SELECT * FROM old.{0} WHERE task IN (SELECT task FROM taken)",
            table));
    merged.results[site.name] =
        fresh.number("SELECT count(*) FROM old.result WHERE task IN (SELECT task FROM taken)");
    fresh.run("DROP TABLE taken; DROP TABLE shift; COMMIT");
}

void check_sites(const std::vector<MergeSite>& sites, const fs::path& database) {
    if (fs::exists(database))
        throw input_error(database.string() + ": already exists; hint: merge into a new folder");
    std::set<std::string> names;
    for (const auto& site : sites) {
        if (!names.insert(site.name).second)
            throw input_error(fmt::format(
                "merge: two sites are named '{}'; hint: give them different names", site.name));
        if (site.name.empty() || site.name.find('\'') != std::string::npos)
            throw input_error(fmt::format(
                "merge: '{}' cannot be the name of a site; hint: use letters and digits",
                site.name));
        if (older_schema(site.database))
            throw input_error(site.database.string() +
                              ": written by an older version of this program; hint: `dagan results "
                              "upgrade` first");
    }
}

} // namespace

Merged merge_databases(const std::vector<MergeSite>& sites, const fs::path& database,
                       bool keep_first) {
    check_sites(sites, database);
    Merged merged;
    NewDatabase fresh(database);
    for (const auto& site : sites) {
        fresh.attach(site.database, "old");
        take_site(fresh, site, merged);
        fresh.run("DETACH old");
    }
    check_cells(fresh);
    if (!merged.contradictions.empty() && !keep_first) {
        throw input_error(fmt::format("merge: {} tasks have different results at different sites, "
                                      "the first: {}; hint: --keep-first takes the result of "
                                      "the site that is named first",
                                      merged.contradictions.size(), merged.contradictions.front()));
    }
    fresh.finish();
    return merged;
}

} // namespace dagan::results
