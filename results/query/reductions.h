// The options in which a sweep does less than the full-size experiment. Tables and reports of such
// a sweep carry the word "reduced".
#pragma once

#include "results/store/store.h"
#include "spec/sweep.h"

#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

// Returns one phrase per reduced option with the full-size value and its source, the paper or the
// authors' code, e.g. "gan.iterations 12 (paper: 200000)". Empty for a full-size sweep.
std::vector<std::string> reductions(const Sweep& sweep);

// Reads a campaign's sweep as it is stored in the database. Returns nullopt if another version of
// this program wrote it with other options.
std::optional<std::vector<std::string>> reductions_of(const Campaign& campaign);

} // namespace dagan::results
