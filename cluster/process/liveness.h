// Detects processes that no longer respond: frozen trainers (Silence) and lost ranks (Heartbeat).
// Silence is counted only in time during which the observer itself ran. An observer that was
// suspended together with the observed processes therefore does not mistake its own pause for
// their silence. Pure state: the caller passes the time; no clock, process or message is used.
#pragma once

#include <chrono>
#include <optional>
#include <vector>

namespace dagan::cluster {

using SteadyTime = std::chrono::steady_clock::time_point;

// Measures how long one process has given no sign of life.
//
//     Silence silence(now);
//     silence.on_sign(now);                                       // a message arrived
//     if (silence.at(now) > patience_for(longest_step)) kill();   // in every turn of the loop
class Silence {
  public:
    explicit Silence(SteadyTime now) : updated_(now) {}

    // A sign of life: restarts the count at 0.
    void on_sign(SteadyTime now);
    // Returns the silence so far. Between two calls at most kMaxCounted is counted, so call it
    // more often than that; a longer gap means that the observer did not run.
    std::chrono::nanoseconds at(SteadyTime now);

    static constexpr std::chrono::seconds kMaxCounted{1};

  private:
    SteadyTime updated_; // the last call
    std::chrono::nanoseconds silent_{0};
};

// Returns how long a working trainer may be silent before it is considered frozen: 2 s plus 10
// times `longest_step`, the longest step of its attempt so far.
std::chrono::nanoseconds patience_for(std::chrono::duration<double> longest_step);

// The heartbeats of one rank. Every rank sends one per second to rank 0, and rank 0 sends one per
// second to every rank. A watched rank from which nothing arrives within its limit is lost.
//
//     Heartbeat heartbeat(ranks_watched_by(rank, ranks), limits, now);
//     if (heartbeat.due(now)) send_heartbeats();          // in every turn of the loop
//     heartbeat.on_sign(envelope.from, now);              // for every message
//     if (auto rank = heartbeat.lost(now)) end_the_job(*rank);
class Heartbeat {
  public:
    // Both limits are counted as Silence counts.
    struct Limits {
        std::chrono::nanoseconds silence; // of a rank from which something has arrived
        // Of a rank from which nothing has arrived yet: rank 0 may first read a large campaign.
        std::chrono::nanoseconds first_sign;
    };
    // `watched`: the ranks whose heartbeats are expected.
    Heartbeat(const std::vector<int>& watched, Limits limits, SteadyTime now);

    // Returns true if heartbeats must be sent now: at the first call, then once per second.
    bool due(SteadyTime now);
    // A message of `rank`; any message counts. Ranks that are not watched are ignored.
    void on_sign(int rank, SteadyTime now);
    // Returns the first watched rank that has exceeded its limit; nullopt if there is none. Call it
    // at least once per second, as Silence::at().
    std::optional<int> lost(SteadyTime now);

  private:
    struct Watched {
        int rank;
        Silence silence;
        bool heard = false; // something has arrived
    };
    std::vector<Watched> watched_;
    Limits limits_;
    std::optional<SteadyTime> last_due_;
};

// Returns the ranks that `rank` watches: all others for rank 0, rank 0 for the others.
std::vector<int> ranks_watched_by(int rank, int ranks);

} // namespace dagan::cluster
