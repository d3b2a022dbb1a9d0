#include "launcher/coordinator/leases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dagan::launcher {

namespace {
constexpr double kLookEvery_s = 2; // a task may become ready by what another allocation did
constexpr double kLookShare = 50;  // a look takes a fiftieth of the time between two, at most

std::string name_of(int allocation) { return fmt::format("{}.", allocation); }
} // namespace

Leases::Leases(const results::Location& location, const AllocationRun& run,
               std::chrono::milliseconds lease)
    : number_(run.allocation),
      leases_(location, fmt::format("{}{}", name_of(run.allocation), run.incarnation), lease),
      renew_every_s_(std::chrono::duration<double>(lease).count() / 3),
      look_every_s_(std::min(kLookEvery_s, renew_every_s_)) {
    leases_.release_those_of(name_of(run.allocation));
}

bool Leases::claim(const std::string& task) {
    const std::vector<results::TaskLease> taken = leases_.acquire(std::array{task}, 1);
    for (const results::TaskLease& claim : taken) tokens_[claim.task] = claim.token;
    return !taken.empty();
}

void Leases::release(const std::string& task) {
    tokens_.erase(task);
    leases_.release(task);
}

std::vector<std::string> Leases::renew() {
    std::unordered_map<std::string, int64_t> still;
    for (const results::TaskLease& claim : leases_.renew()) still[claim.task] = claim.token;
    std::vector<std::string> lost;
    for (const auto& [task, fence] : tokens_) {
        const auto found = still.find(task);
        if (found == still.end() || found->second != fence) lost.push_back(task);
    }
    for (const std::string& task : lost) tokens_.erase(task);
    return lost;
}

std::optional<PeerUpdate> Leases::poll(double now_s) {
    PeerUpdate poll;
    const bool first = renewed_s_ < 0;
    if (first || now_s - renewed_s_ >= renew_every_s_) {
        renewed_s_ = now_s;
        poll.lost = renew();
    }
    if (!first && poll.lost.empty() && now_s - looked_s_ < look_every_s_) return std::nullopt;
    looked_s_ = now_s;
    const auto began = std::chrono::steady_clock::now();
    results::TaskLeases::Peers others = leases_.peers();
    const double cost_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    look_every_s_ = std::clamp(cost_s * kLookShare, std::min(kLookEvery_s, renew_every_s_),
                               std::max(kLookEvery_s, renew_every_s_));
    poll.held = std::move(others.held);
    poll.ended = std::move(others.ended);
    return poll;
}

} // namespace dagan::launcher
