// The store's prepared statements: set the members of one, then call run(). Internal to results.
//
// The SQL is plain enough for SQLite and PostgreSQL. run() throws soci::soci_error.
#pragma once

#include <soci/soci.h>

#include <string>

namespace dagan::results {

// A parameter that may be NULL.
template <class T> struct Nullable {
    T value{};
    soci::indicator indicator = soci::i_null;

    void set(T known) {
        value = std::move(known);
        indicator = soci::i_ok;
    }
    void clear() { indicator = soci::i_null; }
};

class Statement {
  public:
    // Not copied or moved: the parameters are bound by address.
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;
    void run() { statement_.execute(true); }

  protected:
    explicit Statement(soci::session& sql) : statement_(sql) {}
    template <class... Parameters> void prepare(const char* text, Parameters&... parameters) {
        (bind(parameters), ...);
        statement_.alloc();
        statement_.prepare(text);
        statement_.define_and_bind();
    }

  private:
    template <class T> void bind(T& parameter) { statement_.exchange(soci::use(parameter)); }
    template <class T> void bind(Nullable<T>& parameter) {
        statement_.exchange(soci::use(parameter.value, parameter.indicator));
    }

    soci::statement statement_;
};

struct InsertTask : Statement {
    std::string key, kind, dataset, spec;
    Nullable<int> samples_per_class, generated_per_real, seed;
    Nullable<std::string> budget, softmax, epoch_select;

    explicit InsertTask(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO task (key, kind, dataset, samples_per_class, generated_per_real, "
                "budget, softmax, seed, epoch_select, spec) "
                "VALUES (:key, :kind, :dataset, :n, :m, :budget, :softmax, :seed, :epoch_select, "
                ":spec) ON CONFLICT (key) DO NOTHING",
                key, kind, dataset, samples_per_class, generated_per_real, budget, softmax, seed,
                epoch_select, spec);
    }
};

struct InsertAttempt : Statement {
    long long token = 0, checkpoint_before = 0;
    std::string task, ranks, host, started;

    explicit InsertAttempt(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO attempt (token, task, ranks, host, started, checkpoint_before) "
                "VALUES (:token, :task, :ranks, :host, :started, :checkpoint_before)",
                token, task, ranks, host, started, checkpoint_before);
    }
};

struct EndAttempt : Statement {
    std::string ended, outcome, error, host;
    int final = 0, charged = 1;
    Nullable<std::string> device;
    Nullable<double> seconds, seconds_per_step;
    Nullable<long long> steps;
    long long token = 0;

    explicit EndAttempt(soci::session& sql) : Statement(sql) {
        prepare("UPDATE attempt SET ended = :ended, outcome = :outcome, error = :error, "
                "host = COALESCE(NULLIF(:host, ''), host), final = :final, charged = :charged, "
                "device = :device, seconds = :seconds, steps = :steps, "
                "seconds_per_step = :seconds_per_step WHERE token = :token",
                ended, outcome, error, host, final, charged, device, seconds, steps,
                seconds_per_step, token);
    }
};

struct InsertBestEpoch : Statement {
    std::string task, rule;
    int epoch = 0, validation_correct = 0, validation_total = 0;

    explicit InsertBestEpoch(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO best_epoch (task, rule, epoch, validation_correct, validation_total) "
                "VALUES (:task, :rule, :epoch, :correct, :total)",
                task, rule, epoch, validation_correct, validation_total);
    }
};

struct InsertEpoch : Statement {
    std::string task, rule;
    int epoch = 0, validation_correct = 0, validation_total = 0, best_epoch = 0, best_correct = 0;

    explicit InsertEpoch(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO epoch (task, epoch, validation_correct, validation_total, rule, "
                "best_epoch, best_correct) "
                "VALUES (:task, :epoch, :correct, :total, :rule, :best_epoch, :best_correct)",
                task, epoch, validation_correct, validation_total, rule, best_epoch, best_correct);
    }
};

struct InsertResult : Statement {
    std::string task;
    long long attempt = 0, steps = 0;
    int best_epoch = 0, validation_correct = 0, validation_total = 0, test_correct = 0,
        test_total = 0;

    explicit InsertResult(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO result (task, attempt, steps, best_epoch, validation_correct, "
                "validation_total, test_correct, test_total) "
                "VALUES (:task, :attempt, :steps, :best_epoch, :v_correct, :v_total, :t_correct, "
                ":t_total)",
                task, attempt, steps, best_epoch, validation_correct, validation_total,
                test_correct, test_total);
    }
};

struct InsertCurve : Statement {
    std::string task, quantity;
    long long step = 0;
    Nullable<double> value; // NULL: not a number

    explicit InsertCurve(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO curve (task, quantity, step, value) "
                "VALUES (:task, :quantity, :step, :value) "
                "ON CONFLICT (task, quantity, step) DO NOTHING",
                task, quantity, step, value);
    }
};

struct InsertArtifact : Statement {
    std::string task, role, path, sha256;

    explicit InsertArtifact(soci::session& sql) : Statement(sql) {
        prepare("INSERT INTO artifact (task, role, path, sha256) "
                "VALUES (:task, :role, :path, :sha256) "
                "ON CONFLICT (task, role, path) DO NOTHING",
                task, role, path, sha256);
    }
};

} // namespace dagan::results
