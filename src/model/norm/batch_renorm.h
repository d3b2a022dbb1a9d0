// Batch renormalisation (Ioffe 2017) as the authors' TensorFlow code has it, equations in dagan.md section 2. Training normalises
// by the batch's own statistics, corrected by r and d towards the moving ones; every training pass, with or without gradients,
// moves the state. Inference uses M and V and changes nothing.
#pragma once

#include <torch/torch.h>

#include <limits>

namespace dagan::model {

// Bounds of r and d. r = 1 and d = 0 is plain batch norm, with the same moving statistics for inference.
struct RenormClip {
    double r_min = 0, r_max = std::numeric_limits<double>::infinity(),
           d_max = std::numeric_limits<double>::infinity();
    static RenormClip batch_norm() { return {1, 1, 0}; }
};

class BatchRenorm : public torch::nn::Module {
  public:
    static constexpr double kEpsilon = 1e-3, kStateDecay = 0.99, kInferenceDecay = 0.99;

    BatchRenorm(int64_t channels, const RenormClip& clip);
    // x [B, C, H, W]; normalises leaky_relu(x, slope), x itself where the slope is 1. In training, `groups` equal slices of the
    // batch have statistics of their own, all from the same state, and the new state is the mean of those the slices lead to:
    // what ranks do that average their state after the step.
    torch::Tensor forward(const torch::Tensor& x, bool training, int groups, double slope = 1);

  private:
    struct State {
        torch::Tensor a_mu, a_sg, w, m, v;
    };
    struct Statistics {
        torch::Tensor mu, sigma; // [C], without gradient
    };
    struct Affine {
        torch::Tensor weight, bias; // [C]
    };
    torch::Tensor infer(const torch::Tensor& x, double slope) const;
    torch::Tensor train(const torch::Tensor& x, double slope, std::vector<State>& states) const;
    Affine correction(const Statistics& batch) const;
    State advanced(const Statistics& batch) const;
    void set_state(const std::vector<State>& slices);

    RenormClip clip_;
    torch::Tensor weight, bias; // gamma, beta
    State state_;               // buffers a_mu[C], a_sg[C], w (scalar: w_mu = w_sg), M[C], V[C]
};

} // namespace dagan::model
