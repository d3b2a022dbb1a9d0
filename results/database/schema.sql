-- The results database of one campaign, the same for SQLite and PostgreSQL. sqlite_guards.sql and
-- postgresql_guards.sql add the triggers and tables of each.
--
-- Coordinators write; anyone may read at any time. Rows are added and never changed, except in
-- `attempt`: its end is filled in later, a refund clears `charged`, and the last attempt of a failed
-- task is no longer final when the task is tried again. Every table names a task by its key. Times
-- are ISO 8601 in UTC. A value that is not known yet, or is not a number, is NULL.
--
-- SQLite stores the text of each CREATE statement with its comments, and `dagan results salvage`
-- takes a lost first page, which depends on these texts, from a new database of the same version.
-- So the text within a statement must not change without a new schema version; comments between
-- statements may. attempt.charged = 1: the attempt counts against the task's attempt budget.

CREATE TABLE schema_version (version INTEGER NOT NULL PRIMARY KEY);
INSERT INTO schema_version VALUES (2);

CREATE TABLE campaign (                      -- one row
    name         TEXT NOT NULL,
    sweep        TEXT NOT NULL,              -- canonical JSON of the whole sweep
    code_version TEXT NOT NULL,
    created      TEXT NOT NULL,
    only_one     INTEGER NOT NULL DEFAULT 1 PRIMARY KEY CHECK (only_one = 1)
);

CREATE TABLE task (                          -- the plan; columns that a kind does not have are NULL
    key                TEXT NOT NULL PRIMARY KEY,                      -- hash of spec
    kind               TEXT NOT NULL CHECK (kind IN ('selector', 'gan', 'pool', 'classifier')),
    dataset            TEXT NOT NULL,
    samples_per_class  INTEGER,              -- n: real training images per class
    generated_per_real INTEGER,              -- m: generated images per real one
    budget             TEXT,                 -- 'epochs', or 'steps:M': as many steps as the run with m = M
    softmax            TEXT,
    seed               INTEGER,
    epoch_select       TEXT CHECK (epoch_select IN ('best_val', 'last')), -- which epoch's weights count; a selector's: the last
    spec               TEXT NOT NULL,        -- canonical JSON: all there is to know
    CHECK (kind <> 'classifier' OR (samples_per_class IS NOT NULL AND generated_per_real IS NOT NULL AND budget IS NOT NULL
                                    AND softmax IS NOT NULL AND seed IS NOT NULL AND epoch_select IS NOT NULL)),
    UNIQUE (key, epoch_select)
);

CREATE TABLE attempt (                       -- one run of a task, entered before its first instruction
    token            INTEGER NOT NULL PRIMARY KEY,                     -- increasing; a task's latest is its current one
    task             TEXT NOT NULL REFERENCES task (key),
    ranks            TEXT NOT NULL,                                    -- 0,1; of the second allocation: 2:0,2:1
    host             TEXT NOT NULL,                                    -- of its first rank, or of the one that explains its end
    started          TEXT NOT NULL,
    ended            TEXT,
    outcome          TEXT CHECK (outcome IN ('done', 'diverged', 'interrupted', 'died', 'stuck', 'input_error', 'system_error',
                                             'out_of_memory', 'bug', 'lost')), -- NULL: running; lost: with the whole job
    error            TEXT NOT NULL DEFAULT '',
    final            INTEGER NOT NULL DEFAULT 0 CHECK (final IN (0, 1)),   -- 1: the task ended with this attempt
    charged          INTEGER NOT NULL DEFAULT 1 CHECK (charged IN (0, 1)), -- 1: cost one of the task's credits
    checkpoint_before BIGINT NOT NULL DEFAULT 0,                       -- changes with the task's checkpoint; 0: none
    device           TEXT,                   -- 'cpu' or a GPU's name
    seconds          DOUBLE PRECISION,
    steps            BIGINT,                 -- done in this attempt
    seconds_per_step DOUBLE PRECISION,
    CHECK ((ended IS NULL) = (outcome IS NULL)),
    CHECK (final = 0 OR outcome IS NOT NULL)
);

CREATE TABLE curve (                         -- values over training: steps are iterations of a DAGAN, epochs of a classifier
    task     TEXT NOT NULL REFERENCES task (key),
    quantity TEXT NOT NULL,                  -- 'critic_loss', 'score', 'loss', ...
    step     BIGINT NOT NULL,
    value    DOUBLE PRECISION,
    PRIMARY KEY (task, quantity, step)
);

-- The only test accuracy that may be reported is the one at the best validation epoch. Three tables
-- refuse any other: best_epoch has one row for each trained classifier; every epoch refers to that
-- row and must not beat it; a result must agree with both.

