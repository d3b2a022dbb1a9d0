// A WorkerPool that sends the coordinator's commands as messages through a Mailbox.
#pragma once

#include "cluster/transport/mailbox.h"
#include "launcher/coordinator/coordinator.h"

namespace dagan::launcher {

class MailboxWorkers final : public WorkerPool {
  public:
    // `mailbox` must outlive this object.
    explicit MailboxWorkers(cluster::Mailbox& mailbox) : mailbox_(mailbox) {}
    void assign(Rank rank, const Assign& assignment) override {
        mailbox_.send(rank.value(), encode(assignment));
    }
    void abandon(Rank rank, int64_t attempt) override {
        mailbox_.send(rank.value(), encode(Abandon{attempt}));
    }
    void stop_work() override { to_all(StopWork{}); }
    void shut_down() override { to_all(ShutDown{}); }

  private:
    void to_all(const Message& message) {
        for (int rank = 0; rank < mailbox_.size(); ++rank) mailbox_.send(rank, encode(message));
    }
    cluster::Mailbox& mailbox_;
};

} // namespace dagan::launcher
