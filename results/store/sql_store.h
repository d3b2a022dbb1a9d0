// The Store over one SOCI session, for SQLite and PostgreSQL. Internal to results.
//
// Whether a result is accepted depends on the task's current token and on whether the task has
// ended; both are kept in memory, since a SQLite file has one writer. On a server, where other
// coordinators may write too, the database is asked as well, with the task's row locked until the
// commit, and tokens come from a sequence. The constraints of the schema apply in any case.
//
// A transaction is open from the first change to commit(). After an Error the store can only be
// closed, which rolls back what was not committed.
#pragma once

#include "results/database/database.h"
#include "results/store/statements.h"
#include "results/store/store.h"
#include "results/store/timestamp.h"

#include <unordered_map>

namespace dagan::results {

class SqlStore final : public Store {
  public:
    SqlStore(std::unique_ptr<soci::session> sql, Location location);

    void enter(const Campaign& campaign, const Plan& plan) override;
    std::vector<StoredTask> load() override;
    StoredTask load_task(const std::string& task) override;
    int reopen_failed() override;
    std::vector<PastAttempt> attempts_on_suspect_hosts() override;
    int64_t start_attempt(const std::string& task, const std::string& ranks,
                          const std::string& host, int64_t checkpoint_before) override;
    bool is_current(const std::string& task, int64_t attempt) override;
    bool finish_attempt(const TaskResult& result, bool final, bool refund) override;
    void refund_attempts(const std::string& host) override;
    void commit() override;

  private:
    struct TaskState {
        int64_t running = 0; // token of the current attempt, 0 between attempts
        bool ended = false;
        EpochSelect epoch_select = EpochSelect::best_val;
    };

    void begin();
    int64_t next_token();
    // Lock the task's row on a server and ask the database; always true with a single writer.
    bool still_open(const std::string& task);
    bool still_current(const std::string& task, int64_t token);
    void enter_campaign(const Campaign& campaign);
    void enter_task(const PlannedTask& task);
    void read_states();
    void end_attempt(const TaskResult& result, bool final, bool refund);
    void write_trial(const TaskResult& result, const std::vector<struct EpochCounts>& epochs,
                     EpochSelect rule);
    void write_curve(const TaskResult& result);
    void write_artifacts(const TaskResult& result);

    std::unique_ptr<soci::session> sql_;
    Location location_;
    std::unordered_map<std::string, TaskState> tasks_;
    int64_t last_token_ = 0;
    bool in_transaction_ = false;
    Timestamp timestamp_;

    InsertTask insert_task_;
    InsertAttempt insert_attempt_;
    EndAttempt end_attempt_;
    InsertBestEpoch insert_best_epoch_;
    InsertEpoch insert_epoch_;
    InsertResult insert_result_;
    InsertCurve insert_curve_;
    InsertArtifact insert_artifact_;
};

} // namespace dagan::results
