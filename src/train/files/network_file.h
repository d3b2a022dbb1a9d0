// Trained networks on disk: weights by name, and in the metadata all that is needed to build the network again and to know where
// it comes from. A finished task's weights file is also the mark that it is finished: it holds the task's whole output.
#pragma once

#include "data/roles.h"
#include "model/networks.h"
#include "spec/result.h"
#include "train/files/tensor_file.h"
#include "train/tensors/tensors.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::train {

// What a finished task had to say, kept in its weights file.
struct FinishedTask {
    std::string task; // key
    std::optional<ClassifierScore> score = std::nullopt;
    std::vector<CurvePoint> curve = {};
    std::vector<Artifact> samples = {}; // sheets, the chosen one first

    DAGAN_FIELDS(task, score, curve, samples)
};

void mark_finished(TensorFile& file, const FinishedTask& finished);
// The output in the weights file of `task_key`, or nothing when there is no such file or it is no whole one.
std::optional<FinishedTask> finished_task(const std::filesystem::path& weights,
                                          const std::string& task_key);

// A generator and what it was made for.
struct TrainedGenerator {
    std::unique_ptr<model::Generator> network;
    GanOptions options;
    ImageShape shape;
    std::string sha256; // of the file
};
TensorFile generator_file(const model::Generator& network, const GanOptions& options,
                          ImageShape shape);
// Throws Blame::input when the file is no generator's, Blame::system when it cannot be read.
TrainedGenerator load_generator(const std::filesystem::path& path);

// A selector: a classifier and the conditional images on which it judges generators.
struct TrainedSelector {
    std::unique_ptr<model::Classifier> network;
    int classes = 0;
    ImageShape shape;
    std::vector<data::Case> conditions;
};
TensorFile selector_file(const model::Classifier& network, const ClassifierOptions& options,
                         ImageShape shape, int classes, const std::vector<data::Case>& conditions);
TrainedSelector load_selector(const std::filesystem::path& path); // throws as above

} // namespace dagan::train
