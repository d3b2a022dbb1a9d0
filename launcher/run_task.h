// A trainer's work: takes one assignment at a time, runs it with the training module and reports. Every exception ends here, as a
// TaskResult with its blame.
#pragma once

#include "cluster/shared_memory.h"
#include "cluster/trainer_link.h"
#include "data/dataset.h"
#include "launcher/messages.h"
#include "train/tasks.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <string>

namespace dagan {

// Runs a task of any kind with its data; `group` is asked for by DAGANs alone. Throws Error by blame.
TaskOutput run_task(const TaskSpec& spec, const std::string& key, const Dataset& data, const Workplace& place, Group& group,
                    Observer& observer);

// The data set of a task, checked against the hash that the task was made with. Throws Blame::input when it is another.
Dataset open_data_of(const DatasetRef& ref, const std::filesystem::path& data_folder);

class TaskRunner {
  public:
    // `link` leads to the agent; `memory` is shared with it.
    TaskRunner(Workplace place, std::filesystem::path data_folder, TrainerLink& link, SharedMemory& memory)
        : place_(std::move(place)), data_folder_(std::move(data_folder)), link_(link), memory_(memory) {}

    // Runs the assignment to its end, whatever that is.
    TaskResult run(const Assign& assignment);

  private:
    std::unique_ptr<Group> group_for(const Assign& assignment);
    const Dataset& data_for(const DatasetRef& ref);

    Workplace place_;
    std::filesystem::path data_folder_;
    TrainerLink& link_;
    SharedMemory& memory_;
    std::optional<Dataset> data_;
};

} // namespace dagan
