#include "train/step_times.h"

#include <algorithm>

namespace dagan::train {

double StepTimes::median() const {
    if (seconds_.empty()) return 0;
    std::vector<float> sorted = seconds_;
    const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
    std::nth_element(sorted.begin(), middle, sorted.end());
    return *middle;
}

} // namespace dagan::train
