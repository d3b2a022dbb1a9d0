// Candidates of a DAGAN: checkpoints that are measured on classes not trained on, and the rule that
// chooses one: docs/reference/model.md, eqs. (29) to (31). Test classes play no part.
//
//     const CandidateJudge judge(task, data, paths);
//     const auto candidate = judge.judge(generator, critic, iteration, observer);
//     if (candidate) candidates.push_back(*candidate);
//     const Candidate& best = choose(candidates, task.gan.select);
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

// The measures of eqs. (30) and (31). Distances are mean L2 distances between images.
struct Candidate {
    int64_t iteration = 0;
    // On pairs of the validation classes, both networks in inference mode.
    double critic_loss = 0, wasserstein = 0, penalty = 0;
    // Between two x~ of one x_i with different z. Near 0: the noise is ignored.
    double spread = 0;
    // Between x~ and x_i. Near 0: x_i is copied.
    double distance = 0;
    // Between x~ of two conditions. The diversity over z is spread / condition_distance.
    double condition_distance = 0;
    // Share of x~ that the selector assigns to the class of x_i; with select = classifier only.
    std::optional<double> score = std::nullopt;

    bool finite() const;
    std::vector<CurvePoint> curve() const;
    // Returns the value that decides the choice: score, critic loss or iteration.
    double merit(Select select) const;

    DAGAN_FIELDS(iteration, critic_loss, wasserstein, penalty, spread, distance, condition_distance,
                 score)
    bool operator==(const Candidate&) const = default;
};

// Eq. (29): returns the iterations after which a candidate is taken, evenly spaced, the last one
// last; min(checkpoints, iterations) of them.
std::vector<int64_t> candidate_iterations(int64_t iterations, int checkpoints);

// Returns the chosen candidate: highest score, lowest critic loss, or the last; the earliest on
// ties. `candidates` is not empty and ascending.
const Candidate& choose(const std::vector<Candidate>& candidates, Select select);

// Returns the mean L2 distance over all pairs of `images` with different conditions; 0 if all
// conditions are equal. Both are [N, C, H, W].
double distance_between_conditions(const torch::Tensor& images, const torch::Tensor& conditions);

// Measures candidates of one DAGAN. Pairs, conditions and noise are the same for all of them.
class CandidateJudge {
  public:
    // Loads the selector's weights if the task selects by classifier. The measured networks are on
    // `device`. `data` must outlive this. Throws Blame::input if the selector does not fit the
    // data, Blame::system if it cannot be read.
    CandidateJudge(const GanTask& task, const data::Dataset& data, const TaskPaths& paths,
                   torch::Device device = torch::kCPU);

    // Measures both networks and leaves them unchanged. Returns nullopt if the observer requested a
    // stop.
    std::optional<Candidate> judge(model::Generator& generator, model::Critic& critic,
                                   int64_t iteration, Observer& observer) const;

    // Writes a PNG with one row per condition, from some validation classes: the condition, another
    // real image of its class, and generated images that differ in z.
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
