// Keeps the ranks of an earlier MPI job of a campaign from writing while a later one works: on a cluster a node that lost its
// network runs on, and its ranks with it. Each job takes the next number, its incarnation; every process of a job compares it
// with the file's and leaves without a word when a later job has begun. The numbers only grow.
#pragma once

#include "launcher/campaign/campaign.h"

#include <chrono>
#include <cstdint>

namespace dagan::launcher {

struct Incarnation {
    int64_t number = 0; // 0: no job has begun yet
    bool ended = true;  // in order, with all its ranks
};

// What the campaign's file says. Throws Blame::system when it cannot be read or is no such file.
Incarnation present_incarnation(const CampaignFolder& folder);

// Takes the next number, durably. From then on processes of earlier jobs are fenced off.
int64_t begin_incarnation(const CampaignFolder& folder);
// Notes that a job has ended with all its ranks, unless a later one has begun. The next one then need not wait for them.
void end_incarnation(const CampaignFolder& folder, int64_t number);

// How long after begin_incarnation() the processes of earlier jobs that still run have left.
inline constexpr std::chrono::milliseconds kIncarnationCheckPeriod{1000};
inline constexpr std::chrono::milliseconds kIncarnationGrace{2500};

// One process's look at the file, at most once a period.
class IncarnationWatch {
  public:
    // `mine` 0: nothing is compared (a job that was started by hand).
    IncarnationWatch(const CampaignFolder& folder, int64_t mine) : folder_(folder), mine_(mine) {}
    // Has a later job begun? Looks at the file when a period is over since the last look. A file that cannot be read now says
    // nothing: the next look tells.
    bool superseded();
    // The same, looking now.
    bool superseded_now();

  private:
    CampaignFolder folder_;
    int64_t mine_;
    std::chrono::steady_clock::time_point looked_{};
};

} // namespace dagan::launcher
