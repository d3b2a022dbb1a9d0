// The networks as tables: every layer with its sizes and counts, a pure function of the options (dagan.md sections 3, 4, 7).
// `dagan describe` prints them, the cost model counts their operations, and src/model builds its modules from the same
// rows, so that what is described is what is trained. Rows are in the order in which a forward pass needs them.
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan {

DAGAN_ENUM(LayerOp, conv, dense)
DAGAN_ENUM(Resize, none, up) // up: nearest-neighbour resize to out_size before the convolution
DAGAN_ENUM(
    Before, none,
    norm_relu) // norm_relu: pre-activation (classifier reading huang); the flag channel joins after it
// unit: leaky ReLU, then norm. dropout: dropout alone. pool: 2x2 average pooling with stride 2.
DAGAN_ENUM(After, unit, unit_dropout, linear, tanh, lrelu, dropout, pool)

struct LayerRow {
    std::string
        name; // unique in its network, e.g. "E1.conv3", "L2.project1", "noise0", "head.dense1"
    LayerOp op = LayerOp::conv;
    Resize resize = Resize::none;
    int kernel = 3, stride = 1;
    int in_channels = 0, out_channels = 0; // dense: features
    int in_size = 0,
        out_size =
            0; // H = W; dense: 0. With resize the convolution runs at out_size, with pool at in_size
    Before before = Before::none;
    After after = After::unit;
    int64_t parameters = 0; // weights and biases
    int64_t norm_parameters =
        0; // 2 * out_channels for units; pre-activation: 2 * (in_channels - 1), all but the flag
    int64_t macs = 0; // multiply-adds of one image's forward pass

    DAGAN_FIELDS(name, op, resize, kernel, stride, in_channels, out_channels, in_size, out_size,
                 before, after, parameters, norm_parameters, macs)
    bool operator==(const LayerRow&) const = default;
};

struct NetworkTable {
    std::string network; // "generator", "critic", "classifier"
    std::vector<LayerRow> layers;

    int64_t parameters() const; // norm included
    int64_t macs() const;
};

// Blocks of an encoder and of a classifier; inner convolutions of a classifier block; width of the critic's dense layer.
inline constexpr int kBlocks = 4;
inline constexpr int kClassifierInner = 3;
inline constexpr int kCriticHeadFeatures = 1024;

// Decoder levels that get a noise map (f = 8, 4, 2 channels), and decoder levels in all.
constexpr int noise_levels(Topology topology) { return topology == Topology::paper ? 1 : 3; }
constexpr int decoder_levels(Topology topology) { return topology == Topology::paper ? 4 : 5; }

// The options with what `topology: paper` fixes (dagan.md section 4): generator_inner 4, critic_inner 5, critic_widths 64 x 4,
// skip_kernel 1. Unchanged for `topology: code`. The tables and the modules apply it themselves.
GanOptions structure_of(GanOptions options);

NetworkTable generator_table(const GanOptions& options, int channels, int size);
NetworkTable critic_table(const GanOptions& options, int channels, int size);
// `reading: huang` always has its dropout on the third convolution; `dropout_site` is for lineage.
NetworkTable classifier_table(const ClassifierOptions& options, int channels, int size,
                              int classes);

} // namespace dagan
