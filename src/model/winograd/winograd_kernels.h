// The inner loops of the Winograd convolution (winograd.h), compiled once for each kind of vector unit and chosen by
// the CPU's flags. Values in the Winograd domain lie in *spectra*: for each point a matrix of rows (tiles or filters) times
// channels, cut into panels of 16 channels: element (point, row, channel) is at
//     point * point_stride + (channel / 16) * panel_stride + row * 16 + channel % 16.
// Lanes beyond the last channel may hold anything. Plain C++ over plain memory: no threads, no allocation, nothing throws.
#pragma once

#include <cstddef>

namespace dagan::model::winograd {

inline constexpr int kOutput = 4; // an output tile is at most 4 x 4
inline constexpr int kTilePixels = kOutput * kOutput;
inline constexpr int kKernelPixels = 9;
inline constexpr int kPanel =
    16; // channels of a panel; also the fewest of a map whose gradient is wanted

// What a tile of n x n output pixels needs, by stride. In one dimension it sees `patch` pixels at most (n = 4) and has as many
// points; a kernel has 6. Stride 1: F(n, 3) at the points 0, infinity, 1, -1, 2, -2, of which a tile of n has the first n + 2.
// Stride 2: the even pixels are correlated with the kernel's outer two taps, F(n, 2) at 0, infinity, 1, -1, 2, of which a tile
// has the first n + 1; the n odd pixels are multiplied by the middle tap, each a point of its own, and all with the kernel's
// sixth.
inline constexpr int kKernelPoints = 6; // in one dimension
inline constexpr int kEvenPoints = 5;   // of stride 2
struct Scheme {
    int stride = 1;
    constexpr int patch() const { return stride == 1 ? 6 : 9; }
    constexpr int points() const { return patch() * patch(); }
    constexpr int pixels_seen(int length) const { return stride * (length - 1) + 3; }
    constexpr bool has_point(int length, int point) const {
        return point < (stride == 1           ? length + 2
                        : point < kEvenPoints ? length + 1
                                              : kEvenPoints + length);
    }
    constexpr int kernel_point(int point) const {
        return stride == 1 ? point : point < kEvenPoints ? point : kEvenPoints;
    }
    // The points [kernel_point, end) that share one of the kernel's.
    constexpr int end_of_sharing(int kernel_point) const {
        return stride == 1 || kernel_point < kEvenPoints ? kernel_point + 1 : patch();
    }
};

inline constexpr int panels_of(int channels) { return (channels + kPanel - 1) / kPanel; }

struct SpectrumStrides {
    ptrdiff_t point = 0, panel = 0; // in floats
};

// One row of a spectrum from pixels, or pixels from one row. `row` points at the row's first float (point 0, panel 0); a pixel is
// a pointer to its `channels` floats. Outside the map it points elsewhere: at zeros to read, at memory
// that nobody reads to write.
using FromPixels = void (*)(const float* const* pixels, int channels, float* row,
                            SpectrumStrides strides);
using ToPixels = void (*)(const float* row, SpectrumStrides strides, int channels,
                          const float* bias, float* const* pixels);

// out[row, column] (+)= sum over i of a[row, i] * b[i, column], for one point. `b` and `out` are spectra's matrices, i or row the
// row of the matrix, the column its channel. `a` is such a matrix too; see Kernels below.
struct Product {
    const float* a = nullptr;
    ptrdiff_t a_panel = 0;
    const float* b = nullptr;
    ptrdiff_t b_panel = 0;
    float* out = nullptr;
    ptrdiff_t out_panel = 0;
    int first_row = 0, end_row = 0; // rows to compute
    int inner = 0;                  // length of the sum
    int panels = 0;                 // columns, in panels
    bool add = false;               // to what `out` holds
};

// A function for each shape of a tile: 4 x 4, 4 rows x 3 columns, 3 x 4, 3 x 3, 2 x 2.
template <class Function> struct ForTiles {
    Function whole, narrow, flat, small, tiny;
    Function of(int rows, int columns) const {
        if (rows == 2) return tiny;
        if (rows == kOutput) return columns == kOutput ? whole : narrow;
        return columns == kOutput ? flat : small;
    }
};

// A kernel at all its points, or at those that 2 x 2 tiles have.
template <class Function> struct ForKernel {
    Function whole, tiny;
    Function of(int longest_tile) const { return longest_tile == 2 ? tiny : whole; }
};

// Transforms of maps and kernels of one stride, V, U and W, and their adjoints.
struct Transforms {
    ForTiles<FromPixels> map_patch; // V = B^T d B of a patch, in rows of Scheme::patch() pixels
    ForTiles<ToPixels> output_tile; // y = A^T M A + bias, in rows of 4 pixels
    ForTiles<FromPixels> output_gradient;      // W = A dy A^T: the adjoint of output_tile
    ForTiles<ToPixels> map_gradient;           // dx += B N B^T: the adjoint of map_patch
    ForKernel<FromPixels> kernel;              // U = G g G^T of a 3 x 3 kernel
    ForKernel<ToPixels> kernel_gradient;       // dg = G^T P G: the adjoint of kernel
    ForKernel<ToPixels> kernel_gradient_added; // dg += G^T P G
};

struct Kernels {
    const char* name; // of the vector unit, as in /proc/cpuinfo
    Transforms stride_1, stride_2;
    void (*multiply)(const Product&);            // a[row, i]: row of `a` is its row, i its channel
    void (*multiply_transposed)(const Product&); // a[row, i]: row is its channel, i its row
    // out[column][row] = in[row][column]; the strides are from one row of either to the next.
    void (*transpose)(const float* in, ptrdiff_t in_stride, int rows, int columns, float* out,
                      ptrdiff_t out_stride);
    const Transforms& transforms(const Scheme& scheme) const {
        return scheme.stride == 1 ? stride_1 : stride_2;
    }
};

// The kernels for this CPU: avx512f, avx2 with fma, or what every CPU of the architecture has.
const Kernels& kernels_of_cpu();

// Whether this CPU can run them.
bool runs_here(const Kernels& kernels);

extern const Kernels kAvx512Kernels, kAvx2Kernels, kPortableKernels;

} // namespace dagan::model::winograd
