#include "gang/group.h"

#include "base/error.h"

#include <algorithm>
#include <cstdlib>
#include <utility>
#include <vector>

namespace dagan::gang {

namespace {
constexpr size_t kAlignment = 64;

struct Free {
    void operator()(float* memory) const { std::free(memory); }
};

class HostMemory final : public GroupMemory {
  public:
    std::span<float> allocate(size_t count) override {
        const size_t bytes = (count * sizeof(float) + kAlignment - 1) / kAlignment * kAlignment;
        auto* memory =
            static_cast<float*>(std::aligned_alloc(kAlignment, std::max(bytes, kAlignment)));
        if (memory == nullptr)
            throw system_error("gradients: cannot allocate " + std::to_string(count) + " floats");
        blocks_.emplace_back(memory);
        std::fill_n(memory, count, 0.0F);
        return {memory, count};
    }

  private:
    std::vector<std::unique_ptr<float, Free>> blocks_;
};

class GroupAlone final : public Group {
  public:
    explicit GroupAlone(std::unique_ptr<GroupMemory> memory) : memory_(std::move(memory)) {}
    int rank() const override { return 0; }
    int size() const override { return 1; }
    std::span<float> allocate(size_t count) override { return memory_->allocate(count); }
    void all_reduce_mean(std::span<float>) override {}

  private:
    std::unique_ptr<GroupMemory> memory_;
};
} // namespace

std::unique_ptr<GroupMemory> make_host_memory() { return std::make_unique<HostMemory>(); }

std::unique_ptr<Group> make_group_alone(std::unique_ptr<GroupMemory> memory) {
    return std::make_unique<GroupAlone>(std::move(memory));
}

} // namespace dagan::gang
