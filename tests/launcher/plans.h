// Plans without data sets, for the tests of Schedule, Coordinator and simulate(): a task has ranks,
// needs and expected seconds, and nothing else.
//
//     const std::vector<Sketch> tasks{{.ranks = 2, .seconds = 9}, {.needs = {0}}};
//     Schedule schedule(plan_of(tasks), seconds_of(tasks), {.ranks = 2});
#pragma once

#include "base/random.h"
#include "spec/task.h"

#include <algorithm>
#include <string>
#include <vector>

namespace dagan::launcher {

struct Sketch {
    int ranks = 1; // more than one: a gang
    std::vector<int> needs = {};
    double seconds = 1;
};

// Makes a plan whose task i has the key "task<i>".
inline Plan plan_of(const std::vector<Sketch>& sketches) {
    Plan plan;
    for (const Sketch& sketch : sketches) {
        const std::string name = "task" + std::to_string(plan.tasks.size());
        TaskSpec spec;
        if (sketch.ranks > 1) {
            GanTask gan;
            gan.dataset.name = name;
            gan.ranks = sketch.ranks;
            spec = gan;
        } else {
            ClassifierTask classifier;
            classifier.dataset.name = name;
            spec = classifier;
        }
        plan.tasks.push_back({name, spec, sketch.needs});
    }
    return plan;
}

inline std::vector<double> seconds_of(const std::vector<Sketch>& sketches) {
    std::vector<double> seconds;
    for (const Sketch& sketch : sketches) seconds.push_back(sketch.seconds);
    return seconds;
}

// Makes 1 to `most` tasks with up to three needs each. About a quarter of them get 1 to `ranks`
// ranks, the others one.
inline std::vector<Sketch> random_sketches(Random& random, int most, int ranks) {
    std::vector<Sketch> sketches(1 + random.below(static_cast<uint64_t>(most)));
    for (size_t i = 0; i < sketches.size(); ++i) {
        Sketch& sketch = sketches[i];
        if (random.chance(0.25))
            sketch.ranks = 1 + static_cast<int>(random.below(static_cast<uint64_t>(ranks)));
        for (uint64_t needs = i == 0 ? 0 : random.below(4); needs > 0; --needs)
            sketch.needs.push_back(static_cast<int>(random.below(i)));
        std::sort(sketch.needs.begin(), sketch.needs.end());
        sketch.needs.erase(std::unique(sketch.needs.begin(), sketch.needs.end()),
                           sketch.needs.end());
        sketch.seconds = random.uniform(0.1, 10);
    }
    return sketches;
}

} // namespace dagan::launcher
