// Times two sides of the same work against each other in one process, step by step in turn, so that what else the machine does
// falls on both: only the ratio means something on another day or machine.
#pragma once

#include "train/bench/sides.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dagan::train {

struct StepSeconds {
    std::vector<double> all;
    double minimum() const;
    double median() const;
};

struct Comparison {
    std::vector<StepKind> kinds;
    std::vector<StepSeconds> ours, plain; // of each kind

    // A unit's seconds (an iteration's, say) by the minima of its steps.
    double unit_s(Side side) const;
    double ratio() const { return unit_s(Side::plain) / unit_s(Side::ours); }
};

// `rounds` rounds of one step of each kind and side, two of kinds that come often, after a step of each that is not counted. The
// sides take turns in going first.
Comparison compare(Subject subject, const Workload& workload, int rounds);

// The most memory that a side takes: resident bytes of this process at their peak, over those before the side was made. Means
// something in a process that computed nothing yet. Throws Blame::system without /proc.
int64_t peak_bytes(Subject subject, Side side, const Workload& workload);

// What the machine and its libraries are, as far as speed goes.
std::vector<std::string> cpu_flags(); // of vector units, as /proc/cpuinfo names them
std::string cpu_model();
std::vector<std::pair<std::string, std::string>>
kernels(); // what computes what: "tensors", "convolutions", ...

} // namespace dagan::train
