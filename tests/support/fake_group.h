// A gang whose members are threads of one process, for tests of collective code. Sums are in double
// in the order of ranks, so the mean has the same bits on all members. A member that leaves with an
// exception breaks the gang, as a trainer that dies does.
#pragma once

#include "gang/group.h"

#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <span>
#include <thread>
#include <vector>

namespace dagan {

class FakeGang {
  public:
    explicit FakeGang(int size) : parts_(static_cast<size_t>(size)) {}
    int size() const { return static_cast<int>(parts_.size()); }
    int64_t reductions() const { return round_; }

    std::unique_ptr<gang::Group> member(int rank);

    void break_up() {
        const std::scoped_lock lock(mutex_);
        broken_ = true;
        changed_.notify_all();
    }

    void reduce(int rank, std::span<float> x) {
        std::unique_lock lock(mutex_);
        if (broken_) throw gang::GangBroken("a member of the fake gang is gone");
        const int64_t round = round_;
        parts_[static_cast<size_t>(rank)] = x;
        if (++arrived_ == size()) {
            mean();
            arrived_ = 0;
            ++round_;
            changed_.notify_all();
            return;
        }
        changed_.wait(lock, [&] { return round_ != round || broken_; });
        if (round_ == round) throw gang::GangBroken("a member of the fake gang is gone");
    }

  private:
    void mean() {
        for (size_t i = 0; i < parts_[0].size(); ++i) {
            double sum = 0;
            for (const auto& part : parts_) sum += part[i];
            for (const auto& part : parts_) part[i] = static_cast<float>(sum / size());
        }
    }

    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<std::span<float>> parts_;
    int arrived_ = 0;
    int64_t round_ = 0;
    bool broken_ = false;
};

class FakeGroup : public gang::Group {
  public:
    FakeGroup(FakeGang& gang, int rank) : gang_(gang), rank_(rank) {}
    int rank() const override { return rank_; }
    int size() const override { return gang_.size(); }
    std::span<float> allocate(size_t count) override {
        constexpr size_t kAlignment = 64;
        const size_t bytes = (count * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
        memory_.emplace_back(
            static_cast<float*>(std::aligned_alloc(kAlignment, bytes == 0 ? kAlignment : bytes)));
        if (!memory_.back()) throw std::bad_alloc();
        std::fill_n(memory_.back().get(), count, 0.0F);
        return {memory_.back().get(), count};
    }
    void all_reduce_mean(std::span<float> x) override { gang_.reduce(rank_, x); }

  private:
    struct Free {
        void operator()(float* memory) const { std::free(memory); }
    };
    FakeGang& gang_;
    int rank_;
    std::vector<std::unique_ptr<float, Free>> memory_;
};

inline std::unique_ptr<gang::Group> FakeGang::member(int rank) {
    return std::make_unique<FakeGroup>(*this, rank);
}

// Runs `work` on each member, each in its own thread. Rethrows the first exception other than
// GangBroken.
inline void run_gang(int size, const std::function<void(gang::Group&)>& work) {
    FakeGang gang(size);
    std::mutex mutex;
    std::exception_ptr first;
    std::vector<std::thread> threads;
    for (int rank = 0; rank < size; ++rank) {
        threads.emplace_back([&, rank] {
            const std::unique_ptr<gang::Group> group = gang.member(rank);
            try {
                work(*group);
            } catch (const gang::GangBroken&) {
                gang.break_up();
            } catch (...) {
                const std::scoped_lock lock(mutex);
                if (!first) first = std::current_exception();
                gang.break_up();
            }
        });
    }
    for (std::thread& thread : threads) thread.join();
    if (first) std::rethrow_exception(first);
}

} // namespace dagan
