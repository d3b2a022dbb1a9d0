#include "bench/plain_networks.h"

#include "base/error.h"

#include <algorithm>
#include <utility>

namespace dagan::bench::plain {

namespace F = torch::nn::functional;

namespace {
constexpr double kSlope = 0.2;
constexpr int kHeadFeatures = 1024;
// Levels of the decoder, and how many of them, from the first, take noise.
constexpr int kLevels = 5, kNoiseLevels = 3;

torch::Tensor leaky(const torch::Tensor& x) {
    return F::leaky_relu(x, F::LeakyReLUFuncOptions().negative_slope(kSlope));
}

torch::Tensor concatenated(const std::vector<torch::Tensor>& maps) { return torch::cat(maps, 1); }

torch::Tensor resized(const torch::Tensor& x, int64_t size) {
    if (x.size(2) == size) return x;
    return F::interpolate(
        x,
        F::InterpolateFuncOptions().size(std::vector<int64_t>{size, size}).mode(torch::kNearest));
}

int halved(int size) { return (size + 1) / 2; }

// Normalises over C, H, W of a sample, with gamma and beta per channel. F::layer_norm, because
// torch::nn::GroupNorm, the same function, takes three times as long when differentiated twice.
class LayerNorm : public torch::nn::Module {
  public:
    explicit LayerNorm(int channels) {
        weight = register_parameter("weight", torch::ones({channels}));
        bias = register_parameter("bias", torch::zeros({channels}));
    }
    torch::Tensor forward(torch::Tensor x) {
        const auto over = F::LayerNormFuncOptions({x.size(1), x.size(2), x.size(3)}).eps(1e-12);
        return F::layer_norm(x, over) * weight.view({-1, 1, 1}) + bias.view({-1, 1, 1});
    }

  private:
    torch::Tensor weight, bias;
};

// Batch renormalisation; its correction is folded into the affine part of stock batch norm.
class BatchRenorm : public torch::nn::Module {
  public:
    BatchRenorm(int channels, const GanOptions& options)
        : r_max_(options.r_max), d_max_(options.d_max) {
        weight = register_parameter("weight", torch::ones({channels}));
        bias = register_parameter("bias", torch::zeros({channels}));
        a_mu = register_buffer("a_mu", torch::zeros({channels}));
        a_sg = register_buffer("a_sg", torch::zeros({channels}));
        w = register_buffer("w", torch::zeros({}));
        m = register_buffer("M", torch::zeros({channels}));
        v = register_buffer("V", torch::ones({channels}));
    }
    torch::Tensor forward(torch::Tensor x) {
        if (!is_training())
            return F::batch_norm(x, m, v,
                                 F::BatchNormFuncOptions().weight(weight).bias(bias).eps(kEpsilon));
        torch::Tensor r, d;
        {
            const torch::NoGradGuard no_grad;
            const auto [variance, mu] = torch::var_mean(x, {0, 2, 3}, /*unbiased=*/false);
            const torch::Tensor sigma = (variance + kEpsilon).sqrt();
            const torch::Tensor mixed_mu = a_mu + (1 - w) * mu,
                                mixed_sigma = a_sg + (1 - w) * sigma;
            r = (sigma / mixed_sigma).clamp(0, r_max_);
            d = ((mu - mixed_mu) / mixed_sigma).clamp(-d_max_, d_max_);
            advance(mu, sigma);
        }
        const auto affine = F::BatchNormFuncOptions()
                                .weight(weight * r)
                                .bias(weight * d + bias)
                                .training(true)
                                .eps(kEpsilon);
        return F::batch_norm(x, {}, {}, affine);
    }

  private:
    static constexpr double kEpsilon = 1e-3, kKept = 0.99;

    void advance(const torch::Tensor& mu, const torch::Tensor& sigma) {
        a_mu.mul_(kKept).add_(mu, 1 - kKept);
        a_sg.mul_(kKept).add_(sigma, 1 - kKept);
        w.mul_(kKept).add_(1 - kKept);
        m.mul_(kKept).add_(a_mu / w, 1 - kKept);
        v.mul_(kKept).add_((a_sg / w).square() - kEpsilon, 1 - kKept);
    }

