#include "reference.h"

#include "base/random.h"

#include <algorithm>
#include <cmath>

namespace dagan::model::reference {

namespace {

Maps leaky(Maps x) {
    for (double& v : x.values) v = v > 0 ? v : 0.2 * v;
    return x;
}

Maps global_mean(const Maps& x) {
    Maps mean(x.b, x.c, 1, 1);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < x.c; ++k)
            for (int i = 0; i < x.h; ++i)
                for (int j = 0; j < x.w; ++j) mean.at(n, k, 0, 0) += x.at(n, k, i, j) / (x.h * x.w);
    return mean;
}

// 2x2 average pooling with stride 2; an odd last row and column are dropped.
Maps pooled(const Maps& x) {
    Maps out(x.b, x.c, x.h / 2, x.w / 2);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < x.c; ++k)
            for (int i = 0; i < out.h; ++i)
                for (int j = 0; j < out.w; ++j)
                    out.at(n, k, i, j) =
                        (x.at(n, k, 2 * i, 2 * j) + x.at(n, k, 2 * i + 1, 2 * j) +
                         x.at(n, k, 2 * i, 2 * j + 1) + x.at(n, k, 2 * i + 1, 2 * j + 1)) /
                        4;
    return out;
}

Maps reshaped(const Maps& x, int c, int h, int w) {
    Maps out(x.b, c, h, w);
    out.values = x.values;
    return out;
}

Maps flag_for(const Maps& x, const std::vector<double>& real) {
    Maps flag(x.b, 1, x.h, x.w);
    for (int n = 0; n < x.b; ++n)
        for (int i = 0; i < x.h; ++i)
            for (int j = 0; j < x.w; ++j) flag.at(n, 0, i, j) = real[static_cast<size_t>(n)];
    return flag;
}

// Mean and biased variance of channel k over B, H, W.
std::pair<double, double> channel_moments(const Maps& x, int k) {
    const double count = double(x.b) * x.h * x.w;
    double mean = 0, variance = 0;
    for (int n = 0; n < x.b; ++n)
        for (int i = 0; i < x.h; ++i)
            for (int j = 0; j < x.w; ++j) mean += x.at(n, k, i, j) / count;
    for (int n = 0; n < x.b; ++n)
        for (int i = 0; i < x.h; ++i)
            for (int j = 0; j < x.w; ++j) variance += std::pow(x.at(n, k, i, j) - mean, 2) / count;
    return {mean, variance};
}

template <class F> void map_channel(Maps& x, int k, F f) {
    for (int n = 0; n < x.b; ++n)
        for (int i = 0; i < x.h; ++i)
            for (int j = 0; j < x.w; ++j) x.at(n, k, i, j) = f(x.at(n, k, i, j));
}

} // namespace

Maps concat(const std::vector<Maps>& maps) {
    int channels = 0;
    for (const Maps& m : maps) channels += m.c;
    Maps all(maps[0].b, channels, maps[0].h, maps[0].w);
    for (int n = 0; n < all.b; ++n) {
        int k = 0;
        for (const Maps& m : maps)
            for (int c = 0; c < m.c; ++c, ++k)
                for (int i = 0; i < all.h; ++i)
                    for (int j = 0; j < all.w; ++j) all.at(n, k, i, j) = m.at(n, c, i, j);
    }
    return all;
}

Maps resize(const Maps& x, int size) {
    Maps out(x.b, x.c, size, size);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < x.c; ++k)
            for (int i = 0; i < size; ++i)
                for (int j = 0; j < size; ++j)
                    out.at(n, k, i, j) = x.at(n, k, i * x.h / size, j * x.w / size);
    return out;
}

// SAME padding: output o = ceil(N / s), floor of half the padding before.
Maps Network::conv(const std::string& name, const Maps& x, int out, int stride) {
    ++layer_;
    const Values& weight = weights_.at(name + ".weight");
    const Values& bias = weights_.at(name + ".bias");
    const int kernel = weight.size() == static_cast<size_t>(out) * x.c ? 1 : 3;
    const int o = (x.h + stride - 1) / stride;
    const int before = std::max((o - 1) * stride + kernel - x.h, 0) / 2;
    Maps y(x.b, out, o, o);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < out; ++k)
            for (int i = 0; i < o; ++i)
                for (int j = 0; j < o; ++j) {
                    double sum = bias[static_cast<size_t>(k)];
                    for (int c = 0; c < x.c; ++c)
                        for (int u = 0; u < kernel; ++u)
                            for (int v = 0; v < kernel; ++v) {
                                const int row = i * stride - before + u,
                                          column = j * stride - before + v;
                                if (row < 0 || column < 0 || row >= x.h || column >= x.w) continue;
                                sum += weight[static_cast<size_t>(
                                           ((k * x.c + c) * kernel + u) * kernel + v)] *
                                       x.at(n, c, row, column);
                            }
                    y.at(n, k, i, j) = sum;
                }
    return y;
}

