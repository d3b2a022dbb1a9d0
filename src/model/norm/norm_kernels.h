// The loops of the fused units (fused_norm.h): leaky ReLU and a normalisation in one pass over float maps, with their
// derivatives. Maps lie in memory channels last: [samples, area, channels]. Written for the compiler's vectoriser and compiled
// for several kinds of CPU, of which the running one's is taken; plain memory, no LibTorch. Sums over a thousand numbers are in
// float, sums of those in double.
//
// a = x where x > 0, else slope * x; s is its derivative by x.
#pragma once

#include <cstdint>

namespace dagan::model {

struct MapShape {
    int64_t samples = 0, area = 0, channels = 0;
    int64_t sample() const { return area * channels; }
};

// Layer norm (dagan.md section 2), over each sample: y = gamma_c * (a - mean) * rstd + beta_c. mean, rstd: [samples].
void leaky_layer_norm(const float* x, const MapShape& shape, float slope, double epsilon,
                      const float* gamma, const float* beta, float* y, float* mean, float* rstd);

// dx from g = dL/dy, and each sample's part of dL/dgamma and dL/dbeta, [samples, channels].
void leaky_layer_norm_backward(const float* x, const float* g, const MapShape& shape, float slope,
                               const float* gamma, const float* mean, const float* rstd, float* dx,
                               float* dgamma, float* dbeta);

// The derivative of the above: with u = dL/d(dx), dL/dx, dL/dg and each sample's part of dL/dgamma.
void leaky_layer_norm_double_backward(const float* x, const float* g, const float* u,
                                      const MapShape& shape, float slope, const float* gamma,
                                      const float* mean, const float* rstd, float* dx, float* dg,
                                      float* dgamma);

// Mean and biased variance of a over samples and pixels, [channels]. `scratch`: 2 * samples * channels floats.
void leaky_moments(const float* x, const MapShape& shape, float slope, float* scratch, float* mean,
                   float* variance);

// y = scale_c * a + shift_c.
void leaky_affine(const float* x, const MapShape& shape, float slope, const float* scale,
                  const float* shift, float* y);

// Sums over samples and pixels of g and of g * (a - mean_c), [channels]. `scratch` as above.
void leaky_gradient_sums(const float* x, const float* g, const MapShape& shape, float slope,
                         const float* mean, float* scratch, double* sum_g, double* sum_ga);

// dx = s * (of_g_c * g + of_a_c * a + constant_c).
void leaky_affine_backward(const float* x, const float* g, const MapShape& shape, float slope,
                           const float* of_g, const float* of_a, const float* constant, float* dx);

} // namespace dagan::model
