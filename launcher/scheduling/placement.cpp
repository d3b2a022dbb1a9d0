#include "launcher/scheduling/placement.h"

#include <algorithm>
#include <map>

namespace dagan::launcher {

std::vector<Rank> on_few_nodes(const std::vector<Rank>& candidates, size_t count,
                               const std::function<NodeIndex(Rank)>& node_of) {
    // The candidates of each node, in their order.
    std::vector<std::vector<Rank>> nodes;
    std::map<NodeIndex, size_t> index_of;
    for (const Rank rank : candidates) {
        const auto [index, is_new] = index_of.emplace(node_of(rank), nodes.size());
        if (is_new) nodes.emplace_back();
        nodes[index->second].push_back(rank);
    }
    std::stable_sort(nodes.begin(), nodes.end(),
                     [](const auto& a, const auto& b) { return a.size() > b.size(); });
    // Of the nodes that are large enough, the smallest: the larger ones keep room for other gangs.
    const auto too_small = std::find_if(nodes.begin(), nodes.end(),
                                        [&](const auto& node) { return node.size() < count; });
    if (too_small != nodes.begin()) nodes.erase(nodes.begin(), too_small - 1);
    std::vector<Rank> chosen;
    for (const auto& node : nodes) {
        for (const Rank rank : node) {
            if (chosen.size() < count) chosen.push_back(rank);
        }
    }
    std::sort(chosen.begin(), chosen.end());
    return chosen;
}

} // namespace dagan::launcher
