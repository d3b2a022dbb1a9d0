// Times the two sides of the same work in one process, alternating step by step, so that other load
// on the machine affects both alike. Only the ratio is comparable between days and machines.
#pragma once

#include "bench/sides.h"

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace dagan::bench {

// Times of one kind of step.
struct StepSeconds {
    std::vector<double> all;
    double minimum() const;
    double median() const;
};

struct Comparison {
    std::vector<StepKind> kinds;
    std::vector<StepSeconds> ours, plain; // one entry per kind

    // Returns the seconds of one unit of work (such as an iteration): the sum of its steps' minima.
    double unit_s(Side side) const;
    double ratio() const { return unit_s(Side::plain) / unit_s(Side::ours); }
};

// Runs `rounds` rounds. A round takes one step of each kind and side, or two if a unit has several
// of the kind. A round before these is not counted. The side that goes first alternates.
Comparison compare(Subject subject, const Workload& workload, int rounds);

// Returns the peak memory of a side in bytes: the peak resident set of this process minus its
// resident set before the side was created. Valid only in a process that has computed nothing
// before. Throws Blame::system without /proc.
int64_t peak_bytes(Subject subject, Side side, const Workload& workload);

// Describe the machine and its libraries, as far as they affect the speed.
// Returns the flags of vector instructions, as /proc/cpuinfo names them.
std::vector<std::string> cpu_flags();
std::string cpu_model();
// Returns pairs of an operation ("tensors", "direct convolutions", ...) and the library that
// computes it.
std::vector<std::pair<std::string, std::string>> kernels();

} // namespace dagan::bench
