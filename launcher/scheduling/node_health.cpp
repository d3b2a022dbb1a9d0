#include "launcher/scheduling/node_health.h"

#include <algorithm>

namespace dagan::launcher {

NodeIndex NodeHealth::node(const std::string& host) {
    const auto [found, is_new] = index_of_.emplace(host, nodes());
    if (is_new) nodes_.push_back({.host = host});
    return found->second;
}

void NodeHealth::on_start(NodeIndex node) {
    if (at(node).state == State::probing) at(node).probe_runs = true;
}

void NodeHealth::wake(NodeIndex node) {
    if (at(node).state == State::backing_off) at(node).state = State::probing;
}

bool NodeHealth::usable(NodeIndex node) const {
    return at(node).state == State::healthy ||
           (at(node).state == State::probing && !at(node).probe_runs);
}

void NodeHealth::clear(Node& node) {
    node.suspects.clear();
    node.exonerating.clear();
    node.failed_probes = 0;
    node.probe_runs = false;
    if (node.state != State::bad) node.state = State::healthy;
}

void NodeHealth::on_success(TaskIndex task, NodeIndex node) {
    clear(at(node));
    const auto failed = failed_on_.find(task);
    if (failed == failed_on_.end()) return;
    for (const NodeIndex other : failed->second) {
        if (at(other).suspects.contains(task)) at(other).exonerating.insert(task);
    }
}

NodeHealth::Change NodeHealth::on_failure(TaskIndex task, NodeIndex node) {
    at(node).probe_runs = false;
    if (at(node).state == State::bad) return Change::none;
    std::set<NodeIndex>& failed = failed_on_[task];
    failed.insert(node);
    if (failed.size() > 1) {
        exonerate(task);
    } else {
        at(node).suspects.insert(task);
    }
    return judge(node);
}

// The task failed on several nodes: it is a poor witness against each of them.
void NodeHealth::exonerate(TaskIndex task) {
    for (const NodeIndex node : failed_on_.at(task)) {
        Node& accused = at(node);
        accused.suspects.erase(task);
        accused.exonerating.erase(task);
        if (accused.state == State::bad || accused.suspects.size() >= kSuspects) continue;
        accused.state = State::healthy;
        accused.failed_probes = 0;
        accused.probe_runs = false;
    }
}

NodeHealth::Change NodeHealth::judge(NodeIndex index) {
    Node& node = at(index);
    if (node.state == State::healthy) {
        if (node.suspects.size() < kSuspects || !another_is_fine(index)) return Change::none;
        node.state = State::backing_off;
        return Change::backs_off;
    }
    if (node.state != State::probing) return Change::none; // a task that had started before ended
    ++node.failed_probes;
    if (node.failed_probes < kFailedProbes || node.exonerating.size() < kProofs) {
        node.state = State::backing_off;
        return Change::backs_off;
    }
    node.state = State::bad;
    for (auto& [task, failed] : failed_on_) failed.erase(index); // it says nothing about them
    return Change::is_bad;
}

bool NodeHealth::another_is_fine(NodeIndex node) const {
    for (NodeIndex other = 0; other < nodes(); ++other) {
        if (other != node && at(other).ranks > 0 && at(other).state == State::healthy) return true;
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
    for (NodeIndex node = 0; node < nodes(); ++node) {
        if (at(node).ranks > 0 && at(node).state == State::healthy && !failed->contains(node))
            return false;
    }
    return true;
}

} // namespace dagan::launcher
