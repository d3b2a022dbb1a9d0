// Helpers for end-to-end tests, which run the real programs (from DAGAN_BIN_DIR) as a user does.
// Each test program has one sandbox: a temporary folder that holds its data sets and campaigns.
#pragma once

#include "base/file.h"
#include "base/temporary_folder.h"
#include "spec/json.h"
#include "support/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <vector>

namespace dagan {

namespace fs = std::filesystem;
using Args = std::vector<std::string>;

inline const fs::path kBin = DAGAN_BIN_DIR;
inline const fs::path kSource = DAGAN_SOURCE_DIR;
inline const fs::path kSmoke = kSource / "sweeps" / "smoke.yaml";

inline Args operator+(Args args, const Args& more) {
    args.insert(args.end(), more.begin(), more.end());
    return args;
}

class Sandbox {
  public:
    fs::path data() const { return folder_ / "sets"; }
    fs::path campaign(const std::string& name) const { return folder_ / name; }
    Process::Setting setting() const { return {folder_.path(), {"DAGAN_DATA=" + data().string()}}; }

    Args command(const Args& args) const { return Args{(kBin / "dagan").string()} + args; }
    Finished dagan(const Args& args) const { return run_program(command(args), setting()); }

    // Makes the embedded handwriting set unless it exists.
    void make_strokes() const {
        if (fs::exists(data() / "strokes.h5")) return;
        const Finished made =
            dagan({"data", "make", "strokes", "-o", (data() / "strokes.h5").string()});
        if (made.exit_code != 0) throw system_error("dagan data make strokes: " + made.text());
    }

    std::string rows(const fs::path& campaign) const {
        return output({"results", "rows", campaign.string(), "--format", "csv"});
    }
    // Returns the first row of a query's result as CSV.
    std::string query(const fs::path& campaign, const std::string& sql) const {
        const std::string csv =
            output({"results", "query", campaign.string(), sql, "--format", "csv"});
        const size_t begin = csv.find('\n') + 1;
        return csv.substr(begin, csv.find('\n', begin) - begin);
    }
    int count(const fs::path& campaign, const std::string& what) const {
        return std::stoi("0" + query(campaign, "SELECT COUNT(*) FROM " + what));
    }
    // Returns the standard output of a command, which must succeed.
    std::string output(const Args& args) const {
        const Finished finished = dagan(args);
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
        return finished.out;
    }

  private:
    TemporaryFolder folder_;
};

// The sandbox that all tests of a program share, so that its data set and reference campaign are
// made once.
inline Sandbox& sandbox() {
    static Sandbox sandbox;
    return sandbox;
}

inline Args run_args(const fs::path& sweep, const fs::path& campaign, int ranks,
                     const Args& settings = {}) {
    Args args{"run", sweep.string(), "-o", campaign.string(), "-n", std::to_string(ranks)};
    for (const std::string& setting : settings) args = args + Args{"--set", setting};
    return args;
}

// Polls `condition`; returns false if it is not true within `limit`.
inline bool eventually(const std::function<bool()>& condition,
                       std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

inline bool no_process_left(const fs::path& campaign) {
    return eventually([&] { return processes_of(campaign).empty(); }, std::chrono::seconds(10));
}

// Returns the number of tasks done in the snapshot of a running campaign; -1 before the first
// snapshot.
inline int tasks_done(const fs::path& campaign) {
    if (!fs::exists(campaign / "status.json")) return -1;
    const Json status = Json::parse(read_file(campaign / "status.json"), nullptr, false);
    return status.is_object() ? status.at("tasks").at("done").get<int>() : -1;
}

// Returns whether the campaign's snapshot shows a DAGAN in training. If so, seconds of work remain
// in any order of the tasks.
inline bool is_training_dagan(const fs::path& campaign) {
    if (!fs::exists(campaign / "status.json")) return false;
    const Json status = Json::parse(read_file(campaign / "status.json"), nullptr, false);
    if (!status.is_object() || status.at("state") != "running") return false;
    const auto is_dagan = [](const Json& task) {
        return task.at("label").get<std::string>().starts_with("gan ");
    };
    return std::any_of(status.at("running").begin(), status.at("running").end(), is_dagan);
}

// Returns the trainer with the most CPU time among those that are computing, so never a spare that
// loads its libraries; 0 if the run ends first.
inline pid_t busiest_trainer(Process& run, const fs::path& campaign) {
    while (run.running()) {
        const auto trainers = processes_of(campaign, "dagan-train");
        std::vector<long> before;
        for (const pid_t pid : trainers) before.push_back(user_ticks_of(pid));
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        pid_t busiest = 0;
        long most = 0;
        for (size_t i = 0; i < trainers.size(); ++i) {
            const long now = user_ticks_of(trainers[i]);
            if (now <= before[i] + 2 || now <= most) continue;
            busiest = trainers[i];
            most = now;
        }
        if (busiest != 0) return busiest;
    }
    return 0;
}

inline int lines_in(const std::string& text) {
    return static_cast<int>(std::count(text.begin(), text.end(), '\n'));
}

} // namespace dagan