CREATE TABLE best_epoch (
    task               TEXT NOT NULL PRIMARY KEY,
    rule               TEXT NOT NULL,
    epoch              INTEGER NOT NULL CHECK (epoch >= 1),
    validation_correct INTEGER NOT NULL CHECK (validation_correct >= 0),
    validation_total   INTEGER NOT NULL CHECK (validation_total >= validation_correct AND (validation_total > 0 OR rule = 'last')),
    UNIQUE (task, rule, epoch, validation_correct, validation_total),
    UNIQUE (task, epoch, validation_correct, validation_total),
    FOREIGN KEY (task, rule) REFERENCES task (key, epoch_select)
);

CREATE TABLE epoch (                         -- validation counts after each epoch, counted from 1
    task               TEXT NOT NULL,
    epoch              INTEGER NOT NULL CHECK (epoch >= 1),
    validation_correct INTEGER NOT NULL CHECK (validation_correct >= 0),
    validation_total   INTEGER NOT NULL CHECK (validation_total >= validation_correct),
    rule               TEXT NOT NULL,        -- these three repeat the task's row in best_epoch
    best_epoch         INTEGER NOT NULL,
    best_correct       INTEGER NOT NULL,
    PRIMARY KEY (task, epoch),
    FOREIGN KEY (task, rule, best_epoch, best_correct, validation_total)
        REFERENCES best_epoch (task, rule, epoch, validation_correct, validation_total),
    CHECK (epoch <> best_epoch OR validation_correct = best_correct),
    CHECK (CASE rule WHEN 'last' THEN epoch <= best_epoch
                     ELSE validation_correct < best_correct OR (validation_correct = best_correct AND epoch >= best_epoch) END)
);

CREATE TABLE result (                        -- at most one for each classifier (and selector, which has no test images)
    task               TEXT NOT NULL PRIMARY KEY,
    attempt            INTEGER NOT NULL UNIQUE REFERENCES attempt (token),
    steps              BIGINT NOT NULL CHECK (steps >= 0),              -- optimiser steps of the whole training
    best_epoch         INTEGER NOT NULL,
    validation_correct INTEGER NOT NULL,
    validation_total   INTEGER NOT NULL,
    test_correct       INTEGER NOT NULL CHECK (test_correct >= 0),      -- of the weights of best_epoch
    test_total         INTEGER NOT NULL CHECK (test_total >= test_correct),
    FOREIGN KEY (task, best_epoch) REFERENCES epoch (task, epoch),
    FOREIGN KEY (task, best_epoch, validation_correct, validation_total)
        REFERENCES best_epoch (task, epoch, validation_correct, validation_total)
);

CREATE TABLE artifact (                      -- files that outlive their task, relative to the campaign's folder
    task   TEXT NOT NULL REFERENCES task (key),
    role   TEXT NOT NULL,                    -- 'weights', 'pool', 'samples'
    path   TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    PRIMARY KEY (task, role, path)
);

CREATE TABLE site (                          -- campaigns that were merged into this one (`dagan results merge`); else empty
    name         TEXT NOT NULL PRIMARY KEY,
    campaign     TEXT NOT NULL,
    sweep        TEXT NOT NULL,
    code_version TEXT NOT NULL,
    created      TEXT NOT NULL
);

CREATE TABLE origin (                        -- of a merged attempt: its site, and the token that it had there
    attempt BIGINT NOT NULL PRIMARY KEY REFERENCES attempt (token),
    site    TEXT NOT NULL REFERENCES site (name),
    token   BIGINT NOT NULL
);

-- Views for analysts.

CREATE VIEW trial AS                         -- the finished classifiers, the lines of `dagan results rows`
SELECT t.dataset, t.samples_per_class, t.generated_per_real, t.seed, t.budget, t.softmax, r.steps, r.best_epoch,
       r.validation_correct, r.validation_total, r.test_correct, r.test_total, t.key AS task
FROM result r JOIN task t ON t.key = r.task
WHERE t.kind = 'classifier';

