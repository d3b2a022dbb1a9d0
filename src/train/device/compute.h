// The device of a task: the host, or the GPU that this process opened. On a GPU all work is queued
// on one stream; the host runs ahead and waits only in synchronize().
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
    // Null: the host.
    Gpu* gpu = nullptr;
    // Of networks and batches.
    torch::Device device = torch::kCPU;
    // Layout of images and of the weights of convolutions.
    torch::MemoryFormat maps = torch::MemoryFormat::ChannelsLast;
    // GPU: steps are captured and replayed.
    bool graphs = true;

    static Compute on(Gpu& gpu) {
        return {&gpu, torch::Device(torch::kCUDA, 0), torch::MemoryFormat::ChannelsLast, true};
    }
    std::string name() const { return gpu == nullptr ? "cpu" : gpu->facts().name; }
};

template <class Module>
std::unique_ptr<Module> move_to_device(std::unique_ptr<Module> module, const Compute& compute) {
    module->to(compute.device);
    return module;
}

// Sets the precision of LibTorch's convolutions on GPUs, and makes them reproducible to the bit.
// bf16 is set per pass instead (Pass::bf16).
void set_precision(Precision precision);

// While alive and if `active`, a training in TF32 computes convolutions in float32.
class ExactConvolutions {
  public:
    explicit ExactConvolutions(bool active) : active_(active) {
        if (active_) set_precision(Precision::float32);
    }
    ~ExactConvolutions() {
        if (active_) set_precision(Precision::tf32);
    }
    ExactConvolutions(const ExactConvolutions&) = delete;
    ExactConvolutions& operator=(const ExactConvolutions&) = delete;

  private:
    bool active_;
};

// Returns the allocator of groups that reduce memory of `device`.
std::unique_ptr<gang::GroupMemory> make_memory_on(torch::Device device);

// Returns the group that reduces gradients on the GPUs of the members of `gang`; null on the host,
// where `gang` itself does it. `while_waiting` is called while this member waits for others.
// Collective; throws as make_nccl_group.
std::unique_ptr<gang::Group> make_device_group(const Compute& compute, gang::Group& gang,
                                               std::function<void()> while_waiting);

// Waits until all queued work is done, reductions included. Throws GangBroken, or Blame::system if
// the GPU failed.
void synchronize(const Compute& compute, gang::Group& group);

// A step that does the same work on the same memory every time. On a GPU its first runs are
// executed normally; then it is captured and replayed.
class RepeatedStep {
  public:
    explicit RepeatedStep(const Compute& compute) : compute_(compute) {}
    // `work` must be the same in all calls, except for the contents of device memory.
    void run(const std::function<void()>& work);

  private:
    // LibTorch's libraries select algorithms and allocate memory in their first runs.
    static constexpr int kRunsBeforeCapture = 3;
    Compute compute_;
    int runs_ = 0;
    std::unique_ptr<CapturedWork> captured_;
};

} // namespace dagan::train
