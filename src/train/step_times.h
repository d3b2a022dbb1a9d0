// Duration of steps, as the median of the measured ones, so that a slow first step, a checkpoint or
// a suspended machine does not count; and the schedule of checkpoints.
#pragma once

#include <chrono>
#include <vector>

namespace dagan::train {

class StepTimes {
  public:
    void start() { begin_ = Clock::now(); }
    // Attributes the time since start() to `steps` steps.
    void stop(int steps = 1) {
        seconds_.push_back(std::chrono::duration<float>(Clock::now() - begin_).count() /
                           static_cast<float>(steps));
    }
    // Returns seconds; 0 if nothing was measured.
    double median() const;

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin_;
    std::vector<float> seconds_;
};

class SaveTimer {
  public:
    explicit SaveTimer(std::chrono::seconds every) : every_(every), last_(Clock::now()) {}
    // Whether the next checkpoint is due.
    bool due() const { return Clock::now() - last_ >= every_; }
    void saved() { last_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    std::chrono::seconds every_;
    Clock::time_point last_;
};

} // namespace dagan::train
