// Read access to a campaign's database of either kind, SQLite or PostgreSQL.
//
// Internal to results. Only this header, sqlite.h, postgresql.h and the store's private headers
// name SOCI.
#pragma once

#include "base/error.h"
#include "results/database/location.h"

#include <soci/soci.h>

#include <memory>

namespace dagan::results::database {

// Opens the database read-only. Readers may come at any time, also while the coordinator writes,
// and may read a SQLite file of an older schema (sqlite.h). Throws Blame::input if there is no
// results database, Blame::system if it cannot be read.
std::unique_ptr<soci::session> open_to_read(const Location& location);

// Translates an error of SOCI into an Error with its category, its cause and a hint.
Error explained(const Location& location, const soci::soci_error& error);

// Runs `work` and translates what SOCI throws into an Error that names the database.
template <class Work> auto guarded(const Location& location, Work&& work) {
    try {
        return work();
    } catch (const soci::soci_error& error) {
        throw explained(location, error);
    }
}

} // namespace dagan::results::database