Maps Network::dense(const std::string& name, const Maps& x, int out) {
    ++layer_;
    const Values& weight = weights_.at(name + ".weight");
    const Values& bias = weights_.at(name + ".bias");
    Maps y(x.b, out, 1, 1);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < out; ++k) {
            double sum = bias[static_cast<size_t>(k)];
            for (int c = 0; c < x.c; ++c)
                sum += weight[static_cast<size_t>(k * x.c + c)] * x.at(n, c, 0, 0);
            y.at(n, k, 0, 0) = sum;
        }
    return y;
}

Maps Network::unit(const std::string& name, const Maps& x, int out, int stride) {
    return normalise(name, leaky(conv(name, x, out, stride)));
}

Maps Network::closing_unit(const std::string& name, const Maps& x, int out, int stride) {
    return dropped(unit(name, x, out, stride));
}

Maps Network::normalise(const std::string& name, const Maps& x) {
    if (norm_ == NormKind::layer) return layer_norm(name + ".norm", x);
    return norm_ == NormKind::renorm ? batch_renorm(name + ".norm", x)
                                     : batch_norm(name + ".norm", x);
}

Maps Network::layer_norm(const std::string& name, const Maps& x) {
    const Values &gamma = weights_.at(name + ".weight"), &beta = weights_.at(name + ".bias");
    const size_t count = static_cast<size_t>(x.c) * x.h * x.w;
    Maps y = x;
    for (int n = 0; n < x.b; ++n) {
        double mean = 0, variance = 0;
        for (size_t i = 0; i < count; ++i) mean += x.values[n * count + i] / double(count);
        for (size_t i = 0; i < count; ++i)
            variance += std::pow(x.values[n * count + i] - mean, 2) / double(count);
        for (size_t i = 0; i < count; ++i) {
            const size_t k = i / (static_cast<size_t>(x.h) * x.w);
            y.values[n * count + i] =
                gamma[k] * (x.values[n * count + i] - mean) / std::sqrt(variance + 1e-12) + beta[k];
        }
    }
    return y;
}

Maps Network::batch_renorm(const std::string& name, const Maps& x) {
    const double eps = 1e-3, p = 0.99, q = 0.99;
    const Values &gamma = weights_.at(name + ".weight"), &beta = weights_.at(name + ".bias");
    Values &a_mu = weights_.at(name + ".a_mu"), &a_sg = weights_.at(name + ".a_sg"),
           &w = weights_.at(name + ".w");
    Values &M = weights_.at(name + ".M"), &V = weights_.at(name + ".V");
    Maps y = x;
    const double w_new = p * w[0] + (1 - p);
    for (int c = 0; c < x.c; ++c) {
        const auto k = static_cast<size_t>(c);
        if (!pass_.training) {
            map_channel(y, c, [&](double v) {
                return gamma[k] * (v - M[k]) / std::sqrt(V[k] + eps) + beta[k];
            });
            continue;
        }
        const auto [mu, variance] = channel_moments(x, c);
        const double sigma = std::sqrt(variance + eps);
        const double A_mu = a_mu[k] + (1 - w[0]) * mu, A_sg = a_sg[k] + (1 - w[0]) * sigma;
        const double r = sigma / A_sg, d = (mu - A_mu) / A_sg, m = mu;
        map_channel(y, c, [&](double v) { return gamma[k] * ((v - m) / sigma * r + d) + beta[k]; });
        a_mu[k] = p * a_mu[k] + (1 - p) * mu;
        a_sg[k] = p * a_sg[k] + (1 - p) * sigma;
        M[k] = q * M[k] + (1 - q) * a_mu[k] / w_new;
        V[k] = q * V[k] + (1 - q) * (std::pow(a_sg[k] / w_new, 2) - eps);
    }
    if (pass_.training) w[0] = w_new;
    return y;
}

