// A campaign's database, of either kind, for those who read it. Internal to results: with sqlite.h and postgresql.h the only
// headers that name SOCI.
#pragma once

#include "base/error.h"
#include "results/database/location.h"

#include <soci/soci.h>

#include <memory>

namespace dagan::results::database {

// Read-only, at any time, also while the writer writes; also of an older schema (sqlite.h). Throws Blame::input when there is
// none.
std::unique_ptr<soci::session> open_to_read(const Location& location);

// What went wrong, whose move it is, and what to do.
Error explained(const Location& location, const soci::soci_error& error);

// Runs `work`, turning what SOCI throws into an Error that names the database.
template <class Work> auto guarded(const Location& location, Work&& work) {
    try {
        return work();
    } catch (const soci::soci_error& error) {
        throw explained(location, error);
    }
}

} // namespace dagan::results::database
