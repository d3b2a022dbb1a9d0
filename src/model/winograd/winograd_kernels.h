// The inner loops of the Winograd convolution (winograd.h), compiled once per kind of vector unit
// and selected by the flags of the CPU.
//
// Plain C++ over plain memory: no threads, no allocation, nothing throws.
//
// Tiles. The output is cut into tiles of 4 pixels per side, and of 3 where these cover it too; an
// output of at most 2x2 is one tile of 2x2. Example: 14 = 4 + 4 + 3 + 3.
//
//          4     4     3     3
//       +-----+-----+-----+-----+     whole   4 rows x 4 columns
//     4 |whole|whole|narr.|narr.|     narrow  4 x 3
//       +-----+-----+-----+-----+     flat    3 x 4
//     4 |whole|whole|narr.|narr.|     small   3 x 3
//       +-----+-----+-----+-----+     tiny    2 x 2
//     3 |flat |flat |small|small|
//       +-----+-----+-----+-----+
//     3 |flat |flat |small|small|
//       +-----+-----+-----+-----+
//
// Points, stride 1. In one dimension a tile of n pixels sees n + 2 pixels and has n + 2 points,
// F(n, 3). The points of a shorter tile are the first ones of a longer tile, so all tiles share one
// transform of the kernel, which has 6 points:
//
//     point           0   oo    1   -1    2   -2
//     tile of 2      |---------------|
//     tile of 3      |--------------------|
//     tile of 4      |-------------------------|
//
// Points, stride 2. Output i sees the pixels 2i, 2i + 1 and 2i + 2. The even pixels are correlated
// with the outer taps g0, g2 of the kernel, F(n, 2): a tile of n has the first n + 1 even points.
// The n odd pixels are multiplied by the middle tap g1; each is a point of its own, and all use the
// kernel's sixth point. A tile of 4 sees 9 pixels and has 9 points:
//
//     pixel           d0  d1  d2  d3  d4  d5  d6  d7  d8
//     even            *       *       *       *       *      points 0..4: 0, oo, 1, -1, 2
//     odd                 *       *       *       *          points 5..8: d1, d3, d5, d7
//
//     point of map    0    1    2    3    4  |  5    6    7    8
//     point of kernel 0    1    2    3    4  |  5    5    5    5
//
// A tile in two dimensions has the products of the points of both: 6 x 6 with stride 1, 9 x 9 with
// stride 2; a kernel has 6 x 6.
//
// Spectra. Values in the Winograd domain form a *spectrum*: for each point a matrix of rows (tiles
// or filters) times channels, cut into panels of 16 channels. Element (point, row, channel) is at
//
//     point * point_stride + (channel / 16) * panel_stride + row * 16 + channel % 16.
//
// Lanes beyond the last channel have unspecified contents.
#pragma once

#include <cstddef>

