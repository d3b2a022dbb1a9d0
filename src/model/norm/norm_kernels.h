// The loops of fused_norm.h: leaky ReLU and a normalisation in one pass over float maps, with their
// derivatives.
//
// Maps are channels last in memory, [samples, area, channels]. The loops are written for the
// compiler's vectoriser, compiled for several kinds of CPU and dispatched at run time. They use
// plain memory, no LibTorch. Up to about a thousand numbers are summed in float, sums of those in
// double.
//
// Notation: a = x where x > 0, else slope * x; s is the derivative of a with respect to x.
#pragma once

#include <cstdint>

namespace dagan::model {

struct MapShape {
    int64_t samples = 0, area = 0, channels = 0;
    int64_t sample() const { return area * channels; }
};

// Layer normalisation over each sample, docs/reference/model.md, eq. (18):
// y = gamma_c * (a - mean) * rstd + beta_c. mean, rstd: [samples].
void leaky_layer_norm(const float* x, const MapShape& shape, float slope, double epsilon,
                      const float* gamma, const float* beta, float* y, float* mean, float* rstd);

// Computes dx from g = dL/dy, and per sample dL/dgamma and dL/dbeta, [samples, channels].
void leaky_layer_norm_backward(const float* x, const float* g, const MapShape& shape, float slope,
                               const float* gamma, const float* mean, const float* rstd, float* dx,
                               float* dgamma, float* dbeta);

// The derivative of leaky_layer_norm_backward's dx: given u = dL/d(dx), computes dL/dx, dL/dg and,
// per sample, dL/dgamma, [samples, channels].
void leaky_layer_norm_double_backward(const float* x, const float* g, const float* u,
                                      const MapShape& shape, float slope, const float* gamma,
                                      const float* mean, const float* rstd, float* dx, float* dg,
                                      float* dgamma);

// Mean and biased variance of a over samples and pixels, [channels]. `scratch` has
// 2 * samples * channels floats.
void leaky_moments(const float* x, const MapShape& shape, float slope, float* scratch, float* mean,
                   float* variance);

// y = scale_c * a + shift_c.
void leaky_affine(const float* x, const MapShape& shape, float slope, const float* scale,
                  const float* shift, float* y);

// Sums of g and of g * (a - mean_c) over samples and pixels, [channels]. `scratch` as above.
void leaky_gradient_sums(const float* x, const float* g, const MapShape& shape, float slope,
                         const float* mean, float* scratch, double* sum_g, double* sum_ga);

// dx = s * (g_factor_c * g + a_factor_c * a + constant_c).
void leaky_affine_backward(const float* x, const float* g, const MapShape& shape, float slope,
                           const float* g_factor, const float* a_factor, const float* constant,
                           float* dx);

} // namespace dagan::model
