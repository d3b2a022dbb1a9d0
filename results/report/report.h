// Writes the report of a campaign: one self-contained HTML page (no network, no script) that reads
// well on screens of any width, on paper, in dark mode, by keyboard and by screen reader. It can be
// written while the campaign runs, and then states what is missing.
#pragma once

#include "results/database/location.h"

#include <filesystem>
#include <map>
#include <string>

namespace dagan::results {

// The predicted times of a plan's tasks, shown beside the actual ones.
struct Prediction {
    // By task key: wall time of the task on all its ranks together.
    std::map<std::string, double> seconds;
    // The actual time is expected within this factor either way; at least 1.
    double uncertainty = 1;
    // The source of the rate: "calibrated", "measured", ...
    std::string source;
};

struct ReportOptions {
    // Empty: the page says that nothing was predicted.
    Prediction predicted;
    // The page reloads itself after this many seconds; 0: never.
    int refresh_s = 0;
};

// Writes report/index.html in the folder `campaign` and returns its path. Contact sheets are the
// files in that folder that the database names; the page says so if one no longer exists.
// Throws Blame::input if there is no campaign, Blame::system if the page cannot be written.
std::filesystem::path write_report(const Location& database, const std::filesystem::path& campaign,
                                   const ReportOptions& options = {});

// As above, with the database results.sqlite in the folder.
std::filesystem::path write_report(const std::filesystem::path& campaign,
                                   const ReportOptions& options = {});

} // namespace dagan::results
