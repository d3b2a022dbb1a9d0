// Private to mpi_*.cpp, and the one header with a type of MPI's: the mean of a gang whose members do not see each other's memory.
#pragma once

#include "cluster/gang/mean.h"

#include <mpi.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace dagan::cluster {

using Requests = std::vector<MPI_Request>;
// Moves them on. True, with the list empty again, when all are complete.
bool all_complete(Requests& requests);

// Each member gets the others' floats of its slice, and sends them the mean of it. Piece by piece in a few lanes, so that one
// lane's messages travel while another's are added, with temporaries of about 1 MiB a lane. Never blocks.
class MeanByMessages {
  public:
    MeanByMessages(MPI_Comm comm, int position, int size);

    // Replaces `array` on each member by the mean; equally long on all. It must stay valid until advance() says so.
    void start(std::span<float> array);
    // Adds a piece at most. True when all the means are here and the others have theirs from this member.
    bool advance();

  private:
    enum class Phase { idle, floats, means };
    struct Lane {
        Phase phase = Phase::idle;
        int number = 0;
        size_t piece = 0; // its number within each slice
        Requests requests;
        std::vector<float> received; // the others' floats of this member's slice
    };

    std::span<float> part(int owner, size_t piece) const;
    std::span<float> received(Lane& lane, int from) const;
    void take(Lane& lane, size_t piece);
    void add_up(Lane& lane);
    void exchange_means(Lane& lane);
    void send(Lane& lane, std::span<const float> part, int to);
    void receive(Lane& lane, std::span<float> part, int from);

    MPI_Comm comm_;
    int position_, size_;
    size_t piece_; // floats
    std::span<float> array_;
    size_t pieces_ = 0; // of the longest slice
    std::array<Lane, 4> lanes_;
};

} // namespace dagan::cluster
