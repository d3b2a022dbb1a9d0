#include "train/device/compute.h"

#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace dagan::train {

namespace {
class TensorMemory final : public gang::GroupMemory {
  public:
    explicit TensorMemory(torch::Device device) : device_(device) {}
    std::span<float> allocate(size_t count) override {
        blocks_.push_back(torch::zeros({static_cast<int64_t>(count)},
                                       torch::dtype(torch::kFloat).device(device_)));
        return {blocks_.back().data_ptr<float>(), count};
    }

  private:
    torch::Device device_;
    std::vector<torch::Tensor> blocks_;
};
} // namespace

void set_precision(Precision precision) {
    at::Context& context = at::globalContext();
    // The older of LibTorch's two interfaces. The newer one does not update these flags, and
    // LibTorch then refuses queries about cuDNN as a whole.
    context.setAllowTF32CuDNN(precision == Precision::tf32);
    context.setAllowTF32CuBLAS(false);
    context.setBenchmarkCuDNN(false); // it would choose algorithms by timing
    context.setDeterministicCuDNN(true);
}

std::unique_ptr<gang::GroupMemory> make_memory_on(torch::Device device) {
    return device.is_cpu() ? gang::make_host_memory() : std::make_unique<TensorMemory>(device);
}

std::unique_ptr<gang::Group> make_device_group(const Compute& compute, gang::Group& gang,
                                               std::function<void()> while_waiting) {
    if (compute.gpu == nullptr) return nullptr;
    if (gang.size() == 1) return gang::make_group_alone(make_memory_on(compute.device));
    return gang::make_nccl_group(compute.gpu->nccl(), compute.gpu->stream(),
                                 make_memory_on(compute.device), gang, compute.gpu->facts().uuid,
                                 {.while_waiting = std::move(while_waiting)});
}

void synchronize(const Compute& compute, gang::Group& group) {
    group.wait();
    if (compute.gpu == nullptr) return;
    while (!compute.gpu->stream().idle())
        std::this_thread::sleep_for(std::chrono::microseconds(20));
}

void RepeatedStep::run(const std::function<void()>& work) {
    if (captured_) return captured_->replay();
    if (compute_.gpu == nullptr || !compute_.graphs || runs_++ < kRunsBeforeCapture) return work();
    captured_ = compute_.gpu->capture(work);
    captured_->replay();
}

} // namespace dagan::train
