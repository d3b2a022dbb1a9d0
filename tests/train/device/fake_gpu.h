// A Gpu that uses host memory and does its work at once, so that code for GPUs is tested without
// one. A replay runs the captured closure again. A value that should be read from memory but was
// captured therefore gives wrong results.
#pragma once

#include "gang/nccl_double.h"
#include "train/device/compute.h"

namespace dagan::train {

class FakeGpu final : public Gpu {
  public:
    explicit FakeGpu(const std::string& uuid = "GPU-fake") : facts_{"fake GPU", uuid} {}

    const Facts& facts() const override { return facts_; }
    gang::ComputeStream& stream() override { return stream_; }
    const gang::NcclApi& nccl() const override { return gang::nccl_double(); }
    std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override {
        ++captures_;
        return std::make_unique<Captured>(work, replays_);
    }
    Memory memory() const override { return {free_bytes_, int64_t{1} << 34, 0}; }
    void reset_memory() override {}

    Compute compute() {
        return {.gpu = this, .device = torch::kCPU, .maps = Compute{}.maps, .graphs = true};
    }

    int captures_ = 0, replays_ = 0;
    int64_t free_bytes_ = int64_t{1} << 33;

  private:
    class Captured final : public CapturedWork {
      public:
        Captured(std::function<void()> work, int& replays)
            : work_(std::move(work)), replays_(replays) {}
        void replay() override {
            ++replays_;
            work_();
        }

      private:
        std::function<void()> work_;
        int& replays_;
    };
    Facts facts_;
    gang::StreamDouble stream_{gang::StreamDouble::Runs::at_once};
};

} // namespace dagan::train
