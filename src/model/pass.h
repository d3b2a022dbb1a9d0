// The parameters of a forward pass beside its inputs: mode, source of random numbers, precision.
//
// Dropout masks are functions of (key, step, index in the whole batch, layer), so a batch divided
// over ranks has the masks that one rank would draw.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace dagan::model {

struct Pass {
    bool training = false;
    // Stream of the dropout masks. Passes with independent masks need different keys.
    uint64_t key = 0;
    uint32_t step = 0;
    // Index of the first sample of this slice in the whole batch of the step.
    uint32_t first_index = 0;
    // Generator: number of equal groups of the batch with statistics of their own,
    // docs/reference/model.md, eq. (27).
    int norm_groups = 1;
    // Convolutions multiply in bfloat16. Their results and everything else keep the input's type.
    bool bf16 = false;
    // The step on the device of the network (int64, no dimensions). If defined, it replaces `step`
    // and is read on the device, so each replay of a captured pass draws the masks of its own step.
    // Undefined: masks are drawn on the host.
    torch::Tensor device_step = {};
    // Lets backward passes add kernel gradients in place to the gradients that parameters already
    // have. For backward() only: torch::autograd::grad() would receive no kernel gradients.
    bool adds_gradients = false;

    static Pass inference() { return {}; }
};

} // namespace dagan::model
