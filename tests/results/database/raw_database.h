// Direct access to a SQLite file with plain SQL, as another program has it, without our code.
#pragma once

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <filesystem>
#include <string>

namespace dagan::results::testing {

class RawDatabase {
  public:
    explicit RawDatabase(const std::filesystem::path& path, bool foreign_keys = true) {
        EXPECT_EQ(sqlite3_open(path.c_str(), &db_), SQLITE_OK);
        EXPECT_EQ(execute(foreign_keys ? "PRAGMA foreign_keys = ON" : "PRAGMA foreign_keys = OFF"),
                  SQLITE_OK);
    }
    ~RawDatabase() { sqlite3_close(db_); }
    RawDatabase(const RawDatabase&) = delete;
    RawDatabase& operator=(const RawDatabase&) = delete;

    int execute(const std::string& sql) {
        return sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
    }
    std::string error() const { return sqlite3_errmsg(db_); }
    // Returns the first column of the last row as text; "NULL" for NULL, "" without a row.
    std::string value(const std::string& sql) {
        std::string text;
        const auto keep = [](void* out, int, char** values, char**) {
            *static_cast<std::string*>(out) = values[0] ? values[0] : "NULL";
            return 0;
        };
        EXPECT_EQ(sqlite3_exec(db_, sql.c_str(), keep, &text, nullptr), SQLITE_OK)
            << sql << ": " << error();
        return text;
    }

  private:
    sqlite3* db_ = nullptr;
};

} // namespace dagan::results::testing
