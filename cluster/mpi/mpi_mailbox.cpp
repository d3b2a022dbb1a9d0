#include "base/error.h"
#include "base/fault.h"
#include "cluster/mpi/mpi_check.h"
#include "cluster/mpi/mpi_world.h"

#include <mpi.h>

#include <deque>

namespace dagan::cluster {

namespace {
constexpr int kTag = 1;

class MpiMailbox final : public Mailbox {
  public:
    explicit MpiMailbox(const MpiWorld& world) : rank_(world.rank()), size_(world.size()) {
        // A communicator of its own, so that no other messages match.
        check_mpi(MPI_Comm_dup(MPI_COMM_WORLD, &comm_), "MPI_Comm_dup");
        check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    }
    // The communicator is freed by MPI_Finalize: freeing it here would be collective.
    ~MpiMailbox() override = default;

    int rank() const override { return rank_; }
    int size() const override { return size_; }

    void send(int to, std::string_view bytes) override {
        require(0 <= to && to < size_, "a message goes to a rank of this job");
        fault_point(FaultPoint::mail_send);
        if (to == rank_) {
            own_.push_back({rank_, std::string(bytes)});
            return;
        }
        Transfer& message = outgoing_.emplace_back();
        message.envelope = {to, std::string(bytes)};
        const std::string& kept = message.envelope.bytes;
        check_mpi(MPI_Isend(kept.data(), mpi_count(kept.size()), MPI_CHAR, to, kTag, comm_,
                            &message.request),
                  "MPI_Isend");
    }

    std::optional<Envelope> receive() override {
        drop_sent();
        start_receiving();
        // Alternates between its own and others' messages, so that a rank that keeps sending
        // messages to itself still receives those of the others.
        own_next_ = !own_next_;
        if (own_next_ && !own_.empty()) return take_own();
        if (!incoming_.empty() && complete(incoming_.front())) {
            Envelope envelope = std::move(incoming_.front().envelope);
            incoming_.pop_front();
            fault_point(FaultPoint::mail_receive);
            return envelope;
        }
        if (!own_.empty()) return take_own();
        return std::nullopt;
    }

    size_t unsent() override {
        drop_sent();
        return outgoing_.size();
    }

  private:
    // A message in transfer. The address of its buffer must not change, which a deque that is used
    // as a queue guarantees.
    struct Transfer {
        MPI_Request request = MPI_REQUEST_NULL;
        Envelope envelope; // `from` is the receiver if the message is outgoing
    };

    static bool complete(Transfer& message) {
        int flag = 0;
        check_mpi(MPI_Test(&message.request, &flag, MPI_STATUS_IGNORE), "MPI_Test");
        return flag != 0;
    }

    void drop_sent() {
        while (!outgoing_.empty() && complete(outgoing_.front())) outgoing_.pop_front();
    }

    // Starts to receive the next message. Messages are returned in the order in which they started
    // to arrive, so a large one in transfer delays smaller ones behind it.
    void start_receiving() {
        int flag = 0;
        MPI_Message message = MPI_MESSAGE_NULL;
        MPI_Status status;
        check_mpi(MPI_Improbe(MPI_ANY_SOURCE, kTag, comm_, &flag, &message, &status),
                  "MPI_Improbe");
        if (flag == 0) return;
        int count = 0;
        check_mpi(MPI_Get_count(&status, MPI_CHAR, &count), "MPI_Get_count");
        Transfer& incoming = incoming_.emplace_back();
        incoming.envelope = {status.MPI_SOURCE, std::string(static_cast<size_t>(count), '\0')};
        check_mpi(MPI_Imrecv(incoming.envelope.bytes.data(), count, MPI_CHAR, &message,
                             &incoming.request),
                  "MPI_Imrecv");
    }

    Envelope take_own() {
        Envelope envelope = std::move(own_.front());
        own_.pop_front();
        return envelope;
    }

    int rank_, size_;
    MPI_Comm comm_ = MPI_COMM_NULL;
    std::deque<Transfer> outgoing_, incoming_;
    std::deque<Envelope> own_;
    bool own_next_ = false;
};
} // namespace

std::unique_ptr<Mailbox> make_mpi_mailbox(const MpiWorld& world) {
    return std::make_unique<MpiMailbox>(world);
}

} // namespace dagan::cluster
