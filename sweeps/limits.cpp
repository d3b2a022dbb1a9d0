#include "sweeps/limits.h"

#include <map>

namespace dagan::sweeps {

namespace {

using Limits = std::map<std::string, Limit>;

constexpr Limit kCount{};     // 1 or more
constexpr Limit kFromZero{0}; // 0 or more
constexpr Limit kFiniteFromZero{0, kNoLimit, true};
constexpr Limit kProbability{0, 1, true}; // [0, 1)
constexpr Limit kLearningRate{1e-12, 1};
constexpr Limit kFilters{1, 4096};
constexpr Limit kLayers{1, 64};

Limit look_up(const Limits& limits, const std::string& key) {
    const auto found = limits.find(key);
    require(found != limits.end(), "the option '" + key + "' has a numeric range in limits.cpp");
    return found->second;
}

} // namespace

template <> Limit limit_of<GanOptions>(const std::string& key) {
    return look_up({{"generator_widths", kFilters},
                    {"critic_widths", kFilters},
                    {"generator_inner", kLayers},
                    {"critic_inner", kLayers},
                    {"skip_kernel", {1, 3}},
                    {"r_max", {1, kNoLimit}},
                    {"d_max", kFromZero},
                    {"renorm_sync", kCount},
                    {"dropout", kProbability},
                    {"z_dim", {1, 65536}},
                    {"iterations", {1, kMaxOptimiserSteps}},
                    {"critic_steps", {1, 1000}},
                    {"batch_size", {1, 65536}},
                    {"learning_rate", kLearningRate},
                    {"beta1", kProbability},
                    {"beta2", kProbability},
                    {"penalty_weight", kFiniteFromZero},
                    {"limit_classes", kFromZero},
                    {"selector_train", {1e-6, 1e6}},
                    {"selector_z", {1, 1000}},
                    {"checkpoints", {1, 10000}}},
                   key);
}

template <> Limit limit_of<ClassifierOptions>(const std::string& key) {
    return look_up({{"growth", kFilters},
                    {"dropout", kProbability},
                    {"epochs", {1, 1e6}},
                    {"batch_size", {1, 65536}},
                    {"learning_rate", kLearningRate},
                    {"beta1", kProbability},
                    {"beta2", kProbability},
                    {"noise_sigma", kFiniteFromZero},
                    {"shift_px", kFromZero},
                    {"pool_size", {1, 1000}}},
                   key);
}

template <> Limit limit_of<CaseCounts>(const std::string& key) {
    return look_up({{"test", kCount}, {"validation", kCount}}, key);
}

// 0 means that the number is not given.
template <> Limit limit_of<DatasetShape>(const std::string& key) {
    return look_up({{"classes", kFromZero},
                    {"images_per_class", kFromZero},
                    {"channels", kFromZero},
                    {"size", kFromZero}},
                   key);
}

template <> Limit limit_of<SweepRow>(const std::string& key) {
    return look_up({{"samples_per_class", {1, 1e6}}, {"generated_per_real", {0, 1000}}}, key);
}

template <> Limit limit_of<Resources>(const std::string& key) {
    return look_up({{"gan_ranks", {1, 4096}},
                    {"trainers_per_rank", {1, 256}},
                    {"threads_per_trainer", {1, 1024}},
                    {"tasks_ahead", {0, 4096}}},
                   key);
}

template <> Limit limit_of<Sweep>(const std::string& key) {
    return look_up({{"seed", kFromZero}, {"seeds", {1, 10000}}}, key);
}

} // namespace dagan::sweeps
