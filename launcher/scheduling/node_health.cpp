#include "launcher/scheduling/node_health.h"

#include <algorithm>

namespace dagan {

NodeIndex BlameMatrix::node(const std::string& host) {
    const auto [found, is_new] = index_of_.emplace(host, nodes());
    if (is_new) nodes_.push_back({.host = host});
    return found->second;
}

void BlameMatrix::on_start(NodeIndex node) {
    if (at(node).standing == Standing::probing) at(node).probe_runs = true;
}

void BlameMatrix::wake(NodeIndex node) {
    if (at(node).standing == Standing::resting) at(node).standing = Standing::probing;
}

bool BlameMatrix::usable(NodeIndex node) const {
    return at(node).standing == Standing::fine || (at(node).standing == Standing::probing && !at(node).probe_runs);
}

void BlameMatrix::clear(Node& node) {
    node.suspects.clear();
    node.proofs.clear();
    node.failed_probes = 0;
    node.probe_runs = false;
    if (node.standing != Standing::bad) node.standing = Standing::fine;
}

void BlameMatrix::on_success(TaskIndex task, NodeIndex node) {
    clear(at(node));
    const auto failed = failed_on_.find(task);
    if (failed == failed_on_.end()) return;
    for (const NodeIndex other : failed->second) {
        if (at(other).suspects.contains(task)) at(other).proofs.insert(task);
    }
}

BlameMatrix::Change BlameMatrix::on_failure(TaskIndex task, NodeIndex node) {
    at(node).probe_runs = false;
    if (at(node).standing == Standing::bad) return Change::none;
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
void BlameMatrix::exonerate(TaskIndex task) {
    for (const NodeIndex node : failed_on_.at(task)) {
        Node& accused = at(node);
        accused.suspects.erase(task);
        accused.proofs.erase(task);
        if (accused.standing == Standing::bad || accused.suspects.size() >= kSuspects) continue;
        accused.standing = Standing::fine;
        accused.failed_probes = 0;
        accused.probe_runs = false;
    }
}

BlameMatrix::Change BlameMatrix::judge(NodeIndex index) {
    Node& node = at(index);
    if (node.standing == Standing::fine) {
        if (node.suspects.size() < kSuspects || !another_is_fine(index)) return Change::none;
        node.standing = Standing::resting;
        return Change::rests;
    }
    if (node.standing != Standing::probing) return Change::none; // a task that had started before ended
    ++node.failed_probes;
    if (node.failed_probes < kFailedProbes || node.proofs.size() < kProofs) {
        node.standing = Standing::resting;
        return Change::rests;
    }
    node.standing = Standing::bad;
    for (auto& [task, failed] : failed_on_) failed.erase(index); // it says nothing about them
    return Change::is_bad;
}

bool BlameMatrix::another_is_fine(NodeIndex node) const {
    for (NodeIndex other = 0; other < nodes(); ++other) {
        if (other != node && at(other).ranks > 0 && at(other).standing == Standing::fine) return true;
    }
    return false;
}

const std::set<NodeIndex>* BlameMatrix::failed_on(TaskIndex task) const {
    const auto failed = failed_on_.find(task);
    return failed == failed_on_.end() || failed->second.empty() ? nullptr : &failed->second;
}

bool BlameMatrix::failed_everywhere(TaskIndex task) const {
    const std::set<NodeIndex>* failed = failed_on(task);
    if (failed == nullptr) return false;
    for (NodeIndex node = 0; node < nodes(); ++node) {
        if (at(node).ranks > 0 && at(node).standing == Standing::fine && !failed->contains(node)) return false;
    }
    return true;
}

} // namespace dagan
