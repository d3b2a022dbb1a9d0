#include "model/norm/norm_kernels.h"

#include "base/for_each_cpu.h"
#include "model/tensor/parallel.h"

#include <algorithm>
#include <cmath>

namespace dagan::model {

namespace {
// Numbers summed in float before their sum is added to one in double.
constexpr int64_t kChunk = 1024;
// Fewest floats per thread: less work does not justify waking a thread.
constexpr int64_t kMinFloats = 16 * 1024;
// Channels whose sums fit into the first-level cache.
constexpr int64_t kBlock = 64;

float leaky(float x, float slope) { return x > 0 ? x : slope * x; }
float leaky_slope(float x, float slope) { return x > 0 ? 1.0F : slope; }

DAGAN_FOR_EACH_CPU
void layer_forward(const float* __restrict x, int64_t area, int64_t channels, float slope,
                   double epsilon, const float* __restrict gamma, const float* __restrict beta,
                   float* __restrict y, float* mean_out, float* rstd_out) {
    const int64_t n = area * channels;
    double sum = 0;
    for (int64_t begin = 0; begin < n; begin += kChunk) {
        const int64_t end = std::min(n, begin + kChunk);
        float part = 0;
        for (int64_t i = begin; i < end; ++i) part += leaky(x[i], slope);
        sum += part;
    }
    const auto mean = static_cast<float>(sum / static_cast<double>(n));
    double squares = 0;
    for (int64_t begin = 0; begin < n; begin += kChunk) {
        const int64_t end = std::min(n, begin + kChunk);
        float part = 0;
        for (int64_t i = begin; i < end; ++i) {
            const float deviation = leaky(x[i], slope) - mean;
            part += deviation * deviation;
        }
        squares += part;
    }
    const auto rstd = static_cast<float>(1 / std::sqrt(squares / static_cast<double>(n) + epsilon));
    for (int64_t p = 0; p < area; ++p, x += channels, y += channels) {
        for (int64_t c = 0; c < channels; ++c)
            y[c] = (leaky(x[c], slope) - mean) * rstd * gamma[c] + beta[c];
    }
    *mean_out = mean;
    *rstd_out = rstd;
}

// With h = gamma_c g, z = (a - mean) rstd and < > the mean over the sample:
// dx = s rstd (h - <h> - z <h z>).
DAGAN_FOR_EACH_CPU
void layer_backward(const float* __restrict x, const float* __restrict g, int64_t area,
                    int64_t channels, float slope, const float* __restrict gamma, float mean,
                    float rstd, float* __restrict dx, float* __restrict dgamma,
                    float* __restrict dbeta) {
    std::fill_n(dgamma, channels, 0.0F);
    std::fill_n(dbeta, channels, 0.0F);
    for (int64_t p = 0; p < area; ++p) {
        const float* __restrict x_row = x + p * channels, * __restrict g_row = g + p * channels;
        for (int64_t c = 0; c < channels; ++c) {
            dbeta[c] += g_row[c];
            dgamma[c] += g_row[c] * (leaky(x_row[c], slope) - mean);
        }
    }
    double sum_h = 0, sum_hz = 0;
    for (int64_t c = 0; c < channels; ++c) {
        dgamma[c] *= rstd;
        sum_h += gamma[c] * dbeta[c];
        sum_hz += gamma[c] * dgamma[c];
    }
    const auto n = static_cast<double>(area * channels);
    const auto mean_h = static_cast<float>(sum_h / n), mean_hz = static_cast<float>(sum_hz / n);
    for (int64_t p = 0; p < area; ++p, x += channels, g += channels, dx += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float z = (leaky(x[c], slope) - mean) * rstd;
            dx[c] = leaky_slope(x[c], slope) * rstd * (gamma[c] * g[c] - mean_h - z * mean_hz);
        }
    }
}

// Means over one sample, with h = gamma_c g and t = s u: of h, h z, t and t z; joint is
// <t h> - <t> <h> - <t z> <h z>.
struct DoubleMeans {
    float h = 0, hz = 0, t = 0, tz = 0, joint = 0;
};

DAGAN_FOR_EACH_CPU
void double_means(const float* __restrict x, const float* __restrict g, const float* __restrict u,
                  int64_t area, int64_t channels, float slope, const float* gamma, float mean,
                  float rstd, DoubleMeans* means) {
    double sum_h = 0, sum_hz = 0, sum_t = 0, sum_tz = 0, sum_th = 0;
    for (int64_t first = 0; first < channels; first += kBlock) {
        const int64_t count = std::min(kBlock, channels - first);
        float acc_g[kBlock] = {}, acc_gz[kBlock] = {}, acc_t[kBlock] = {}, acc_tz[kBlock] = {},
              acc_tg[kBlock] = {};
        for (int64_t p = 0; p < area; ++p) {
            const int64_t offset = p * channels + first;
            const float *x_row = x + offset, *g_row = g + offset, *u_row = u + offset;
            for (int64_t c = 0; c < count; ++c) {
                const float z = leaky(x_row[c], slope) - mean,
                            t = leaky_slope(x_row[c], slope) * u_row[c];
                acc_g[c] += g_row[c];
                acc_gz[c] += g_row[c] * z;
                acc_t[c] += t;
                acc_tz[c] += t * z;
                acc_tg[c] += t * g_row[c];
            }
        }
        for (int64_t c = 0; c < count; ++c) {
            const float gamma_c = gamma[first + c];
            sum_h += gamma_c * acc_g[c];
            sum_hz += gamma_c * acc_gz[c] * rstd;
            sum_t += acc_t[c];
            sum_tz += acc_tz[c] * rstd;
            sum_th += gamma_c * acc_tg[c];
        }
    }
    const auto n = static_cast<double>(area * channels);
    means->h = static_cast<float>(sum_h / n);
    means->hz = static_cast<float>(sum_hz / n);
    means->t = static_cast<float>(sum_t / n);
    means->tz = static_cast<float>(sum_tz / n);
    means->joint =
        static_cast<float>(sum_th / n - sum_t / n * (sum_h / n) - sum_tz / n * (sum_hz / n));
}

// The product L of u with the dx of layer_backward is bilinear in h and t = s u:
//
//     L     = rstd sum (t h) - n rstd (<t> <h> + <t z> <h z>),   hence
//     dL/dh = rstd (t - <t> - z <t z>)
//     dL/da = -rstd^2 [z (<t h> - <t> <h> - <t z> <h z>) + <t z> (h - <h> - z <h z>)
//                      + <h z> (t - <t> - z <t z>)]
DAGAN_FOR_EACH_CPU
void layer_double_backward(const float* __restrict x, const float* __restrict g,
                           const float* __restrict u, int64_t area, int64_t channels, float slope,
                           const float* __restrict gamma, float mean, float rstd,
                           const DoubleMeans& means, float* __restrict dx, float* __restrict dg,
                           float* __restrict dgamma) {
    const auto [mean_h, mean_hz, mean_t, mean_tz, joint] = means;
    std::fill_n(dgamma, channels, 0.0F);
    for (int64_t p = 0; p < area;
         ++p, x += channels, g += channels, u += channels, dx += channels, dg += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            const float z = (leaky(x[c], slope) - mean) * rstd, s = leaky_slope(x[c], slope);
            const float t_term = s * u[c] - mean_t - z * mean_tz,
                        h_term = gamma[c] * g[c] - mean_h - z * mean_hz;
            dg[c] = gamma[c] * rstd * t_term;
            dgamma[c] += g[c] * rstd * t_term;
            dx[c] = -s * rstd * rstd * (z * joint + mean_tz * h_term + mean_hz * t_term);
        }
    }
}

