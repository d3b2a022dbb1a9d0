#include "model/tensor/join.h"

#include <algorithm>

namespace dagan::model {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr const char* kChannels = "channels";

variable_list parts_of(const torch::Tensor& map, const std::vector<int64_t>& channels) {
    variable_list parts;
    int64_t first = 0;
    for (const int64_t count : channels) {
        parts.push_back(map.narrow(1, first, count));
        first += count;
    }
    return parts;
}

// Each is the gradient of the other.
struct Join : torch::autograd::Function<Join> {
    static torch::Tensor forward(AutogradContext* context, torch::TensorList maps);
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

struct Split : torch::autograd::Function<Split> {
    static variable_list forward(AutogradContext* context, const torch::Tensor& map,
                                 const std::vector<int64_t>& channels);
    static variable_list backward(AutogradContext* context, variable_list gradients);
};

torch::Tensor Join::forward(AutogradContext* context, torch::TensorList maps) {
    std::vector<int64_t> channels;
    for (const torch::Tensor& map : maps) channels.push_back(map.size(1));
    context->saved_data[kChannels] = channels;
    return at::cat(maps, 1);
}

variable_list Join::backward(AutogradContext* context, variable_list gradients) {
    const std::vector<int64_t> channels = context->saved_data[kChannels].toIntVector();
    return torch::GradMode::is_enabled() ? Split::apply(gradients[0], channels)
                                         : parts_of(gradients[0], channels);
}

variable_list Split::forward(AutogradContext*, const torch::Tensor& map,
                             const std::vector<int64_t>& channels) {
    return parts_of(map, channels);
}

variable_list Split::backward(AutogradContext*, variable_list gradients) {
    return {join_channels(std::move(gradients)), {}};
}

torch::Tensor channels_last(const torch::Tensor& map) {
    if (map.size(1) > 1) return map.contiguous(torch::MemoryFormat::ChannelsLast);
    // With one channel both layouts are the same memory. LibTorch distinguishes them by strides
    // that are never used.
    return map.contiguous().view({map.size(0), map.size(2), map.size(3), 1}).permute({0, 3, 1, 2});
}

} // namespace

bool is_channels_last(const torch::Tensor& x) {
    return !x.is_contiguous() && x.is_contiguous(torch::MemoryFormat::ChannelsLast);
}

std::vector<torch::Tensor> expand_maps(std::vector<torch::Tensor> maps) {
    const int64_t height = maps.front().size(2), width = maps.front().size(3);
    for (torch::Tensor& map : maps) {
        if (map.size(2) != height || map.size(3) != width)
            map = map.expand({-1, -1, height, width});
    }
    return maps;
}

torch::Tensor join_channels(std::vector<torch::Tensor> maps) {
    if (maps.size() == 1) return maps.front();
    // suggest_memory_format() also recognises a channel slice of a channels-last map, and does not
    // count a map of one channel, which is in both layouts.
    const auto is_last = [](const torch::Tensor& map) {
        return map.suggest_memory_format() == torch::MemoryFormat::ChannelsLast;
    };
    if (std::ranges::any_of(maps, is_last)) {
        for (torch::Tensor& map : maps) map = channels_last(map);
    }
    return Join::apply(torch::TensorList(maps));
}

} // namespace dagan::model
