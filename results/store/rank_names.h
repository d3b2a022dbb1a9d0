// The ranks of an attempt, as the column attempt.ranks stores them.
//
// Each allocation of a campaign numbers its ranks from 0. "0,1" are ranks of the first allocation,
// "2:0,2:1" ranks of the second.
#pragma once

#include <compare>
#include <string>
#include <vector>

namespace dagan::results {

struct RankName {
    int allocation = 1;
    int rank = 0;
    auto operator<=>(const RankName&) const = default;
};

// Formats one rank as "RANK", or as "ALLOCATION:RANK" from the second allocation on.
std::string to_text(const RankName& name);
// Formats several, separated by commas.
std::string to_text(const std::vector<RankName>& names);
// Parses a list that to_text() wrote. Skips items that are not rank names.
std::vector<RankName> rank_names_of_text(const std::string& list);

} // namespace dagan::results
