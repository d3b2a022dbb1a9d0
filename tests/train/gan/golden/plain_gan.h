// A second implementation of the WGAN-GP training of a DAGAN, in double, with plain loops and
// scalar derivatives, written from docs/reference/model.md, eqs. (1) to (28) (topology code, 3x3
// projections, unclipped batch renormalisation). It uses nothing of src/model or src/train.
// Weights, state and gradients have the names of the networks' parameters.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace dagan::train::golden {

using Values = std::vector<double>;
using Named = std::map<std::string, Values>;

struct Shape {
    int batch = 0, channels = 1, size = 0, z_dim = 0, inner = 1;
    std::array<int, 4> widths{};
};

// The source of the dropout masks of one pass: sample i draws at (key, step, first + i * stride,
// number of the layer).
struct Masks {
    double rate = 0;
    uint64_t key = 0;
    uint32_t step = 0, first = 0, stride = 1;
};

struct CriticLosses {
    double critic_loss = 0, wasserstein = 0, penalty = 0;
};

// Adam on every tensor of `values`, as in the paper of Kingma and Ba.
class PlainAdam {
  public:
    PlainAdam(double rate, double beta1, double beta2)
        : rate_(rate), beta1_(beta1), beta2_(beta2) {}
    void step(Named& values, const Named& gradients);

  private:
    double rate_, beta1_, beta2_;
    int steps_ = 0;
    Named first_, second_;
};

class PlainGan {
  public:
    // Parameters of both networks, and the generator's state: a_mu, a_sg, w, M, V of each norm.
    PlainGan(const Shape& shape, Named generator, Named state, Named critic)
        : shape_(shape), generator_(std::move(generator)), state_(std::move(state)),
          critic_(std::move(critic)) {}

    // Returns x~ in training mode, [B, C, H, W]; updates the state.
    Values fakes(const Values& x, const Values& z, const Masks& masks);
    // Returns L_D and its gradient with respect to the critic's parameters. `column`: penalty_norm.
    CriticLosses critic_gradient(const Values& x, const Values& real, const Values& fake,
                                 const Values& epsilon, double weight, bool column,
                                 const Masks& on_fake, const Masks& on_real, const Masks& on_mixed,
                                 Named& gradient);
    // Returns L_G and its gradient with respect to the generator's parameters; updates the state.
    double generator_gradient(const Values& x, const Values& z, const Masks& of_generator,
                              const Masks& of_critic, Named& gradient);

    Named& generator() { return generator_; }
    Named& critic() { return critic_; }
    const Named& state() const { return state_; }

  private:
    double penalty(const Values& x, const Values& mixed, bool column, const Masks& masks,
                   double weight, Named& gradient) const;
    Shape shape_;
    Named generator_, state_, critic_;
};

} // namespace dagan::train::golden