    double r_max_, d_max_;
    torch::Tensor weight, bias, a_mu, a_sg, w, m, v;
};

torch::nn::AnyModule make_norm(NormKind kind, int channels, const GanOptions* options) {
    if (kind == NormKind::layer) return torch::nn::AnyModule(LayerNorm(channels));
    if (kind == NormKind::renorm) return torch::nn::AnyModule(BatchRenorm(channels, *options));
    return torch::nn::AnyModule(
        torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(channels).eps(1e-3).momentum(0.1)));
}

template <class Module>
std::shared_ptr<Module> add_module(torch::nn::Module& to, const std::string& name,
                                   std::shared_ptr<Module> m) {
    to.register_module(name, m);
    return m;
}
} // namespace

Dropout stock_dropout(double probability) {
    return [probability](const torch::Tensor& map, const std::string&) {
        return torch::dropout(map, probability, true);
    };
}

SameConv::SameConv(int in, int out, int kernel, int stride)
    : Conv2dImpl(torch::nn::Conv2dOptions(in, out, kernel).stride(stride)), kernel_(kernel),
      stride_(stride) {}

torch::Tensor SameConv::forward(const torch::Tensor& x) {
    const int64_t out = (x.size(2) + stride_ - 1) / stride_;
    const int64_t total = std::max<int64_t>((out - 1) * stride_ + kernel_ - x.size(2), 0);
    const int64_t before = total / 2, after = total - before;
    if (before == after) return torch::conv2d(x, weight, bias, stride_, before);
    return torch::conv2d(F::pad(x, F::PadFuncOptions({before, after, before, after})), weight, bias,
                         stride_);
}

Unit::Unit(int in, int out, int stride, NormKind norm, const GanOptions* clips)
    : SameConv(in, out, 3, stride), norm_(make_norm(norm, out, clips)) {
    register_module("norm", norm_.ptr());
}

torch::Tensor Unit::forward(const torch::Tensor& x) {
    return norm_.forward(leaky(SameConv::forward(x)));
}

EncoderBlock::EncoderBlock(int previous, int in, int width, int inner, NormKind norm,
                           const GanOptions& options) {
    project_ = add_module(*this, "project",
                          std::make_shared<SameConv>(previous, previous, options.skip_kernel, 2));
    int channels = in;
    for (int j = 1; j <= inner; ++j) {
        const int given = j == 1 ? channels + previous : channels;
        inner_.push_back(add_module(*this, "conv" + std::to_string(j),
                                    std::make_shared<Unit>(given, width, 1, norm, &options)));
        channels += width;
    }
    close_ = add_module(*this, "close", std::make_shared<Unit>(channels, width, 2, norm, &options));
}

torch::Tensor EncoderBlock::forward(const torch::Tensor& h, torch::Tensor& previous) {
    std::vector<torch::Tensor> maps{h};
    maps.push_back(inner_[0]->forward(concatenated({h, project_->forward(previous)})));
    for (size_t j = 1; j < inner_.size(); ++j)
        maps.push_back(inner_[j]->forward(concatenated(maps)));
    previous = maps.back();
    return close_->forward(concatenated(maps));
}

Encoder::Encoder(torch::nn::Module& network, int channels, const std::array<int, 4>& widths,
                 int inner, NormKind norm, const GanOptions& options, const Dropout& dropout)
    : dropout_(dropout) {
    const auto e0 = add_module(network, "E0", std::make_shared<torch::nn::Module>());
    first_ =
        add_module(*e0, "conv", std::make_shared<Unit>(channels, widths[0], 2, norm, &options));
    int previous = channels;
    for (size_t b = 1; b < widths.size(); ++b) {
        blocks_.push_back(
            add_module(network, "E" + std::to_string(b),
                       std::make_shared<EncoderBlock>(previous, widths[b - 1], widths[b], inner,
                                                      norm, options)));
        previous = widths[b];
    }
}

std::vector<torch::Tensor> Encoder::operator()(const torch::Tensor& x) const {
    std::vector<torch::Tensor> encoded{first_->forward(x)};
    torch::Tensor previous = x;
    for (size_t b = 0; b < blocks_.size(); ++b) {
        torch::Tensor h = blocks_[b]->forward(encoded.back(), previous);
        if (training()) h = dropout_(h, "E" + std::to_string(b + 1) + ".close");
        encoded.push_back(h);
    }
    return encoded;
}

