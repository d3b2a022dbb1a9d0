// Who ran what when: the attempts of a campaign as bars, a row for each rank (more where trainers of a rank ran side by side).
// Internal to results.
#pragma once

#include "results/store/rank_names.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan::results {

struct TimedAttempt {
    std::string label; // of its task, for people
    std::string kind;
    std::string host; // of its first rank
    std::vector<RankName> ranks;
    int64_t started_ms = 0, ended_ms = 0; // since 1970
    std::string outcome;                  // "" while it runs
};

// "85 s", "12.5 min", "3.2 h", "4 d".
std::string duration_words(int64_t ms);

// One SVG element, styled by the page (report.css). Pauses in which nothing ran are cut short and marked. Few attempts carry a
// tooltip each; thousands are drawn as one shape for each kind, so that the page stays small.
std::string timeline_svg(std::vector<TimedAttempt> attempts);

} // namespace dagan::results
