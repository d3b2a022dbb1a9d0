// Poison task or bad node? Keeps who failed where and judges the nodes; the tasks are judged by their credits (Schedule). Pure:
// no clock, no names of tasks.
//
// A node is suspicious when several different tasks in a row failed on it and nowhere else. It then rests and is probed with one
// task at a time. A probe that succeeds clears it: the fault has passed. A node that keeps failing its probes, while tasks that
// failed on it succeed elsewhere, is bad. A task that fails on two nodes speaks against itself and for them. The last node in
// good standing is never suspected: there would be nothing to compare it with.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

namespace dagan::launcher {

using TaskIndex = int; // position in Plan::tasks
using NodeIndex = int;

class NodeHealth {
  public:
    static constexpr size_t kSuspects =
        3; // different tasks that failed in a row make a node suspicious
    static constexpr int kFailedProbes = 3; // and so many failed probes,
    static constexpr size_t kProofs = 2; // with so many of those tasks done elsewhere, make it bad

    enum class State { healthy, backing_off, probing, bad };
    enum class Change { none, backs_off, is_bad };

    NodeIndex node(const std::string& host); // the same number for the same name
    // Only nodes that have ranks now count when nodes are compared.
    void add_rank(NodeIndex node) { ++at(node).ranks; }
    void remove_rank(NodeIndex node) { --at(node).ranks; }
    const std::string& host(NodeIndex node) const { return at(node).host; }
    int nodes() const { return static_cast<int>(nodes_.size()); }

    // How an attempt of `task` on `node` went. What an interrupted attempt or an error in the input tells about a node is
    // nothing: not reported.
    void on_success(TaskIndex task, NodeIndex node);
    Change on_failure(TaskIndex task, NodeIndex node);
    void on_start(NodeIndex node);
    // A resting node has rested and may be probed.
    void wake(NodeIndex node);

    State state(NodeIndex node) const { return at(node).state; }
    // May anything start there now?
    bool usable(NodeIndex node) const;
    int failed_probes(NodeIndex node) const { return at(node).failed_probes; }
    // The nodes where a task failed, none of them bad; null when there are none.
    const std::set<NodeIndex>* failed_on(TaskIndex task) const;
    // Has it failed on every node in good standing that has ranks?
    bool failed_everywhere(TaskIndex task) const;

  private:
    struct Node {
        std::string host;
        int ranks = 0;
        State state = State::healthy;
        std::set<TaskIndex> suspects =
            {}; // failed here since the last success here, and on no other node
        std::set<TaskIndex> exonerating = {}; // of these, done elsewhere since
        int failed_probes = 0;
        bool probe_runs = false;
    };
    Node& at(NodeIndex node) { return nodes_[static_cast<size_t>(node)]; }
    const Node& at(NodeIndex node) const { return nodes_[static_cast<size_t>(node)]; }
    bool another_is_fine(NodeIndex node) const;
    void clear(Node& node);
    void exonerate(TaskIndex task);
    Change judge(NodeIndex node);

    std::vector<Node> nodes_;
    std::map<std::string, NodeIndex> index_of_;
    std::unordered_map<TaskIndex, std::set<NodeIndex>> failed_on_;
};

} // namespace dagan::launcher
