// A second implementation of the networks, in plain loops over doubles, written from
// docs/reference/model.md, eqs. (6) to (23) and (32). It uses nothing of src/model or of the tables
// in spec/network.h. Weights are taken from the module under test by name.
#pragma once

#include "model/pass.h"
#include "spec/sweep.h"

#include <array>
#include <map>
#include <string>
#include <vector>

namespace dagan::model::reference {

// [B, C, H, W]; dense features are [B, C, 1, 1].
struct Maps {
    int b = 0, c = 0, h = 0, w = 0;
    std::vector<double> values;

    Maps() = default;
    Maps(int batch, int channels, int height, int width)
        : b(batch), c(channels), h(height), w(width),
          values(static_cast<size_t>(batch) * channels * height * width) {}
    double& at(int n, int k, int i, int j) {
        return values[((static_cast<size_t>(n) * c + k) * h + i) * w + j];
    }
    double at(int n, int k, int i, int j) const {
        return values[((static_cast<size_t>(n) * c + k) * h + i) * w + j];
    }
};

using Values = std::vector<double>;
// Parameters and buffers by name. Training updates the buffers.
using Weights = std::map<std::string, Values>;

enum class NormKind { renorm, layer, batch };

class Network {
  public:
    Network(Weights& weights, NormKind norm, double dropout, const Pass& pass)
        : weights_(weights), norm_(norm), dropout_(dropout), pass_(pass) {}

    Maps generator(const Maps& x, const Maps& z, const std::array<int, 4>& widths, int inner);
    // `topology: paper`.
    Maps paper_generator(const Maps& x, const Maps& z, const std::array<int, 4>& widths, int inner);
    Maps critic(const Maps& x, const Maps& y, const std::array<int, 4>& widths, int inner);
    Maps paper_critic(const Maps& x, const Maps& y, const std::array<int, 4>& widths, int inner);
    Maps lineage_classifier(const Maps& images, const std::vector<double>& real, int growth,
                            int classes);
    Maps huang_classifier(const Maps& images, const std::vector<double>& real, int growth,
                          int classes);

  private:
    Maps conv(const std::string& name, const Maps& x, int out, int stride);
    Maps dense(const std::string& name, const Maps& x, int out);
    Maps unit(const std::string& name, const Maps& x, int out, int stride);
    Maps closing_unit(const std::string& name, const Maps& x, int out, int stride); // with dropout
    Maps normalise(const std::string& name, const Maps& x);
    Maps batch_renorm(const std::string& name, const Maps& x);
    Maps layer_norm(const std::string& name, const Maps& x);
    Maps batch_norm(const std::string& name, const Maps& x);
    Maps dropped(const Maps& x);
    Maps preactivated(const std::string& name, const Maps& x, const std::vector<double>& real,
                      int out);
    std::vector<Maps> encoder(const Maps& x, const std::array<int, 4>& widths, int inner);
    std::vector<Maps> paper_encoder(const Maps& x, const std::array<int, 4>& widths, int inner);
    // Appends E[1..3].
    void encoder_blocks(std::vector<Maps>& E, Maps prev, const std::array<int, 4>& widths,
                        int inner);
    Maps critic_head(const Maps& h);

    Weights& weights_;
    NormKind norm_;
    double dropout_;
    Pass pass_;
    // Number of the last applied convolution or dense layer; keys its dropout mask.
    int layer_ = -1;
};

Maps concat(const std::vector<Maps>& maps);
Maps resize(const Maps& x, int size);

} // namespace dagan::model::reference
