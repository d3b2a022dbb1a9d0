#include "results/query/reductions.h"

#include "base/error.h"
#include "spec/task.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace dagan::results {

namespace {

struct Reduction {
    std::string section; // "gan", "classifier", or "" for an option of the sweep itself
    std::string text;    // "iterations 12 (paper: 200000)"

    bool operator==(const Reduction&) const = default;
};

constexpr const char* kPaper = "paper";
constexpr const char* kCode = "code"; // the authors' published code

class Reductions {
  public:
    // `full`: the value at full size. `source`: where that value comes from.
    template <class T>
    void at_least(const char* section, const char* option, T value, T full,
                  const char* source = kPaper) {
        if (value < full)
            found_.push_back({section, fmt::format("{} {} ({}: {})", option, value, source, full)});
    }
    // A list is reduced if any of its elements is smaller.
    void widths(const char* option, const std::array<int, 4>& value,
                const std::array<int, 4>& full) {
        for (size_t i = 0; i < value.size(); ++i) {
            if (value[i] >= full[i]) continue;
            found_.push_back({"gan", fmt::format("{} {} ({}: {})", option, fmt::join(value, ","),
                                                 kPaper, fmt::join(full, ","))});
            return;
        }
    }
    void add(const char* section, std::string text) {
        found_.push_back({section, std::move(text)});
    }
    std::vector<Reduction> take() { return std::move(found_); }

  private:
    std::vector<Reduction> found_;
};

std::vector<Reduction> reductions_in(const GanOptions& gan, const ClassifierOptions& classifier,
                                     int seeds) {
    Reductions found;
    const GanOptions full_gan;
    const ClassifierOptions full_classifier;
    // The paper's widths for characters; those of the code, the default, are larger.
    constexpr std::array<int, 4> kPaperWidths{64, 64, 64, 64};
    found.at_least("gan", "iterations", gan.iterations, full_gan.iterations);
    found.at_least("gan", "batch_size", gan.batch_size, full_gan.batch_size, kCode);
    found.at_least("gan", "critic_steps", gan.critic_steps, full_gan.critic_steps);
    found.widths("generator_widths", gan.generator_widths, kPaperWidths);
    found.widths("critic_widths", gan.critic_widths, kPaperWidths);
    found.at_least("gan", "generator_inner", gan.generator_inner, full_gan.generator_inner, kCode);
    found.at_least("gan", "critic_inner", gan.critic_inner, full_gan.critic_inner);
    found.at_least("classifier", "epochs", classifier.epochs, full_classifier.epochs);
    found.at_least("classifier", "growth", classifier.growth, full_classifier.growth);
    found.at_least("", "seeds", seeds, 5);
    if (classifier.softmax != full_classifier.softmax) {
        found.add("classifier", fmt::format("softmax {} (paper: {})", to_string(classifier.softmax),
                                            to_string(full_classifier.softmax)));
    }
    if (gan.limit_classes > 0)
        found.add("gan",
                  fmt::format("limit_classes {} (paper: all source classes)", gan.limit_classes));
    return found.take();
}

} // namespace

std::vector<std::string> reductions(const Sweep& sweep) {
    const auto common = reductions_in(sweep.gan, sweep.classifier, sweep.seeds);
    std::vector<std::string> phrases;
    for (const auto& [section, text] : common)
        phrases.push_back(section.empty() ? text : section + "." + text);
    std::set<std::string> datasets;
    for (const auto& [name, options] : sweep.gan_for) datasets.insert(name);
    for (const auto& [name, options] : sweep.classifier_for) datasets.insert(name);
    for (const auto& name : datasets) {
        for (const auto& own :
             reductions_in(sweep.gan_options(name), sweep.classifier_options(name), sweep.seeds)) {
            if (std::find(common.begin(), common.end(), own) == common.end())
                phrases.push_back(fmt::format("{}_for.{}.{}", own.section, name, own.text));
        }
    }
    return phrases;
}

std::optional<std::vector<std::string>> reductions_of(const Campaign& campaign) {
    try {
        return reductions(sweep_from_text(campaign.sweep));
    } catch (const Error&) {
        return std::nullopt; // expected if another version of the program wrote the sweep
    }
}

} // namespace dagan::results
