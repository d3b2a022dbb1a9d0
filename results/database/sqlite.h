// Opening a campaign's SQLite file, and turning SQLite's errors into ours. Internal to results (database.h is for both back
// ends).
#pragma once

#include "base/error.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace dagan::results::sqlite {

// For the one writer: makes the file and its schema when missing, with a rollback journal, full syncs and foreign keys.
std::unique_ptr<soci::session> open_to_write(const std::filesystem::path& path);

// For everybody else, at any time, also while the writer writes. First undoes what a writer that died left half done; then
// nothing can be changed. Also of an older schema. Throws Blame::input when there is no results database at `path`.
std::unique_ptr<soci::session> open_to_read(const std::filesystem::path& path);

int schema_version(soci::session& sql);

// SQLite's own interface to the session, and several statements at once, which SOCI cannot run.
sqlite_api::sqlite3* handle(soci::session& sql);
void execute_script(soci::session& sql, std::string_view script);

// What went wrong, whose move it is, and what to do.
Error explained(const std::filesystem::path& path, const soci::soci_error& error);

// Runs `work`, turning what SOCI throws into an Error that names the file.
template <class Work> auto guarded(const std::filesystem::path& path, Work&& work) {
    try {
        return work();
    } catch (const soci::soci_error& error) {
        throw explained(path, error);
    }
}

} // namespace dagan::results::sqlite
