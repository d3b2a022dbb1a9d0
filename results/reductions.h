// In what a sweep does less than the paper. Numbers of such a sweep are shown with the word "reduced".
#pragma once

#include "spec/sweep.h"

#include <string>
#include <vector>

namespace dagan {

// One phrase for each, e.g. "gan.iterations 12 (paper: 200000)"; empty for a sweep at full size.
std::vector<std::string> reductions(const Sweep& sweep);

} // namespace dagan