// Computes each channel's mean of a over one sample, and the sum of the squared deviations from it.
DAGAN_FOR_EACH_CPU
void sample_moments(const float* __restrict x, int64_t area, int64_t channels, float slope,
                    float* __restrict means, float* __restrict squares) {
    std::fill_n(means, channels, 0.0F);
    std::fill_n(squares, channels, 0.0F);
    for (int64_t p = 0; p < area; ++p) {
        const float* __restrict in = x + p * channels;
        for (int64_t c = 0; c < channels; ++c) means[c] += leaky(in[c], slope);
    }
    for (int64_t c = 0; c < channels; ++c) means[c] /= static_cast<float>(area);
    for (int64_t p = 0; p < area; ++p) {
        const float* __restrict in = x + p * channels;
        for (int64_t c = 0; c < channels; ++c) {
            const float deviation = leaky(in[c], slope) - means[c];
            squares[c] += deviation * deviation;
        }
    }
}

DAGAN_FOR_EACH_CPU
void sample_affine(const float* __restrict x, int64_t area, int64_t channels, float slope,
                   const float* __restrict scale, const float* __restrict shift,
                   float* __restrict y) {
    for (int64_t p = 0; p < area; ++p, x += channels, y += channels) {
        for (int64_t c = 0; c < channels; ++c) y[c] = leaky(x[c], slope) * scale[c] + shift[c];
    }
}

DAGAN_FOR_EACH_CPU
void sample_gradient_sums(const float* __restrict x, const float* __restrict g, int64_t area,
                          int64_t channels, float slope, const float* __restrict mean,
                          float* __restrict sum_g, float* __restrict sum_ga) {
    std::fill_n(sum_g, channels, 0.0F);
    std::fill_n(sum_ga, channels, 0.0F);
    for (int64_t p = 0; p < area; ++p, x += channels, g += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            sum_g[c] += g[c];
            sum_ga[c] += g[c] * (leaky(x[c], slope) - mean[c]);
        }
    }
}

