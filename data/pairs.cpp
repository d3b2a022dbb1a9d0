#include "data/pairs.h"

#include "base/error.h"
#include "base/random.h"
#include "data/transform.h"

namespace dagan::data {

PairSampler::PairSampler(const Dataset& data, std::vector<int> classes, Pairs pairs, bool rotate,
                         uint64_t stream)
    : data_(data), classes_(std::move(classes)), pairs_(pairs), rotate_(rotate), stream_(stream) {
    if (classes_.empty())
        throw input_error(
            "pairs: the source domain has no class; hint: give it classes in split.source");
    for (const int label : classes_) {
        require(label >= 0 && label < data.info().classes, "classes are of the data set");
        if (pairs == Pairs::distinct && data.count_of(label) < 2) {
            throw input_error(
                "pairs: class '" + data.class_name(label) +
                "' has one image, so no distinct pair; hint: use pairs: with_replacement");
        }
    }
}

PairSampler::Pair PairSampler::pair(uint32_t step, uint32_t index) const {
    Random random(stream_, step, index);
    const int label = classes_[random.below(classes_.size())];
    const auto count = static_cast<uint64_t>(data_.count_of(label));
    const uint64_t i = random.below(count);
    uint64_t j = 0;
    if (pairs_ == Pairs::distinct) {
        j = random.below(count - 1);
        if (j >= i) ++j;
    } else {
        j = random.below(count);
    }
    Pair pair{data_.first_of(label) + static_cast<int>(i),
              data_.first_of(label) + static_cast<int>(j), 0};
    if (rotate_ && random.chance(0.5)) pair.quarter_turns = static_cast<int>(random.below(4));
    return pair;
}

void PairSampler::fill(uint32_t step, uint32_t first, uint32_t count, std::span<float> conditions,
                       std::span<float> targets) const {
    const DatasetInfo& info = data_.info();
    const size_t pixels = data_.image(0).size();
    require(conditions.size() == count * pixels && targets.size() == count * pixels,
            "room for exactly `count` images");
    std::vector<uint8_t> turned(pixels);
    const auto write_image = [&](int image, int quarter_turns, std::span<float> out) {
        rotate_image<uint8_t>(data_.image(image), turned, info.channels, info.height,
                              quarter_turns);
        to_network_range(turned, out);
    };
    for (uint32_t k = 0; k < count; ++k) {
        const Pair drawn = pair(step, first + k);
        write_image(drawn.condition, drawn.quarter_turns, conditions.subspan(k * pixels, pixels));
        write_image(drawn.target, drawn.quarter_turns, targets.subspan(k * pixels, pixels));
    }
}

} // namespace dagan::data
