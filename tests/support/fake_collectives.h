// The collectives of a gang whose members all live in this process, on any threads. Stricter than
// MPI: throws if members start different operations, or start one after release(), which is
// undefined over MPI.
#pragma once

#include "base/error.h"
#include "cluster/gang/gang_collectives.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace dagan {

// The common state of one gang. Must outlive the members' collectives.
class FakeCollectives {
  public:
    explicit FakeCollectives(int size) : size_(size) {}

    std::unique_ptr<cluster::GangCollectives> member(int position) {
        return std::make_unique<Member>(*this, position);
    }
    // How many members have called release().
    int released() const {
        std::scoped_lock lock(mutex_);
        return released_;
    }

  private:
    // The arguments of one member: of a gather or of a mean.
    struct Part {
        std::span<const int64_t> mine;
        std::span<int64_t> all;
        std::span<float> floats;
        std::vector<uint64_t> offsets; // of a mean
    };
    struct Operation {
        std::map<int, Part> parts; // by position
        bool complete = false;
    };

    class Member final : public cluster::GangCollectives {
      public:
        Member(FakeCollectives& gang, int position) : gang_(gang), position_(position) {}
        int size() const override { return gang_.size_; }
        void start_gather(std::span<const int64_t> mine, std::span<int64_t> all) override {
            start({mine, all, {}, {}});
        }
        void start_mean(const cluster::SharedMemory& memory, std::span<const uint64_t> offsets,
                        size_t count) override {
            require(memory_ == nullptr || memory_ == &memory, "a member's memory stays the same");
            memory_ = &memory;
            const auto floats = memory.floats(offsets[static_cast<size_t>(position_)], count);
            start({{}, {}, floats, {offsets.begin(), offsets.end()}});
        }
        bool done() override {
            std::scoped_lock lock(gang_.mutex_);
            return started_ == 0 || gang_.operations_[started_].complete;
        }
        void release() override {
            require(done(), "collectives are released when no operation is in progress");
            std::scoped_lock lock(gang_.mutex_);
            ++gang_.released_;
            released_ = true;
        }

      private:
        void start(Part part) {
            require(done(), "one collective at a time");
            require(!released_, "nothing is started after release");
            std::scoped_lock lock(gang_.mutex_);
            Operation& operation = gang_.operations_[++started_];
            require(operation.parts.emplace(position_, std::move(part)).second,
                    "members have distinct positions");
            gang_.complete_if_all_started(operation);
        }

        FakeCollectives& gang_;
        int position_;
        const cluster::SharedMemory* memory_ = nullptr;
        int started_ = 0; // the number of the last operation
        bool released_ = false;
    };

    void complete_if_all_started(Operation& operation) {
        if (operation.parts.size() < static_cast<size_t>(size_)) return;
        const Part& first = operation.parts.at(0);
        for (const auto& [position, part] : operation.parts) {
            require(part.mine.size() == first.mine.size() &&
                        part.floats.size() == first.floats.size() &&
                        part.offsets == first.offsets &&
                        part.all.size() == part.mine.size() * operation.parts.size(),
                    "members start the same operation");
        }
        gather(operation);
        average(operation, first.floats.size());
        operation.complete = true;
    }

    static void gather(Operation& operation) {
        for (const auto& [to, receiver] : operation.parts) {
            auto target = receiver.all.begin();
            for (const auto& [from, part] : operation.parts)
                target = std::ranges::copy(part.mine, target).out;
        }
    }

    void average(Operation& operation, size_t count) const {
        for (size_t i = 0; i < count; ++i) {
            float mean = operation.parts.at(0).floats[i];
            for (int member = 1; member < size_; ++member)
                mean += operation.parts.at(member).floats[i];
            mean /= static_cast<float>(size_);
            for (auto& [position, part] : operation.parts) part.floats[i] = mean;
        }
    }

    int size_;
    mutable std::mutex mutex_;
    std::map<int, Operation> operations_; // by number, from 1
    int released_ = 0;
};

} // namespace dagan
