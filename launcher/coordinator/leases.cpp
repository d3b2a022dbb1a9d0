#include "launcher/coordinator/leases.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace dagan {

namespace {
constexpr double kLookEvery_s = 2; // a task may become ready by what another allocation did
constexpr double kLookShare = 50;  // a look takes a fiftieth of the time between two, at most

std::string name_of(int allocation) { return fmt::format("{}.", allocation); }
} // namespace

Leases::Leases(const Location& location, const AllocationRun& run, std::chrono::milliseconds lease)
    : number_(run.allocation), claims_(location, fmt::format("{}{}", name_of(run.allocation), run.incarnation), lease),
      renew_every_s_(std::chrono::duration<double>(lease).count() / 3), look_every_s_(std::min(kLookEvery_s, renew_every_s_)) {
    claims_.release_those_of(name_of(run.allocation));
}

bool Leases::claim(const std::string& task) {
    const std::vector<Claim> taken = claims_.take(std::array{task}, 1);
    for (const Claim& claim : taken) fence_of_[claim.task] = claim.fence;
    return !taken.empty();
}

void Leases::release(const std::string& task) {
    fence_of_.erase(task);
    claims_.release(task);
}

std::vector<std::string> Leases::renew() {
    std::unordered_map<std::string, int64_t> still;
    for (const Claim& claim : claims_.renew()) still[claim.task] = claim.fence;
    std::vector<std::string> lost;
    for (const auto& [task, fence] : fence_of_) {
        const auto found = still.find(task);
        if (found == still.end() || found->second != fence) lost.push_back(task);
    }
    for (const std::string& task : lost) fence_of_.erase(task);
    return lost;
}

std::optional<News> Leases::news(double now_s) {
    News news;
    const bool first = renewed_s_ < 0;
    if (first || now_s - renewed_s_ >= renew_every_s_) {
        renewed_s_ = now_s;
        news.lost = renew();
    }
    if (!first && news.lost.empty() && now_s - looked_s_ < look_every_s_) return std::nullopt;
    looked_s_ = now_s;
    const auto began = std::chrono::steady_clock::now();
    Claims::Others others = claims_.others();
    const double cost_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    look_every_s_ =
        std::clamp(cost_s * kLookShare, std::min(kLookEvery_s, renew_every_s_), std::max(kLookEvery_s, renew_every_s_));
    news.held = std::move(others.held);
    news.ended = std::move(others.ended);
    return news;
}

} // namespace dagan
