#include "results/maintenance/salvage.h"

#include "base/file.h"
#include "results/database/schema.h"
#include "results/database/sqlite.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;
namespace api = sqlite_api;

// The most positions that are tried one by one between the rows before and after a damaged page.
constexpr int64_t kProbes = 2'000'000;
constexpr size_t kProblemsShown = 100;

struct Finalizer {
    void operator()(api::sqlite3_stmt* statement) const { api::sqlite3_finalize(statement); }
};
using StatementPointer = std::unique_ptr<api::sqlite3_stmt, Finalizer>;

struct Closer {
    void operator()(api::sqlite3* db) const { api::sqlite3_close(db); }
};
using Database = std::unique_ptr<api::sqlite3, Closer>;

// Opens the file without the checks of sqlite.h, which a damaged file may fail. With
// writable_schema, SQLite also reads a truncated file.
Database open_damaged(const fs::path& path) {
    if (!fs::is_regular_file(path))
        throw input_error(path.string() + ": no results database there");
    api::sqlite3* db = nullptr;
    const int code = api::sqlite3_open_v2(path.c_str(), &db, SQLITE_OPEN_READONLY, nullptr);
    Database owned(db);
    if (code != SQLITE_OK)
        throw system_error(
            fmt::format("{}: cannot be opened: {}", path.string(), api::sqlite3_errstr(code)));
    api::sqlite3_exec(db, "PRAGMA writable_schema = ON", nullptr, nullptr, nullptr);
    return owned;
}

StatementPointer prepare(api::sqlite3* db, const std::string& sql) {
    api::sqlite3_stmt* statement = nullptr;
    api::sqlite3_prepare_v2(db, sql.c_str(), -1, &statement, nullptr);
    return StatementPointer(statement);
}

std::vector<std::string> columns_of(api::sqlite3* db, const std::string& table) {
    std::vector<std::string> columns;
    const auto statement =
        prepare(db, fmt::format("SELECT name FROM pragma_table_info('{}') ORDER BY cid", table));
    while (statement && api::sqlite3_step(statement.get()) == SQLITE_ROW)
        columns.emplace_back(
            reinterpret_cast<const char*>(api::sqlite3_column_text(statement.get(), 0)));
    return columns;
}

// Copies the readable rows of one table into another database.
//
// The table is read forwards up to the first damaged page, then backwards from its end, and between
// the two row by row.
class TableSalvager {
  public:
    TableSalvager(api::sqlite3* from, api::sqlite3* to, const std::string& table) {
        const auto ours = columns_of(to, table), theirs = columns_of(from, table);
        for (const auto& column : theirs) {
            if (std::find(ours.begin(), ours.end(), column) != ours.end())
                columns_.push_back(column);
        }
        if (columns_.empty()) return;
        const auto list = fmt::format("{}", fmt::join(columns_, ", "));
        // NOT INDEXED: reads the table's own pages, even if its indices are damaged.
        const auto select = fmt::format("SELECT rowid, {} FROM {} NOT INDEXED ", list, table);
        forwards_ = prepare(from, select + "ORDER BY rowid");
        backwards_ = prepare(from, select + "ORDER BY rowid DESC");
        at_ = prepare(from, select + "WHERE rowid = ?");
        std::vector<std::string> marks(columns_.size(), "?");
        insert_ = prepare(to, fmt::format("INSERT OR ABORT INTO {} ({}) VALUES ({})", table, list,
                                          fmt::join(marks, ", ")));
        may_exist_ = table == "task" || table == "campaign"; // entered from the plan
    }

