// The agent's side of a gang: reduces the gradients in its trainer's shared memory with the other members' agents. Never blocks.
//
// Protocol. The members go through rounds. A member enters a round once its trainer asks for a reduction ("reduce n floats"), has
// ended its task ("finished") or is lost ("failed"), and says which in a small gather, the agreement. When it is complete all
// members know the same:
//   all reduce, equal n       -> the mean is written in place on all, the trainers go on; next round
//   all finished              -> the gang is over
//   anyone failed, or a mix of reduce and finished, or unequal n -> the gang is broken: every trainer's request is answered so
// Agents are alive as long as the job is, so every round completes once each trainer reduces, ends or dies; nobody waits for a
// dead process. A trainer that dies while its agent is inside a round cannot take its word back: the round is completed with what
// its memory holds (which agents have mapped too), and the next one is entered as failed, so that the members always agree on
// which reductions took place. The communicator is given back after the round that ended the gang, at which all members arrive:
// that is never a wait.
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

    // `memory` is the trainer's; it stays mapped until this object is gone, even when the trainer dies and is replaced.
    GangReducer(std::unique_ptr<GangCollectives> collectives, std::shared_ptr<SharedMemory> memory);

    // The trainer asks. Its answer comes from poll(), exactly one for each request. A request beyond the memory breaks the gang.
    void reduce(ReduceRequest request);
    // The trainer has ended its task, in whatever way it reports itself. No reduce() after it.
    void finish();
    // The trainer died, or the gang is to be ended. May be called at any time, more than once. Requests after it are answered
    // "broken"; one that is open is answered when its round is complete (with the trainer dead there is nobody to give it to).
    void fail();

    // Moves on. Returns the answer for the trainer when there is one. The agent calls this on every turn of its loop until
    // over().
    std::optional<ReduceAnswer> poll();

    State state() const { return state_; }
    const std::string& why_broken() const { return why_broken_; } // "" unless broken
    // The gang has ended for all members: this object may be destroyed without cost to the others. Keep it while its trainer
    // still works: it goes on answering "broken". Destroyed earlier, it leaves an operation behind that MPI still writes to: only
    // before abort().
    bool over() const { return state_ != State::running; }
    // Data are being reduced now: the loop should spin rather than sleep, as no trainer of the gang computes meanwhile.
    bool transferring() const { return phase_ == Phase::reducing; }
    // The trainer waits for an answer: its heartbeat is not to be expected.
    bool trainer_waits() const { return waiting_; }

  private:
    enum class Phase { idle, agreeing, reducing };
    enum class Intent { none, finish, fail };

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
    bool waiting_ = false;               // a request is not answered yet
    std::optional<ReduceAnswer> answer_; // for the next poll()
    ReduceRequest request_;              // of the present round
    std::array<int64_t, 3> vote_{};      // what this member says in the present round,
    std::vector<int64_t> votes_;         // and what all say, by position
    std::vector<uint64_t> offsets_;      // where the data are, by position
    std::string why_broken_;
};

} // namespace dagan::cluster
