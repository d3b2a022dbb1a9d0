// The two networks of plain_gan.h over any scalar S: double, Var or Dual<Var>.
#pragma once

#include "train/gan/golden/derivatives.h"
#include "train/gan/golden/plain_gan.h"

#include "base/random.h"

#include <algorithm>
#include <cmath>

namespace dagan::train::golden {

// [B, C, H, H]; dense features are [B, C, 1, 1].
template <class S> struct Maps {
    int b = 0, c = 0, h = 0;
    std::vector<S> v;

    Maps() = default;
    Maps(int batch, int channels, int size)
        : b(batch), c(channels), h(size), v(static_cast<size_t>(batch * channels * size * size)) {}
    size_t index(int n, int k, int i, int j) const {
        return static_cast<size_t>(((n * c + k) * h + i) * h + j);
    }
    S& at(int n, int k, int i, int j) { return v[index(n, k, i, j)]; }
    const S& at(int n, int k, int i, int j) const { return v[index(n, k, i, j)]; }
};

template <class S> using Parameters = std::map<std::string, std::vector<S>>;

template <class S> Maps<S> maps_of(const std::vector<S>& values, int b, int c, int h) {
    Maps<S> maps(b, c, h);
    maps.v = values;
    return maps;
}

template <class S> std::vector<S> constants(const Values& values) {
    return {values.begin(), values.end()};
}

template <class S> Maps<S> concat(const std::vector<Maps<S>>& parts) {
    int channels = 0;
    for (const auto& part : parts) channels += part.c;
    Maps<S> all(parts[0].b, channels, parts[0].h);
    for (int n = 0; n < all.b; ++n) {
        int k = 0;
        for (const auto& part : parts)
            for (int c = 0; c < part.c; ++c, ++k)
                for (int i = 0; i < all.h; ++i)
                    for (int j = 0; j < all.h; ++j) all.at(n, k, i, j) = part.at(n, c, i, j);
    }
    return all;
}

template <class S> Maps<S> resized(const Maps<S>& x, int size) {
    Maps<S> out(x.b, x.c, size);
    for (int n = 0; n < x.b; ++n)
        for (int k = 0; k < x.c; ++k)
            for (int i = 0; i < size; ++i)
                for (int j = 0; j < size; ++j)
                    out.at(n, k, i, j) = x.at(n, k, i * x.h / size, j * x.h / size);
    return out;
}

template <class S> Maps<S> leaky(Maps<S> x) {
    for (S& v : x.v)
        if (!(plain(v) > 0)) v = S(0.2) * v;
    return x;
}

// One pass through one network. With `state` it uses batch renormalisation and updates the state;
// without, layer normalisation.
template <class S> class Passage {
  public:
    Passage(const Shape& shape, const Parameters<S>& weights, const Masks& masks, Named* state)
        : shape_(shape), weights_(weights), masks_(masks), state_(state) {}

    Maps<S> generator(const Maps<S>& x, const Maps<S>& z) {
        const std::vector<Maps<S>> E = encoder(x);
        std::vector<Maps<S>> noise;
        for (int l = 0; l < 3; ++l) {
            const int f = 8 >> l, size = E[static_cast<size_t>(3 - l)].h;
            noise.push_back(
                maps_of(dense("noise" + std::to_string(l), z, f * size * size).v, x.b, f, size));
        }
        Maps<S> h = E[3], prev;
        for (int l = 0; l <= 4; ++l) {
            const std::string level = "L" + std::to_string(l);
            const int i = 3 - l,
                      f = l <= 3 ? shape_.widths[static_cast<size_t>(i)] : shape_.widths[0];
            if (l <= 2) h = concat<S>({noise[static_cast<size_t>(l)], h});
            if (l == 4) h = concat<S>({h, x});
            std::vector<Maps<S>> L{h};
            for (int j = 1; j <= shape_.inner; ++j) {
                std::vector<Maps<S>> in = L;
                if (l > 0)
                    in.push_back(conv(level + ".project" + std::to_string(j), resized(prev, h.h),
                                      prev.c, 1));
                L.push_back(unit(level + ".conv" + std::to_string(j), concat(in), f, 1));
            }
            h = prev = L.back();
            if (l == 4) break;
            const int up = i >= 1 ? E[static_cast<size_t>(i - 1)].h : x.h;
            h = dropped(unit(level + ".close", resized(concat(L), up), f, 1));
            if (i >= 1) h = concat<S>({h, E[static_cast<size_t>(i - 1)]});
        }
        for (const char* name : {"T.conv1", "T.conv2"}) h = unit(name, h, shape_.widths[0], 1);
        h = conv("T.conv3", h, x.c, 1);
        for (S& v : h.v) v = tanh(v);
        return h;
    }

    std::vector<S> critic(const Maps<S>& x, const Maps<S>& y) {
        const Maps<S> h = encoder(concat<S>({y, x})).back();
        Maps<S> mean(h.b, h.c, 1);
        for (int n = 0; n < h.b; ++n)
            for (int k = 0; k < h.c; ++k)
                for (int i = 0; i < h.h * h.h; ++i)
                    mean.at(n, k, 0, 0) = mean.at(n, k, 0, 0) + h.at(n, k, 0, i) / S(h.h * h.h);
        const Maps<S> v = leaky(dense("head.dense1", mean, 1024));
        return dense("head.dense2", concat<S>({v, maps_of(h.v, h.b, h.c * h.h * h.h, 1)}), 1).v;
    }

  private:
    std::vector<Maps<S>> encoder(const Maps<S>& x) {
        std::vector<Maps<S>> E{unit("E0.conv", x, shape_.widths[0], 2)};
        Maps<S> prev = x;
        for (int b = 1; b <= 3; ++b) {
            const std::string block = "E" + std::to_string(b);
            const int f = shape_.widths[static_cast<size_t>(b)];
            const Maps<S> s = conv(block + ".project", prev, prev.c, 2);
            std::vector<Maps<S>> L{E.back()};
            for (int j = 1; j <= shape_.inner; ++j) {
                std::vector<Maps<S>> in = L;
                if (j == 1) in.push_back(s);
                L.push_back(unit(block + ".conv" + std::to_string(j), concat(in), f, 1));
            }
            prev = L.back();
            E.push_back(dropped(unit(block + ".close", concat(L), f, 2)));
        }
        return E;
    }

    // 3x3 with TensorFlow's SAME padding: o = ceil(N / s), an odd pixel of padding goes after.
    Maps<S> conv(const std::string& name, const Maps<S>& x, int out, int stride) {
        ++layer_;
        const std::vector<S>&weight = weights_.at(name + ".weight"),
              &bias = weights_.at(name + ".bias");
        const int o = (x.h + stride - 1) / stride,
                  before = std::max((o - 1) * stride + 3 - x.h, 0) / 2;
        Maps<S> y(x.b, out, o);
        for (int n = 0; n < x.b; ++n)
            for (int k = 0; k < out; ++k)
                for (int i = 0; i < o; ++i)
                    for (int j = 0; j < o; ++j)
                        y.at(n, k, i, j) =
                            bias[static_cast<size_t>(k)] +
                            window(x, weight, n, k, i * stride - before, j * stride - before);
        return y;
    }

    S window(const Maps<S>& x, const std::vector<S>& weight, int n, int k, int top,
             int left) const {
        S sum(0);
        for (int c = 0; c < x.c; ++c)
            for (int u = 0; u < 3; ++u)
                for (int v = 0; v < 3; ++v) {
                    const int row = top + u, column = left + v;
                    if (row < 0 || column < 0 || row >= x.h || column >= x.h) continue;
                    sum = sum + weight[static_cast<size_t>(((k * x.c + c) * 3 + u) * 3 + v)] *
                                    x.at(n, c, row, column);
                }
        return sum;
    }

    Maps<S> dense(const std::string& name, const Maps<S>& x, int out) {
        ++layer_;
        const std::vector<S>&weight = weights_.at(name + ".weight"),
              &bias = weights_.at(name + ".bias");
        Maps<S> y(x.b, out, 1);
        for (int n = 0; n < x.b; ++n)
            for (int k = 0; k < out; ++k) {
                S sum = bias[static_cast<size_t>(k)];
                for (int c = 0; c < x.c; ++c)
                    sum = sum + weight[static_cast<size_t>(k * x.c + c)] * x.at(n, c, 0, 0);
                y.at(n, k, 0, 0) = sum;
            }
        return y;
    }

    Maps<S> unit(const std::string& name, const Maps<S>& x, int out, int stride) {
        const Maps<S> h = leaky(conv(name, x, out, stride));
        return state_ != nullptr ? batch_renorm(name + ".norm", h) : layer_norm(name + ".norm", h);
    }

    Maps<S> layer_norm(const std::string& name, const Maps<S>& x) const {
        const std::vector<S>&gamma = weights_.at(name + ".weight"),
              &beta = weights_.at(name + ".bias");
        const int area = x.h * x.h, count = x.c * area;
        Maps<S> y = x;
        for (int n = 0; n < x.b; ++n) {
            S* sample = &y.v[static_cast<size_t>(n * count)];
            const auto [mean, variance] = moments(std::vector<S>(sample, sample + count));
            const S sigma = sqrt(variance + S(1e-12));
            for (int i = 0; i < count; ++i) {
                const auto k = static_cast<size_t>(i / area);
                sample[i] = gamma[k] * ((sample[i] - mean) / sigma) + beta[k];
            }
        }
        return y;
    }

    static std::pair<S, S> moments(const std::vector<S>& values) {
        const S count(static_cast<double>(values.size()));
        S sum(0), squares(0);
        for (const S& v : values) sum = sum + v;
        const S mean = sum / count;
        for (const S& v : values) squares = squares + (v - mean) * (v - mean);
        return {mean, squares / count};
    }

    // r and d are constants: the gradient flows only through mu and sigma.
    Maps<S> batch_renorm(const std::string& name, const Maps<S>& x) {
        constexpr double eps = 1e-3, p = 0.99, q = 0.99;
        const std::vector<S>&gamma = weights_.at(name + ".weight"),
              &beta = weights_.at(name + ".bias");
        Values &a_mu = (*state_)[name + ".a_mu"], &a_sg = (*state_)[name + ".a_sg"],
               &w = (*state_)[name + ".w"];
        Values &M = (*state_)[name + ".M"], &V = (*state_)[name + ".V"];
        const double w_next = p * w[0] + (1 - p);
        Maps<S> y = x;
        for (int c = 0; c < x.c; ++c) {
            const auto k = static_cast<size_t>(c);
            std::vector<S> channel;
            for (int n = 0; n < x.b; ++n)
                for (int i = 0; i < x.h * x.h; ++i) channel.push_back(x.at(n, c, 0, i));
            const auto [mean, variance] = moments(channel);
            const S deviation = sqrt(variance + S(eps));
            const double mu = plain(mean), sigma = plain(deviation);
            const double A_mu = a_mu[k] + (1 - w[0]) * mu, A_sg = a_sg[k] + (1 - w[0]) * sigma;
            const double r = sigma / A_sg, d = (mu - A_mu) / A_sg;
            for (int n = 0; n < x.b; ++n)
                for (int i = 0; i < x.h * x.h; ++i)
                    y.at(n, c, 0, i) =
                        gamma[k] * ((x.at(n, c, 0, i) - mean) / deviation * S(r) + S(d)) + beta[k];
            a_mu[k] = p * a_mu[k] + (1 - p) * mu;
            a_sg[k] = p * a_sg[k] + (1 - p) * sigma;
            M[k] = q * M[k] + (1 - q) * a_mu[k] / w_next;
            V[k] = q * V[k] + (1 - q) * (a_sg[k] / w_next * a_sg[k] / w_next - eps);
        }
        w[0] = w_next;
        return y;
    }

    Maps<S> dropped(Maps<S> x) const {
        if (masks_.rate == 0) return x;
        const size_t count = x.v.size() / static_cast<size_t>(x.b);
        std::vector<float> mask(count);
        for (size_t n = 0; n < static_cast<size_t>(x.b); ++n) {
            const uint32_t index = masks_.first + static_cast<uint32_t>(n) * masks_.stride;
            fill_dropout(mask, masks_.rate, masks_.key, masks_.step, index,
                         static_cast<uint32_t>(layer_));
            for (size_t i = 0; i < count; ++i)
                x.v[n * count + i] = x.v[n * count + i] * S(double(mask[i]));
        }
        return x;
    }

    const Shape& shape_;
    const Parameters<S>& weights_;
    const Masks& masks_;
    Named* state_;
    int layer_ = -1; // number of the last applied convolution or dense layer
};

} // namespace dagan::train::golden
