// Who is alive. Silence is counted in time during which the observer itself was awake: one that was frozen or suspended together
// with those it watches must not take its own sleep for their silence. Plain state with the time handed in; no clock, process or
// message.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

namespace dagan::cluster {

using SteadyTime = std::chrono::steady_clock::time_point;

// How long somebody has not been heard of.
class Silence {
  public:
    explicit Silence(SteadyTime now) : seen_(now) {}

    void on_sign(SteadyTime now);
    // Call it again and again: between two calls no more than kLongestLook counts. Returns the silence so far.
    std::chrono::nanoseconds at(SteadyTime now);

    static constexpr std::chrono::seconds kLongestLook{1};

  private:
    SteadyTime seen_; // the last look
    std::chrono::nanoseconds silent_{0};
};

// The time a working trainer may be silent before it counts as frozen, from the longest step of its attempt so far.
std::chrono::nanoseconds patience_for(std::chrono::duration<double> longest_step);

// The beats between ranks: each rank beats to rank 0 and rank 0 to each, once a second; who gave no sign for too long is lost.
class Heartbeat {
  public:
    struct Limits {
        std::chrono::nanoseconds silence;    // of a rank that was heard before
        std::chrono::nanoseconds first_sign; // rank 0 may have a large campaign to read first
    };
    // `watched`: the ranks whose signs are expected.
    Heartbeat(const std::vector<int>& watched, Limits limits, SteadyTime now);

    // Is it time to beat? True once a second.
    bool due(SteadyTime now);
    // Any message of a rank is a sign of life; ranks that are not watched are ignored.
    void on_sign(int rank, SteadyTime now);
    // A watched rank that has been silent for its limit.
    std::optional<int> lost(SteadyTime now);

  private:
    struct Watched {
        int rank;
        Silence silence;
        bool heard = false;
    };
    std::vector<Watched> watched_;
    Limits limits_;
    std::optional<SteadyTime> beat_;
};

// Rank 0 watches all others, the others watch rank 0.
std::vector<int> ranks_watched_by(int rank, int ranks);

} // namespace dagan::cluster
