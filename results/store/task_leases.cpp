#include "results/store/task_leases.h"

#include "results/database/postgresql.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::results {

// One session. Each call of run() is one transaction.
class TaskLeases::Connection {
  public:
    explicit Connection(const Location& location)
        : location_(location), sql_(postgresql::open_to_write(location)) {
        // If a crash of the server loses a lease, it is simply acquired again, so a commit need not
        // wait for the server's disk.
        *sql_ << "SET synchronous_commit = off";
    }

    template <class Work> auto run(Work&& work) {
        try {
            soci::transaction transaction(*sql_);
            auto result = work(*sql_);
            transaction.commit();
            return result;
        } catch (const soci::soci_error& error) {
            throw postgresql::explained(location_, error);
        }
    }

  private:
    Location location_;
    std::unique_ptr<soci::session> sql_;
};

namespace {

// Formats a PostgreSQL array of text, which is passed as one parameter.
std::string array_of(std::span<const std::string> texts) {
    std::string array = "{";
    for (const auto& text : texts) {
        array += array.size() > 1 ? ",\"" : "\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') array += '\\';
            array += c;
        }
        array += '"';
    }
    return array + "}";
}

std::vector<TaskLease> leases_in(soci::rowset<soci::row>& rows) {
    std::vector<TaskLease> leases;
    for (const auto& row : rows) leases.push_back({row.get<std::string>(0), row.get<long long>(1)});
    return leases;
}

} // namespace

TaskLeases::TaskLeases(const Location& location, std::string owner, std::chrono::milliseconds lease)
    : owner_(std::move(owner)), lease_(lease) {
    if (!location.is_server()) {
        throw input_error(
            location.name() +
            ": several allocations cannot share a SQLite file; hint: use a PostgreSQL database "
            "(postgresql://...) as the campaign's store");
    }
    connection_ = std::make_unique<Connection>(location);
    connection_->run([](soci::session& sql) {
        sql << "INSERT INTO claim (task) SELECT key FROM task ON CONFLICT (task) DO NOTHING";
        return 0;
    });
}

TaskLeases::~TaskLeases() = default;

// PostgreSQL checks `expires <= now()` again on the newest version of a row once it is locked.
std::vector<TaskLease> TaskLeases::acquire(std::span<const std::string> candidates, int count) {
    const auto array = array_of(candidates);
    const long long lease_ms = lease_.count();
    auto leases = connection_->run([&](soci::session& sql) {
        soci::rowset<soci::row> rows =
            (sql.prepare
                 << "WITH free AS (SELECT task FROM claim "
                    "WHERE task = ANY(CAST(:candidates AS TEXT[])) AND expires <= now() "
                    "ORDER BY array_position(CAST(:candidates AS TEXT[]), task) "
                    "LIMIT :count FOR UPDATE SKIP LOCKED) "
                    "UPDATE claim SET owner = :owner, fence = nextval('claim_fence'), "
                    "expires = now() + :lease * INTERVAL '1 millisecond' "
                    "FROM free WHERE claim.task = free.task RETURNING claim.task, claim.fence",
             soci::use(array, "candidates"), soci::use(count, "count"), soci::use(owner_, "owner"),
             soci::use(lease_ms, "lease"));
        return leases_in(rows);
    });
    const auto position = [&](const TaskLease& lease) {
        return std::find(candidates.begin(), candidates.end(), lease.task);
    };
    std::sort(leases.begin(), leases.end(),
              [&](const TaskLease& a, const TaskLease& b) { return position(a) < position(b); });
    return leases;
}

TaskLeases::Peers TaskLeases::peers() {
    return connection_->run([&](soci::session& sql) {
        // Two statements: the second also sees what was committed after the first, so `ended`
        // contains every need of a held task.
        Peers others;
        soci::rowset<std::string> held =
            (sql.prepare << "SELECT task FROM claim WHERE expires > now() AND owner <> :owner",
             soci::use(owner_));
        others.held.assign(held.begin(), held.end());
        soci::rowset<std::string> ended =
            (sql.prepare << "SELECT task FROM attempt WHERE final = 1");
        others.ended.assign(ended.begin(), ended.end());
        return others;
    });
}

std::vector<TaskLease> TaskLeases::renew() {
    const long long lease_ms = lease_.count();
    return connection_->run([&](soci::session& sql) {
        soci::rowset<soci::row> rows =
            (sql.prepare << "UPDATE claim SET expires = now() + :lease * INTERVAL '1 millisecond' "
                            "WHERE owner = :owner AND expires > now() RETURNING task, fence",
             soci::use(lease_ms, "lease"), soci::use(owner_, "owner"));
        return leases_in(rows);
    });
}

void TaskLeases::release(const std::string& task) {
    connection_->run([&](soci::session& sql) {
        sql << "UPDATE claim SET expires = '-infinity' WHERE task = :task AND owner = :owner",
            soci::use(task), soci::use(owner_);
        return 0;
    });
}

void TaskLeases::release_by_owner_prefix(const std::string& prefix) {
    const auto length = static_cast<int>(prefix.size());
    connection_->run([&](soci::session& sql) {
        sql << "UPDATE claim SET expires = '-infinity' WHERE left(owner, :length) = :prefix AND "
               "owner <> :owner",
            soci::use(length), soci::use(prefix), soci::use(owner_);
        return 0;
    });
}

} // namespace dagan::results