CREATE VIEW cell AS                          -- seeds of one configuration together; intervals: `dagan results cells`
WITH planned AS (
    SELECT dataset, samples_per_class, generated_per_real, budget, count(*) AS planned
    FROM task WHERE kind = 'classifier' GROUP BY dataset, samples_per_class, generated_per_real, budget
), accuracy AS (
    SELECT dataset, samples_per_class, generated_per_real, budget,
           CAST(validation_correct AS DOUBLE PRECISION) / NULLIF(validation_total, 0) AS validation,
           CAST(test_correct AS DOUBLE PRECISION) / NULLIF(test_total, 0) AS test
    FROM trial
), mean AS (
    SELECT dataset, samples_per_class, generated_per_real, budget, count(*) AS seeds, avg(validation) AS validation, avg(test) AS test
    FROM accuracy GROUP BY dataset, samples_per_class, generated_per_real, budget
), spread AS (
    SELECT a.dataset, a.samples_per_class, a.generated_per_real, a.budget,
           sqrt(sum((a.test - m.test) * (a.test - m.test)) / NULLIF(count(a.test) - 1, 0)) AS test_sd
    FROM accuracy a JOIN mean m ON m.dataset = a.dataset AND m.samples_per_class = a.samples_per_class
                               AND m.generated_per_real = a.generated_per_real AND m.budget = a.budget
    GROUP BY a.dataset, a.samples_per_class, a.generated_per_real, a.budget
)
SELECT p.dataset, p.samples_per_class, p.generated_per_real, p.budget, COALESCE(m.seeds, 0) AS seeds,
       p.planned - COALESCE(m.seeds, 0) AS missing, m.validation AS validation_mean, m.test AS test_mean, s.test_sd
FROM planned p
LEFT JOIN mean m ON m.dataset = p.dataset AND m.samples_per_class = p.samples_per_class
                AND m.generated_per_real = p.generated_per_real AND m.budget = p.budget
LEFT JOIN spread s ON s.dataset = p.dataset AND s.samples_per_class = p.samples_per_class
                  AND s.generated_per_real = p.generated_per_real AND s.budget = p.budget;

CREATE VIEW table1 AS                        -- m by mean validation accuracy, the smaller on ties; test accuracy plays no part
WITH ranked AS (
    SELECT cell.*, row_number() OVER (PARTITION BY dataset, samples_per_class
                                      ORDER BY validation_mean DESC, generated_per_real) AS place
    FROM cell WHERE generated_per_real >= 1 AND budget = 'epochs' AND validation_mean IS NOT NULL
), chosen AS (
    SELECT * FROM ranked WHERE place = 1
)
SELECT c.dataset, c.samples_per_class, 0 AS augmented, c.generated_per_real, c.budget, c.seeds, c.missing, c.test_mean, c.test_sd
FROM cell c
LEFT JOIN chosen ON chosen.dataset = c.dataset AND chosen.samples_per_class = c.samples_per_class
WHERE c.generated_per_real = 0 AND (c.budget = 'epochs' OR c.budget = 'steps:' || CAST(chosen.generated_per_real AS TEXT))
UNION ALL
SELECT dataset, samples_per_class, 1, generated_per_real, budget, seeds, missing, test_mean, test_sd FROM chosen;

CREATE VIEW missing AS                       -- planned classifiers without a result, and how their latest attempt went
WITH latest AS (
    SELECT task, count(*) AS attempts, max(token) AS token FROM attempt GROUP BY task
)
SELECT t.dataset, t.samples_per_class, t.generated_per_real, t.seed, t.budget, t.key AS task, COALESCE(l.attempts, 0) AS attempts,
       a.outcome, a.error
FROM task t
LEFT JOIN result r ON r.task = t.key
LEFT JOIN latest l ON l.task = t.key
LEFT JOIN attempt a ON a.token = l.token
WHERE t.kind = 'classifier' AND r.task IS NULL;

CREATE VIEW blame AS                         -- poison task or bad node? Attempts that failed, by task and host
WITH fate AS (                               -- what was lost with the whole job says nothing of its host
    SELECT task, host, charged, error,
           CASE WHEN outcome IN ('died', 'stuck', 'input_error', 'system_error', 'out_of_memory', 'bug') THEN 1 ELSE 0 END AS failed
    FROM attempt
)
SELECT f.task, t.kind, f.host, count(*) AS attempts, sum(f.failed) AS failures, sum(f.charged) AS charged, max(f.error) AS error
FROM fate f JOIN task t ON t.key = f.task
GROUP BY f.task, t.kind, f.host
HAVING sum(f.failed) > 0;

CREATE VIEW cost AS                          -- seconds a step, by kind and device
SELECT t.kind, a.device, count(*) AS attempts, sum(a.steps) AS steps, sum(a.seconds) AS seconds,
       sum(a.seconds_per_step * a.steps) / NULLIF(sum(a.steps), 0) AS seconds_per_step
FROM attempt a JOIN task t ON t.key = a.task
WHERE a.steps > 0 AND a.device IS NOT NULL
GROUP BY t.kind, a.device;

CREATE VIEW provenance AS                    -- of each result: where and when it was made, by which version of the program
SELECT r.task, a.token, a.host, a.ranks, a.device, a.started, a.ended, COALESCE(s.name, '') AS site,
       COALESCE(s.code_version, c.code_version) AS code_version
FROM result r JOIN attempt a ON a.token = r.attempt CROSS JOIN campaign c
LEFT JOIN origin o ON o.attempt = a.token LEFT JOIN site s ON s.name = o.site;
