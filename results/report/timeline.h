// Draws the timeline of a campaign: its attempts as bars, one row for each rank, with more lines
// where trainers of a rank ran side by side. Internal to results.
#pragma once

#include "results/store/rank_names.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan::results {

struct TimedAttempt {
    // The task, for people.
    std::string label;
    // Kind of the task: names the bar's style.
    std::string kind;
    // Of the first rank.
    std::string host;
    std::vector<RankName> ranks;
    // Milliseconds since 1970, UTC. One that has not ended is drawn up to `ended_ms`.
    int64_t started_ms = 0, ended_ms = 0;
    // "" while it runs.
    std::string outcome;
};

// Returns one <svg> element, styled by the page (report.css); "" if there is nothing to draw. Skips
// attempts that end before they start. Shortens and marks long pauses in which nothing ran. Up to
// 1500 bars have a tooltip each; more are drawn as one shape for each kind, to keep the page small.
std::string timeline_svg(std::vector<TimedAttempt> attempts);

} // namespace dagan::results
