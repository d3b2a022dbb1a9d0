#include "launcher/coordinator/leases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dagan::launcher {

namespace {
// A peer's end of a task may make a task ready here.
constexpr double kReadEvery_s = 2;
// Reading the peers' tasks takes at most a fiftieth of the time.
constexpr double kReadPause = 50;

std::string owner_prefix(int allocation) { return fmt::format("{}.", allocation); }
} // namespace

Leases::Leases(const results::Location& location, const AllocationRun& run,
               std::chrono::milliseconds lease)
    : number_(run.allocation),
      leases_(location, fmt::format("{}{}", owner_prefix(run.allocation), run.incarnation), lease),
      renew_every_s_(std::chrono::duration<double>(lease).count() / 3),
      read_every_s_(std::min(kReadEvery_s, renew_every_s_)) {
    leases_.release_by_owner_prefix(owner_prefix(run.allocation));
}

bool Leases::claim(const std::string& task) {
    const std::vector<results::TaskLease> acquired = leases_.acquire(std::array{task}, 1);
    for (const results::TaskLease& lease : acquired) tokens_[lease.task] = lease.token;
    return !acquired.empty();
}

void Leases::release(const std::string& task) {
    tokens_.erase(task);
    leases_.release(task);
}

// Returns the tasks whose leases were lost.
std::vector<std::string> Leases::renew() {
    std::unordered_map<std::string, int64_t> renewed;
    for (const results::TaskLease& lease : leases_.renew()) renewed[lease.task] = lease.token;
    std::vector<std::string> lost;
    for (const auto& [task, token] : tokens_) {
        const auto found = renewed.find(task);
        if (found == renewed.end() || found->second != token) lost.push_back(task);
    }
    for (const std::string& task : lost) tokens_.erase(task);
    return lost;
}

std::optional<PeerUpdate> Leases::poll(double now_s) {
    PeerUpdate update;
    const bool first = renewed_s_ < 0;
    if (first || now_s - renewed_s_ >= renew_every_s_) {
        renewed_s_ = now_s;
        update.lost = renew();
    }
    if (!first && update.lost.empty() && now_s - read_s_ < read_every_s_) return std::nullopt;
    read_s_ = now_s;
    const auto began = std::chrono::steady_clock::now();
    results::TaskLeases::Peers peers = leases_.peers();
    const double cost_s =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    read_every_s_ = std::clamp(cost_s * kReadPause, std::min(kReadEvery_s, renew_every_s_),
                               std::max(kReadEvery_s, renew_every_s_));
    update.held = std::move(peers.held);
    update.ended = std::move(peers.ended);
    return update;
}

} // namespace dagan::launcher