DecoderLevel::DecoderLevel(int previous, int in, int width, bool closes,
                           const GanOptions& options) {
    int channels = in;
    for (int j = 1; j <= options.generator_inner; ++j) {
        const std::string number = std::to_string(j);
        if (previous > 0) {
            projects_.push_back(
                add_module(*this, "project" + number,
                           std::make_shared<SameConv>(previous, previous, options.skip_kernel, 1)));
        }
        inner_.push_back(add_module(
            *this, "conv" + number,
            std::make_shared<Unit>(channels + previous, width, 1, NormKind::renorm, &options)));
        channels += width;
    }
    if (closes)
        close_ = add_module(*this, "close",
                            std::make_shared<Unit>(channels, width, 1, NormKind::renorm, &options));
}

torch::Tensor DecoderLevel::inner(const torch::Tensor& h, torch::Tensor& previous) {
    std::vector<torch::Tensor> maps{h};
    for (size_t j = 0; j < inner_.size(); ++j) {
        std::vector<torch::Tensor> in = maps;
        if (!projects_.empty()) in.push_back(projects_[j]->forward(resized(previous, h.size(2))));
        maps.push_back(inner_[j]->forward(concatenated(in)));
    }
    previous = maps.back();
    return concatenated(maps);
}

torch::Tensor DecoderLevel::close(const torch::Tensor& all, int64_t size) {
    return close_->forward(resized(all, size));
}

Generator::Generator(const GanOptions& options, int channels, int size, Dropout dropout)
    : dropout_(std::move(dropout)), size_(size) {
    require(options.topology == Topology::code && options.norm == Norm::renorm,
            "the plain generator exists for topology code with renorm only");
    const auto& widths = options.generator_widths;
    encoder_ = std::make_unique<Encoder>(*this, channels, widths, options.generator_inner,
                                         NormKind::renorm, options, dropout_);
    // Sizes of the encoder's maps and, in reverse order, of the decoder's first four levels.
    std::array<int, 4> sizes{halved(size)};
    for (size_t b = 1; b < sizes.size(); ++b) sizes[b] = halved(sizes[b - 1]);
    int previous = 0, in = widths[3];
    for (int l = 0; l < kLevels; ++l) {
        const auto block = static_cast<size_t>(std::max(3 - l, 0));
        if (l < kNoiseLevels) {
            const int noise_channels = 8 >> l, map = sizes[block];
            noise_.push_back(
                register_module("noise" + std::to_string(l),
                                torch::nn::Linear(options.z_dim, noise_channels * map * map)));
            in += noise_channels;
        }
        if (l == kLevels - 1) in = widths[0] + channels;
        const bool closes = l < kLevels - 1;
        levels_.push_back(add_module(
            *this, "L" + std::to_string(l),
            std::make_shared<DecoderLevel>(previous, in, widths[block], closes, options)));
        previous = widths[block];
        if (block > 0) in = widths[block] + widths[block - 1];
    }
    const auto tail = add_module(*this, "T", std::make_shared<torch::nn::Module>());
    for (const std::string name : {"conv1", "conv2"}) {
        tail_.push_back(add_module(
            *tail, name,
            std::make_shared<Unit>(widths[0], widths[0], 1, NormKind::renorm, &options)));
    }
    last_ = add_module(*tail, "conv3", std::make_shared<SameConv>(widths[0], channels, 3, 1));
}

torch::Tensor Generator::forward(const torch::Tensor& x, const torch::Tensor& z) {
    const std::vector<torch::Tensor> encoded = (*encoder_)(x);
    torch::Tensor h = encoded.back(), previous;
    for (int l = 0; l < kLevels; ++l) {
        const auto level = static_cast<size_t>(l);
        if (l < kNoiseLevels)
            h = concatenated(
                {noise_[level]->forward(z).view({z.size(0), -1, h.size(2), h.size(3)}), h});
        if (l == kLevels - 1) h = concatenated({h, x});
        const torch::Tensor all = levels_[level]->inner(h, previous);
        h = previous;
        if (l == kLevels - 1) break;
        h = levels_[level]->close(all, l < 3 ? encoded[2 - level].size(2) : size_);
        if (is_training()) h = dropout_(h, "L" + std::to_string(l) + ".close");
        if (l < 3) h = concatenated({h, encoded[2 - level]});
    }
    for (const auto& unit : tail_) h = unit->forward(h);
    return torch::tanh(last_->forward(h));
}

