// The report: one HTML file with everything in it (no network, no script), for a screen of any width, paper, dark mode, keyboard
// and screen reader. May be made while the campaign runs; it then says what is missing.
#pragma once

#include "results/database/location.h"

#include <filesystem>
#include <map>
#include <string>

namespace dagan::results {

// What a plan expected its tasks to take, to be shown beside what they took.
struct Prediction {
    std::map<std::string, double>
        seconds;            // by task key: wall time of the task, on all its ranks together
    double uncertainty = 1; // the true value was expected within this factor either way
    std::string source;     // where the expectation came from: "calibrated", "measured"
};

struct ReportOptions {
    Prediction predicted; // empty: the section says that nothing was predicted
    int refresh_s = 0;    // the page loads itself again after so many seconds; 0: never
};

// Writes report/index.html in a campaign's folder and returns its path. Pictures come from the files in it that the database
// names; one that is gone is said to be. Throws Blame::input when there is no campaign, Blame::system when it cannot write.
std::filesystem::path write_report(const Location& database, const std::filesystem::path& campaign,
                                   const ReportOptions& options = {});

// Of the database results.sqlite in the folder.
std::filesystem::path write_report(const std::filesystem::path& campaign,
                                   const ReportOptions& options = {});

} // namespace dagan::results
