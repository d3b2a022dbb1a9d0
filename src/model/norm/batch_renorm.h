// Batch renormalisation (Ioffe 2017) of the generator, docs/reference/model.md, eqs. (12) to (17).
//
// Training normalises by the statistics of the batch, corrected by r and d towards the moving ones.
// Every training pass, with or without gradients, updates the state. Inference uses M and V and
// changes nothing.
#pragma once

#include <torch/torch.h>

#include <limits>

namespace dagan::model {

// Bounds of r and d in eq. (13). r = 1 and d = 0 is batch normalisation with the same moving
// statistics for inference.
struct RenormClip {
    double r_min = 0, r_max = std::numeric_limits<double>::infinity(),
           d_max = std::numeric_limits<double>::infinity();
    static RenormClip batch_norm() { return {1, 1, 0}; }
};

class BatchRenorm : public torch::nn::Module {
  public:
    // The values of e, p and q.
    static constexpr double kEpsilon = 1e-3, kStateDecay = 0.99, kInferenceDecay = 0.99;

    BatchRenorm(int64_t channels, const RenormClip& clip);
    // Normalises leaky_relu(x, slope) of x [B, C, H, W]; slope 1 means x itself. Returns the shape
    // of x. In training, `groups` equal slices of the batch have statistics of their own; each
    // starts from the same state, and the new state is the mean of the states of the slices. So one
    // rank computes what `groups` ranks compute that average their state after the step. Throws
    // Blame::bug if `groups` does not divide B.
    torch::Tensor forward(const torch::Tensor& x, bool training, int groups, double slope = 1);

  private:
    struct State {
        torch::Tensor a_mu, a_sg, w, m, v;
    };
    struct Statistics {
        torch::Tensor mu, sigma; // [C], without gradient, eq. (12)
    };
    struct Affine {
        torch::Tensor weight, bias; // [C]
    };
    torch::Tensor infer(const torch::Tensor& x, double slope) const;
    torch::Tensor train(const torch::Tensor& x, double slope, std::vector<State>& states) const;
    Affine correction(const Statistics& batch) const;
    State updated_state(const Statistics& batch) const;
    void set_state(const std::vector<State>& slices);

    RenormClip clip_;
    torch::Tensor weight, bias; // gamma, beta
    State state_;               // buffers a_mu [C], a_sg [C], w (scalar), M [C], V [C]
};

} // namespace dagan::model
