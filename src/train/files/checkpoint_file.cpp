#include "train/files/checkpoint_file.h"

#include "base/error.h"
#include "base/log.h"
#include "spec/json.h"

#include <ATen/Version.h>
#include <fmt/format.h>

namespace dagan::train {

namespace fs = std::filesystem;

namespace {
constexpr const char* kFacts = "resume_facts";
// A difference causes a warning, not a refusal: clusters have mixed nodes.
constexpr const char* kCpu = "cpu_capability";

void check_facts(const ResumeFacts& written, const ResumeFacts& here, const std::string& source) {
    const Json old_facts = encode_json(written), new_facts = encode_json(here);
    for (const auto& [name, value] : new_facts.items()) {
        if (old_facts.at(name) == value) continue;
        throw input_error(
            fmt::format("{}: cannot resume from this checkpoint: {} was {} and is {}, "
                        "so the result would have other bits; run with the old "
                        "value, or delete the file to start again",
                        source, name, old_facts.at(name).dump(), value.dump()));
    }
}
} // namespace

ResumeFacts ResumeFacts::here(const std::string& task_key, int world_size,
                              const std::string& device) {
    return {.task = task_key,
            .device = device,
            .threads = at::get_num_threads(),
            .world_size = world_size};
}

CheckpointFile::CheckpointFile(fs::path path, ResumeFacts facts)
    : path_(std::move(path)), facts_(std::move(facts)) {}

fs::path CheckpointFile::previous() const {
    fs::path path = path_;
    return path.replace_extension(".previous" + path_.extension().string());
}

std::optional<TensorFile> CheckpointFile::load() {
    latest_is_valid_ = true;
    for (const fs::path& candidate : {path_, previous()}) {
        if (!fs::exists(candidate)) continue;
        const std::string source = candidate.string();
        std::optional<TensorFile> file;
        try {
            file = read_tensor_file(candidate);
        } catch (const Error& error) {
            if (error.blame() != Blame::input) throw;
            log_warning("{}; resuming from the previous checkpoint, if there is one", error.what());
            if (candidate == path_) latest_is_valid_ = false;
            continue;
        }
        check_facts(from_json_text<ResumeFacts>(file->text(kFacts, source)), facts_, source);
        if (file->text(kCpu, source) != at::get_cpu_capability()) {
            log_warning("{}: written on a CPU of kind {}, resumed on one of kind {}: the result "
                        "may differ in its last bits",
                        source, file->text(kCpu, source), at::get_cpu_capability());
        }
        return file;
    }
    return std::nullopt;
}

void CheckpointFile::save(TensorFile file) {
    file.metadata[kFacts] = encode_json(facts_).dump();
    file.metadata[kCpu] = at::get_cpu_capability();
    std::error_code failed;
    if (latest_is_valid_ && fs::exists(path_)) fs::rename(path_, previous(), failed);
    if (failed) throw system_error(path_.string() + ": cannot be renamed: " + failed.message());
    write_tensor_file(path_, file);
    latest_is_valid_ = true;
}

void CheckpointFile::remove() const {
    std::error_code ignored; // a remaining file only takes disk space
    fs::remove(path_, ignored);
    fs::remove(previous(), ignored);
}

} // namespace dagan::train
