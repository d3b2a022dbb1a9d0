#include "spec/network.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace dagan {

namespace {

// The output of a layer: `channels` maps of size x size.
struct Map {
    int channels = 0;
    int size = 0;
};

int halved(int size) { return (size + 1) / 2; } // SAME padding, stride 2
int64_t squared(int64_t n) { return n * n; }

Map concat(const std::vector<Map>& maps) {
    Map all{0, maps.front().size};
    for (const Map& map : maps) {
        require(map.size == all.size, "maps that are concatenated have one size");
        all.channels += map.channels;
    }
    return all;
}

// Appends rows; each call returns the layer's output.
class TableBuilder {
  public:
    explicit TableBuilder(std::string network) { table_.network = std::move(network); }

    Map unit(const std::string& name, Map in, int out, int stride = 1, After after = After::unit) {
        return conv({.name = name,
                     .stride = stride,
                     .out_channels = out,
                     .out_size = stride == 2 ? halved(in.size) : in.size,
                     .after = after},
                    in);
    }
    Map resized_unit(const std::string& name, Map in, int out, int out_size) {
        return conv({.name = name,
                     .resize = Resize::up,
                     .out_channels = out,
                     .out_size = out_size,
                     .after = After::unit_dropout},
                    in);
    }
    // Linear projections keep the number of channels.
    Map project_down(const std::string& name, Map in, int kernel) {
        return conv({.name = name,
                     .kernel = kernel,
                     .stride = 2,
                     .out_channels = in.channels,
                     .out_size = halved(in.size),
                     .after = After::linear},
                    in);
    }
    Map project_up(const std::string& name, Map in, int kernel, int out_size) {
        return conv({.name = name,
                     .resize = Resize::up,
                     .kernel = kernel,
                     .out_channels = in.channels,
                     .out_size = out_size,
                     .after = After::linear},
                    in);
    }

    Map conv(LayerRow row, Map in) {
        row.in_channels = in.channels;
        row.in_size = in.size;
        const int conv_size = row.after == After::pool ? row.in_size : row.out_size;
        const int64_t weights = squared(row.kernel) * row.in_channels * row.out_channels;
        row.parameters = weights + row.out_channels;
        row.macs = weights * squared(conv_size);
        if (row.before == Before::norm_relu) row.norm_parameters = 2 * (row.in_channels - 1);
        if (row.after == After::unit || row.after == After::unit_dropout)
            row.norm_parameters = 2 * row.out_channels;
        require(row.in_channels > 0 && row.out_channels > 0 && row.in_size > 0 && row.out_size > 0,
                "a convolution has channels and pixels");
        const Map out{row.out_channels, row.out_size};
        table_.layers.push_back(std::move(row));
        return out;
    }

    void dense(const std::string& name, int in, int out, After after) {
        require(in > 0 && out > 0, "a dense layer has inputs and outputs");
        const int64_t weights = int64_t{in} * out;
        table_.layers.push_back({.name = name,
                                 .op = LayerOp::dense,
                                 .kernel = 1,
                                 .in_channels = in,
                                 .out_channels = out,
                                 .after = after,
                                 .parameters = weights + out,
                                 .macs = weights});
    }

    NetworkTable take() { return std::move(table_); }

  private:
    NetworkTable table_;
};

std::string numbered(const std::string& name, int number) { return name + std::to_string(number); }

// Appends the encoder, which generator and critic share. Returns the outputs of blocks E0 to E3.
std::vector<Map> encoder(TableBuilder& table, const GanOptions& options, Map x,
                         const std::array<int, kBlocks>& widths, int inner) {
    require(inner >= 1, "a block has inner convolutions");
    std::vector<Map> encoded;
    Map h = x, prev = x;
    for (int b = 0; b < kBlocks; ++b) {
        const std::string block = numbered("E", b);
        const int width = widths[static_cast<size_t>(b)];
        if (b == 0 && options.topology == Topology::code) {
            h = table.unit(block + ".conv", x, width, 2);
        } else {
            std::vector<Map> first;
            if (b > 0) first = {table.project_down(block + ".project", prev, options.skip_kernel)};
            std::vector<Map> maps{h};
            for (int j = 1; j <= inner; ++j) {
                std::vector<Map> in = maps;
                if (j == 1) in.insert(in.end(), first.begin(), first.end());
                maps.push_back(table.unit(numbered(block + ".conv", j), concat(in), width));
            }
            prev = maps.back();
            h = table.unit(block + ".close", concat(maps), width, 2, After::unit_dropout);
        }
        encoded.push_back(h);
    }
    return encoded;
}

// Appends the inner convolutions of decoder level `l`. `prev` is the last inner map of level l - 1;
// null at level 0.
std::vector<Map> decoder_level(TableBuilder& table, const GanOptions& options, int l, Map h,
                               const Map* prev, int width) {
    const std::string level = numbered("L", l);
    std::vector<Map> maps{h};
    for (int j = 1; j <= options.generator_inner; ++j) {
        std::vector<Map> in = maps;
        if (prev)
            in.push_back(table.project_up(numbered(level + ".project", j), *prev,
                                          options.skip_kernel, h.size));
        maps.push_back(table.unit(numbered(level + ".conv", j), concat(in), width));
    }
    return maps;
}

void lineage_block(TableBuilder& table, const ClassifierOptions& options, const std::string& block,
                   Map& h) {
    const Map flag{1, h.size};
    const bool third = options.dropout_site == DropoutSite::third;
    std::vector<Map> maps{h};
    for (int j = 1; j <= kClassifierInner; ++j) {
        const After after = third && j == kClassifierInner ? After::unit_dropout : After::unit;
        maps.push_back(table.unit(numbered(block + ".conv", j), concat({concat(maps), flag}),
                                  options.growth, 1, after));
    }
    h = table.unit(block + ".transition", concat({concat(maps), flag}), options.growth, 2,
                   third ? After::unit : After::unit_dropout);
}

void huang_block(TableBuilder& table, const ClassifierOptions& options, const std::string& block,
                 Map& h) {
    const Map flag{1, h.size};
    std::vector<Map> maps{h};
    for (int j = 1; j <= kClassifierInner; ++j) {
        const After after = j == kClassifierInner ? After::dropout : After::linear;
        maps.push_back(table.conv({.name = numbered(block + ".conv", j),
                                   .out_channels = options.growth,
                                   .out_size = h.size,
                                   .before = Before::norm_relu,
                                   .after = after},
                                  concat({concat(maps), flag})));
    }
    h = table.conv({.name = block + ".transition",
                    .kernel = 1,
                    .out_channels = options.growth,
                    .out_size = h.size / 2,
                    .before = Before::norm_relu,
                    .after = After::pool},
                   concat({concat(maps), flag}));
}

} // namespace

