// The networks as tables: every layer with its sizes and counts, a pure function of the options (dagan.md sections 3, 4, 7).
// `dagan describe` prints them, the cost model counts their operations, and src/model builds its modules from the same
// rows, so that what is described is what is trained.
#pragma once

#include "spec/sweep.h"

#include <cstdint>
#include <string>
#include <vector>

namespace dagan {

DAGAN_ENUM(LayerOp, conv, dense)
DAGAN_ENUM(Resize, none, up)       // up: nearest-neighbour resize to out_size before the convolution
DAGAN_ENUM(After, unit, unit_dropout, linear, tanh, lrelu) // unit: leaky ReLU, then norm

struct LayerRow {
    std::string name; // unique in its network, e.g. "E1.conv3", "L2.project1", "noise0", "head.dense1"
    LayerOp op = LayerOp::conv;
    Resize resize = Resize::none;
    int kernel = 3, stride = 1;
    int in_channels = 0, out_channels = 0; // dense: features
    int in_size = 0, out_size = 0;         // H = W; dense: 0. With resize the convolution itself runs at out_size
    After after = After::unit;
    int64_t parameters = 0;      // weights and biases
    int64_t norm_parameters = 0; // 2 * out_channels for units
    int64_t macs = 0;            // multiply-adds of one image's forward pass

    template <class Self, class Visit> static void fields(Self& self, Visit&& visit) {
        visit("name", self.name, "");
        visit("op", self.op, "");
        visit("resize", self.resize, "");
        visit("kernel", self.kernel, "");
        visit("stride", self.stride, "");
        visit("in_channels", self.in_channels, "");
        visit("out_channels", self.out_channels, "");
        visit("in_size", self.in_size, "");
        visit("out_size", self.out_size, "");
        visit("after", self.after, "");
        visit("parameters", self.parameters, "");
        visit("norm_parameters", self.norm_parameters, "");
        visit("macs", self.macs, "");
    }
    bool operator==(const LayerRow&) const = default;
};

struct NetworkTable {
    std::string network; // "generator", "critic", "classifier"
    std::vector<LayerRow> layers;

    int64_t parameters() const; // norm included
    int64_t macs() const;
};

NetworkTable generator_table(const GanOptions& options, int channels, int size);
NetworkTable critic_table(const GanOptions& options, int channels, int size);
NetworkTable classifier_table(const ClassifierOptions& options, int channels, int size, int classes);

} // namespace dagan
