#include "cluster/gang/group_through_agent.h"

#include "base/error.h"

#include <algorithm>

namespace dagan::cluster {

namespace {
class GroupThroughAgent final : public gang::Group {
  public:
    GroupThroughAgent(TrainerLink& link, SharedMemory& memory, int rank, int size)
        : link_(link), memory_(memory), rank_(rank), size_(size) {
        require(0 <= rank && rank < size, "a position in the gang is below its size");
    }

    int rank() const override { return rank_; }
    int size() const override { return size_; }

    std::span<float> allocate(size_t count) override {
        constexpr size_t kStep = SharedMemory::kAlignment / sizeof(float);
        const size_t offset = used_;
        const size_t end = offset + (count + kStep - 1) / kStep * kStep;
        memory_.grow(end * sizeof(float));
        used_ = end;
        const auto allocated = memory_.floats(offset, count);
        std::ranges::fill(allocated, 0.0F); // an earlier group may have written to it
        return allocated;
    }

    void all_reduce_mean(std::span<float> x) override {
        const auto* base = reinterpret_cast<const float*>(memory_.data());
        require(x.data() >= base && x.data() + x.size() <= base + used_,
                "the reduced memory was allocated by this group");
        const ReduceRequest request{static_cast<uint64_t>(x.data() - base), x.size()};
        if (link_.reduce(request) == ReduceAnswer::broken) {
            throw gang::GangBroken(
                "gang: a member died or was stopped; the gang starts again from its checkpoint");
        }
    }

  private:
    TrainerLink& link_;
    SharedMemory& memory_;
    int rank_, size_;
    size_t used_ = 0; // floats that were allocated
};
} // namespace

std::unique_ptr<gang::Group> make_group_through_agent(TrainerLink& link, SharedMemory& memory,
                                                      int rank, int size) {
    return std::make_unique<GroupThroughAgent>(link, memory, rank, size);
}

} // namespace dagan::cluster
