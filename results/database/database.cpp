#include "results/database/database.h"

#include "results/database/postgresql.h"
#include "results/database/sqlite.h"

namespace dagan::results::database {

std::unique_ptr<soci::session> open_to_read(const Location& location) {
    return location.is_server() ? postgresql::open_to_read(location)
                                : sqlite::open_to_read(location.file());
}

Error explained(const Location& location, const soci::soci_error& error) {
    return location.is_server() ? postgresql::explained(location, error)
                                : sqlite::explained(location.file(), error);
}

} // namespace dagan::results::database
