#include "model/norm_kernels.h"

#include "model/parallel.h"

#include <algorithm>
#include <cmath>

// One function, compiled for each kind of CPU. (Sanitizers are not ready yet when the loader asks which to take.)
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define DAGAN_FOR_EACH_CPU __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define DAGAN_FOR_EACH_CPU
#endif

namespace dagan {

namespace {
constexpr int64_t kChunk = 1024;            // floats summed in float before they join a sum in double
constexpr int64_t kLeastFloats = 16 * 1024; // for which a thread is worth waking

float leaky(float x, float slope) { return x > 0 ? x : slope * x; }
float leaky_slope(float x, float slope) { return x > 0 ? 1.0F : slope; }

int64_t least_samples(const MapShape& shape) { return std::max<int64_t>(1, kLeastFloats / std::max<int64_t>(1, shape.sample())); }

DAGAN_FOR_EACH_CPU
void layer_forward(const float* x, int64_t channels, int64_t area, float slope, double epsilon, const float* gamma,
                   const float* beta, float* y, float* mean_out, float* rstd_out) {
    const int64_t n = channels * area;
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
    for (int64_t c = 0; c < channels; ++c) {
        const float *in = x + c * area, scale = gamma[c] * rstd, shift = beta[c];
        float* out = y + c * area;
        for (int64_t i = 0; i < area; ++i) out[i] = (leaky(in[i], slope) - mean) * scale + shift;
    }
    *mean_out = mean;
    *rstd_out = rstd;
}

// With h = gamma_c g and z = (a - mean) rstd:  dx = s rstd (h - <h> - z <h z>),  < > the mean over the sample.
DAGAN_FOR_EACH_CPU
void layer_backward(const float* x, const float* g, int64_t channels, int64_t area, float slope, const float* gamma, float mean,
                    float rstd, float* dx, float* dgamma, float* dbeta) {
    double sum_h = 0, sum_hz = 0;
    for (int64_t c = 0; c < channels; ++c) {
        const float *in = x + c * area, *given = g + c * area;
        float sum_g = 0, sum_gz = 0;
        for (int64_t i = 0; i < area; ++i) {
            sum_g += given[i];
            sum_gz += given[i] * (leaky(in[i], slope) - mean);
        }
        dbeta[c] = sum_g;
        dgamma[c] = sum_gz * rstd;
        sum_h += gamma[c] * dbeta[c];
        sum_hz += gamma[c] * dgamma[c];
    }
    const auto n = static_cast<double>(channels * area);
    const auto mean_h = static_cast<float>(sum_h / n), mean_hz = static_cast<float>(sum_hz / n);
    for (int64_t c = 0; c < channels; ++c) {
        const float *in = x + c * area, *given = g + c * area, weight = gamma[c];
        float* out = dx + c * area;
        for (int64_t i = 0; i < area; ++i) {
            const float z = (leaky(in[i], slope) - mean) * rstd;
            out[i] = leaky_slope(in[i], slope) * rstd * (weight * given[i] - mean_h - z * mean_hz);
        }
    }
}

// dx above is bilinear in h and, with t = s u, in t:  L = rstd sum (t h) - n rstd (<t> <h> + <t z> <h z>). Hence
//     dL/dh = rstd (t - <t> - z <t z>)
//     dL/da = -rstd^2 [z (<t h> - <t> <h> - <t z> <h z>) + <t z> (h - <h> - z <h z>) + <h z> (t - <t> - z <t z>)]
DAGAN_FOR_EACH_CPU
void layer_double_backward(const float* x, const float* g, const float* u, int64_t channels, int64_t area, float slope,
                           const float* gamma, float mean, float rstd, float* dx, float* dg, float* dgamma) {
    double sum_h = 0, sum_hz = 0, sum_t = 0, sum_tz = 0, sum_th = 0;
    for (int64_t c = 0; c < channels; ++c) {
        const float *in = x + c * area, *given = g + c * area, *upon = u + c * area;
        float g_sum = 0, gz_sum = 0, t_sum = 0, tz_sum = 0, tg_sum = 0;
        for (int64_t i = 0; i < area; ++i) {
            const float z = leaky(in[i], slope) - mean, t = leaky_slope(in[i], slope) * upon[i];
            g_sum += given[i];
            gz_sum += given[i] * z;
            t_sum += t;
            tz_sum += t * z;
            tg_sum += t * given[i];
        }
        sum_h += gamma[c] * g_sum;
        sum_hz += gamma[c] * (gz_sum * rstd);
        sum_t += t_sum;
        sum_tz += tz_sum * rstd;
        sum_th += gamma[c] * tg_sum;
    }
    const auto n = static_cast<double>(channels * area);
    const auto mean_h = static_cast<float>(sum_h / n), mean_hz = static_cast<float>(sum_hz / n),
               mean_t = static_cast<float>(sum_t / n), mean_tz = static_cast<float>(sum_tz / n);
    const auto joint = static_cast<float>(sum_th / n - sum_t / n * (sum_h / n) - sum_tz / n * (sum_hz / n));
    for (int64_t c = 0; c < channels; ++c) {
        const float *in = x + c * area, *given = g + c * area, *upon = u + c * area, weight = gamma[c];
        float *out = dx + c * area, *out_g = dg + c * area, weight_sum = 0;
        for (int64_t i = 0; i < area; ++i) {
            const float z = (leaky(in[i], slope) - mean) * rstd, s = leaky_slope(in[i], slope);
            const float t_part = s * upon[i] - mean_t - z * mean_tz, h_part = weight * given[i] - mean_h - z * mean_hz;
            out_g[i] = weight * rstd * t_part;
            weight_sum += given[i] * rstd * t_part;
            out[i] = -s * rstd * rstd * (z * joint + mean_tz * h_part + mean_hz * t_part);
        }
        dgamma[c] = weight_sum;
    }
}

// Mean of a over a row, and the sum of the squares of what it is off.
DAGAN_FOR_EACH_CPU
void row_moments(const float* x, int64_t area, float slope, float* mean_out, float* squares_out) {
    float sum = 0;
    for (int64_t i = 0; i < area; ++i) sum += leaky(x[i], slope);
    const float mean = sum / static_cast<float>(area);
    float squares = 0;
    for (int64_t i = 0; i < area; ++i) {
        const float off = leaky(x[i], slope) - mean;
        squares += off * off;
    }
    *mean_out = mean;
    *squares_out = squares;
}

DAGAN_FOR_EACH_CPU
void row_affine(const float* x, int64_t area, float slope, float scale, float shift, float* y) {
    for (int64_t i = 0; i < area; ++i) y[i] = leaky(x[i], slope) * scale + shift;
}

DAGAN_FOR_EACH_CPU
void row_gradient_sums(const float* x, const float* g, int64_t area, float slope, float mean, float* sum_g, float* sum_ga) {
    float of_g = 0, of_ga = 0;
    for (int64_t i = 0; i < area; ++i) {
        of_g += g[i];
        of_ga += g[i] * (leaky(x[i], slope) - mean);
    }
    *sum_g = of_g;
    *sum_ga = of_ga;
}

DAGAN_FOR_EACH_CPU
void row_affine_backward(const float* x, const float* g, int64_t area, float slope, float of_g, float of_a, float constant,
                         float* dx) {
    for (int64_t i = 0; i < area; ++i) {
        dx[i] = leaky_slope(x[i], slope) * (of_g * g[i] + of_a * leaky(x[i], slope) + constant);
    }
}

// Calls work(row, channel) for all rows [samples * channels], in parallel.
template <class Work> void for_each_row(const MapShape& shape, const Work& work) {
    in_parallel(shape.samples, least_samples(shape), [&](int64_t begin, int64_t end) {
        for (int64_t row = begin * shape.channels; row < end * shape.channels; ++row) work(row, row % shape.channels);
    });
}
} // namespace

void leaky_layer_norm(const float* x, const MapShape& shape, float slope, double epsilon, const float* gamma, const float* beta,
                      float* y, float* mean, float* rstd) {
    in_parallel(shape.samples, least_samples(shape), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const int64_t at = b * shape.sample();
            layer_forward(x + at, shape.channels, shape.area, slope, epsilon, gamma, beta, y + at, mean + b, rstd + b);
        }
    });
}

