// Where a task computes: on the host, or on the GPU that was opened for this process. On a GPU everything is queued on its one
// stream: the host runs ahead, and waits where it says settle().
#pragma once

#include "gang/group.h"
#include "spec/sweep.h"
#include "train/device/gpu.h"

#include <torch/torch.h>

#include <functional>
#include <memory>
#include <string>

namespace dagan::train {

struct Compute {
    Gpu* gpu = nullptr;                 // none: the host
    torch::Device device = torch::kCPU; // of networks and batches
    torch::MemoryFormat maps =
        torch::MemoryFormat::ChannelsLast; // of images and convolutions' weights
    bool graphs = true;                    // GPU: steps are captured and replayed

    static Compute on(Gpu& gpu) {
        return {&gpu, torch::Device(torch::kCUDA, 0), torch::MemoryFormat::ChannelsLast, true};
    }
    std::string name() const { return gpu == nullptr ? "cpu" : gpu->facts().name; }
};

// The network, moved to where it is to compute.
template <class Module>
std::unique_ptr<Module> placed(std::unique_ptr<Module> module, const Compute& compute) {
    module->to(compute.device);
    return module;
}

// Makes LibTorch's convolutions on GPUs as exact as asked for, and reproducible to the bit. (bf16 is up to each pass:
// Pass::bf16.)
void use_precision(Precision precision);

// As long as this lives, and `wanted`, convolutions of a training in TF32 multiply float32.
class ExactConvolutions {
  public:
    explicit ExactConvolutions(bool wanted) : wanted_(wanted) {
        if (wanted_) use_precision(Precision::float32);
    }
    ~ExactConvolutions() {
        if (wanted_) use_precision(Precision::tf32);
    }
    ExactConvolutions(const ExactConvolutions&) = delete;
    ExactConvolutions& operator=(const ExactConvolutions&) = delete;

  private:
    bool wanted_;
};

// The memory of a device as groups allocate it.
std::unique_ptr<gang::GroupMemory> make_memory_on(torch::Device device);

// The group in which the gradients of `gang` are reduced on its members' GPUs; none when they are on the host, where `gang`
// itself does it. `while_waiting` is called while this member waits for others. Collective; throws as make_nccl_group.
std::unique_ptr<gang::Group> make_device_group(const Compute& compute, gang::Group& gang,
                                               std::function<void()> while_waiting);

// Returns when all that was queued is done, reductions included. Throws GangBroken, or Blame::system when the GPU failed.
void settle(const Compute& compute, gang::Group& group);

// A step that does the same work on the same memory each time: on a GPU it runs as it is at first, and is then captured and
// replayed.
class RepeatedStep {
  public:
    explicit RepeatedStep(const Compute& compute) : compute_(compute) {}
    // Of all calls `work` must be the same, apart from what it finds in the device's memory.
    void run(const std::function<void()>& work);

  private:
    static constexpr int kRunsBeforeCapture =
        3; // LibTorch's libraries choose and allocate at first
    Compute compute_;
    int runs_ = 0;
    std::unique_ptr<CapturedWork> captured_;
};

} // namespace dagan::train
