#include "train/files/network_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "spec/json.h"

namespace dagan::train {

namespace {
constexpr const char* kFinished = "finished";
constexpr const char* kNetwork = "network";
constexpr const char* kOptions = "options";
constexpr const char* kWeights = "weights.";

void put_shape(TensorFile& file, ImageShape shape) {
    file.metadata["channels"] = std::to_string(shape.channels);
    file.metadata["size"] = std::to_string(shape.size);
}

ImageShape shape_in(const TensorFile& file, const std::string& source) {
    return {std::stoi(file.text("channels", source)), std::stoi(file.text("size", source))};
}

void check_network(const TensorFile& file, const std::string& network, const std::string& source) {
    const std::string& found = file.text(kNetwork, source);
    if (found != network) throw input_error(source + ": holds a " + found + ", not a " + network);
}
} // namespace

void mark_finished(TensorFile& file, const FinishedTask& finished) {
    file.metadata[kFinished] = encode_json(finished).dump();
}

std::optional<FinishedTask> finished_task(const std::filesystem::path& weights,
                                          const std::string& task_key) {
    if (!std::filesystem::exists(weights)) return std::nullopt;
    try {
        const TensorFile file = read_tensor_file(weights);
        auto finished = from_json_text<FinishedTask>(file.text(kFinished, weights.string()));
        if (finished.task == task_key) return finished;
    } catch (const Error& error) {
        // The file exists but cannot be read: training again would not help.
        if (error.blame() == Blame::system) throw;
    }
    return std::nullopt;
}

TensorFile generator_file(const model::Generator& network, const GanOptions& options,
                          ImageShape shape) {
    TensorFile file;
    store_module(network, kWeights, file);
    file.metadata[kNetwork] = "generator";
    file.metadata[kOptions] = encode_json(options).dump();
    put_shape(file, shape);
    return file;
}

TrainedGenerator load_generator(const std::filesystem::path& path) {
    const std::string source = path.string();
    const std::string bytes = read_file(path);
    const TensorFile file = decode_tensor_file(bytes, source);
    check_network(file, "generator", source);
    TrainedGenerator trained;
    trained.options = from_json_text<GanOptions>(file.text(kOptions, source));
    trained.shape = shape_in(file, source);
    trained.network = std::make_unique<model::Generator>(trained.options, trained.shape.channels,
                                                         trained.shape.size, 0);
    restore_module(*trained.network, kWeights, file, source);
    Sha256 hash;
    hash.update(bytes);
    trained.sha256 = hash.hex();
    return trained;
}

TensorFile selector_file(const model::Classifier& network, const ClassifierOptions& options,
                         ImageShape shape, int classes, const std::vector<data::Case>& conditions) {
    TensorFile file;
    store_module(network, kWeights, file);
    file.metadata[kNetwork] = "selector";
    file.metadata[kOptions] = encode_json(options).dump();
    file.metadata["classes"] = std::to_string(classes);
    put_shape(file, shape);
    Json list = Json::array();
    for (const data::Case& condition : conditions)
        list.push_back({condition.image, condition.label});
    file.metadata["conditions"] = list.dump();
    return file;
}

TrainedSelector load_selector(const std::filesystem::path& path) {
    const std::string source = path.string();
    const TensorFile file = read_tensor_file(path);
    check_network(file, "selector", source);
    TrainedSelector trained;
    trained.shape = shape_in(file, source);
    trained.classes = std::stoi(file.text("classes", source));
    const auto options = from_json_text<ClassifierOptions>(file.text(kOptions, source));
    trained.network = std::make_unique<model::Classifier>(options, trained.shape.channels,
                                                          trained.shape.size, trained.classes, 0);
    restore_module(*trained.network, kWeights, file, source);
    for (const Json& item : Json::parse(file.text("conditions", source))) {
        trained.conditions.push_back(
            {.image = item.at(0).get<int>(), .label = item.at(1).get<int>()});
    }
    return trained;
}

} // namespace dagan::train