    Salvaged::Rows run() {
        if (!forwards_ || !backwards_ || !at_ || !insert_) return rows_;
        int64_t first_unread = 0, last_unread = 0;
        bool any = false;
        const bool whole =
            scan(forwards_.get(), [&](int64_t row) { first_unread = row + 1, any = true; });
        if (whole) return rows_;
        int64_t before = INT64_MAX;
        scan_back(any ? first_unread : INT64_MIN, before);
        // If only one end can be read, the positions of the rows beyond it are not known.
        if (before == INT64_MAX || !any) return rows_;
        last_unread = before - 1;
        if (last_unread - first_unread < kProbes) {
            for (int64_t row = first_unread; row <= last_unread; ++row) probe(row);
        } else {
            rows_.unreadable += last_unread - first_unread + 1;
        }
        return rows_;
    }

  private:
    // Returns true if the end of the table was reached.
    template <class Seen> bool scan(api::sqlite3_stmt* statement, Seen&& seen) {
        int code = api::sqlite3_step(statement);
        for (; code == SQLITE_ROW; code = api::sqlite3_step(statement)) {
            enter(statement);
            seen(api::sqlite3_column_int64(statement, 0));
        }
        if (code != SQLITE_DONE) ++rows_.unreadable;
        return code == SQLITE_DONE;
    }
    void scan_back(int64_t down_to, int64_t& lowest) {
        auto* statement = backwards_.get();
        while (api::sqlite3_step(statement) == SQLITE_ROW) {
            const int64_t row = api::sqlite3_column_int64(statement, 0);
            if (row < down_to) return;
            enter(statement);
            lowest = row;
        }
    }
    void probe(int64_t row) {
        api::sqlite3_reset(at_.get());
        api::sqlite3_bind_int64(at_.get(), 1, row);
        const int code = api::sqlite3_step(at_.get());
        if (code == SQLITE_ROW)
            enter(at_.get());
        else if (code != SQLITE_DONE)
            ++rows_.unreadable;
    }
    void enter(api::sqlite3_stmt* row) {
        api::sqlite3_reset(insert_.get());
        for (int i = 0; i < static_cast<int>(columns_.size()); ++i)
            api::sqlite3_bind_value(insert_.get(), i + 1, api::sqlite3_column_value(row, i + 1));
        const int code = api::sqlite3_step(insert_.get());
        if (code == SQLITE_DONE || (may_exist_ && code == SQLITE_CONSTRAINT))
            ++rows_.kept;
        else
            ++rows_.refused;
        api::sqlite3_reset(insert_.get());
    }

    std::vector<std::string> columns_;
    StatementPointer forwards_, backwards_, at_, insert_;
    bool may_exist_ = false;
    Salvaged::Rows rows_;
};

// Reopens tasks that are recorded as done but whose result or artifacts are lost, and returns their
// number. The schema guards the results that remain; a lost row of `epoch` is only a gap in a
// curve.
int64_t reopen_lost_tasks(soci::session& sql) {
    long long reopened = 0;
    const std::string lost =
        "final = 1 AND outcome = 'done' AND task IN (SELECT key FROM task t WHERE "
        "CASE WHEN t.kind IN ('classifier', 'selector') "
        "THEN NOT EXISTS (SELECT 1 FROM result r WHERE r.task = t.key) "
        "ELSE NOT EXISTS (SELECT 1 FROM artifact a WHERE a.task = t.key) END)";
    sql << "SELECT count(*) FROM attempt WHERE " + lost, soci::into(reopened);
    sql << "DELETE FROM curve WHERE task IN (SELECT task FROM attempt WHERE " + lost + ")";
    sql << "DELETE FROM epoch WHERE task NOT IN (SELECT task FROM result)";
    sql << "DELETE FROM best_epoch WHERE task NOT IN (SELECT task FROM result)";
    sql << "UPDATE attempt SET final = 0, charged = 0 WHERE " + lost;
    return reopened;
}

bool can_be_opened(api::sqlite3* db) {
    const auto statement = prepare(db, "SELECT key FROM task");
    return statement != nullptr;
}

