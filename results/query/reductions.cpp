#include "results/query/reductions.h"

#include "base/error.h"
#include "spec/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dagan::results {

namespace {

class Reductions {
  public:
    template <class T> void at_least(const char* option, T value, T paper) {
        if (value < paper) found_.push_back(fmt::format("{} {} (paper: {})", option, value, paper));
    }
    // Lists compare element by element: one smaller width is a reduction.
    void widths(const char* option, const std::array<int, 4>& value,
                const std::array<int, 4>& paper) {
        for (size_t i = 0; i < value.size(); ++i) {
            if (value[i] >= paper[i]) continue;
            found_.push_back(fmt::format("{} {} (paper: {})", option, fmt::join(value, ","),
                                         fmt::join(paper, ",")));
            return;
        }
    }
    void add(std::string phrase) { found_.push_back(std::move(phrase)); }
    std::vector<std::string> take() { return std::move(found_); }

  private:
    std::vector<std::string> found_;
};

} // namespace

std::vector<std::string> reductions(const Sweep& sweep) {
    Reductions found;
    const GanOptions full_gan;
    const ClassifierOptions full_classifier;
    constexpr std::array<int, 4> kPaperWidths{64, 64, 64,
                                              64}; // for characters; the code's are wider
    found.at_least("gan.iterations", sweep.gan.iterations, full_gan.iterations);
    found.at_least("gan.batch_size", sweep.gan.batch_size, full_gan.batch_size);
    found.at_least("gan.critic_steps", sweep.gan.critic_steps, full_gan.critic_steps);
    found.widths("gan.generator_widths", sweep.gan.generator_widths, kPaperWidths);
    found.widths("gan.critic_widths", sweep.gan.critic_widths, kPaperWidths);
    found.at_least("gan.generator_inner", sweep.gan.generator_inner, full_gan.generator_inner);
    found.at_least("gan.critic_inner", sweep.gan.critic_inner, full_gan.critic_inner);
    found.at_least("classifier.epochs", sweep.classifier.epochs, full_classifier.epochs);
    found.at_least("classifier.growth", sweep.classifier.growth, full_classifier.growth);
    found.at_least("seeds", sweep.seeds, 5);
    if (sweep.classifier.softmax != full_classifier.softmax) {
        found.add(fmt::format("classifier.softmax {} (paper: {})",
                              to_string(sweep.classifier.softmax),
                              to_string(full_classifier.softmax)));
    }
    if (sweep.gan.limit_classes > 0)
        found.add(fmt::format("gan.limit_classes {} (paper: all source classes)",
                              sweep.gan.limit_classes));
    return found.take();
}

std::optional<std::vector<std::string>> reductions_of(const Campaign& campaign) {
    try {
        return reductions(sweep_from_text(campaign.sweep));
    } catch (const Error&) {
        return std::nullopt; // not a fault: its options are not ours
    }
}

} // namespace dagan::results
