// What a forward pass needs beside its inputs: the mode, and where its random numbers come from. Dropout masks are functions of
// (key, step, index in the whole batch, layer), so a batch cut over ranks draws the same masks as one rank would.
#pragma once

#include <cstdint>

namespace dagan {

struct Pass {
    bool training = false;
    uint64_t key = 0; // stream of this pass's dropout masks; passes that must differ have different keys
    uint32_t step = 0;
    uint32_t first_index = 0; // index of this slice's first sample in the step's whole batch
    int norm_groups = 1;      // generator: batch statistics over this many equal groups of the batch (dagan.md section 5)

    static Pass inference() { return {}; }
};

} // namespace dagan
