#include "cluster/mpi/mpi_mean.h"

#include "cluster/mpi/mpi_check.h"

#include <algorithm>

namespace dagan::cluster {

namespace {
constexpr size_t kLaneFloats = (size_t{1} << 20) / sizeof(float); // received floats of a lane
}

bool all_complete(Requests& requests) {
    int flag = 0;
    check_mpi(MPI_Testall(mpi_count(requests.size()), requests.data(), &flag, MPI_STATUSES_IGNORE),
              "MPI_Testall");
    if (flag != 0) requests.clear();
    return flag != 0;
}

MeanByMessages::MeanByMessages(MPI_Comm comm, int position, int size)
    : comm_(comm), position_(position), size_(size),
      piece_floats_(kLaneFloats / static_cast<size_t>(std::max(1, size - 1))) {
    for (size_t i = 0; i < lanes_.size(); ++i) lanes_[i].number = static_cast<int>(i);
}

void MeanByMessages::start(std::span<float> array) {
    array_ = array;
    pieces_ = (slice_of(array.size(), 0, size_).count + piece_floats_ - 1) / piece_floats_;
    for (size_t i = 0; i < lanes_.size(); ++i) begin_piece(lanes_[i], i);
}

bool MeanByMessages::advance() {
    bool any = false;
    for (Lane& lane : lanes_) {
        if (lane.phase == Phase::idle) continue;
        any = true;
        if (!all_complete(lane.requests)) continue;
        if (lane.phase == Phase::floats) {
            add_up(lane);
            exchange_means(lane);
            return false; // at most one piece per call
        }
        begin_piece(lane, lane.piece + lanes_.size());
    }
    return !any;
}

// Returns piece number `piece` of the slice of the member at position `owner`; may be empty.
std::span<float> MeanByMessages::part(int owner, size_t piece) const {
    const Slice slice = slice_of(array_.size(), owner, size_);
    const size_t begin = std::min(slice.count, piece * piece_floats_);
    return array_.subspan(slice.begin + begin, std::min(piece_floats_, slice.count - begin));
}

// Returns where the floats of the member at position `from` are received.
std::span<float> MeanByMessages::received(Lane& lane, int from) const {
    const auto index = static_cast<size_t>(from < position_ ? from : from - 1);
    return std::span(lane.received)
        .subspan(index * piece_floats_, part(position_, lane.piece).size());
}

// All members process the same pieces in the same lanes, and messages of a lane keep their order.
// So a message needs no tag except its lane's number.
void MeanByMessages::begin_piece(Lane& lane, size_t piece) {
    lane.phase = piece < pieces_ ? Phase::floats : Phase::idle;
    if (lane.phase == Phase::idle) return;
    lane.piece = piece;
    lane.received.resize(static_cast<size_t>(size_ - 1) * piece_floats_);
    for (int other = 0; other < size_; ++other) {
        if (other == position_) continue;
        receive(lane, received(lane, other), other);
        send(lane, part(other, piece), other);
    }
}

void MeanByMessages::add_up(Lane& lane) {
    const std::span<float> own = part(position_, lane.piece);
    std::vector<const float*> members;
    for (int member = 0; member < size_; ++member)
        members.push_back(member == position_ ? own.data() : received(lane, member).data());
    write_mean(members, std::array{own.data()}, own.size());
}

// The means are received where this member's floats were: their sending is complete, so the owner
// of the slice has them.
void MeanByMessages::exchange_means(Lane& lane) {
    lane.phase = Phase::means;
    for (int other = 0; other < size_; ++other) {
        if (other == position_) continue;
        receive(lane, part(other, lane.piece), other);
        send(lane, part(position_, lane.piece), other);
    }
}

void MeanByMessages::send(Lane& lane, std::span<const float> part, int to) {
    if (part.empty()) return;
    MPI_Request& request = lane.requests.emplace_back(MPI_REQUEST_NULL);
    check_mpi(
        MPI_Isend(part.data(), mpi_count(part.size()), MPI_FLOAT, to, lane.number, comm_, &request),
        "MPI_Isend");
}

void MeanByMessages::receive(Lane& lane, std::span<float> part, int from) {
    if (part.empty()) return;
    MPI_Request& request = lane.requests.emplace_back(MPI_REQUEST_NULL);
    check_mpi(MPI_Irecv(part.data(), mpi_count(part.size()), MPI_FLOAT, from, lane.number, comm_,
                        &request),
              "MPI_Irecv");
}

} // namespace dagan::cluster
