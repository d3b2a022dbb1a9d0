// The agent's part in a gang: replaces the gradients in its trainer's shared memory by their mean
// over the gang, together with the agents of the other members. Never blocks.
//
//     GangReducer reducer(std::move(collectives), memory);
//     // In the agent's loop:
//     reducer.reduce(request);                               // the trainer asked for a reduction
//     if (auto answer = reducer.poll()) link.answer(*answer);
//     if (reducer.over()) ...                                // the same state on all members
//
// Rounds. The gang works in rounds of two phases. A member enters a round as soon as its trainer
// requests a reduction, has ended its task, or is lost.
//   1. Agreement: a gather tells all members each one's vote: its intent ("reduce", "finished" or
//      "failed") and the offset and number of floats. All members draw the same conclusion:
//        all reduce equally many floats    phase 2
//        all finished                      the gang has finished
//        anything else                     the gang is broken
//   2. Mean: the mean replaces the floats of all members, the trainers are answered "done", and the
//      next round begins.
// In a broken gang every request is answered "broken".
//
// Agents live as long as the MPI job, so every round completes once each trainer has requested a
// reduction, ended its task or died: no agent waits for a dead process. If a trainer dies after its
// agent has voted, the vote stands: the round completes with the content of the dead trainer's
// memory, which the agents have mapped too, and its agent votes "failed" in the next round. So all
// members agree on which reductions took place. The communicator is freed after the round that
// ended the gang; all members are in that round, so nobody waits.
#pragma once

#include "cluster/gang/gang_collectives.h"
#include "cluster/transport/shared_memory.h"
#include "cluster/transport/trainer_link.h"

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace dagan::cluster {

class GangReducer {
  public:
    enum class State { running, finished, broken };

    // `memory`: the trainer's. It stays mapped as long as this object lives, even if the trainer
    // dies and is replaced.
    GangReducer(std::unique_ptr<GangCollectives> collectives, std::shared_ptr<SharedMemory> memory);

    // Takes a request of the trainer. poll() returns exactly one answer for each request. A request
    // that exceeds the memory breaks the gang. Throws Blame::bug if a request is still open or the
    // trainer has ended its task.
    void reduce(ReduceRequest request);
    // The trainer has ended its task. No reduce() may follow while the gang is running. Throws
    // Blame::bug if a request is still open.
    void finish();
    // The trainer died, or the gang must end. May be called at any time, also repeatedly; has no
    // effect after finish(). A request that follows is answered "broken"; an open one is answered
    // when its round is complete.
    void fail();

    // Advances the protocol. Returns the answer for the trainer; nullopt if there is none. Call it
    // in every turn of the agent's loop until over().
    std::optional<ReduceAnswer> poll();

    State state() const { return state_; }
    // Why the gang is broken; "" if it is not.
    const std::string& why_broken() const { return why_broken_; }
    // Returns whether the gang has ended, for all members. Then this object may be destroyed at any
    // time; keep it while its trainer works, because it still answers "broken". If it is destroyed
    // earlier, MPI may still write to its memory: do so only before MpiWorld::abort().
    bool over() const { return state_ != State::running; }
    // Returns whether floats are being reduced. The agent's loop then should not pause: no trainer
    // of the gang computes until the reduction is complete.
    bool transferring() const { return phase_ == Phase::reducing; }
    // Returns whether the trainer waits for an answer; it then sends no heartbeats.
    bool trainer_waits() const { return waiting_; }

  private:
    enum class Phase { idle, agreeing, reducing };
    enum class Intent { none, finish, fail }; // none: reduce

    void enter_round();
    void on_agreement();
    void start_mean();
    void on_reduced();
    void end(State state, const std::string& why);
    void advance();

    std::unique_ptr<GangCollectives> collectives_;
    std::shared_ptr<SharedMemory> memory_;
    State state_ = State::running;
    Phase phase_ = Phase::idle;
    Intent intent_ = Intent::none;
    bool waiting_ = false;               // a request is open
    std::optional<ReduceAnswer> answer_; // for the next poll()
    ReduceRequest request_;              // of the current round
    std::array<int64_t, 3> vote_{};      // of this member in the current round
    std::vector<int64_t> votes_;         // of all members, by position
    std::vector<uint64_t> offsets_;      // of the floats in each memory, by position
    std::string why_broken_;
};

} // namespace dagan::cluster
