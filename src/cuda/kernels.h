// The kernels of our own: random numbers where they are used. Masks have the bits of base/random.h, normal numbers all but the
// last of the device's logarithm and sine. Queued on `stream`; plain types, so that nvcc compiles no header of LibTorch.
#pragma once

#include "cuda/kernel_math.h"

#include <cuda_runtime_api.h>

namespace dagan::cuda {

// The mask of step *step, which lies on the device.
void launch_dropout_mask(float* mask, const MapLayout& layout, const MaskDraw& draw,
                         const int64_t* step, cudaStream_t stream);

// Row r of out [rows, count] gets fill_normal's numbers of (key, *epoch, items[r], layer). `epoch` and `items` lie on the device.
void launch_normal(float* out, int64_t rows, int64_t count, uint64_t key, const int64_t* epoch,
                   const int64_t* items, uint32_t layer, cudaStream_t stream);

} // namespace dagan::cuda
