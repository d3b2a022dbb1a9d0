// A trainer's work: takes one assignment at a time, runs it with the training module and reports. Every exception ends here, as a
// TaskResult with its blame.
#pragma once

#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"
#include "data/dataset.h"
#include "launcher/protocol/messages.h"
#include "train/device/compute.h"
#include "train/tasks.h"

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

namespace dagan::launcher {

// Runs a task of any kind with its data; `group` is asked for by DAGANs alone. Throws Error by blame.
train::TaskOutput run_task(const TaskSpec& spec, const std::string& key, const data::Dataset& data,
                           const train::TaskPaths& place, gang::Group& group,
                           train::Observer& observer, const train::Compute& compute);

// The data set of a task, checked against the hash that the task was made with. Throws Blame::input when it is another.
data::Dataset open_data_of(const DatasetRef& ref, const std::filesystem::path& data_folder);

class TaskRunner {
  public:
    // `link` leads to the agent; `memory` is shared with it.
    TaskRunner(train::TaskPaths place, std::filesystem::path data_folder,
               cluster::TrainerLink& link, cluster::SharedMemory& memory,
               const train::Compute& compute)
        : place_(std::move(place)), data_folder_(std::move(data_folder)), link_(link),
          memory_(memory), compute_(compute) {}

    // Runs the assignment to its end, whatever that is.
    TaskResult run(const Assign& assignment);
    // No further task should run in this process: what failed on a GPU, or in a gang on GPUs, may have left either unusable.
    bool worn_out() const { return worn_out_; }

  private:
    void require_gpu_memory(const TaskSpec& spec);
    void note_gpu_memory(const TaskSpec& spec);
    std::unique_ptr<gang::Group> group_for(const Assign& assignment);
    const data::Dataset& data_for(const DatasetRef& ref);

    train::TaskPaths place_;
    std::filesystem::path data_folder_;
    cluster::TrainerLink& link_;
    cluster::SharedMemory& memory_;
    train::Compute compute_;
    std::optional<data::Dataset> data_;
    std::map<std::string, int64_t>
        gpu_bytes_; // the most that tasks of a kind and data set took so far
    bool worn_out_ = false;
};

} // namespace dagan::launcher