int64_t NetworkTable::parameters() const {
    int64_t sum = 0;
    for (const LayerRow& row : layers) sum += row.parameters + row.norm_parameters;
    return sum;
}

int64_t NetworkTable::macs() const {
    int64_t sum = 0;
    for (const LayerRow& row : layers) sum += row.macs;
    return sum;
}

GanOptions structure_of(GanOptions options) {
    if (options.topology == Topology::paper) {
        options.generator_inner = 4;
        options.critic_inner = 5;
        options.critic_widths = {64, 64, 64, 64};
        options.skip_kernel = 1;
    }
    return options;
}

NetworkTable generator_table(const GanOptions& given, int channels, int size) {
    const GanOptions options = structure_of(given);
    const auto& widths = options.generator_widths;
    TableBuilder table("generator");
    const Map x{channels, size};
    const std::vector<Map> encoded = encoder(table, options, x, widths, options.generator_inner);

    std::vector<Map> noise;
    for (int l = 0; l < noise_levels(options.topology); ++l) {
        const Map map{8 >> l, encoded[static_cast<size_t>(kBlocks - 1 - l)].size};
        table.dense(numbered("noise", l), options.z_dim, map.channels * map.size * map.size,
                    After::linear);
        noise.push_back(map);
    }

    Map h = encoded.back(), prev;
    for (int l = 0; l < decoder_levels(options.topology); ++l) {
        // The fifth level has the width of block 0.
        const auto block = static_cast<size_t>(std::max(kBlocks - 1 - l, 0));
        if (l < static_cast<int>(noise.size())) h = concat({noise[static_cast<size_t>(l)], h});
        if (l == kBlocks) h = concat({h, x});
        const std::vector<Map> maps =
            decoder_level(table, options, l, h, l > 0 ? &prev : nullptr, widths[block]);
        h = prev = maps.back();
        if (l < kBlocks) {
            h = table.resized_unit(numbered("L", l) + ".close", concat(maps), widths[block],
                                   block > 0 ? encoded[block - 1].size : size);
            if (block > 0) h = concat({h, encoded[block - 1]});
        }
    }
    int tail = 1;
    if (options.topology == Topology::code) {
        for (; tail <= 2; ++tail) h = table.unit(numbered("T.conv", tail), h, widths[0]);
    }
    table.unit(numbered("T.conv", tail), h, channels, 1, After::tanh);
    return table.take();
}

NetworkTable critic_table(const GanOptions& given, int channels, int size) {
    const GanOptions options = structure_of(given);
    TableBuilder table("critic");
    const Map last =
        encoder(table, options, {2 * channels, size}, options.critic_widths, options.critic_inner)
            .back();
    table.dense("head.dense1", last.channels, kCriticHeadFeatures, After::lrelu);
    table.dense("head.dense2", kCriticHeadFeatures + last.channels * last.size * last.size, 1,
                After::linear);
    return table.take();
}

NetworkTable classifier_table(const ClassifierOptions& options, int channels, int size,
                              int classes) {
    TableBuilder table("classifier");
    Map h{channels, size};
    for (int b = 1; b <= kBlocks; ++b) {
        const auto block = options.reading == ClassifierArch::lineage ? lineage_block : huang_block;
        block(table, options, numbered("B", b), h);
    }
    table.dense("head.dense", h.channels, classes, After::linear);
    return table.take();
}

} // namespace dagan
