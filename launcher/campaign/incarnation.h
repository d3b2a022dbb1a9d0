// Keeps the ranks of an earlier MPI job of a campaign from writing while a later job runs. On a
// cluster, a node that loses its network keeps running, and so do the ranks on it.
//
// Each MPI job of an allocation takes the next number, its incarnation, and records it in a file of
// the campaign folder. Every process of a job compares its number with the file and ends at once,
// without writing anything, when a later job has begun. Numbers only grow.
//
//     const int64_t mine = begin_incarnation(folder);
//     IncarnationWatch watch(folder, mine);
//     while (working()) if (watch.superseded()) ::raise(SIGKILL);
//     end_incarnation(folder, mine);
#pragma once

#include "launcher/campaign/campaign.h"

#include <chrono>
#include <cstdint>

namespace dagan::launcher {

struct Incarnation {
    // 0: no job has begun yet.
    int64_t number = 0;
    // The job has ended with all its ranks.
    bool ended = true;
};

// Reads the campaign's file. Throws Blame::system if it cannot be read or holds no number.
Incarnation present_incarnation(const CampaignFolder& folder);

// Takes the next number, durably. Processes of earlier jobs leave within kIncarnationGrace.
int64_t begin_incarnation(const CampaignFolder& folder);
// Records that job `number` has ended with all its ranks, unless a later one has begun. The next
// job then need not wait for them.
void end_incarnation(const CampaignFolder& folder, int64_t number);

// How often a process checks the file, and the time after begin_incarnation() by which the
// processes of earlier jobs have left.
inline constexpr std::chrono::milliseconds kIncarnationCheckPeriod{1000};
inline constexpr std::chrono::milliseconds kIncarnationGrace{2500};

// Checks, for one process, whether a later job has begun.
class IncarnationWatch {
  public:
    // `mine`: the incarnation of this process's job; 0 for a job that was started by hand, which is
    // never superseded.
    IncarnationWatch(const CampaignFolder& folder, int64_t mine) : folder_(folder), mine_(mine) {}
    // Returns true if a later job has begun. Reads the file at most once per
    // kIncarnationCheckPeriod and returns false in between. A file that cannot be read counts as no
    // later job; the next check decides.
    bool superseded();
    // The same, but always reads the file.
    bool superseded_now();

  private:
    CampaignFolder folder_;
    int64_t mine_;
    std::chrono::steady_clock::time_point checked_{};
};

} // namespace dagan::launcher
