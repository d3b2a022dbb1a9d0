// How long steps take: the median of those measured, so that a first step, a checkpoint or a suspended machine does not count.
#pragma once

#include <chrono>
#include <vector>

namespace dagan::train {

class StepTimes {
  public:
    void start() { begin_ = Clock::now(); }
    // The time since start() was that of `steps` steps.
    void stop(int steps = 1) {
        seconds_.push_back(std::chrono::duration<float>(Clock::now() - begin_).count() /
                           static_cast<float>(steps));
    }
    double median() const; // 0 when nothing was measured

  private:
    using Clock = std::chrono::steady_clock;
    Clock::time_point begin_;
    std::vector<float> seconds_;
};

// Says when the next checkpoint is due.
class SaveTimer {
  public:
    explicit SaveTimer(std::chrono::seconds every) : every_(every), last_(Clock::now()) {}
    bool due() const { return Clock::now() - last_ >= every_; }
    void saved() { last_ = Clock::now(); }

  private:
    using Clock = std::chrono::steady_clock;
    std::chrono::seconds every_;
    Clock::time_point last_;
};

} // namespace dagan::train
