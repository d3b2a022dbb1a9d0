#include "results/store/rank_names.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace dagan::results {

std::string to_text(const RankName& name) {
    return name.allocation == 1 ? std::to_string(name.rank)
                                : fmt::format("{}:{}", name.allocation, name.rank);
}

std::string to_text(const std::vector<RankName>& names) {
    std::string list;
    for (const RankName& name : names) list += (list.empty() ? "" : ",") + to_text(name);
    return list;
}

std::vector<RankName> rank_names_of_text(const std::string& list) {
    const auto is_number = [](const char* begin, const char* end, int& value) {
        return begin < end && std::from_chars(begin, end, value).ptr == end;
    };
    std::vector<RankName> names;
    const char* const end = list.data() + list.size();
    for (const char* at = list.data(); at < end; ++at) {
        const char* const comma = std::find(at, end, ',');
        const char* const colon = std::find(at, comma, ':');
        RankName name;
        const bool is_name = colon == comma ? is_number(at, comma, name.rank)
                                            : is_number(at, colon, name.allocation) &&
                                                  is_number(colon + 1, comma, name.rank);
        if (is_name) names.push_back(name);
        at = comma;
    }
    return names;
}

} // namespace dagan::results
