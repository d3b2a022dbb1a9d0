// The encoder, docs/reference/model.md, eq. (20): the first half of the generator and the trunk of
// the critic.
//
// Shapes for images of 28 x 28 (64 x 64), widths F[0..3] and `topology: code`:
//
//     x     [B, C,    28, 28]   (64, 64)
//     E[0]  [B, F[0], 14, 14]   (32, 32)   one unit of stride 2
//     E[1]  [B, F[1],  7,  7]   (16, 16)   dense block of `inner` units, closed by stride 2
//     E[2]  [B, F[2],  4,  4]   ( 8,  8)   likewise
//     E[3]  [B, F[3],  2,  2]   ( 4,  4)   likewise
//
// The sizes are the same with `topology: paper`, where block 0 is a dense block too.
#pragma once

#include "model/layer.h"
#include "spec/sweep.h"

#include <torch/torch.h>

#include <vector>

namespace dagan::model {

// Applies the encoder's layers, which must be the next ones of `next`, to x [B, C, H, W]. Returns
// E[0..3].
std::vector<torch::Tensor> encode(LayerCursor& next, const torch::Tensor& x, Topology topology,
                                  int inner);

} // namespace dagan::model