// Writes a copy of the damaged file with a new first page, and returns its path. The first page
// holds the file header and the root of SQLite's schema table. Both are the same in all databases
// of one schema version, so the page is taken from an empty database; only the number of pages is
// this file's, and the list of free pages is dropped.
fs::path with_new_first_page(const fs::path& damaged, const fs::path& fresh, const fs::path& copy) {
    constexpr size_t kPage = 4096, kPageCountAt = 28, kFreeListAt = 32;
    std::string bytes = read_file(damaged);
    std::string first = read_file(fresh).substr(0, kPage);
    if (bytes.size() < 2 * kPage || first.size() < kPage) return damaged;
    const auto pages = static_cast<uint32_t>(bytes.size() / kPage);
    for (int byte = 0; byte < 4; ++byte)
        first[kPageCountAt + static_cast<size_t>(byte)] =
            static_cast<char>(pages >> (24 - 8 * byte));
    std::fill_n(first.begin() + kFreeListAt, 8, '\0');
    bytes.replace(0, kPage, first);
    write_atomically(copy, bytes);
    return copy;
}

void enter_known(const fs::path& file, const std::optional<Campaign>& campaign, const Plan& plan) {
    const auto store = open_sqlite_store(file);
    if (!campaign) return;
    store->enter(*campaign, plan);
    store->commit();
}

} // namespace

std::vector<std::string> damage_of(const fs::path& database) {
    const auto db = open_damaged(database);
    const auto statement =
        prepare(db.get(), fmt::format("PRAGMA integrity_check({})", kProblemsShown));
    std::vector<std::string> problems;
    int code = statement ? SQLITE_ROW : SQLITE_CORRUPT;
    while (statement && (code = api::sqlite3_step(statement.get())) == SQLITE_ROW) {
        std::string line =
            reinterpret_cast<const char*>(api::sqlite3_column_text(statement.get(), 0));
        if (line != "ok") problems.push_back(std::move(line));
    }
    if (api::sqlite3_errcode(db.get()) == SQLITE_NOTADB)
        throw input_error(
            database.string() +
            ": not a database: the file is something else, or its first page is lost");
    if (code != SQLITE_DONE) problems.emplace_back(api::sqlite3_errmsg(db.get()));
    return problems;
}

Salvaged salvage_database(const fs::path& damaged, const fs::path& to,
                          const std::optional<Campaign>& campaign, const Plan& plan) {
    if (fs::exists(to))
        throw input_error(to.string() +
                          ": already exists; hint: move it away, or name another file");
    auto from = open_damaged(damaged);
    fs::path unfinished = to, copy = to;
    unfinished += std::string(kTemporaryMark) + "salvaged";
    copy += std::string(kTemporaryMark) + "copy";
    fs::remove(unfinished);
    enter_known(unfinished, std::nullopt, {}); // empty: the source of a first page
    if (!can_be_opened(from.get()))
        from = open_damaged(with_new_first_page(damaged, unfinished, copy));
    enter_known(unfinished, campaign, plan);
    Salvaged salvaged;
    {
        const auto sql = sqlite::open_to_write(unfinished);
        sqlite::execute_script(*sql, "BEGIN");
        for (const auto* table : kSchemaTables)
            salvaged.tables[table] = TableSalvager(from.get(), sqlite::handle(*sql), table).run();
        salvaged.to_run_again = reopen_lost_tasks(*sql);
        long long results = 0;
        *sql << "SELECT count(*) FROM result", soci::into(results);
        salvaged.results = results;
        sqlite::execute_script(*sql, "COMMIT");
        if (salvaged.tables["task"].kept == 0 && salvaged.tables["attempt"].kept == 0) {
            fs::remove(unfinished);
            fs::remove(copy);
            throw input_error(
                damaged.string() +
                ": nothing can be read; hint: `sqlite3 FILE .recover` may still find pages");
        }
    }
    from.reset();
    fs::remove(copy);
    fs::remove(unfinished.string() + "-journal");
    write_atomically(to, [&](const fs::path& file) { fs::rename(unfinished, file); });
    return salvaged;
}

} // namespace dagan::results
