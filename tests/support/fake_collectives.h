// The collectives of a gang whose members all live in this process, on any threads. Stricter than MPI: it throws when members
// start different operations in one place of the order, or start one after release(), which over MPI would be undefined.
#pragma once

#include "base/error.h"
#include "cluster/gang_collectives.h"

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace dagan {

// The meeting place of one gang. Outlives its members.
class FakeGang {
  public:
    explicit FakeGang(int size) : size_(size) {}

    std::unique_ptr<GangCollectives> member() { return std::make_unique<Member>(*this); }
    int released() const {
        std::scoped_lock lock(mutex_);
        return released_;
    }

  private:
    struct Operation {
        std::vector<std::span<int64_t>> maxima;
        std::vector<std::span<float>> sums;
        bool complete = false;
    };

    class Member final : public GangCollectives {
      public:
        explicit Member(FakeGang& gang) : gang_(gang) {}
        int size() const override { return gang_.size_; }
        void start_max(std::span<int64_t> x) override { start(&Operation::maxima, x); }
        void start_sum(std::span<float> x) override { start(&Operation::sums, x); }
        bool done() override {
            std::scoped_lock lock(gang_.mutex_);
            return started_ == 0 || gang_.operations_[started_].complete;
        }
        void release() override {
            require(done(), "collectives are released when none is under way");
            std::scoped_lock lock(gang_.mutex_);
            ++gang_.released_;
            released_ = true;
        }

      private:
        template <class T> void start(std::vector<std::span<T>> Operation::*list, std::span<T> x) {
            require(done(), "one collective at a time");
            require(!released_, "nothing is started after release");
            std::scoped_lock lock(gang_.mutex_);
            Operation& operation = gang_.operations_[++started_];
            (operation.*list).push_back(x);
            gang_.finish_if_all_came(operation);
        }

        FakeGang& gang_;
        int started_ = 0; // the number of the last operation
        bool released_ = false;
    };

    void finish_if_all_came(Operation& operation) {
        require(operation.maxima.empty() || operation.sums.empty(), "members start the same operation");
        if (operation.maxima.size() + operation.sums.size() < static_cast<size_t>(size_)) return;
        combine(operation.maxima, [](int64_t a, int64_t b) { return std::max(a, b); });
        combine(operation.sums, [](float a, float b) { return a + b; });
        operation.complete = true;
    }

    template <class T, class Combine> static void combine(std::vector<std::span<T>>& parts, Combine two) {
        for (const auto& part : parts) require(part.size() == parts[0].size(), "members pass equal lengths");
        for (size_t i = 0; !parts.empty() && i < parts[0].size(); ++i) {
            T result = parts[0][i];
            for (size_t k = 1; k < parts.size(); ++k) result = two(result, parts[k][i]);
            for (const auto& part : parts) part[i] = result;
        }
    }

    int size_;
    mutable std::mutex mutex_;
    std::map<int, Operation> operations_; // by number, counted from 1
    int released_ = 0;
};

} // namespace dagan
