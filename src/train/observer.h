// How a training loop talks to whoever runs it: it reports, and asks whether to stop. Called between steps; must be cheap.
#pragma once

#include "spec/result.h"

#include <cstdint>
#include <string>

namespace dagan::train {

class Observer {
  public:
    virtual ~Observer() = default;
    // True when the task should write a checkpoint and return. Also a sign of life: called at least once a step, and once a batch
    // where images are generated, scored or evaluated.
    virtual bool stop_requested() = 0;
    // Iterations of a DAGAN, optimiser steps of a classifier, images of a pool.
    virtual void progress(int64_t step, int64_t steps) = 0;
};

// Nobody watches, nobody stops it.
class NoObserver final : public Observer {
  public:
    bool stop_requested() override { return false; }
    void progress(int64_t, int64_t) override {}
};

} // namespace dagan::train