namespace dagan::model::winograd {

// Longest side of an output tile.
inline constexpr int kOutput = 4;
inline constexpr int kTilePixels = kOutput * kOutput;
inline constexpr int kKernelPixels = 9;
// Channels of a panel; also the fewest channels of a map that has a gradient.
inline constexpr int kPanel = 16;

// Points of a kernel in one dimension, and even points of stride 2.
inline constexpr int kKernelPoints = 6;
inline constexpr int kEvenPoints = 5;

// Pixels and points of a tile by stride. `length` is a side of the tile in output pixels, `point` a
// point in one dimension.
struct Scheme {
    int stride = 1;
    // Pixels seen by a tile of 4 in one dimension; also its number of points.
    constexpr int patch() const { return stride == 1 ? 6 : 9; }
    // Points in two dimensions.
    constexpr int points() const { return patch() * patch(); }
    constexpr int pixels_seen(int length) const { return stride * (length - 1) + 3; }
    constexpr bool has_point(int length, int point) const {
        return point < (stride == 1           ? length + 2
                        : point < kEvenPoints ? length + 1
                                              : kEvenPoints + length);
    }
    // The point of the kernel that a point of the map is multiplied by.
    constexpr int kernel_point(int point) const {
        return stride == 1 ? point : point < kEvenPoints ? point : kEvenPoints;
    }
    // The points [kernel_point, end_of_sharing) of the map share this point of the kernel.
    constexpr int end_of_sharing(int kernel_point) const {
        return stride == 1 || kernel_point < kEvenPoints ? kernel_point + 1 : patch();
    }
};

inline constexpr int panels_of(int channels) { return (channels + kPanel - 1) / kPanel; }

// In floats.
struct SpectrumStrides {
    ptrdiff_t point = 0, panel = 0;
};

// Transforms pixels to one row of a spectrum, and one row to pixels. `row` points to the first
// float of the row (point 0, panel 0). A pixel is a pointer to its `channels` floats. Pixels
// outside the map point to zeros when read, and to memory that is never read when written.
using FromPixels = void (*)(const float* const* pixels, int channels, float* row,
                            SpectrumStrides strides);
using ToPixels = void (*)(const float* row, SpectrumStrides strides, int channels,
                          const float* bias, float* const* pixels);

// out[row, column] (+)= sum over i of a[row, i] * b[i, column], for one point. `a`, `b` and `out`
// are matrices of spectra: the row of `b` is i, the row of `out` is `row`, and the channel of both
// is `column`. The two functions of Kernels differ in the meaning of a's indices.
struct Product {
    const float* a = nullptr;
    ptrdiff_t a_panel = 0;
    const float* b = nullptr;
    ptrdiff_t b_panel = 0;
    float* out = nullptr;
    ptrdiff_t out_panel = 0;
    // The rows to compute.
    int first_row = 0, end_row = 0;
    // Length of the sum.
    int inner = 0;
    // Columns to compute, in panels.
    int panels = 0;
    // Whether to add to the contents of `out`.
    bool add = false;
};

// One function per shape of a tile.
template <class Function> struct PerTileShape {
    Function whole, narrow, flat, small, tiny;
    Function of(int rows, int columns) const {
        if (rows == 2) return tiny;
        if (rows == kOutput) return columns == kOutput ? whole : narrow;
        return columns == kOutput ? flat : small;
    }
};

// A transform of a kernel at all its points, and at the points of 2x2 tiles only.
template <class Function> struct PerTileLength {
    Function whole, tiny;
    Function of(int longest_tile) const { return longest_tile == 2 ? tiny : whole; }
};

// The transforms V, U and W of one stride and their adjoints.
struct Transforms {
    // V = B^T d B of a patch; rows of Scheme::patch() pixels.
    PerTileShape<FromPixels> map_patch;
    // y = A^T M A + bias; rows of 4 pixels.
    PerTileShape<ToPixels> output_tile;
    // W = A dy A^T, the adjoint of output_tile.
    PerTileShape<FromPixels> output_gradient;
    // dx += B N B^T, the adjoint of map_patch.
    PerTileShape<ToPixels> map_gradient;
    // U = G g G^T of a 3x3 kernel.
    PerTileLength<FromPixels> kernel;
    // dg = G^T P G, the adjoint of kernel.
    PerTileLength<ToPixels> kernel_gradient;
    // dg += G^T P G.
    PerTileLength<ToPixels> kernel_gradient_added;
};

struct Kernels {
    // Name of the vector unit, as in /proc/cpuinfo.
    const char* name;
    Transforms stride_1, stride_2;
    // a[row, i] is row `row`, channel i of the matrix a.
    void (*multiply)(const Product&);
    // a[row, i] is row i, channel `row` of the matrix a.
    void (*multiply_transposed)(const Product&);
    // out[column][row] = in[row][column]; strides are in floats, from one row to the next.
    void (*transpose)(const float* in, ptrdiff_t in_stride, int rows, int columns, float* out,
                      ptrdiff_t out_stride);
    const Transforms& transforms(const Scheme& scheme) const {
        return scheme.stride == 1 ? stride_1 : stride_2;
    }
};

// Returns the fastest kernels that this CPU supports: avx512f, avx2 with fma, or portable.
const Kernels& kernels_of_cpu();

bool supported_by_cpu(const Kernels& kernels);

extern const Kernels kAvx512Kernels, kAvx2Kernels, kPortableKernels;

} // namespace dagan::model::winograd
