#include "model/norm/norm_kernels.h"

#include "base/for_each_cpu.h"
#include "model/tensor/parallel.h"

#include <algorithm>
#include <cmath>

namespace dagan::model {

namespace {
constexpr int64_t kChunk = 1024; // floats summed in float before they join a sum in double
constexpr int64_t kLeastFloats = 16 * 1024; // for which a thread is worth waking
constexpr int64_t kBlock = 64;              // channels whose sums stay in the nearest cache

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
            const float off = leaky(x[i], slope) - mean;
            part += off * off;
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

// With h = gamma_c g and z = (a - mean) rstd:  dx = s rstd (h - <h> - z <h z>),  < > the mean over the sample.
DAGAN_FOR_EACH_CPU
void layer_backward(const float* __restrict x, const float* __restrict g, int64_t area,
                    int64_t channels, float slope, const float* __restrict gamma, float mean,
                    float rstd, float* __restrict dx, float* __restrict dgamma,
                    float* __restrict dbeta) {
    std::fill_n(dgamma, channels, 0.0F);
    std::fill_n(dbeta, channels, 0.0F);
    for (int64_t p = 0; p < area; ++p) {
        const float* __restrict in = x + p * channels, * __restrict given = g + p * channels;
        for (int64_t c = 0; c < channels; ++c) {
            dbeta[c] += given[c];
            dgamma[c] += given[c] * (leaky(in[c], slope) - mean);
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

// Of one sample: with h = gamma_c g and t = s u, the means of h, h z, t, t z, and <t h> - <t> <h> - <t z> <h z>.
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
        float of_g[kBlock] = {}, of_gz[kBlock] = {}, of_t[kBlock] = {}, of_tz[kBlock] = {},
              of_tg[kBlock] = {};
        for (int64_t p = 0; p < area; ++p) {
            const int64_t at = p * channels + first;
            const float *in = x + at, *given = g + at, *upon = u + at;
            for (int64_t c = 0; c < count; ++c) {
                const float z = leaky(in[c], slope) - mean, t = leaky_slope(in[c], slope) * upon[c];
                of_g[c] += given[c];
                of_gz[c] += given[c] * z;
                of_t[c] += t;
                of_tz[c] += t * z;
                of_tg[c] += t * given[c];
            }
        }
        for (int64_t c = 0; c < count; ++c) {
            const float weight = gamma[first + c];
            sum_h += weight * of_g[c];
            sum_hz += weight * of_gz[c] * rstd;
            sum_t += of_t[c];
            sum_tz += of_tz[c] * rstd;
            sum_th += weight * of_tg[c];
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

// dx above is bilinear in h and in t = s u:  L = rstd sum (t h) - n rstd (<t> <h> + <t z> <h z>). Hence
//     dL/dh = rstd (t - <t> - z <t z>)
//     dL/da = -rstd^2 [z (<t h> - <t> <h> - <t z> <h z>) + <t z> (h - <h> - z <h z>) + <h z> (t - <t> - z <t z>)]
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
            const float of_t = s * u[c] - mean_t - z * mean_tz,
                        of_h = gamma[c] * g[c] - mean_h - z * mean_hz;
            dg[c] = gamma[c] * rstd * of_t;
            dgamma[c] += g[c] * rstd * of_t;
            dx[c] = -s * rstd * rstd * (z * joint + mean_tz * of_h + mean_hz * of_t);
        }
    }
}

// Of one sample, each channel's mean of a, and the sum of the squares of what it is off.
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
            const float off = leaky(in[c], slope) - means[c];
            squares[c] += off * off;
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
                            int64_t channels, float slope, const float* __restrict of_g,
                            const float* __restrict of_a, const float* __restrict constant,
                            float* __restrict dx) {
    for (int64_t p = 0; p < area; ++p, x += channels, g += channels, dx += channels) {
        for (int64_t c = 0; c < channels; ++c) {
            dx[c] = leaky_slope(x[c], slope) *
                    (of_g[c] * g[c] + of_a[c] * leaky(x[c], slope) + constant[c]);
        }
    }
}

// Calls work(b, offset of the sample in the map) for all samples, in parallel.
template <class Work> void for_each_sample(const MapShape& shape, const Work& work) {
    const int64_t least = std::max<int64_t>(1, kLeastFloats / std::max<int64_t>(1, shape.sample()));
    in_parallel(shape.samples, least, [&](int64_t begin, int64_t end) {
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
        const int64_t of = b * shape.channels;
        layer_backward(x + at, g + at, shape.area, shape.channels, slope, gamma, mean[b], rstd[b],
                       dx + at, dgamma + of, dbeta + of);
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
        const int64_t of = b * shape.channels;
        sample_moments(x + at, shape.area, shape.channels, slope, means + of, squares + of);
    });
    const auto samples = static_cast<double>(shape.samples), area = static_cast<double>(shape.area);
    for (int64_t c = 0; c < shape.channels; ++c) { // samples have equally many pixels
        double sum = 0, within = 0, between = 0;
        for (int64_t row = c; row < rows; row += shape.channels) sum += means[row];
        const double middle = sum / samples;
        for (int64_t row = c; row < rows; row += shape.channels) {
            within += squares[row];
            between += (means[row] - middle) * (means[row] - middle);
        }
        mean[c] = static_cast<float>(middle);
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
    float *of_g = scratch, *of_ga = scratch + rows;
    for_each_sample(shape, [&](int64_t b, int64_t at) {
        const int64_t of = b * shape.channels;
        sample_gradient_sums(x + at, g + at, shape.area, shape.channels, slope, mean, of_g + of,
                             of_ga + of);
    });
    for (int64_t c = 0; c < shape.channels; ++c) {
        sum_g[c] = sum_ga[c] = 0;
        for (int64_t row = c; row < rows; row += shape.channels) {
            sum_g[c] += of_g[row];
            sum_ga[c] += of_ga[row];
        }
    }
}

void leaky_affine_backward(const float* x, const float* g, const MapShape& shape, float slope,
                           const float* of_g, const float* of_a, const float* constant, float* dx) {
    for_each_sample(shape, [&](int64_t, int64_t at) {
        sample_affine_backward(x + at, g + at, shape.area, shape.channels, slope, of_g, of_a,
                               constant, dx + at);
    });
}

} // namespace dagan::model
