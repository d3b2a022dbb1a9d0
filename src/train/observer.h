// The interface between a training loop and its caller: progress reports and stop requests. Called
// between steps; implementations must be cheap.
#pragma once

#include "spec/result.h"

#include <cstdint>
#include <string>

namespace dagan::train {

class Observer {
  public:
    virtual ~Observer() = default;
    // Returns true if the task must write a checkpoint and return. Also a sign of life: called at
    // least once per step, and once per batch while images are generated, scored or evaluated.
    virtual bool stop_requested() = 0;
    // Units: iterations of a DAGAN, optimiser steps of a classifier, images of a pool.
    virtual void progress(int64_t step, int64_t steps) = 0;
};

// Ignores progress and never stops.
class NullObserver final : public Observer {
  public:
    bool stop_requested() override { return false; }
    void progress(int64_t, int64_t) override {}
};

} // namespace dagan::train
