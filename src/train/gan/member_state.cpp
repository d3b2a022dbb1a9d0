#include "train/gan/member_state.h"

#include "base/error.h"
#include "gang/gather.h"
#include "train/tensors/tensors.h"

#include <algorithm>

namespace dagan::train {

MemberState::MemberState(torch::nn::Module& module, gang::Group& group)
    : buffers_(module.buffers()), group_(group) {
    for (const torch::Tensor& buffer : buffers_) {
        require(buffer.scalar_type() == torch::kFloat, "the buffers of a generator are float");
        count_ += buffer.numel();
    }
    const auto count = static_cast<size_t>(count_);
    average_memory_ = group.allocate(count);
    gather_memory_ = group.allocate(count * sizeof(float) * static_cast<size_t>(group.size()));
}

torch::Tensor MemberState::pack() const {
    const torch::NoGradGuard no_grad;
    std::vector<torch::Tensor> parts;
    for (const torch::Tensor& buffer : buffers_) parts.push_back(buffer.flatten());
    return torch::cat(parts).cpu();
}

void MemberState::unpack(const torch::Tensor& packed) {
    const torch::NoGradGuard no_grad;
    require(packed.numel() == count_, "the packed state has the size of the buffers");
    const torch::Tensor here = packed.to(buffers_.front().device());
    int64_t offset = 0;
    for (torch::Tensor& buffer : buffers_) {
        buffer.copy_(here.narrow(0, offset, buffer.numel()).view(buffer.sizes()));
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

torch::Tensor MemberState::gather() {
    const torch::Tensor mine = pack();
    torch::Tensor all = torch::empty({group_.size(), count_}, torch::kFloat);
    gang::gather_bytes(group_, gather_memory_, std::as_bytes(floats_of(mine)),
                       std::as_writable_bytes(floats_of(all)));
    return all;
}

} // namespace dagan::train