Critic::Critic(const GanOptions& options, int channels, int size, Dropout dropout) {
    require(options.topology == Topology::code, "the plain critic exists for topology code only");
    const auto& widths = options.critic_widths;
    encoder_ = std::make_unique<Encoder>(*this, 2 * channels, widths, options.critic_inner,
                                         NormKind::layer, options, dropout);
    const int map = halved(halved(halved(halved(size))));
    const auto head = add_module(*this, "head", std::make_shared<torch::nn::Module>());
    dense1_ = head->register_module("dense1", torch::nn::Linear(widths[3], kHeadFeatures));
    dense2_ = head->register_module("dense2",
                                    torch::nn::Linear(kHeadFeatures + widths[3] * map * map, 1));
}

torch::Tensor Critic::forward(const torch::Tensor& x, const torch::Tensor& y) {
    const torch::Tensor h = (*encoder_)(concatenated({y, x})).back();
    const torch::Tensor v = leaky(dense1_->forward(h.mean({2, 3})));
    return dense2_->forward(concatenated({v, h.flatten(1)})).squeeze(1);
}

Classifier::Classifier(const ClassifierOptions& options, int channels, int classes, Dropout dropout)
    : dropout_(std::move(dropout)) {
    require(options.reading == ClassifierArch::lineage &&
                options.dropout_site == DropoutSite::closing,
            "the plain classifier exists for reading lineage with closing dropout only");
    int in = channels;
    for (int b = 1; b <= 4; ++b) {
        Block block{"B" + std::to_string(b), {}, {}};
        const auto module = add_module(*this, block.name, std::make_shared<torch::nn::Module>());
        for (const std::string name : {"conv1", "conv2", "conv3"}) {
            block.inner.push_back(add_module(
                *module, name,
                std::make_shared<Unit>(in + 1, options.growth, 1, NormKind::batch, nullptr)));
            in += options.growth;
        }
        block.transition =
            add_module(*module, "transition",
                       std::make_shared<Unit>(in + 1, options.growth, 2, NormKind::batch, nullptr));
        blocks_.push_back(std::move(block));
        in = options.growth;
    }
    const auto head = add_module(*this, "head", std::make_shared<torch::nn::Module>());
    dense_ = head->register_module("dense", torch::nn::Linear(options.growth, classes));
}

torch::Tensor Classifier::forward(const torch::Tensor& images, const torch::Tensor& real) {
    torch::Tensor h = images;
    for (const Block& block : blocks_) {
        const torch::Tensor flag = real.view({-1, 1, 1, 1}).expand({-1, 1, h.size(2), h.size(3)});
        std::vector<torch::Tensor> maps{h};
        const auto given = [&] {
            std::vector<torch::Tensor> in = maps;
            in.push_back(flag);
            return concatenated(in);
        };
        for (const auto& unit : block.inner) maps.push_back(unit->forward(given()));
        h = block.transition->forward(given());
        if (is_training()) h = dropout_(h, block.name + ".transition");
    }
    return dense_->forward(h.mean({2, 3}));
}

void copy_weights(const torch::nn::Module& from, torch::nn::Module& to) {
    const torch::NoGradGuard no_grad;
    const auto given = from.named_parameters();
    const auto taken = to.named_parameters();
    require(given.size() == taken.size(), "both networks have the same number of parameters");
    for (const auto& item : taken) {
        const torch::Tensor* value = given.find(item.key());
        require(value != nullptr && value->sizes() == item.value().sizes(),
                item.key() + ": both networks have this parameter in the same shape");
        torch::Tensor(item.value()).copy_(*value);
    }
    const auto states = to.named_buffers();
    for (const auto& item : from.named_buffers())
        torch::Tensor(states[item.key()]).copy_(item.value());
}

} // namespace dagan::bench::plain
