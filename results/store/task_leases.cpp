#include "results/store/task_leases.h"

#include "results/database/postgresql.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::results {

// One session, in whose every call a transaction begins and ends.
class TaskLeases::Connection {
  public:
    explicit Connection(const Location& location)
        : location_(location), sql_(postgresql::open_to_write(location)) {
        // A lease that a crash of the server undoes is only asked for again: it need not wait for the server's disk.
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

// A PostgreSQL array of text, as one parameter.
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

std::vector<TaskLease> claims_in(soci::rowset<soci::row>& rows) {
    std::vector<TaskLease> claims;
    for (const auto& row : rows) claims.push_back({row.get<std::string>(0), row.get<long long>(1)});
    return claims;
}

} // namespace

TaskLeases::TaskLeases(const Location& location, std::string owner, std::chrono::milliseconds lease)
    : owner_(std::move(owner)), lease_(lease) {
    if (!location.is_server()) {
        throw input_error(
            location.name() +
            ": several allocations cannot share a SQLite file; hint: let the campaign's store be a "
            "PostgreSQL database (postgresql://...)");
    }
    connection_ = std::make_unique<Connection>(location);
    connection_->run([](soci::session& sql) {
        sql << "INSERT INTO claim (task) SELECT key FROM task ON CONFLICT (task) DO NOTHING";
        return 0;
    });
}

TaskLeases::~TaskLeases() = default;

// The row that is updated is looked at again once it is locked, so `expires <= now()` holds of its newest version.
std::vector<TaskLease> TaskLeases::acquire(std::span<const std::string> candidates, int count) {
    const auto array = array_of(candidates);
    const long long lease_ms = lease_.count();
    auto claims = connection_->run([&](soci::session& sql) {
        soci::rowset<soci::row> rows =
            (sql.prepare
                 << "WITH free AS (SELECT task FROM claim WHERE task = ANY(CAST(:candidates AS "
                    "TEXT[])) AND expires <= now() "
                    "ORDER BY array_position(CAST(:candidates AS TEXT[]), task) LIMIT :count FOR "
                    "UPDATE SKIP LOCKED) "
                    "UPDATE claim SET owner = :owner, fence = nextval('claim_fence'), "
                    "expires = now() + :lease * INTERVAL '1 millisecond' "
                    "FROM free WHERE claim.task = free.task RETURNING claim.task, claim.fence",
             soci::use(array, "candidates"), soci::use(count, "count"), soci::use(owner_, "owner"),
             soci::use(lease_ms, "lease"));
        return claims_in(rows);
    });
    const auto place = [&](const TaskLease& claim) {
        return std::find(candidates.begin(), candidates.end(), claim.task);
    };
    std::sort(claims.begin(), claims.end(),
              [&](const TaskLease& a, const TaskLease& b) { return place(a) < place(b); });
    return claims;
}

TaskLeases::Peers TaskLeases::peers() {
    return connection_->run([&](soci::session& sql) {
        // Two statements, the second of which sees what was committed after the first: a task is held only once its needs ended.
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
        return claims_in(rows);
    });
}

void TaskLeases::release(const std::string& task) {
    connection_->run([&](soci::session& sql) {
        sql << "UPDATE claim SET expires = '-infinity' WHERE task = :task AND owner = :owner",
            soci::use(task), soci::use(owner_);
        return 0;
    });
}

void TaskLeases::release_those_of(const std::string& beginning) {
    const auto length = static_cast<int>(beginning.size());
    connection_->run([&](soci::session& sql) {
        sql << "UPDATE claim SET expires = '-infinity' WHERE left(owner, :length) = :beginning AND "
               "owner <> :owner",
            soci::use(length), soci::use(beginning), soci::use(owner_);
        return 0;
    });
}

} // namespace dagan::results
