// Trained networks on disk: weights by name; the metadata holds what is needed to rebuild the
// network and to know its origin.
//
// The weights file of a finished task is also the mark that the task is finished: it holds the
// task's whole output.
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

// The output of a finished task, kept in its weights file.
struct FinishedTask {
    std::string task; // key
    std::optional<ClassifierScore> score = std::nullopt;
    std::vector<CurvePoint> curve = {};
    std::vector<Artifact> samples = {}; // sample sheets, the chosen one first

    DAGAN_FIELDS(task, score, curve, samples)
};

void mark_finished(TensorFile& file, const FinishedTask& finished);
// Returns the output in the weights file of `task_key`; nullopt if the file does not exist, is
// damaged or belongs to another task. Throws Blame::system if it cannot be read.
std::optional<FinishedTask> finished_task(const std::filesystem::path& weights,
                                          const std::string& task_key);

// A generator and the parameters that it was trained with.
struct TrainedGenerator {
    std::unique_ptr<model::Generator> network;
    GanOptions options;
    ImageShape shape;
    std::string sha256; // of the file
};
TensorFile generator_file(const model::Generator& network, const GanOptions& options,
                          ImageShape shape);
// Throws Blame::input if the file holds no generator, Blame::system if it cannot be read.
TrainedGenerator load_generator(const std::filesystem::path& path);

// A selector: a classifier, and the conditional images on which it scores generators.
struct TrainedSelector {
    std::unique_ptr<model::Classifier> network;
    int classes = 0;
    ImageShape shape;
    std::vector<data::Case> conditions;
};
TensorFile selector_file(const model::Classifier& network, const ClassifierOptions& options,
                         ImageShape shape, int classes, const std::vector<data::Case>& conditions);
// Throws as load_generator.
TrainedSelector load_selector(const std::filesystem::path& path);

} // namespace dagan::train
