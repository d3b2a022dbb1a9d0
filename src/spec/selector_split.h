// How the images of a class are divided between the selector's training and its conditions. The one
// owner of this rule: `dagan plan` checks and counts with it, data/roles draws with it.
#pragma once

#include <cmath>

namespace dagan {

// Returns how many of a class's `images` train the selector. `selector_train` is the option of the
// sweep: a share of the class if below 1, otherwise a number of images. The result may be 0 or
// `images` and more: a caller that needs an image on both sides must check it or limit it.
inline int selector_training_images(double selector_train, int images) {
    return static_cast<int>(selector_train < 1 ? std::lround(selector_train * images)
                                               : std::lround(selector_train));
}

} // namespace dagan
