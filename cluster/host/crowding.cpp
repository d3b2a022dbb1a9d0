#include "cluster/host/crowding.h"

#include <algorithm>

namespace dagan::cluster {

int default_threads(int cores, int trainers) { return std::max(1, cores / std::max(1, trainers)); }

std::optional<std::string> crowding_problem(int trainers, int threads_per_trainer, int cores) {
    if (trainers * threads_per_trainer <= cores) return std::nullopt;
    const std::string share = std::to_string(default_threads(cores, trainers));
    const std::string hint =
        trainers > cores ? "start at most " + std::to_string(cores) + " trainers here"
                         : "set threads_per_trainer to " + share + ", or start fewer trainers";
    return std::to_string(trainers) + " trainers with " + std::to_string(threads_per_trainer) +
           " threads each share " + std::to_string(cores) +
           " cores: threads that wait for a core spin and slow all of them down; " + hint;
}

} // namespace dagan::cluster
