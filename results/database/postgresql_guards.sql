-- Triggers and shared tables for PostgreSQL (sqlite_guards.sql has the triggers for SQLite). The
-- triggers enforce what foreign keys cannot: a result never changes once it is entered.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION refuse_epoch_after_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM result r WHERE r.task = NEW.task) THEN
        RAISE EXCEPTION 'the task already has its result'
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER epoch_before_result BEFORE INSERT ON epoch FOR EACH ROW
    EXECUTE FUNCTION refuse_epoch_after_result();
CREATE TRIGGER result_stays BEFORE UPDATE ON result FOR EACH ROW
    EXECUTE FUNCTION refuse_change('a result is never changed');
CREATE TRIGGER epoch_stays BEFORE UPDATE ON epoch FOR EACH ROW
    EXECUTE FUNCTION refuse_change('an epoch is never changed');
CREATE TRIGGER best_epoch_stays BEFORE UPDATE ON best_epoch FOR EACH ROW
    EXECUTE FUNCTION refuse_change('the best epoch is never changed');

-- Attempt tokens. Several coordinators write at once, and a later attempt must have a larger token
-- than an earlier one of any coordinator.
CREATE SEQUENCE attempt_token;

-- Leases of tasks (results/store/task_leases.h): one row for each task. Any allocation may take a
-- lease that has expired. `fence` increases with each acquisition, which tells a new owner from an
-- earlier one. Whether a task has ended is recorded in `attempt`, not here.
CREATE SEQUENCE claim_fence;
CREATE TABLE claim (
    task    TEXT NOT NULL PRIMARY KEY REFERENCES task (key),
    owner   TEXT NOT NULL DEFAULT '',
    fence   BIGINT NOT NULL DEFAULT 0,
    expires TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT '-infinity'
);
