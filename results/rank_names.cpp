#include "results/rank_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dagan {

std::string to_text(const RankName& name) {
    return name.allocation == 1 ? std::to_string(name.rank) : fmt::format("{}:{}", name.allocation, name.rank);
}

std::string to_text(const std::vector<RankName>& names) {
    std::string list;
    for (const RankName& name : names) list += (list.empty() ? "" : ",") + to_text(name);
    return list;
}

std::vector<RankName> rank_names_of_text(const std::string& list) {
    std::vector<RankName> names;
    const char* end = list.data() + list.size();
    for (const char* at = list.data(); at < end; ++at) {
        const char* const comma = std::find(at, end, ',');
        const char* const colon = std::find(at, comma, ':');
        RankName name;
        const bool numbered = colon == comma || std::from_chars(at, colon, name.allocation).ptr == colon;
        const char* const digits = colon == comma ? at : colon + 1;
        if (numbered && digits < comma && std::from_chars(digits, comma, name.rank).ptr == comma) names.push_back(name);
        at = comma;
    }
    return names;
}

} // namespace dagan
