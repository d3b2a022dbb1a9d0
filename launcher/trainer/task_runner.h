// Runs the assignments of a trainer, one at a time, with the training module.
//
// No exception leaves TaskRunner::run(): each becomes the outcome of a TaskResult, whose error is
// the exception's message.
//
//   thrown or returned                            outcome
//   a complete TaskOutput                         done or diverged
//   a TaskOutput after a stop request             interrupted, without an error
//   gang::GangBroken                              interrupted, with the cause as error
//   Error with Blame::input                       input_error
//   Error with Blame::system                      system_error
//   Error with Blame::bug                         bug
//   std::bad_alloc, c10::OutOfMemoryError         out_of_memory
//   too little GPU memory for such a task         out_of_memory
//   c10::AcceleratorError                         system_error
//   any other std::exception                      bug
//
// The agent reports a trainer that dies or hangs; its outcomes (died, stuck) are not made here.
//
//     TaskRunner runner(paths, data_folder, link, memory, compute);
//     while (!runner.must_restart()) {
//         const Assign assignment = next_assignment();
//         link.send(encode(Ended{assignment.position, runner.run(assignment)}));
//     }
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

// Runs a task of any kind on `data`, its data set. Only DAGANs use `group`. Throws Error by blame;
// gang::GangBroken passes through.
train::TaskOutput run_task(const TaskSpec& spec, const std::string& key, const data::Dataset& data,
                           const train::TaskPaths& paths, gang::Group& group,
                           train::Observer& observer, const train::Compute& compute);

// Opens the data set of a task. Throws Blame::input if its hash is not that of the task.
data::Dataset open_data_of(const DatasetRef& ref, const std::filesystem::path& data_folder);

class TaskRunner {
  public:
    // `link` leads to the agent, which shares `memory` with this process. Both must outlive this.
    TaskRunner(train::TaskPaths paths, std::filesystem::path data_folder,
               cluster::TrainerLink& link, cluster::SharedMemory& memory,
               const train::Compute& compute)
        : paths_(std::move(paths)), data_folder_(std::move(data_folder)), link_(link),
          memory_(memory), compute_(compute) {}

    // Runs the assignment until it ends. Sends progress to the agent meanwhile and obeys its stop
    // request.
    TaskResult run(const Assign& assignment);
    // Returns true if this process must not run another task: after a failure on a GPU, except for
    // a lack of memory, the GPU's context or the gang's communicator may be unusable.
    bool must_restart() const { return must_restart_; }

  private:
    void require_gpu_memory(const TaskSpec& spec);
    void record_gpu_memory(const TaskSpec& spec);
    std::unique_ptr<gang::Group> group_for(const Assign& assignment);
    const data::Dataset& data_for(const DatasetRef& ref);

    train::TaskPaths paths_;
    std::filesystem::path data_folder_;
    cluster::TrainerLink& link_;
    cluster::SharedMemory& memory_;
    train::Compute compute_;
    std::optional<data::Dataset> data_;
    // The peak GPU memory so far of the tasks of each kind and data set.
    std::map<std::string, int64_t> gpu_bytes_;
    bool must_restart_ = false;
};

} // namespace dagan::launcher
