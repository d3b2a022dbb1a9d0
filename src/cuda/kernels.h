// The CUDA kernels: random numbers generated on the device. Dropout masks equal those of
// base/random.h to the bit; normal numbers may differ in the last bit, because the device has its
// own logarithm and sine.
//
// All are queued on `stream`. Plain types only, so that nvcc compiles no LibTorch header.
#pragma once

#include "cuda/kernel_math.h"

#include <cuda_runtime_api.h>

namespace dagan::cuda {

// Fills `mask`, which has `layout`, with the mask of step *step. `step` is on the device.
void launch_dropout_mask(float* mask, const MapLayout& layout, const MaskDraw& draw,
                         const int64_t* step, cudaStream_t stream);

// Fills row r of out [rows, count] with the numbers that fill_normal draws at (key, *epoch,
// items[r], layer). `epoch` and `items` are on the device.
void launch_normal(float* out, int64_t rows, int64_t count, uint64_t key, const int64_t* epoch,
                   const int64_t* items, uint32_t layer, cudaStream_t stream);

} // namespace dagan::cuda
