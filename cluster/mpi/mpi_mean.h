// The mean of a gang whose members cannot map each other's memory, by MPI messages.
// Private to mpi_*.cpp: the only header that names MPI types.
#pragma once

#include "cluster/gang/mean.h"

#include <mpi.h>

#include <array>
#include <cstddef>
#include <span>
#include <vector>

namespace dagan::cluster {

using Requests = std::vector<MPI_Request>;
// Advances the requests. If all are complete, empties the list and returns true.
bool all_complete(Requests& requests);

// Each member receives the others' floats of its own slice (slice_of()), and sends them the mean of
// it. A slice is cut into pieces that travel in four lanes, so that the messages of one lane travel
// while the floats of another are added. A lane needs about 1 MiB. Never blocks.
class MeanByMessages {
  public:
    MeanByMessages(MPI_Comm comm, int position, int size);

    // Starts to replace `array` by its mean over the members. All members pass equal lengths. The
    // array must stay valid until advance() returns true.
    void start(std::span<float> array);
    // Adds at most one piece. Returns true when this member has all means, and the others have
    // theirs of it.
    bool advance();

  private:
    // Of a lane: unused, exchanging the floats of a piece, exchanging its means.
    enum class Phase { idle, floats, means };
    struct Lane {
        Phase phase = Phase::idle;
        int number = 0;
        size_t piece = 0; // index within each slice
        Requests requests;
        std::vector<float> received; // the others' floats of this member's slice
    };

    std::span<float> part(int owner, size_t piece) const;
    std::span<float> received(Lane& lane, int from) const;
    void begin_piece(Lane& lane, size_t piece);
    void add_up(Lane& lane);
    void exchange_means(Lane& lane);
    void send(Lane& lane, std::span<const float> part, int to);
    void receive(Lane& lane, std::span<float> part, int from);

    MPI_Comm comm_;
    int position_, size_;
    size_t piece_floats_;
    std::span<float> array_;
    size_t pieces_ = 0; // of the longest slice
    std::array<Lane, 4> lanes_;
};

} // namespace dagan::cluster
