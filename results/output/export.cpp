#include "results/output/export.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "results/output/table_text.h"
#include "results/query/runs.h"

#include <fmt/format.h>

#include <cerrno>
#include <fstream>

namespace dagan::results {

namespace {

namespace fs = std::filesystem;

// Without fsync: an export has thousands of small files and can be repeated.
void write_unsynced(const fs::path& path, std::string_view bytes) {
    fs::create_directories(path.parent_path());
    std::ofstream file(path, std::ios::binary);
    file.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    file.close();
    if (!file)
        throw system_error(
            fmt::format("{}: cannot be written: {}", path.string(), errno_text(errno)));
}

// A table or view of the database, and the columns that order its rows.
struct Exported {
    const char* name;
    const char* order;
};
constexpr Exported kExported[] = {
    {"campaign", "name"},
    {"task", "key"},
    {"attempt", "token"},
    {"epoch", "task, epoch"},
    {"curve", "task, quantity, step"},
    {"result", "task"},
    {"artifact", "task, role, path"},
    {"missing", "dataset, samples_per_class, generated_per_real, budget, seed"},
    {"blame", "task, host"},
    {"cost", "kind, device"},
};

void export_tables(const Location& database, TableFormat format, const fs::path& folder) {
    const auto write = [&](const std::string& name, const std::string& text) {
        write_unsynced(folder / fmt::format("{}.{}", name, to_string(format)), text);
    };
    write("rows", render_rows(trial_rows(database), format));
    write("cells", render_cells(cell_rows(database), format));
    write("table1", render_table1(table1_rows(database), format));
    write("gains", render_gains(gain_rows(database), format));
    write("choices", render_choices(choice_rows(database), format));
    for (const auto& table : kExported)
        write(table.name, render(run_query(database, fmt::format("SELECT * FROM {} ORDER BY {}",
                                                                 table.name, table.order)),
                                 format));
}

// A double-quoted YAML string.
std::string quoted(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') out += '\\';
        if (static_cast<unsigned char>(c) < 0x20)
            out += fmt::format("\\x{:02x}", c);
        else
            out += c;
    }
    return out + '"';
}

// The number of MLflow's RunStatus.
int mlflow_status(const Run& run) {
    constexpr int kRunning = 1, kScheduled = 2, kFinished = 3, kFailed = 4, kKilled = 5;
    if (run.started_ms == 0) return kScheduled;
    if (run.outcome.empty()) return kRunning;
    if (run.outcome == "done" || run.outcome == "diverged") return kFinished;
    return run.outcome == "interrupted" || run.outcome == "lost" ? kKilled : kFailed;
}

// Writes a run into `folder`. `home`: the folder's final path, as MLflow needs absolute paths of
// artifacts.
void export_mlflow_run(const Run& run, const std::string& experiment, const fs::path& campaign,
                       const fs::path& folder, const fs::path& home) {
    write_unsynced(
        folder / "meta.yaml",
        fmt::format("artifact_uri: {}\nend_time: {}\nentry_point_name: ''\nexperiment_id: '{}'\n"
                    "lifecycle_stage: active\nrun_id: {}\nrun_name: {}\nrun_uuid: {}\nsource_name: "
                    "''\nsource_type: 4\n"
                    "source_version: ''\nstart_time: {}\nstatus: {}\ntags: []\nuser_id: dagan\n",
                    quoted((home / "artifacts").string()),
                    run.ended_ms > 0 ? std::to_string(run.ended_ms) : "null", experiment, run.task,
                    quoted(run.name), run.task, run.started_ms, mlflow_status(run)));
    fs::create_directories(folder / "artifacts");
    write_unsynced(folder / "tags" / "mlflow.runName", run.name);
    for (const auto& [name, value] : run.places)
        write_unsynced(folder / "tags" / ("dagan." + name), value);
    for (const auto& [name, value] : run.parameters)
        write_unsynced(folder / "params" / name, value);
    const int64_t time = run.ended_ms > 0 ? run.ended_ms : run.started_ms;
    for (const auto& [quantity, curve] : run.curves) {
        std::string lines;
        for (const auto& [step, value] : curve)
            lines += fmt::format("{} {} {}\n", time, value, step);
        write_unsynced(folder / "metrics" / file_name_of(quantity), lines);
    }
    for (const auto& [name, value] : run.scores)
        write_unsynced(folder / "metrics" / name,
                       fmt::format("{} {} {}\n", time, value, run.best_epoch));
    for (const auto& sheet : run.samples) {
        if (const auto png = file_in(campaign, sheet))
            write_unsynced(folder / "artifacts" / "samples" / png->filename(), read_file(*png));
    }
}

void export_mlflow(const Location& database, const fs::path& campaign, const fs::path& folder,
                   const fs::path& home) {
    const Campaign about = campaign_of(database);
    // MLflow's experiment ids have 18 digits. Equal campaigns get equal ids.
    const auto id =
        fmt::format("{:018}", hash64(about.sweep + about.created) % 1'000'000'000'000'000'000);
    const auto runs = read_runs(database);
    int64_t first = 0, last = 0;
    for (const auto& run : runs) {
        if (run.started_ms > 0)
            first = first == 0 ? run.started_ms : std::min(first, run.started_ms);
        last = std::max(last, run.ended_ms);
    }
    write_unsynced(
        folder / id / "meta.yaml",
        fmt::format(
            "artifact_location: {}\ncreation_time: {}\nexperiment_id: '{}'\nlast_update_time: {}\n"
            "lifecycle_stage: active\nname: {}\n",
            quoted((home / id).string()), first, id, std::max(first, last), quoted(about.name)));
    for (const auto& run : runs)
        export_mlflow_run(run, id, campaign, folder / id / file_name_of(run.task),
                          home / id / file_name_of(run.task));
}

void write_into(const Location& database, const fs::path& campaign, ExportFormat format,
                const fs::path& folder, const fs::path& home) {
    switch (format) {
    case ExportFormat::csv: return export_tables(database, TableFormat::csv, folder);
    case ExportFormat::json: return export_tables(database, TableFormat::json, folder);
    case ExportFormat::mlflow: return export_mlflow(database, campaign, folder, home);
    }
}

} // namespace

void export_results(const Location& database, const fs::path& campaign, ExportFormat format,
                    const fs::path& folder) {
    const fs::path home = fs::absolute(folder).lexically_normal();
    if (fs::exists(home))
        throw input_error(fmt::format("{}: already exists: an export makes a new folder; hint: "
                                      "choose another name, or remove it",
                                      home.string()));
    fs::path unfinished = home;
    unfinished += std::string(kTemporaryMark) + std::to_string(hash64(home.string()) % 1000000);
    try {
        fs::remove_all(unfinished);
        fs::create_directories(unfinished);
        write_into(database, campaign, format, unfinished, home);
        fs::rename(unfinished, home);
    } catch (const fs::filesystem_error& error) {
        std::error_code ignored;
        fs::remove_all(unfinished, ignored);
        throw system_error(
            fmt::format("{}: cannot be written: {}", home.string(), error.code().message()));
    } catch (...) {
        std::error_code ignored;
        fs::remove_all(unfinished, ignored);
        throw;
    }
}

} // namespace dagan::results
