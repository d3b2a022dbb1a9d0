// The results database, as coordinators write it. Readers use results/query/queries.h.
//
// A SQLite store has one writer, the coordinator in rank 0; a PostgreSQL store may have several.
// Changes become durable at commit(); nothing may be acknowledged to a worker before. The store
// accepts one result per task, and only under the task's current attempt. Every function throws
// Blame::system if the database cannot be read or written; after an Error the store can only be
// closed, which rolls back what was not committed.
//
//     const auto store = open_store(location);
//     store->enter(campaign, plan);
//     const int64_t token = store->start_attempt(task, "0", "node1");
//     store->commit(); // the attempt is on record before it runs
//     // ... the trainer returns `result`, whose `attempt` is `token` ...
//     if (store->finish_attempt(result, /*final=*/true, /*refund=*/false)) store->commit();
#pragma once

#include "results/database/location.h"
#include "spec/result.h"
#include "spec/task.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// The identity of a campaign; also in campaign.json.
struct Campaign {
    std::string name;
    std::string sweep;        // canonical text of the Sweep
    std::string code_version; // of the program that created it
    std::string created;      // ISO 8601, UTC

    DAGAN_FIELDS(name, sweep, code_version, created)
    bool operator==(const Campaign&) const = default;
};

// The record of a task when a run starts.
struct StoredTask {
    std::string task; // key
    int attempts = 0; // started so far
    // Attempts that count against the attempt budget (docs/internals/scheduling.md).
    int charged = 0;
    // Charged attempts that were lost together with their whole job.
    int lost = 0;
    // done, diverged or a final failure; nullopt if work remains.
    std::optional<Outcome> ended;
    std::string error; // of the latest attempt
    std::vector<Artifact> artifacts;
    // Token of an attempt without a recorded end; 0 if there is none.
    int64_t open_attempt = 0;
    // The value given to start_attempt() for the open attempt.
    int64_t checkpoint_before = 0;
};

// An attempt that has ended, as evidence about the health of its host.
struct PastAttempt {
    std::string task; // key
    std::string host;
    Outcome outcome = Outcome::done;
};

class Store {
  public:
    virtual ~Store() = default;

    // Enters the campaign and its tasks. Tasks that are already there stay as they are; tasks that
    // are new to a known campaign are added. Must be called first. Throws Blame::input if the
    // database holds another sweep or, on a server, a campaign of another directory.
    virtual void enter(const Campaign& campaign, const Plan& plan) = 0;

    // Returns one record per task, in no particular order.
    virtual std::vector<StoredTask> load() = 0;

    // Returns the present record of one task, including the changes of other coordinators.
    virtual StoredTask load_task(const std::string& task) = 0;

    // Returns all ended attempts of the hosts on which an attempt failed in a way that may be the
    // host's fault (died, stuck, system_error, out_of_memory), in the order of their tokens.
    virtual std::vector<PastAttempt> attempts_on_suspect_hosts() = 0;

    // Reopens every task that ended in failure and restores its whole attempt budget. Its attempts
    // stay on record. Returns the number of tasks.
    virtual int reopen_failed() = 0;

    // Records the start of an attempt, before its first instruction; it is charged to the attempt
    // budget until its end says otherwise. An earlier attempt of the task that has no end is no
    // longer current.
    // `ranks`: see rank_names.h. `host`: of the first rank. `checkpoint_before`: a number that
    // changes whenever the task's checkpoint does; it later tells whether a lost attempt saved one.
    // Returns the token: positive, and larger than every earlier token in this database. Returns 0,
    // and records nothing, if another coordinator has ended the task.
    virtual int64_t start_attempt(const std::string& task, const std::string& ranks,
                                  const std::string& host, int64_t checkpoint_before = 0) = 0;

    // Returns true if `attempt` is the task's current attempt and has no end. On a server, no other
    // coordinator can change that before the next commit().
    virtual bool is_current(const std::string& task, int64_t attempt) = 0;

    // Records the end of an attempt, with its outcome and cost. If `final`, the task ends too, and
    // its score, its whole curve and its artifacts are stored (those of other attempts are not
    // kept). If `refund`, the attempt no longer counts against the attempt budget.
    // Returns false, and changes nothing, if the attempt is not current or the task has ended.
    // A final score needs the curve "validation_accuracy", one point per epoch, and must be that of
    // the epoch that the task's epoch_select chooses; otherwise Blame::bug is thrown and nothing
    // changes.
    virtual bool finish_attempt(const TaskResult& result, bool final, bool refund) = 0;

    // Refunds the failed attempts on a host that was found faulty. Attempts that ended their task
    // stay charged.
    virtual void refund_attempts(const std::string& host) = 0;

    // Makes everything since the last commit durable (group commit).
    virtual void commit() = 0;
};

// Opens a SQLite store at `path` and creates it if it is missing. It uses a rollback journal, since
// WAL does not work on network file systems. Throws Blame::system if it cannot be written,
// Blame::input if the file is not a results database of the current schema.
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path);

// Opens a SQLite store, or the same tables on a PostgreSQL server, where several coordinators may
// write at once; results/store/task_leases.h decides which task each works on. The rules about a
// task's current attempt apply across all of them. Throws as open_sqlite_store().
std::unique_ptr<Store> open_store(const Location& location);

} // namespace dagan::results
