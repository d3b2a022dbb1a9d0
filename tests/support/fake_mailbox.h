// Mailboxes of several ranks in one process. Messages arrive in the order of sending.
// Single-threaded.
#pragma once

#include "base/error.h"
#include "cluster/transport/mailbox.h"

#include <deque>
#include <memory>
#include <vector>

namespace dagan {

// The messages in transfer between `size` ranks. Must outlive the mailboxes.
class FakePost {
  public:
    explicit FakePost(int size) : arrived_(static_cast<size_t>(size)) {}

    std::unique_ptr<cluster::Mailbox> mailbox(int rank) {
        return std::make_unique<Box>(*this, rank);
    }
    size_t waiting_at(int rank) const { return arrived_.at(static_cast<size_t>(rank)).size(); }

  private:
    class Box final : public cluster::Mailbox {
      public:
        Box(FakePost& post, int rank) : post_(post), rank_(rank) {}
        int rank() const override { return rank_; }
        int size() const override { return static_cast<int>(post_.arrived_.size()); }
        void send(int to, std::string_view bytes) override {
            require(0 <= to && to < size(), "a message goes to a rank of this job");
            post_.arrived_[static_cast<size_t>(to)].push_back({rank_, std::string(bytes)});
        }
        std::optional<cluster::Envelope> receive() override {
            auto& queue = post_.arrived_[static_cast<size_t>(rank_)];
            if (queue.empty()) return std::nullopt;
            cluster::Envelope envelope = std::move(queue.front());
            queue.pop_front();
            return envelope;
        }
        size_t unsent() override { return 0; }

      private:
        FakePost& post_;
        int rank_;
    };

    std::vector<std::deque<cluster::Envelope>> arrived_; // by receiver
};

} // namespace dagan
