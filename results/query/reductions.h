// In what a sweep does less than the paper. Numbers of such a sweep are shown with the word "reduced".
#pragma once

#include "results/store/store.h"
#include "spec/sweep.h"

#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// One phrase for each, e.g. "gan.iterations 12 (paper: 200000)"; empty for a sweep at full size.
std::vector<std::string> reductions(const Sweep& sweep);

// Of a campaign's sweep as it stands in the database; nothing when another version of this program wrote it with other options.
std::optional<std::vector<std::string>> reductions_of(const Campaign& campaign);

} // namespace dagan::results
