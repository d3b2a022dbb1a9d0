-- Triggers for SQLite. SQLite enforces foreign keys only for programs that ask for it; triggers are
-- always enforced, so these repeat the guarantees of the foreign keys. The text within a statement
-- must not change (see schema.sql).
CREATE TRIGGER result_at_best_epoch BEFORE INSERT ON result
WHEN NOT EXISTS (SELECT 1 FROM best_epoch b JOIN epoch e ON e.task = b.task AND e.epoch = b.epoch AND e.validation_correct = b.validation_correct
                 WHERE b.task = NEW.task AND b.epoch = NEW.best_epoch AND b.validation_correct = NEW.validation_correct
                   AND b.validation_total = NEW.validation_total)
  OR EXISTS (SELECT 1 FROM epoch e JOIN best_epoch b ON b.task = e.task WHERE e.task = NEW.task AND b.rule <> 'last'
             AND (e.validation_correct > NEW.validation_correct OR (e.validation_correct = NEW.validation_correct AND e.epoch < NEW.best_epoch)))
BEGIN SELECT RAISE(ABORT, 'a test accuracy other than at the best validation epoch'); END;
CREATE TRIGGER best_epoch_follows_plan BEFORE INSERT ON best_epoch
WHEN NOT EXISTS (SELECT 1 FROM task t WHERE t.key = NEW.task AND t.epoch_select = NEW.rule)
BEGIN SELECT RAISE(ABORT, 'the epoch is not chosen by the rule of the task'); END;
CREATE TRIGGER epoch_before_result BEFORE INSERT ON epoch WHEN EXISTS (SELECT 1 FROM result r WHERE r.task = NEW.task)
BEGIN SELECT RAISE(ABORT, 'the task already has its result'); END;
CREATE TRIGGER result_stays BEFORE UPDATE ON result BEGIN SELECT RAISE(ABORT, 'a result is never changed'); END;
CREATE TRIGGER epoch_stays BEFORE UPDATE ON epoch BEGIN SELECT RAISE(ABORT, 'an epoch is never changed'); END;
CREATE TRIGGER best_epoch_stays BEFORE UPDATE ON best_epoch BEGIN SELECT RAISE(ABORT, 'the best epoch is never changed'); END;