Maps Network::batch_norm(const std::string& name, const Maps& x) {
    const double eps = 1e-3, momentum = 0.1;
    const Values &gamma = weights_.at(name + ".weight"), &beta = weights_.at(name + ".bias");
    Values &mean = weights_.at(name + ".running_mean"), &var = weights_.at(name + ".running_var");
    const double count = double(x.b) * x.h * x.w;
    Maps y = x;
    for (int c = 0; c < x.c; ++c) {
        const auto k = static_cast<size_t>(c);
        double centre = mean[k], spread = var[k];
        if (pass_.training) {
            std::tie(centre, spread) = channel_moments(x, c);
            mean[k] = (1 - momentum) * mean[k] + momentum * centre;
            var[k] = (1 - momentum) * var[k] + momentum * spread * count / (count - 1);
        }
        map_channel(y, c, [&](double v) {
            return gamma[k] * (v - centre) / std::sqrt(spread + eps) + beta[k];
        });
    }
    return y;
}

Maps Network::dropped(const Maps& x) {
    if (!pass_.training || dropout_ == 0) return x;
    Maps y = x;
    const size_t count = x.values.size() / static_cast<size_t>(x.b);
    std::vector<float> mask(count);
    for (int n = 0; n < x.b; ++n) {
        fill_dropout(mask, dropout_, pass_.key, pass_.step,
                     pass_.first_index + static_cast<uint32_t>(n), static_cast<uint32_t>(layer_));
        for (size_t i = 0; i < count; ++i) y.values[static_cast<size_t>(n) * count + i] *= mask[i];
    }
    return y;
}

std::vector<Maps> Network::encoder(const Maps& x, const std::array<int, 4>& widths, int inner) {
    std::vector<Maps> E{unit("E0.conv", x, widths[0], 2)};
    encoder_blocks(E, x, widths, inner);
    return E;
}

// Block 0 is a full block without projection.
std::vector<Maps> Network::paper_encoder(const Maps& x, const std::array<int, 4>& widths,
                                         int inner) {
    std::vector<Maps> L{x};
    for (int j = 1; j <= inner; ++j)
        L.push_back(unit("E0.conv" + std::to_string(j), concat(L), widths[0], 1));
    std::vector<Maps> E{closing_unit("E0.close", concat(L), widths[0], 2)};
    encoder_blocks(E, L.back(), widths, inner);
    return E;
}

void Network::encoder_blocks(std::vector<Maps>& E, Maps prev, const std::array<int, 4>& widths,
                             int inner) {
    Maps h = E[0];
    for (int b = 1; b <= 3; ++b) {
        const std::string block = "E" + std::to_string(b);
        const int f = widths[static_cast<size_t>(b)];
        const Maps s = conv(block + ".project", prev, prev.c, 2);
        std::vector<Maps> L{h};
        for (int j = 1; j <= inner; ++j) {
            Maps in = concat(L);
            if (j == 1) in = concat({in, s});
            L.push_back(unit(block + ".conv" + std::to_string(j), in, f, 1));
        }
        prev = L.back();
        h = closing_unit(block + ".close", concat(L), f, 2);
        E.push_back(h);
    }
}

Maps Network::generator(const Maps& x, const Maps& z, const std::array<int, 4>& widths, int inner) {
    const std::vector<Maps> E = encoder(x, widths, inner);
    std::vector<Maps> noise;
    for (int l = 0; l < 3; ++l) {
        const int f = l == 0 ? 8 : l == 1 ? 4 : 2, size = E[static_cast<size_t>(3 - l)].h;
        noise.push_back(
            reshaped(dense("noise" + std::to_string(l), z, f * size * size), f, size, size));
    }
    Maps h = E[3], prev;
    for (int l = 0; l <= 4; ++l) {
        const std::string level = "L" + std::to_string(l);
        const int i = 3 - l;
        if (l <= 2) h = concat({noise[static_cast<size_t>(l)], h});
        if (l == 4) h = concat({h, x});
        const int f = l <= 3 ? widths[static_cast<size_t>(i)] : widths[0];
        std::vector<Maps> L{h};
        for (int j = 1; j <= inner; ++j) {
            Maps in = concat(L);
            if (l > 0)
                in = concat({in, conv(level + ".project" + std::to_string(j), resize(prev, h.h),
                                      prev.c, 1)});
            L.push_back(unit(level + ".conv" + std::to_string(j), in, f, 1));
        }
        prev = L.back();
        if (l <= 3) {
            h = closing_unit(level + ".close",
                             resize(concat(L), i >= 1 ? E[static_cast<size_t>(i - 1)].h : x.h), f,
                             1);
            if (i >= 1) h = concat({h, E[static_cast<size_t>(i - 1)]});
        } else {
            h = L.back();
        }
    }
    h = unit("T.conv1", h, widths[0], 1);
    h = unit("T.conv2", h, widths[0], 1);
    h = conv("T.conv3", h, x.c, 1);
    for (double& v : h.values) v = std::tanh(v);
    return h;
}

