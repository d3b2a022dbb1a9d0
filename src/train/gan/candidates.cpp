#include "train/gan/candidates.h"

#include "base/error.h"
#include "base/random.h"
#include "data/contact_sheet.h"
#include "data/roles.h"
#include "model/losses.h"
#include "train/generate.h"

#include <algorithm>
#include <cmath>

namespace dagan::train {

namespace {
constexpr uint32_t kValidationBatches = 4; // of gan.batch_size pairs each
constexpr size_t kScoreBatch = 64;
constexpr size_t kSheetRows = 8;
constexpr int kSheetGenerated = 6;

double mean_distance(const torch::Tensor& a, const torch::Tensor& b) {
    return (a - b).flatten(1).to(torch::kDouble).norm(2, 1).mean().item<double>();
}
} // namespace

bool Candidate::finite() const {
    return std::isfinite(critic_loss) && std::isfinite(wasserstein) && std::isfinite(penalty) &&
           std::isfinite(spread) && std::isfinite(distance) && std::isfinite(condition_distance);
}

std::vector<CurvePoint> Candidate::curve() const {
    std::vector<CurvePoint> points{
        {iteration, "validation_critic_loss", critic_loss},
        {iteration, "validation_wasserstein", wasserstein},
        {iteration, "validation_penalty", penalty},
        {iteration, "spread", spread},
        {iteration, "distance", distance},
        {iteration, "condition_distance", condition_distance},
        {iteration, "z_diversity", condition_distance > 0 ? spread / condition_distance : 0}};
    if (score) points.push_back({iteration, "score", *score});
    return points;
}

std::vector<int64_t> candidate_iterations(int64_t iterations, int checkpoints) {
    require(iterations > 0 && checkpoints > 0, "at least one iteration and one checkpoint");
    std::vector<int64_t> chosen;
    const int64_t count = std::min<int64_t>(checkpoints, iterations);
    for (int64_t k = 1; k <= count; ++k) chosen.push_back(iterations * k / count);
    return chosen;
}

double Candidate::merit(Select select) const {
    switch (select) {
    case Select::classifier:
        require(score.has_value(), "every candidate has a score");
        return *score;
    case Select::critic_loss: return critic_loss;
    case Select::last: return static_cast<double>(iteration);
    }
    throw Error(Blame::bug, "unknown value of Select");
}

const Candidate& choose(const std::vector<Candidate>& candidates, Select select) {
    require(!candidates.empty(), "there is at least one candidate");
    const auto merit = [&](const Candidate& candidate) { return candidate.merit(select); };
    if (select == Select::critic_loss) return *std::ranges::min_element(candidates, {}, merit);
    return *std::ranges::max_element(candidates, {}, merit);
}

double distance_between_conditions(const torch::Tensor& images, const torch::Tensor& conditions) {
    const torch::Tensor made = images.flatten(1).to(torch::kDouble), given = conditions.flatten(1);
    torch::Tensor sum = torch::zeros({}, torch::kDouble), count = torch::zeros({}, torch::kLong);
    for (int64_t i = 0; i + 1 < made.size(0); ++i) {
        const torch::Tensor differ = given.slice(0, i + 1).ne(given[i]).any(1);
        sum += (made.slice(0, i + 1) - made[i]).norm(2, 1).masked_select(differ).sum();
        count += differ.sum();
    }
    const auto pairs = count.item<int64_t>();
    return pairs > 0 ? sum.item<double>() / static_cast<double>(pairs) : 0;
}

CandidateJudge::CandidateJudge(const GanTask& task, const data::Dataset& data,
                               const TaskPaths& paths, torch::Device device)
    : task_(task), data_(data), shape_(shape_of(data)), device_(device),
      classes_(data::classes_of(task.dataset, data.info().classes, data::Domain::validation)),
      pairs_(data, classes_, task.gan.pairs, /*rotate=*/false,
             derive(task.stream, "validation pairs")) {
    if (task.gan.select != Select::classifier) return;
    const std::filesystem::path weights = paths.weights(task.selector);
    selector_ = load_selector(weights);
    if (selector_->shape != shape_)
        throw input_error(weights.string() +
                          ": this selector was trained on images of another shape");
    if (selector_->conditions.empty()) {
        throw input_error(
            weights.string() +
            ": the selector has no conditional images: gan.selector_train uses all images for "
            "training; hint: lower it");
    }
    selector_->network->to(device);
}

std::optional<Candidate> CandidateJudge::judge(model::Generator& generator, model::Critic& critic,
                                               int64_t iteration, Observer& observer) const {
    Candidate candidate{.iteration = iteration};
    if (!measure_losses(generator, critic, candidate, observer)) return std::nullopt;
    if (selector_ && !measure_score(generator, candidate, observer)) return std::nullopt;
    return candidate;
}

// Eq. (30).
bool CandidateJudge::measure_losses(model::Generator& generator, model::Critic& critic,
                                    Candidate& candidate, Observer& observer) const {
    const auto b = static_cast<uint32_t>(task_.gan.batch_size);
    const uint64_t z_key = derive(task_.stream, "validation z"),
                   other_key = derive(task_.stream, "validation other z");
    const uint64_t epsilon_key = derive(task_.stream, "validation epsilon");
    const auto inference = [&](const torch::Tensor& x, const torch::Tensor& y) {
        return critic.forward(x, y, model::Pass::inference());
    };
    std::vector<torch::Tensor> conditions, fakes;
    for (uint32_t batch = 0; batch < kValidationBatches; ++batch) {
        if (observer.stop_requested()) return false;
        torch::Tensor x = torch::empty({b, shape_.channels, shape_.size, shape_.size}),
                      real = torch::empty_like(x);
        pairs_.fill(batch, 0, b, floats_of(x), floats_of(real));
        torch::Tensor epsilon = torch::empty({b});
        for (uint32_t i = 0; i < b; ++i)
            floats_of(epsilon)[i] = static_cast<float>(Random(epsilon_key, batch, i).uniform());
        for (torch::Tensor* tensor : {&x, &real, &epsilon}) *tensor = tensor->to(device_);
        const auto noise = [&](uint64_t key) {
            return noise_tensor(key, batch, 0, b, task_.gan.z_dim).to(device_);
        };
        torch::Tensor fake, difference;
        {
            const torch::NoGradGuard no_grad;
            fake = generator.forward(x, noise(z_key), model::Pass::inference());
            const torch::Tensor other =
                generator.forward(x, noise(other_key), model::Pass::inference());
            candidate.spread += mean_distance(fake, other) / kValidationBatches;
            candidate.distance += mean_distance(fake, x) / kValidationBatches;
            conditions.push_back(x);
            fakes.push_back(fake);
            difference = inference(x, real).mean() - inference(x, fake).mean();
        }
        candidate.wasserstein += difference.item<double>() / kValidationBatches;
        candidate.penalty +=
            model::gradient_penalty(inference, x, real, fake, epsilon, task_.gan.penalty_norm)
                .item<double>() /
            kValidationBatches;
    }
    candidate.critic_loss = task_.gan.penalty_weight * candidate.penalty - candidate.wasserstein;
    candidate.condition_distance =
        distance_between_conditions(torch::cat(fakes).cpu(), torch::cat(conditions).cpu());
    return true;
}

// Eq. (31).
bool CandidateJudge::measure_score(model::Generator& generator, Candidate& candidate,
                                   Observer& observer) const {
    const torch::NoGradGuard no_grad;
    std::vector<ImageRequest> requests;
    std::vector<int64_t> labels;
    for (const data::Case& condition : selector_->conditions) {
        for (int k = 0; k < task_.gan.selector_z; ++k) {
            requests.push_back({condition.image, k});
            labels.push_back(condition.label);
        }
    }
    const uint64_t key = derive(task_.stream, "selector z");
    int64_t correct = 0;
    for (size_t begin = 0; begin < requests.size(); begin += kScoreBatch) {
        if (observer.stop_requested()) return false;
        const size_t count = std::min(kScoreBatch, requests.size() - begin);
        const torch::Tensor made =
            generate(generator, data_, shape_, std::span(requests).subspan(begin, count),
                     task_.gan.z_dim, key, 0);
        // Classified as real images.
        const torch::Tensor flags = torch::ones({static_cast<int64_t>(count)});
        const torch::Tensor answers =
            selector_->network->forward(made.to(device_), flags, model::Pass::inference())
                .argmax(1)
                .cpu();
        const torch::Tensor classes =
            torch::from_blob(labels.data() + begin, {static_cast<int64_t>(count)}, torch::kLong);
        correct += answers.eq(classes).sum().item<int64_t>();
    }
    candidate.score = static_cast<double>(correct) / static_cast<double>(requests.size());
    return true;
}

void CandidateJudge::write_sheet(model::Generator& generator,
                                 const std::filesystem::path& path) const {
    const size_t rows = std::min(kSheetRows, classes_.size());
    std::vector<uint8_t> sheet;
    const auto append = [&](const torch::Tensor& images) {
        const std::span<const float> values = floats_of(images);
        const size_t begin = sheet.size();
        sheet.resize(begin + values.size());
        data::to_bytes(values, std::span(sheet).subspan(begin));
    };
    for (size_t row = 0; row < rows; ++row) {
        const int label = classes_[row * classes_.size() / rows];
        const int condition = data_.first_of(label), other = condition + data_.count_of(label) - 1;
        append(image_tensor(data_, std::vector{condition, other}, shape_));
        std::vector<ImageRequest> requests;
        for (int k = 0; k < kSheetGenerated; ++k) requests.push_back({condition, k});
        append(generate(generator, data_, shape_, requests, task_.gan.z_dim,
                        derive(task_.stream, "sheet z"), 0));
    }
    data::write_png(path, data::image_grid(sheet, shape_.channels, shape_.size, 2 + kSheetGenerated,
                                           {.scale = shape_.size < 64 ? 3 : 1}));
}

} // namespace dagan::train
