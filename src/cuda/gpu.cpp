#include "train/device/gpu.h"

#include "base/error.h"
#include "base/gpu_driver.h"
#include "cuda/nccl_table.h"

#include <ATen/Functions.h>
#include <ATen/cuda/CUDAContext.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDACachingAllocator.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

namespace dagan::cuda {

namespace {
using gang::ComputeStream;
using gang::NcclApi;
using train::CapturedWork;
using train::Gpu;

void check(cudaError_t result, const char* what) {
    if (result == cudaSuccess) return;
    (void)cudaGetLastError(); // clears the error
    throw system_error(std::string("GPU: ") + what + ": " + cudaGetErrorString(result));
}

// Asks the driver, which reports the UUID of a MIG instance instead of its GPU's.
Gpu::Facts facts_of_device() {
    const GpuSurvey survey = survey_gpus();
    if (survey.gpus.empty()) throw system_error("GPU: " + survey.problem);
    return {survey.gpus.front().name, survey.gpus.front().uuid};
}

class CudaStream final : public ComputeStream {
  public:
    // LibTorch queues all work of this thread, and of autograd's threads for it, on this stream.
    // The default stream cannot be captured.
    CudaStream() : stream_(c10::cuda::getStreamFromPool(/*isHighPriority=*/false, 0)) {
        c10::cuda::setCurrentCUDAStream(stream_);
    }

    void* handle() override { return stream_.stream(); }
    void divide(std::span<float> x, float by) override {
        at::from_blob(x.data(), {static_cast<int64_t>(x.size())},
                      at::device(at::Device(at::kCUDA, 0)).dtype(at::kFloat))
            .div_(by);
    }
    bool idle() override {
        const cudaError_t found = cudaStreamQuery(stream_.stream());
        if (found == cudaErrorNotReady) {
            (void)cudaGetLastError();
            return false;
        }
        check(found, "its queue of work failed");
        return true;
    }

  private:
    c10::cuda::CUDAStream stream_;
};

class CapturedGraph final : public CapturedWork {
  public:
    explicit CapturedGraph(const std::function<void()>& work) {
        check(cudaStreamSynchronize(c10::cuda::getCurrentCUDAStream()), "cudaStreamSynchronize");
        // Captures this thread and autograd's threads; NCCL's own threads may continue.
        graph_.capture_begin({0, 0}, cudaStreamCaptureModeRelaxed);
        try {
            work();
        } catch (...) {
            try {
                graph_.capture_end();
            } catch (const std::exception&) { // the exception of `work` is more informative
            }
            throw;
        }
        graph_.capture_end();
    }
    void replay() override { graph_.replay(); }

  private:
    at::cuda::CUDAGraph graph_;
};

class CudaGpu final : public Gpu {
  public:
    CudaGpu() : facts_(facts_of_device()), nccl_(nccl_table()) {}

    const Facts& facts() const override { return facts_; }
    ComputeStream& stream() override { return stream_; }
    const NcclApi& nccl() const override { return nccl_; }
    std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) override {
        return std::make_unique<CapturedGraph>(work);
    }

    Memory memory() const override {
        size_t free = 0, total = 0;
        check(cudaMemGetInfo(&free, &total), "cudaMemGetInfo");
        const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(0);
        const auto all = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
        return {static_cast<int64_t>(free), static_cast<int64_t>(total),
                stats.reserved_bytes[all].peak};
    }
    void reset_memory() override {
        c10::cuda::CUDACachingAllocator::emptyCache();
        c10::cuda::CUDACachingAllocator::resetPeakStats(0);
    }

  private:
    Facts facts_;
    CudaStream stream_;
    const NcclApi& nccl_;
};
} // namespace

} // namespace dagan::cuda

extern "C" __attribute__((visibility("default"))) dagan::train::Gpu* dagan_open_gpu() {
    int count = 0;
    dagan::cuda::check(cudaGetDeviceCount(&count), "none can be used");
    if (count == 0)
        throw dagan::system_error(
            "GPU: none is visible to this process; hint: check CUDA_VISIBLE_DEVICES");
    c10::cuda::set_device(0);
    return new dagan::cuda::CudaGpu; // owned by the caller
}
