// The two sides that `dagan-bench` compares: `ours`, the training code that campaigns run, and
// `plain`, the same networks with the same weights as a straightforward program writes them
// (plain_networks.h, plain_training.h).
#pragma once

#include "data/dataset.h"
#include "spec/sweep.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dagan::bench {

DAGAN_ENUM(Subject, iteration, classifier, generate)
DAGAN_ENUM(Side, ours, plain)

// The sizes that are measured; the defaults are the paper's. Images are random, because their
// content does not affect the time.
struct Workload {
    GanOptions gan;
    ClassifierOptions classifier;
    int channels = 1, size = 28, classes = 211;
};

// A kind of step, and the number of such steps in one unit of work (such as an iteration).
struct StepKind {
    std::string name;
    int per_unit = 1;
};
// Returns the kinds of steps of a subject, in the order of execution.
std::vector<StepKind> step_kinds(Subject subject, const Workload& workload);

// One side, ready to take steps. Owns its data and networks.
class BenchSide {
  public:
    virtual ~BenchSide() = default;
    // Takes one step; `kind` is an index into step_kinds().
    virtual void step(size_t kind) = 0;
};

// Creates a side. Both sides of a subject start from the same weights.
std::unique_ptr<BenchSide> make_side(Subject subject, Side side, const Workload& workload);

// Images of one step of `generate`; pools are generated in batches of this size.
inline constexpr int kGeneratedAtOnce = 64;

} // namespace dagan::bench
