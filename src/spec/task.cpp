#include "spec/task.h"

#include "base/hash.h"
#include "spec/json.h"

#include <fmt/format.h>

namespace dagan {

namespace {
template <class T> TaskSpec decode_task(Json json) {
    json.erase("kind");
    T task;
    decode_json(json, task);
    return task;
}
} // namespace

int ranks_of(const TaskSpec& spec) {
    const auto* gan = std::get_if<GanTask>(&spec);
    return gan == nullptr ? 1 : gan->ranks;
}

int threads_of(const TaskSpec& spec) {
    return std::visit([](const auto& task) { return task.threads; }, spec);
}

std::string to_text(const TaskSpec& spec) {
    Json json = std::visit([](const auto& task) { return encode_json(task); }, spec);
    json["kind"] = to_string(kind_of(spec));
    return json.dump();
}

TaskSpec task_from_text(const std::string& text) {
    const Json json = Json::parse(text, nullptr, false);
    require(json.is_object() && json.contains("kind"), "a task's text is JSON with a kind");
    const auto kind = enum_from<TaskKind>(json.at("kind").get<std::string>());
    require(kind.has_value(), "a task's kind is known");
    switch (*kind) {
    case TaskKind::selector: return decode_task<SelectorTask>(json);
    case TaskKind::gan: return decode_task<GanTask>(json);
    case TaskKind::pool: return decode_task<PoolTask>(json);
    case TaskKind::classifier: return decode_task<ClassifierTask>(json);
    }
    throw Error(Blame::bug, "unknown kind of task");
}

std::string key_of(const TaskSpec& spec) { return hash128_hex(to_text(spec)); }

std::string label_of(const TaskSpec& spec) {
    const std::string head = to_string(kind_of(spec)) + " " + dataset_of(spec).name;
    if (const auto* pool = std::get_if<PoolTask>(&spec))
        return fmt::format("{} seed={}", head, pool->seed);
    if (const auto* task = std::get_if<ClassifierTask>(&spec)) {
        std::string label = fmt::format("{} n={} m={} seed={}", head, task->samples_per_class,
                                        task->generated_per_real, task->seed);
        if (task->match_steps_of != 0) label += " " + task->budget();
        return label;
    }
    return head;
}

std::string to_text(const Sweep& sweep) { return encode_json(sweep).dump(); }
Sweep sweep_from_text(const std::string& text) { return from_json_text<Sweep>(text); }

} // namespace dagan
