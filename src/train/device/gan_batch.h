// The inputs of one step of a DAGAN's training, and the votes that the members exchange.
#pragma once

#include <torch/torch.h>

namespace dagan::train {

// Exchanged with every reduction. A vote of one member holds for the gang.
struct Votes {
    bool stop = false; // stop after this step
    bool save = false; // write a checkpoint after this step
};

// A member's slice of one step's batch, b samples.
struct GanBatch {
    torch::Tensor x;       // conditional images [b, C, H, W]
    torch::Tensor real;    // other images of their classes [b, C, H, W]
    torch::Tensor z;       // [b, z_dim]
    torch::Tensor epsilon; // [b], uniform in [0, 1)
};

} // namespace dagan::train
