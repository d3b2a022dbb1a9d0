// The index types of the launcher: tasks of a plan, MPI ranks and nodes (base/index.h).
#pragma once

#include "base/index.h"
#include "spec/task.h"

namespace dagan::launcher {

using TaskIndex = Index<struct TaskTag>; // position in Plan::tasks
using Rank = Index<struct RankTag>;      // world rank in the MPI job
using NodeIndex = Index<struct NodeTag>; // node of a NodeHealth, in the order of first mention

inline IndexRange<TaskIndex> task_indices(const Plan& plan) {
    return IndexRange<TaskIndex>(static_cast<int>(plan.tasks.size()));
}
inline const PlannedTask& task_at(const Plan& plan, TaskIndex task) {
    return plan.tasks[static_cast<size_t>(task.value())];
}

} // namespace dagan::launcher
