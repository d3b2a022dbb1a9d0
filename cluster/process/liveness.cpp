#include "cluster/process/liveness.h"

#include <algorithm>

namespace dagan::cluster {

void Silence::on_sign(SteadyTime now) {
    updated_ = now;
    silent_ = std::chrono::nanoseconds(0);
}

std::chrono::nanoseconds Silence::at(SteadyTime now) {
    silent_ += std::min<std::chrono::nanoseconds>(now - updated_, kMaxCounted);
    updated_ = now;
    return silent_;
}

std::chrono::nanoseconds patience_for(std::chrono::duration<double> longest_step) {
    return std::chrono::seconds(2) +
           std::chrono::duration_cast<std::chrono::nanoseconds>(10 * longest_step);
}

Heartbeat::Heartbeat(const std::vector<int>& watched, Limits limits, SteadyTime now)
    : limits_(limits) {
    for (const int rank : watched) watched_.push_back({rank, Silence(now)});
}

bool Heartbeat::due(SteadyTime now) {
    if (last_due_ && now - *last_due_ < std::chrono::seconds(1)) return false;
    last_due_ = now;
    return true;
}

void Heartbeat::on_sign(int rank, SteadyTime now) {
    for (Watched& watched : watched_) {
        if (watched.rank != rank) continue;
        watched.silence.on_sign(now);
        watched.heard = true;
    }
}

std::optional<int> Heartbeat::lost(SteadyTime now) {
    std::optional<int> lost;
    for (Watched& watched : watched_) {
        if (watched.silence.at(now) >= (watched.heard ? limits_.silence : limits_.first_sign) &&
            !lost)
            lost = watched.rank;
    }
    return lost;
}

std::vector<int> ranks_watched_by(int rank, int ranks) {
    if (rank != 0) return {0};
    std::vector<int> others;
    for (int other = 1; other < ranks; ++other) others.push_back(other);
    return others;
}

} // namespace dagan::cluster