DAGAN_FOR_EACH_CPU
void sample_affine_backward(const float* __restrict x, const float* __restrict g, int64_t area,
                            int64_t channels, float slope, const float* __restrict g_factor,
                            const float* __restrict a_factor, const float* __restrict constant,
                            float* __restrict dx) {
    for (int64_t p = 0; p < area; ++p, x += channels, g += channels, dx += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            dx[c] = leaky_slope(x[c], slope) *
                    (g_factor[c] * g[c] + a_factor[c] * leaky(x[c], slope) + constant[c]);
        }
    }
}

// Calls work(b, offset of sample b in the map) for all samples, in parallel.
template <class Work> void for_each_sample(const MapShape& shape, const Work& work) {
    const int64_t min_samples =
        std::max<int64_t>(1, kMinFloats / std::max<int64_t>(1, shape.sample()));
    parallel_for(shape.samples, min_samples, [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) work(b, b * shape.sample());
    });
}
} // namespace

void leaky_layer_norm(const float* x, const MapShape& shape, float slope, double epsilon,
                      const float* gamma, const float* beta, float* y, float* mean, float* rstd) {
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        layer_forward(x + at, shape.area, shape.channels, slope, epsilon, gamma, beta, y + at,
                      mean + b, rstd + b);
    });
}

void leaky_layer_norm_backward(const float* x, const float* g, const MapShape& shape, float slope,
                               const float* gamma, const float* mean, const float* rstd, float* dx,
                               float* dgamma, float* dbeta) {
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        const int64_t row_start = b * shape.channels;
        layer_backward(x + at, g + at, shape.area, shape.channels, slope, gamma, mean[b], rstd[b],
                       dx + at, dgamma + row_start, dbeta + row_start);
    });
}

void leaky_layer_norm_double_backward(const float* x, const float* g, const float* u,
                                      const MapShape& shape, float slope, const float* gamma,
                                      const float* mean, const float* rstd, float* dx, float* dg,
                                      float* dgamma) {
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        DoubleMeans means;
        double_means(x + at, g + at, u + at, shape.area, shape.channels, slope, gamma, mean[b],
                     rstd[b], &means);
        layer_double_backward(x + at, g + at, u + at, shape.area, shape.channels, slope, gamma,
                              mean[b], rstd[b], means, dx + at, dg + at,
                              dgamma + b * shape.channels);
    });
}

void leaky_moments(const float* x, const MapShape& shape, float slope, float* scratch, float* mean,
                   float* variance) {
    const int64_t rows = shape.samples * shape.channels;
    float *means = scratch, *squares = scratch + rows;
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        const int64_t row_start = b * shape.channels;
        sample_moments(x + at, shape.area, shape.channels, slope, means + row_start,
                       squares + row_start);
    });
    const auto samples = static_cast<double>(shape.samples), area = static_cast<double>(shape.area);
    // All samples have the same number of pixels.
    for (int64_t c = 0; c < shape.channels; ++c) {
        double sum = 0, within = 0, between = 0;
        for (int64_t row = c; row < rows; row += shape.channels) sum += means[row];
        const double mean_of_means = sum / samples;
        for (int64_t row = c; row < rows; row += shape.channels) {
            within += squares[row];
            between += (means[row] - mean_of_means) * (means[row] - mean_of_means);
        }
        mean[c] = static_cast<float>(mean_of_means);
        variance[c] = static_cast<float>((within + area * between) / (samples * area));
    }
}

void leaky_affine(const float* x, const MapShape& shape, float slope, const float* scale,
                  const float* shift, float* y) {
    for_each_sample(shape, [&](int64_t, int64_t at) {
        sample_affine(x + at, shape.area, shape.channels, slope, scale, shift, y + at);
    });
}

void leaky_gradient_sums(const float* x, const float* g, const MapShape& shape, float slope,
                         const float* mean, float* scratch, double* sum_g, double* sum_ga) {
    const int64_t rows = shape.samples * shape.channels;
    float *sample_g = scratch, *sample_ga = scratch + rows;
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        const int64_t row_start = b * shape.channels;
        sample_gradient_sums(x + at, g + at, shape.area, shape.channels, slope, mean,
                             sample_g + row_start, sample_ga + row_start);
    });
    for (int64_t c = 0; c < shape.channels; ++c) {
        sum_g[c] = sum_ga[c] = 0;
        for (int64_t row = c; row < rows; row += shape.channels) {
            sum_g[c] += sample_g[row];
            sum_ga[c] += sample_ga[row];
        }
    }
}

void leaky_affine_backward(const float* x, const float* g, const MapShape& shape, float slope,
                           const float* g_factor, const float* a_factor, const float* constant,
                           float* dx) {
    for_each_sample(shape, [&](int64_t, int64_t at) {
        sample_affine_backward(x + at, g + at, shape.area, shape.channels, slope, g_factor,
                               a_factor, constant, dx + at);
    });
}

} // namespace dagan::model
