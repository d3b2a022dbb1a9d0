#include "train/gan/golden/plain_gan.h"

#include "train/gan/golden/plain_networks.h"

namespace dagan::train::golden {

namespace {

// Puts every parameter on the tape as a variable.
Parameters<Var> variables(const Named& values, Tape& tape) {
    Parameters<Var> all;
    for (const auto& [name, numbers] : values)
        for (const double number : numbers) all[name].emplace_back(number, tape);
    return all;
}

// gradient += scale * d(of) / d(variables)
void add_gradient(const Var& of, const Parameters<Var>& by, const Tape& tape, double scale,
                  Named& gradient) {
    const std::vector<double> derivatives = tape.gradients(of.node);
    for (const auto& [name, numbers] : by) {
        Values& sum = gradient[name];
        sum.resize(numbers.size());
        for (size_t i = 0; i < numbers.size(); ++i) sum[i] += scale * derivatives[numbers[i].node];
    }
}

template <class S> S mean_of(const std::vector<S>& values) {
    S sum(0);
    for (const S& v : values) sum = sum + v;
    return sum / S(static_cast<double>(values.size()));
}

// Norms of the gradient image [B, C, H, W], one per sample or one per column of each channel, and
// the norm to which each pixel belongs.
struct Norms {
    Values values;
    std::vector<size_t> of_pixel;
};

Norms norms_of(const Values& gradient, const Shape& shape, bool column) {
    const auto h = static_cast<size_t>(shape.size), c = static_cast<size_t>(shape.channels);
    Norms norms;
    norms.values.assign(static_cast<size_t>(shape.batch) * (column ? c * h : 1), 1e-12);
    for (size_t i = 0; i < gradient.size(); ++i) {
        // Channel counts over the batch.
        const size_t x = i % h, image = i / (c * h * h), channel = i / (h * h);
        norms.of_pixel.push_back(column ? channel * h + x : image);
        norms.values[norms.of_pixel.back()] += gradient[i] * gradient[i];
    }
    for (double& value : norms.values) value = std::sqrt(value);
    return norms;
}

} // namespace

void PlainAdam::step(Named& values, const Named& gradients) {
    ++steps_;
    for (auto& [name, numbers] : values) {
        const Values& g = gradients.at(name);
        Values &m = first_[name], &v = second_[name];
        m.resize(numbers.size());
        v.resize(numbers.size());
        for (size_t i = 0; i < numbers.size(); ++i) {
            m[i] = beta1_ * m[i] + (1 - beta1_) * g[i];
            v[i] = beta2_ * v[i] + (1 - beta2_) * g[i] * g[i];
            const double m_hat = m[i] / (1 - std::pow(beta1_, steps_)),
                         v_hat = v[i] / (1 - std::pow(beta2_, steps_));
            numbers[i] -= rate_ * m_hat / (std::sqrt(v_hat) + 1e-8);
        }
    }
}

Values PlainGan::fakes(const Values& x, const Values& z, const Masks& masks) {
    return Passage<double>(shape_, generator_, masks, &state_)
        .generator(maps_of(x, shape_.batch, shape_.channels, shape_.size),
                   maps_of(z, shape_.batch, shape_.z_dim, 1))
        .v;
}

CriticLosses PlainGan::critic_gradient(const Values& x, const Values& real, const Values& fake,
                                       const Values& epsilon, double weight, bool column,
                                       const Masks& on_fake, const Masks& on_real,
                                       const Masks& on_mixed, Named& gradient) {
    Tape tape;
    const Parameters<Var> weights = variables(critic_, tape);
    const auto images = [&](const Values& values) {
        return maps_of(constants<Var>(values), shape_.batch, shape_.channels, shape_.size);
    };
    const Var d_fake =
        mean_of(Passage<Var>(shape_, weights, on_fake, nullptr).critic(images(x), images(fake)));
    const Var d_real =
        mean_of(Passage<Var>(shape_, weights, on_real, nullptr).critic(images(x), images(real)));
    add_gradient(d_fake - d_real, weights, tape, 1, gradient);

    Values mixed(x.size());
    for (size_t i = 0; i < x.size(); ++i)
        mixed[i] = real[i] + epsilon[i * epsilon.size() / x.size()] * (fake[i] - real[i]);
    const double gp = penalty(x, mixed, column, on_mixed, weight, gradient);
    return {d_fake.value - d_real.value + weight * gp, d_real.value - d_fake.value, gp};
}

// With g = dD/dx^ and v = dGP/dg, the derivative of GP with respect to a weight is that of v . g at
// fixed v, and v . g is the derivative of D along v.
double PlainGan::penalty(const Values& x, const Values& mixed, bool column, const Masks& masks,
                         double weight, Named& gradient) const {
    const int b = shape_.batch, c = shape_.channels, h = shape_.size;
    Tape first_tape;
    std::vector<Var> candidates;
    for (const double value : mixed) candidates.emplace_back(value, first_tape);
    Parameters<Var> fixed;
    for (const auto& [name, numbers] : critic_) fixed[name] = constants<Var>(numbers);
    const Maps<Var> y = maps_of(candidates, b, c, h);
    const Var score = mean_of(Passage<Var>(shape_, fixed, masks, nullptr)
                                  .critic(maps_of(constants<Var>(x), b, c, h), y)) *
                      Var(b);
    const std::vector<double> derivatives = first_tape.gradients(score.node);
    Values g;
    for (const Var& candidate : candidates) g.push_back(derivatives[candidate.node]);

    const Norms norms = norms_of(g, shape_, column);
    const auto count = static_cast<double>(norms.values.size());
    double gp = 0;
    for (const double norm : norms.values) gp += (norm - 1) * (norm - 1) / count;

    Tape tape;
    const Parameters<Var> weights = variables(critic_, tape);
    Parameters<Dual<Var>> lifted;
    for (const auto& [name, numbers] : weights)
        for (const Var& number : numbers) lifted[name].emplace_back(number, Var(0));
    std::vector<Dual<Var>> moved;
    for (size_t i = 0; i < g.size(); ++i) {
        const double norm = norms.values[norms.of_pixel[i]];
        moved.emplace_back(Var(mixed[i]), Var(2 / count * (norm - 1) / norm * g[i]));
    }
    const Maps<Dual<Var>> along = maps_of(moved, b, c, h),
                          given = maps_of(constants<Dual<Var>>(x), b, c, h);
    const Dual<Var> sum =
        mean_of(Passage<Dual<Var>>(shape_, lifted, masks, nullptr).critic(given, along)) *
        Dual<Var>(b);
    add_gradient(sum.along, weights, tape, weight, gradient);
    return gp;
}

double PlainGan::generator_gradient(const Values& x, const Values& z, const Masks& of_generator,
                                    const Masks& of_critic, Named& gradient) {
    Tape tape;
    const Parameters<Var> weights = variables(generator_, tape);
    Parameters<Var> judge;
    for (const auto& [name, numbers] : critic_) judge[name] = constants<Var>(numbers);
    const Maps<Var> given = maps_of(constants<Var>(x), shape_.batch, shape_.channels, shape_.size);
    const Maps<Var> made =
        Passage<Var>(shape_, weights, of_generator, &state_)
            .generator(given, maps_of(constants<Var>(z), shape_.batch, shape_.z_dim, 1));
    const Var loss =
        Var(0) - mean_of(Passage<Var>(shape_, judge, of_critic, nullptr).critic(given, made));
    add_gradient(loss, weights, tape, 1, gradient);
    return loss.value;
}

} // namespace dagan::train::golden
