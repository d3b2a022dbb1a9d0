// The networks as tables: every layer with its sizes and counts, a pure function of the options
// (docs/reference/model.md, eqs. (20) to (23) and (32)).
// `dagan describe` prints the tables, the cost model counts their operations, and src/model builds
// its modules from the same rows, so the described network is the trained one. Rows are in the
// order in which a forward pass uses them.
//
//     const NetworkTable table = generator_table(options, 1, 28);   // 28 x 28 grey images
//     for (const LayerRow& row : table.layers) print(row.name, row.out_channels, row.macs);
//     const int64_t weights = table.parameters();
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan {

DAGAN_ENUM(LayerOp, conv, dense)
// up: nearest-neighbour resize to out_size before the convolution.
DAGAN_ENUM(Resize, none, up)
// norm_relu: pre-activation (classifier reading huang); the flag channel is appended after it.
DAGAN_ENUM(Before, none, norm_relu)
// unit: leaky ReLU, then norm. dropout: dropout alone. pool: 2x2 average pooling with stride 2.
DAGAN_ENUM(After, unit, unit_dropout, linear, tanh, lrelu, dropout, pool)

struct LayerRow {
    // Unique in its network, e.g. "E1.conv3", "L2.project1", "noise0", "head.dense1".
    std::string name;
    LayerOp op = LayerOp::conv;
    Resize resize = Resize::none;
    int kernel = 3, stride = 1;
    int in_channels = 0, out_channels = 0; // dense: features
    // Height and width in pixels; 0 if dense. The convolution has stride `stride` and runs at
    // out_size if it resizes, at in_size if it pools.
    int in_size = 0, out_size = 0;
    Before before = Before::none;
    After after = After::unit;
    int64_t parameters = 0; // weights and biases
    // Units: 2 * out_channels. Pre-activation: 2 * (in_channels - 1), as the flag is not
    // normalised.
    int64_t norm_parameters = 0;
    int64_t macs = 0; // multiply-adds of one image's forward pass

    DAGAN_FIELDS(name, op, resize, kernel, stride, in_channels, out_channels, in_size, out_size,
                 before, after, parameters, norm_parameters, macs)
    bool operator==(const LayerRow&) const = default;
};

struct NetworkTable {
    std::string network; // "generator", "critic", "classifier"
    std::vector<LayerRow> layers;

    // Sums over the layers. Parameters include those of the norms.
    int64_t parameters() const;
    int64_t macs() const;
};

inline constexpr int kBlocks = 4;                // of an encoder and of a classifier
inline constexpr int kClassifierInner = 3;       // inner convolutions of a classifier block
inline constexpr int kCriticHeadFeatures = 1024; // width of the critic's hidden dense layer

// Number of decoder levels that get a noise map (of 8, 4 and 2 channels), and of all decoder
// levels.
constexpr int noise_levels(Topology topology) { return topology == Topology::paper ? 1 : 3; }
constexpr int decoder_levels(Topology topology) { return topology == Topology::paper ? 4 : 5; }

// Returns the options with the values that `topology: paper` fixes (docs/reference/model.md,
// "Critic", topology: paper): generator_inner 4, critic_inner 5, critic_widths 64 x 4,
// skip_kernel 1. Returns them unchanged for `topology: code`. The tables and the modules apply it.
GanOptions structure_of(GanOptions options);

// The networks for images of `channels` x `size` x `size`.
NetworkTable generator_table(const GanOptions& options, int channels, int size);
NetworkTable critic_table(const GanOptions& options, int channels, int size);
// `reading: huang` always has its dropout after the third convolution; `dropout_site` applies to
// lineage only.
NetworkTable classifier_table(const ClassifierOptions& options, int channels, int size,
                              int classes);

} // namespace dagan
