#include "train/member_state.h"

#include "base/error.h"
#include "train/tensors.h"

#include <cmath>
#include <cstring>

namespace dagan {

MemberState::MemberState(torch::nn::Module& module, Group& group) : buffers_(module.buffers()), group_(group) {
    for (const torch::Tensor& buffer : buffers_) {
        require(buffer.scalar_type() == torch::kFloat, "a generator's buffers are floats");
        count_ += buffer.numel();
    }
    const auto count = static_cast<size_t>(count_);
    average_memory_ = group.allocate(count);
    gather_memory_ = group.allocate(count * sizeof(float) * static_cast<size_t>(group.size()));
}

torch::Tensor MemberState::pack() const {
    const torch::NoGradGuard no_grad;
    torch::Tensor packed = torch::empty({count_}, torch::kFloat);
    int64_t offset = 0;
    for (const torch::Tensor& buffer : buffers_) {
        packed.narrow(0, offset, buffer.numel()).copy_(buffer.flatten());
        offset += buffer.numel();
    }
    return packed;
}

void MemberState::unpack(const torch::Tensor& packed) {
    const torch::NoGradGuard no_grad;
    require(packed.numel() == count_, "as many values as the buffers hold");
    int64_t offset = 0;
    for (torch::Tensor& buffer : buffers_) {
        buffer.copy_(packed.narrow(0, offset, buffer.numel()).view(buffer.sizes()));
        offset += buffer.numel();
    }
}

void MemberState::average() {
    if (group_.size() == 1) return;
    const torch::Tensor mine = pack();
    std::copy_n(mine.data_ptr<float>(), average_memory_.size(), average_memory_.begin());
    group_.all_reduce_mean(average_memory_);
    unpack(copied_tensor(average_memory_, {count_}));
}

// A gather out of a mean: each member writes its bytes, as floats times the group's size, into its own place of a field of
// zeros. Sum and division are exact for such small whole numbers, so the bits arrive whatever the order of summation.
torch::Tensor MemberState::gather() {
    const auto size = static_cast<size_t>(group_.size());
    const size_t bytes = static_cast<size_t>(count_) * sizeof(float);
    const torch::Tensor mine = pack();
    std::fill(gather_memory_.begin(), gather_memory_.end(), 0.0F);
    const auto* out = reinterpret_cast<const unsigned char*>(mine.data_ptr<float>());
    for (size_t i = 0; i < bytes; ++i) {
        gather_memory_[static_cast<size_t>(group_.rank()) * bytes + i] = static_cast<float>(out[i] * size);
    }
    group_.all_reduce_mean(gather_memory_);
    torch::Tensor all = torch::empty({group_.size(), count_}, torch::kFloat);
    auto* in = reinterpret_cast<unsigned char*>(all.data_ptr<float>());
    for (size_t i = 0; i < size * bytes; ++i) in[i] = static_cast<unsigned char>(std::lround(gather_memory_[i]));
    return all;
}

} // namespace dagan
