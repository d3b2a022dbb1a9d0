#include "bench/convolutions.h"

#include "spec/network.h"

#include <map>
#include <tuple>

namespace dagan::bench {

namespace {
model::ConvolutionShape shape_of(const LayerRow& row) {
    return {.in_channels = row.in_channels,
            .out_channels = row.out_channels,
            .size = row.resize == Resize::up ? row.out_size : row.in_size,
            .kernel = row.kernel,
            .stride = row.stride};
}
} // namespace

std::vector<TimedConvolution> time_convolutions(const Workload& workload, int rounds) {
    std::map<std::tuple<int64_t, int64_t, int64_t, int64_t, int64_t>, TimedConvolution> distinct;
    const auto add = [&](const NetworkTable& table, int64_t batch) {
        for (const LayerRow& row : table.layers) {
            const model::ConvolutionShape shape = shape_of(row);
            if (row.op != LayerOp::conv || !model::winograd_supports(shape)) continue;
            TimedConvolution& one =
                distinct[{-shape.size, shape.stride, shape.in_channels, shape.out_channels, batch}];
            one.shape = shape;
            one.batch = batch;
            ++one.layers;
        }
    };
    add(generator_table(workload.gan, workload.channels, workload.size), workload.gan.batch_size);
    add(critic_table(workload.gan, workload.channels, workload.size), workload.gan.batch_size);
    add(classifier_table(workload.classifier, workload.channels, workload.size, workload.classes),
        workload.classifier.batch_size);
    std::vector<TimedConvolution> timed;
    for (auto& [order, one] : distinct) {
        one.winograd = model::winograd_selected(Convolution::automatic, one.shape);
        one.times = model::measure_convolution(one.shape, one.batch, rounds);
        timed.push_back(one);
    }
    return timed;
}

double slowdown_of_rule(const std::vector<TimedConvolution>& convolutions) {
    double chosen = 0, faster = 0;
    for (const TimedConvolution& one : convolutions) {
        chosen += one.layers * one.chosen_s();
        faster += one.layers * one.faster_s();
    }
    return faster > 0 ? chosen / faster : 1;
}

} // namespace dagan::bench
