// What a step of a DAGAN's training takes and what its members tell each other.
#pragma once

#include <torch/torch.h>

namespace dagan::train {

// What members tell each other with every reduction: a wish of one is the gang's.
struct Votes {
    bool stop = false; // leave after this step
    bool save = false; // write a checkpoint after this step
};

// A member's slice of one step's batch: samples [first, first + b).
struct GanBatch {
    torch::Tensor x;       // conditional images [b, C, H, W]
    torch::Tensor real;    // other images of their classes
    torch::Tensor z;       // [b, z_dim]
    torch::Tensor epsilon; // [b], uniform in [0, 1)
};

} // namespace dagan::train
