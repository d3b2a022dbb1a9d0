#include "launcher/scheduling/node_health.h"

namespace dagan::launcher {

NodeIndex NodeHealth::node(const std::string& host) {
    const auto [found, is_new] = index_of_.emplace(host, NodeIndex::from(nodes_.size()));
    if (is_new) nodes_.push_back({.host = host});
    return found->second;
}

void NodeHealth::on_start(NodeIndex node) {
    if (nodes_[node].state == State::probing) nodes_[node].probe_runs = true;
}

void NodeHealth::wake(NodeIndex node) {
    if (nodes_[node].state == State::backing_off) nodes_[node].state = State::probing;
}

bool NodeHealth::usable(NodeIndex node) const {
    const Node& at = nodes_[node];
    return at.state == State::healthy || (at.state == State::probing && !at.probe_runs);
}

void NodeHealth::clear_record(Node& node) {
    node.suspects.clear();
    node.proofs.clear();
    node.failed_probes = 0;
    node.probe_runs = false;
    if (node.state != State::bad) node.state = State::healthy;
}

void NodeHealth::on_success(TaskIndex task, NodeIndex node) {
    clear_record(nodes_[node]);
    const auto failed = failed_on_.find(task);
    if (failed == failed_on_.end()) return;
    for (const NodeIndex other : failed->second) {
        if (nodes_[other].suspects.contains(task)) nodes_[other].proofs.insert(task);
    }
}

NodeHealth::Change NodeHealth::on_failure(TaskIndex task, NodeIndex node) {
    nodes_[node].probe_runs = false;
    if (nodes_[node].state == State::bad) return Change::none;
    std::set<NodeIndex>& failed = failed_on_[task];
    failed.insert(node);
    if (failed.size() > 1) {
        discard_evidence(task);
    } else {
        nodes_[node].suspects.insert(task);
    }
    return update_state(node);
}

// A task that failed on several nodes is no evidence against any of them.
void NodeHealth::discard_evidence(TaskIndex task) {
    for (const NodeIndex index : failed_on_.at(task)) {
        Node& node = nodes_[index];
        node.suspects.erase(task);
        node.proofs.erase(task);
        if (node.state == State::bad || node.suspects.size() >= kSuspects) continue;
        node.state = State::healthy;
        node.failed_probes = 0;
        node.probe_runs = false;
    }
}

NodeHealth::Change NodeHealth::update_state(NodeIndex index) {
    Node& node = nodes_[index];
    if (node.state == State::healthy) {
        if (node.suspects.size() < kSuspects || !another_is_healthy(index)) return Change::none;
        node.state = State::backing_off;
        return Change::backs_off;
    }
    // The attempt had started before its node backed off: it was no probe.
    if (node.state != State::probing) return Change::none;
    ++node.failed_probes;
    if (node.failed_probes < kFailedProbes || node.proofs.size() < kProofs) {
        node.state = State::backing_off;
        return Change::backs_off;
    }
    node.state = State::bad;
    // Failures on a bad node say nothing about the tasks.
    for (auto& [task, failed] : failed_on_) failed.erase(index);
    return Change::is_bad;
}

bool NodeHealth::another_is_healthy(NodeIndex node) const {
    for (const NodeIndex other : nodes_.indices()) {
        const Node& at = nodes_[other];
        if (other != node && at.ranks > 0 && at.state == State::healthy) return true;
    }
    return false;
}

const std::set<NodeIndex>* NodeHealth::failed_on(TaskIndex task) const {
    const auto failed = failed_on_.find(task);
    return failed == failed_on_.end() || failed->second.empty() ? nullptr : &failed->second;
}

bool NodeHealth::failed_everywhere(TaskIndex task) const {
    const std::set<NodeIndex>* failed = failed_on(task);
    if (failed == nullptr) return false;
    for (const NodeIndex node : nodes_.indices()) {
        const Node& at = nodes_[node];
        if (at.ranks > 0 && at.state == State::healthy && !failed->contains(node)) return false;
    }
    return true;
}

} // namespace dagan::launcher
