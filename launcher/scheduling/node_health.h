// Distinguishes a bad node from a task that fails everywhere: records which tasks failed on which
// node and decides whether a node may get work (docs/internals/scheduling.md, "Node health").
// A node on which several different tasks fail in a row, and fail nowhere else, backs off and is
// then probed with one task at a time. A probe that succeeds makes it healthy again. A node that
// keeps failing its probes while its suspects succeed on other nodes is bad. The last healthy node
// never backs off, since there is no other node to compare it with.
// Pure: no clock (the caller ends back-offs with wake()), no task names, no I/O.
//
//     NodeHealth health;
//     const NodeIndex node = health.node("node-17");
//     health.add_rank(node);
//     if (health.on_failure(task, node) == NodeHealth::Change::backs_off) wake_later(node);
#pragma once

#include "launcher/scheduling/indices.h"

#include <map>
#include <set>
#include <string>
#include <unordered_map>

namespace dagan::launcher {

class NodeHealth {
  public:
    static constexpr size_t kSuspects = 3;  // suspects that make a healthy node back off
    static constexpr int kFailedProbes = 3; // failed probes needed to make a node bad,
    static constexpr size_t kProofs = 2;    // and suspects that succeeded on other nodes

    enum class State { healthy, backing_off, probing, bad };
    enum class Change { none, backs_off, is_bad };

    // Returns the index of the node named `host`; adds the node if it is new.
    NodeIndex node(const std::string& host);
    // Count the ranks of the present MPI job on a node. Only nodes with ranks are compared.
    void add_rank(NodeIndex node) { ++nodes_[node].ranks; }
    void remove_rank(NodeIndex node) { --nodes_[node].ranks; }
    const std::string& host(NodeIndex node) const { return nodes_[node].host; }

    // Record how an attempt of `task` on `node` went. Do not report interrupted attempts and errors
    // in the input: they say nothing about a node. on_failure() returns the resulting change of the
    // node's state.
    void on_success(TaskIndex task, NodeIndex node);
    Change on_failure(TaskIndex task, NodeIndex node);
    // An attempt starts on `node`; on a probing node it is the probe.
    void on_start(NodeIndex node);
    // The node's back-off is over: it may be probed. No-op in any other state.
    void wake(NodeIndex node);

    State state(NodeIndex node) const { return nodes_[node].state; }
    // Returns whether a task of one rank may start on `node`: it is healthy, or probing without a
    // probe under way.
    bool usable(NodeIndex node) const;
    int failed_probes(NodeIndex node) const { return nodes_[node].failed_probes; }
    // Returns the nodes where `task` failed, bad nodes excluded; null if there are none.
    const std::set<NodeIndex>* failed_on(TaskIndex task) const;
    // Returns whether `task` failed on every healthy node that has ranks.
    bool failed_everywhere(TaskIndex task) const;

  private:
    struct Node {
        std::string host;
        int ranks = 0;
        State state = State::healthy;
        // Tasks that failed here since the last success here, and failed on no other node.
        std::set<TaskIndex> suspects = {};
        // Suspects that have succeeded on another node since.
        std::set<TaskIndex> proofs = {};
        int failed_probes = 0;
        bool probe_runs = false;
    };
    bool another_is_healthy(NodeIndex node) const;
    void clear_record(Node& node);
    void discard_evidence(TaskIndex task);
    Change update_state(NodeIndex node);

    IndexVector<NodeIndex, Node> nodes_;
    std::map<std::string, NodeIndex> index_of_; // by host
    std::unordered_map<TaskIndex, std::set<NodeIndex>> failed_on_;
};

} // namespace dagan::launcher