void leaky_layer_norm_backward(const float* x, const float* g, const MapShape& shape, float slope, const float* gamma,
                               const float* mean, const float* rstd, float* dx, float* dgamma, float* dbeta) {
    in_parallel(shape.samples, least_samples(shape), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const int64_t at = b * shape.sample(), of = b * shape.channels;
            layer_backward(x + at, g + at, shape.channels, shape.area, slope, gamma, mean[b], rstd[b], dx + at, dgamma + of,
                           dbeta + of);
        }
    });
}

void leaky_layer_norm_double_backward(const float* x, const float* g, const float* u, const MapShape& shape, float slope,
                                      const float* gamma, const float* mean, const float* rstd, float* dx, float* dg,
                                      float* dgamma) {
    in_parallel(shape.samples, least_samples(shape), [&](int64_t begin, int64_t end) {
        for (int64_t b = begin; b < end; ++b) {
            const int64_t at = b * shape.sample();
            layer_double_backward(x + at, g + at, u + at, shape.channels, shape.area, slope, gamma, mean[b], rstd[b], dx + at,
                                  dg + at, dgamma + b * shape.channels);
        }
    });
}

void leaky_moments(const float* x, const MapShape& shape, float slope, float* scratch, float* mean, float* variance) {
    const int64_t rows = shape.samples * shape.channels;
    float *means = scratch, *squares = scratch + rows;
    for_each_row(shape,
                 [&](int64_t row, int64_t) { row_moments(x + row * shape.area, shape.area, slope, means + row, squares + row); });
    const auto samples = static_cast<double>(shape.samples), area = static_cast<double>(shape.area);
    for (int64_t c = 0; c < shape.channels; ++c) { // rows are equally long
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

void leaky_affine(const float* x, const MapShape& shape, float slope, const float* scale, const float* shift, float* y) {
    for_each_row(shape, [&](int64_t row, int64_t c) {
        row_affine(x + row * shape.area, shape.area, slope, scale[c], shift[c], y + row * shape.area);
    });
}

void leaky_gradient_sums(const float* x, const float* g, const MapShape& shape, float slope, const float* mean, float* scratch,
                         double* sum_g, double* sum_ga) {
    const int64_t rows = shape.samples * shape.channels;
    float *of_g = scratch, *of_ga = scratch + rows;
    for_each_row(shape, [&](int64_t row, int64_t c) {
        const int64_t at = row * shape.area;
        row_gradient_sums(x + at, g + at, shape.area, slope, mean[c], of_g + row, of_ga + row);
    });
    for (int64_t c = 0; c < shape.channels; ++c) {
        sum_g[c] = sum_ga[c] = 0;
        for (int64_t row = c; row < rows; row += shape.channels) {
            sum_g[c] += of_g[row];
            sum_ga[c] += of_ga[row];
        }
    }
}

void leaky_affine_backward(const float* x, const float* g, const MapShape& shape, float slope, const float* of_g,
                           const float* of_a, const float* constant, float* dx) {
    for_each_row(shape, [&](int64_t row, int64_t c) {
        const int64_t at = row * shape.area;
        row_affine_backward(x + at, g + at, shape.area, slope, of_g[c], of_a[c], constant[c], dx + at);
    });
}

} // namespace dagan