// Levels 0 to 3, noise only at the bottleneck, no tail.
Maps Network::paper_generator(const Maps& x, const Maps& z, const std::array<int, 4>& widths,
                              int inner) {
    const std::vector<Maps> E = paper_encoder(x, widths, inner);
    const int bottom = E[3].h;
    Maps h = concat({reshaped(dense("noise0", z, 8 * bottom * bottom), 8, bottom, bottom), E[3]}),
         prev;
    for (int i = 3; i >= 0; --i) {
        const std::string level = "L" + std::to_string(3 - i);
        const int f = widths[static_cast<size_t>(i)];
        std::vector<Maps> L{h};
        for (int j = 1; j <= inner; ++j) {
            Maps in = concat(L);
            if (i < 3)
                in = concat({in, conv(level + ".project" + std::to_string(j), resize(prev, h.h),
                                      prev.c, 1)});
            L.push_back(unit(level + ".conv" + std::to_string(j), in, f, 1));
        }
        prev = L.back();
        h = closing_unit(level + ".close",
                         resize(concat(L), i >= 1 ? E[static_cast<size_t>(i - 1)].h : x.h), f, 1);
        if (i >= 1) h = concat({h, E[static_cast<size_t>(i - 1)]});
    }
    h = conv("T.conv1", h, x.c, 1);
    for (double& v : h.values) v = std::tanh(v);
    return h;
}

Maps Network::critic(const Maps& x, const Maps& y, const std::array<int, 4>& widths, int inner) {
    return critic_head(encoder(concat({y, x}), widths, inner).back());
}

Maps Network::paper_critic(const Maps& x, const Maps& y, const std::array<int, 4>& widths,
                           int inner) {
    return critic_head(paper_encoder(concat({y, x}), widths, inner).back());
}

Maps Network::critic_head(const Maps& h) {
    const Maps v = leaky(dense("head.dense1", global_mean(h), 1024));
    return dense("head.dense2", concat({v, reshaped(h, h.c * h.h * h.w, 1, 1)}), 1);
}

Maps Network::lineage_classifier(const Maps& images, const std::vector<double>& real, int growth,
                                 int classes) {
    Maps h = images;
    for (int b = 1; b <= 4; ++b) {
        const std::string block = "B" + std::to_string(b);
        std::vector<Maps> L{h};
        for (int j = 1; j <= 3; ++j)
            L.push_back(unit(block + ".conv" + std::to_string(j),
                             concat({concat(L), flag_for(h, real)}), growth, 1));
        h = closing_unit(block + ".transition", concat({concat(L), flag_for(h, real)}), growth, 2);
    }
    return dense("head.dense", global_mean(h), classes);
}

// Norm, ReLU, then the flag, then the convolution.
Maps Network::preactivated(const std::string& name, const Maps& x, const std::vector<double>& real,
                           int out) {
    Maps h = normalise(name, x);
    for (double& v : h.values) v = std::max(v, 0.0);
    return conv(name, concat({h, flag_for(h, real)}), out, 1);
}

Maps Network::huang_classifier(const Maps& images, const std::vector<double>& real, int growth,
                               int classes) {
    Maps h = images;
    for (int b = 1; b <= 4; ++b) {
        const std::string block = "B" + std::to_string(b);
        std::vector<Maps> L{h};
        for (int j = 1; j <= 3; ++j) {
            const Maps y =
                preactivated(block + ".conv" + std::to_string(j), concat(L), real, growth);
            L.push_back(j == 3 ? dropped(y) : y);
        }
        h = pooled(preactivated(block + ".transition", concat(L), real, growth));
    }
    return dense("head.dense", global_mean(h), classes);
}

} // namespace dagan::model::reference
