#include "cuda/kernels.h"

namespace dagan::cuda {

namespace {
constexpr unsigned kThreads = 256;

unsigned blocks_for(int64_t threads) {
    return static_cast<unsigned>((threads + kThreads - 1) / kThreads);
}

__device__ int64_t this_thread() {
    return static_cast<int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
}

// One thread per element, in memory order.
__global__ void dropout_mask(float* mask, MapLayout layout, MaskDraw draw, const int64_t* step) {
    const int64_t i = this_thread();
    if (i < layout.samples * layout.channels * layout.pixels)
        mask[i] = mask_value(i, layout, draw, static_cast<uint32_t>(*step));
}

// One thread per pair of numbers.
__global__ void normal(float* out, int64_t rows, int64_t count, uint64_t key, const int64_t* epoch,
                       const int64_t* items, uint32_t layer) {
    const int64_t pairs = (count + 1) / 2, row = this_thread() / pairs,
                  pair = this_thread() % pairs;
    if (row >= rows) return;
    const NormalPair numbers = normal_pair(pair, key, static_cast<uint32_t>(*epoch),
                                           static_cast<uint32_t>(items[row]), layer);
    float* place = out + row * count + 2 * pair;
    place[0] = numbers.first;
    if (2 * pair + 1 < count) place[1] = numbers.second;
}
} // namespace

void launch_dropout_mask(float* mask, const MapLayout& layout, const MaskDraw& draw,
                         const int64_t* step, cudaStream_t stream) {
    const int64_t elements = layout.samples * layout.channels * layout.pixels;
    if (elements > 0)
        dropout_mask<<<blocks_for(elements), kThreads, 0, stream>>>(mask, layout, draw, step);
}

void launch_normal(float* out, int64_t rows, int64_t count, uint64_t key, const int64_t* epoch,
                   const int64_t* items, uint32_t layer, cudaStream_t stream) {
    const int64_t threads = rows * ((count + 1) / 2);
    if (threads > 0)
        normal<<<blocks_for(threads), kThreads, 0, stream>>>(out, rows, count, key, epoch, items,
                                                             layer);
}

} // namespace dagan::cuda
