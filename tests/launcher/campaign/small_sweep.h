// A small sweep as load_sweep() returns it, of the embedded data set; it needs no file.
#pragma once

#include "sweeps/load_sweep.h"

#include <utility>
#include <vector>

namespace dagan::launcher {

// Two seeds of classifiers with `samples` images per class and `generated` images per real one.
inline sweeps::LoadedSweep small_sweep(std::vector<int> samples, std::vector<int> generated) {
    sweeps::LoadedSweep loaded;
    loaded.sweep.name = "small";
    loaded.sweep.seed = 11;
    loaded.sweep.seeds = 2;
    DatasetOptions& strokes = loaded.sweep.datasets["strokes"];
    strokes.file = "strokes.h5";
    strokes.split = {{0, 20}, {200, 204}, {204, 208}};
    loaded.sweep.classifier.epochs = 3;
    loaded.sweep.sweep = {{.dataset = "strokes",
                           .samples_per_class = std::move(samples),
                           .generated_per_real = std::move(generated)}};
    loaded.known["strokes"] = {{.classes = 240, .images_per_class = 20, .channels = 1, .size = 28},
                               "sha-of-strokes"};
    return loaded;
}

} // namespace dagan::launcher
