// What a forward pass needs beside its inputs: the mode, where its random numbers come from, and how exactly it multiplies.
// Dropout masks are functions of (key, step, index in the whole batch, layer), so a batch cut over ranks draws the same masks as
// one rank would.
#pragma once

#include <torch/torch.h>

#include <cstdint>

namespace dagan::model {

struct Pass {
    bool training = false;
    uint64_t key =
        0; // stream of this pass's dropout masks; passes that must differ have different keys
    uint32_t step = 0;
    uint32_t first_index = 0; // index of this slice's first sample in the step's whole batch
    int norm_groups =
        1; // generator: batch statistics over this many equal groups of the batch (dagan.md section 5)
    bool bf16 =
        false; // convolutions multiply bfloat16; their results and all else are of the input's type
    // The step as a number on the network's device (int64, no dimension), read there in place of `step`: what a captured pass
    // replays then has each step's own masks. Undefined: `step` counts, and masks are drawn on the host.
    torch::Tensor device_step = {};
    // Backward passes may add to the gradients that parameters have, instead of handing them to autograd: for backward(), and not
    // for torch::autograd::grad(), which would find none.
    bool adds_gradients = false;

    static Pass inference() { return {}; }
};

} // namespace dagan::model
