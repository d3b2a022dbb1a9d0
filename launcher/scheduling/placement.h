// Chooses the ranks of a gang so that its members share nodes. Pure.
#pragma once

#include "launcher/scheduling/indices.h"

#include <functional>
#include <vector>

namespace dagan::launcher {

// Returns `count` of `candidates` (best first, at least `count` of them) that lie on as few nodes
// as possible, ascending. If one node has room for all, the node with the least room that suffices
// is taken; otherwise those with the most room. `node_of` returns the node of a rank.
std::vector<Rank> on_few_nodes(const std::vector<Rank>& candidates, size_t count,
                               const std::function<NodeIndex(Rank)>& node_of);

} // namespace dagan::launcher
