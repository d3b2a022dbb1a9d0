// The results database. One writer, the coordinator in rank 0; everybody else opens read-only (queries.h) or reads the status
// snapshot. Changes become durable at commit(); only then may anything be acknowledged. A result is accepted once per task, and
// only under the task's current attempt. All throw Blame::system when the disk fails or is full; after any Error the store is of
// no further use but to be closed, which undoes what was not committed.
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

// Identity of a campaign and where its numbers come from (also in campaign.json).
struct Campaign {
    std::string name;
    std::string sweep;        // canonical text of the Sweep
    std::string code_version; // of the program that made it
    std::string created;      // ISO 8601, UTC

    DAGAN_FIELDS(name, sweep, code_version, created)
    bool operator==(const Campaign&) const = default;
};

// What the store knows of a task when a run starts.
struct StoredTask {
    std::string task; // key
    int attempts = 0; // started so far
    int charged = 0;  // attempts that cost a credit (orchestration: "Retrying, by cause")
    int lost = 0;     // of these, with the whole job
    std::optional<Outcome> ended; // done, diverged or a final failure; nothing while work is left
    std::string error;
    std::vector<Artifact> artifacts;
    int64_t open_attempt = 0;      // token of the attempt without an end, 0 when there is none
    int64_t checkpoint_before = 0; // as start_attempt() was told for that one
};

// How an attempt went that may tell something about its node.
struct PastAttempt {
    std::string task; // key
    std::string host;
    Outcome outcome = Outcome::done;
};

class Store {
  public:
    virtual ~Store() = default;
    // Enters the campaign and its tasks, or finds them there already (then nothing changes; tasks new to a known campaign are
    // added). Comes before all else. Throws Blame::input when the database holds another sweep.
    virtual void enter(const Campaign& campaign, const Plan& plan) = 0;
    virtual std::vector<StoredTask> load() = 0; // one per task entered, in no particular order
    // One of them as it is now, whatever other allocations did with it since.
    virtual StoredTask load_task(const std::string& task) = 0;
    // The attempts that ended on hosts where some failed, in their order.
    virtual std::vector<PastAttempt> history_of_suspects() = 0;
    // Opens every task again that ended in failure, all its credits given back; its attempts stay on record. Returns how many.
    virtual int reopen_failed() = 0;
    // Records that an attempt begins, before its first instruction, charged a credit until its end says otherwise.
    // `checkpoint_before`: a number that changes when the task's checkpoint does; tells later whether a lost attempt left one.
    // Returns its token: positive, larger than all before it in this database. An earlier attempt of the task without an end is
    // thereby no longer current. Returns 0, recording nothing, when another allocation ended the task meanwhile.
    virtual int64_t start_attempt(const std::string& task, const std::string& ranks,
                                  const std::string& host, int64_t checkpoint_before = 0) = 0;
    // Is this the task's current attempt, without an end? On a server nobody else can change that until the next commit().
    virtual bool is_current(const std::string& task, int64_t attempt) = 0;
    // Records an attempt's end with its outcome and cost and, when `final`, the task's, with score, whole curve and artifacts
    // (those of other attempts are not kept). `refund` gives the credit back. Returns false, changing nothing, when the attempt
    // is not the task's current one, has ended, or the task has. A score comes with its curve "validation_accuracy", one point
    // for each epoch, and must be that of the epoch which the task's epoch_select chooses, or Blame::bug is thrown and nothing
    // changed.
    virtual bool finish_attempt(const TaskResult& result, bool final, bool refund) = 0;
    // Gives back the credits of all failures on a host that was found bad.
    virtual void forgive(const std::string& host) = 0;
    virtual void commit() = 0; // group commit: everything since the last one, durably
};

// SQLite at `path` with a rollback journal (WAL does not work over network file systems). Creates it when missing.
// Throws Blame::system when it cannot be written, Blame::input when it is something else.
std::unique_ptr<Store> open_sqlite_store(const std::filesystem::path& path);

// That, or the same tables on a PostgreSQL server, where several coordinators may write at once (claims.h tells who works on
// what): what the contract says of the task's current attempt holds over all of them.
std::unique_ptr<Store> open_store(const Location& location);

} // namespace dagan::results
