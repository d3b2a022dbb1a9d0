-- What foreign keys do not say: that nothing of a result changes afterwards. Only for PostgreSQL; sqlite_guards.sql is its twin.
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', TG_ARGV[0] USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE FUNCTION refuse_epoch_after_result() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM result r WHERE r.task = NEW.task) THEN
        RAISE EXCEPTION 'the task already has its result' USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER epoch_before_result BEFORE INSERT ON epoch FOR EACH ROW EXECUTE FUNCTION refuse_epoch_after_result();
CREATE TRIGGER result_stays BEFORE UPDATE ON result FOR EACH ROW EXECUTE FUNCTION refuse_change('a result is never changed');
CREATE TRIGGER epoch_stays BEFORE UPDATE ON epoch FOR EACH ROW EXECUTE FUNCTION refuse_change('an epoch is never changed');
CREATE TRIGGER best_epoch_stays BEFORE UPDATE ON best_epoch FOR EACH ROW
    EXECUTE FUNCTION refuse_change('the best epoch is never changed');

-- Several coordinators write at once: tokens come from here, so that later attempts have larger ones whoever starts them.
CREATE SEQUENCE attempt_token;

-- Who works on what (results/store/task_leases.h): one row for each task. A lease that has expired is anybody's. fence rises with each claim, so
-- that what a dead holder still does can be told from its successor's. Whether a task is over, its attempts say.
CREATE SEQUENCE claim_fence;
CREATE TABLE claim (
    task    TEXT NOT NULL PRIMARY KEY REFERENCES task (key),
    owner   TEXT NOT NULL DEFAULT '',
    fence   BIGINT NOT NULL DEFAULT 0,
    expires TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT '-infinity'
);
