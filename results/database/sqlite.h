// A campaign's SQLite file: opening it, and translating SQLite's errors.
//
// Internal to results. Callers that serve both kinds of database use database.h.
#pragma once

#include "base/error.h"

#include <soci/soci.h>
#include <soci/sqlite3/soci-sqlite3.h>

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace dagan::results::sqlite {

// Opens the file for its only writer, with a rollback journal, full syncs and foreign keys. Creates
// the file and its schema if they are missing. Throws Blame::input if the file is not a results
// database of the current schema, Blame::system if it cannot be written.
std::unique_ptr<soci::session> open_to_write(const std::filesystem::path& path);

// Opens the file for a reader, at any time, also while the writer writes. Rolls back the
// transaction that a killed writer left unfinished; after that, the session cannot change anything.
// Older schemas are read too. Throws Blame::input if `path` is not a results database,
// Blame::system if it cannot be read.
std::unique_ptr<soci::session> open_to_read(const std::filesystem::path& path);

// Returns the schema version that the file was written with.
int schema_version(soci::session& sql);

// Returns SQLite's own connection; the session keeps its ownership.
sqlite_api::sqlite3* handle(soci::session& sql);

// Runs several statements at once, which SOCI cannot. Throws soci::sqlite3_soci_error.
void execute_script(soci::session& sql, std::string_view script);

// Translates an error of SOCI into an Error with its category, its cause and a hint.
Error explained(const std::filesystem::path& path, const soci::soci_error& error);

// Runs `work` and translates what SOCI throws into an Error that names the file.
template <class Work> auto guarded(const std::filesystem::path& path, Work&& work) {
    try {
        return work();
    } catch (const soci::soci_error& error) {
        throw explained(path, error);
    }
}

} // namespace dagan::results::sqlite
