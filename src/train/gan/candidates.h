// The checkpoints of a DAGAN that are compared, what is measured of each on classes it was not trained on, and the rule by which
// one is chosen (dagan.md sections 5 and 6). Target-test classes play no part.
#pragma once

#include "data/pairs.h"
#include "model/networks.h"
#include "spec/task.h"
#include "train/files/network_file.h"
#include "train/tasks.h"

#include <filesystem>
#include <optional>
#include <vector>

namespace dagan::train {

struct Candidate {
    int64_t iteration = 0;
    double critic_loss = 0, wasserstein = 0,
           penalty = 0; // on pairs of the validation classes, both networks in inference mode
    double spread =
        0; // mean L2 distance between two x~ of one x_i with different z; near 0: the noise is ignored
    double distance = 0; // mean L2 distance between x~ and x_i; near 0: x_i is copied
    double condition_distance =
        0; // mean L2 distance between x~ of two conditions; spread over it is the diversity over z
    std::optional<double> score = std::
        nullopt; // share of x~ that the selector assigns to the class of x_i; with select = classifier

    bool finite() const;
    std::vector<CurvePoint> curve() const;
    double
    merit(Select select) const; // what it is chosen by: the score, the critic loss or the iteration

    DAGAN_FIELDS(iteration, critic_loss, wasserstein, penalty, spread, distance, condition_distance,
                 score)
    bool operator==(const Candidate&) const = default;
};

// Iterations after which a candidate is taken: `checkpoints` of them (at most one an iteration), evenly spaced, the last one
// last.
std::vector<int64_t> candidate_iterations(int64_t iterations, int checkpoints);

// The chosen of at least one candidate in ascending order: highest score, lowest critic loss, or the last; the earliest on ties.
const Candidate& choose(const std::vector<Candidate>& candidates, Select select);

// Mean L2 distance between every two of `images` whose conditions differ, [N, C, H, W] both; 0 when all conditions are alike.
double distance_between_conditions(const torch::Tensor& images, const torch::Tensor& conditions);

// Judges checkpoints of one DAGAN. Pairs, conditions and noise are the same for all of them.
class CandidateJudge {
  public:
    // Loads the selector's weights when the task selects by classifier. `data` must outlive this. Throws Blame::input or system.
    // Both networks it judges are on `device`.
    CandidateJudge(const GanTask& task, const data::Dataset& data, const TaskPaths& place,
                   torch::Device device = torch::kCPU);

    // Nothing when the observer asked to stop. Leaves both networks as they were.
    std::optional<Candidate> judge(model::Generator& generator, model::Critic& critic,
                                   int64_t iteration, Observer& observer) const;

    // Some conditions of validation classes, one a row: the condition, another real image of its class, and generated ones that
    // differ in z.
    void write_sheet(model::Generator& generator, const std::filesystem::path& path) const;

  private:
    bool measure_losses(model::Generator& generator, model::Critic& critic, Candidate& candidate,
                        Observer& observer) const;
    bool measure_score(model::Generator& generator, Candidate& candidate, Observer& observer) const;

    const GanTask task_;
    const data::Dataset& data_;
    ImageShape shape_;
    torch::Device device_;
    std::vector<int> classes_; // of the validation domain
    data::PairSampler pairs_;
    std::optional<TrainedSelector> selector_;
};

} // namespace dagan::train
