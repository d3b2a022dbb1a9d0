// The ranks of an attempt, as the column attempt.ranks has them. Each allocation of a campaign counts its ranks from 0: "0,1" are
// ranks of the first, "2:0,2:1" of the second.
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

std::string to_text(const RankName& name);
std::string to_text(const std::vector<RankName>& names);
// What is no name is left out.
std::vector<RankName> rank_names_of_text(const std::string& list);

} // namespace dagan::results
