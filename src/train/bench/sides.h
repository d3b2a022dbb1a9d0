// The two sides that `dagan-train bench` compares: ours, the trainers that campaigns run, and plain, the same networks with the
// same weights as a straightforward program writes them (plain_networks.h, plain_training.h).
#pragma once

#include "data/dataset.h"
#include "spec/sweep.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace dagan::train {

DAGAN_ENUM(Subject, iteration, classifier, generate)
DAGAN_ENUM(Side, ours, plain)

// What is measured; the defaults are the paper's size. Images are random: what they show changes no time.
struct Workload {
    GanOptions gan;
    ClassifierOptions classifier;
    int channels = 1, size = 28, classes = 211;
};

// A kind of step, and how many of them one unit (an iteration, say) has.
struct StepKind {
    std::string name;
    int per_unit = 1;
};
std::vector<StepKind> step_kinds(Subject subject, const Workload& workload);

class BenchSide {
  public:
    virtual ~BenchSide() = default;
    virtual void step(size_t kind) = 0; // an index into step_kinds
};

std::unique_ptr<BenchSide> make_side(Subject subject, Side side, const Workload& workload);

// Images made at once, as pools are.
inline constexpr int kGeneratedAtOnce = 64;

} // namespace dagan::train
