// Where end-to-end tests run the real programs (in DAGAN_BIN_DIR) as a person would: a temporary folder with a data folder,
// campaigns in it.
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
using Words = std::vector<std::string>;

inline const fs::path kBin = DAGAN_BIN_DIR;
inline const fs::path kSource = DAGAN_SOURCE_DIR;
inline const fs::path kSmoke = kSource / "sweeps" / "smoke.yaml";

inline Words operator+(Words words, const Words& more) {
    words.insert(words.end(), more.begin(), more.end());
    return words;
}

class Laboratory {
  public:
    fs::path data() const { return folder_ / "sets"; }
    fs::path campaign(const std::string& name) const { return folder_ / name; }
    Process::Setting setting() const { return {folder_.path(), {"DAGAN_DATA=" + data().string()}}; }

    Words command(const Words& words) const { return Words{(kBin / "dagan").string()} + words; }
    Finished dagan(const Words& words) const { return run_program(command(words), setting()); }

    // The embedded handwriting set, made once.
    void need_strokes() const {
        if (fs::exists(data() / "strokes.h5")) return;
        const Finished made =
            dagan({"data", "make", "strokes", "-o", (data() / "strokes.h5").string()});
        if (made.exit_code != 0) throw system_error("dagan data make strokes: " + made.text());
    }

    std::string rows(const fs::path& campaign) const {
        return output({"results", "rows", campaign.string(), "--format", "csv"});
    }
    // The first line after the heading of a query's answer.
    std::string query(const fs::path& campaign, const std::string& sql) const {
        const std::string csv =
            output({"results", "query", campaign.string(), sql, "--format", "csv"});
        const size_t begin = csv.find('\n') + 1;
        return csv.substr(begin, csv.find('\n', begin) - begin);
    }
    int count(const fs::path& campaign, const std::string& what) const {
        return std::stoi("0" + query(campaign, "SELECT COUNT(*) FROM " + what));
    }
    // What a command prints; it must succeed.
    std::string output(const Words& words) const {
        const Finished finished = dagan(words);
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
        return finished.out;
    }

  private:
    TemporaryFolder folder_;
};

// One for all tests of a program: its data set is made once, its reference campaign runs once.
inline Laboratory& laboratory() {
    static Laboratory laboratory;
    return laboratory;
}

inline Words run_words(const fs::path& sweep, const fs::path& campaign, int ranks,
                       const Words& settings = {}) {
    Words words{"run", sweep.string(), "-o", campaign.string(), "-n", std::to_string(ranks)};
    for (const std::string& setting : settings) words = words + Words{"--set", setting};
    return words;
}

// `enough` becomes true within a time far beyond what it needs.
inline bool comes_true(const std::function<bool()>& enough,
                       std::chrono::seconds limit = std::chrono::seconds(60)) {
    const auto deadline = std::chrono::steady_clock::now() + limit;
    while (!enough()) {
        if (std::chrono::steady_clock::now() > deadline) return false;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
    return true;
}

inline bool nothing_is_left_of(const fs::path& campaign) {
    return comes_true([&] { return processes_of(campaign).empty(); }, std::chrono::seconds(10));
}

// Tasks done according to the snapshot of a running campaign; -1 before there is one.
inline int tasks_done(const fs::path& campaign) {
    if (!fs::exists(campaign / "status.json")) return -1;
    const Json status = Json::parse(read_file(campaign / "status.json"), nullptr, false);
    return status.is_object() ? status.at("tasks").at("done").get<int>() : -1;
}

// Is the campaign, by its snapshot, at work on a DAGAN? Then seconds of work are left in every order of the tasks.
inline bool trains_a_dagan(const fs::path& campaign) {
    if (!fs::exists(campaign / "status.json")) return false;
    const Json status = Json::parse(read_file(campaign / "status.json"), nullptr, false);
    if (!status.is_object() || status.at("state") != "running") return false;
    const auto is_dagan = [](const Json& task) {
        return task.at("label").get<std::string>().starts_with("gan ");
    };
    return std::any_of(status.at("running").begin(), status.at("running").end(), is_dagan);
}

// The trainer that has computed most and still does: at work, not a spare that loads its libraries; 0 when the run ends first.
inline pid_t trainer_at_work(Process& run, const fs::path& campaign) {
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
