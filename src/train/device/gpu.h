// The interface of libdagan_cuda.so: the first GPU that this process sees, with one stream on which
// all work runs in order.
//
// The programs link no CUDA library. A trainer opens the shared object when it uses a GPU
// (open_gpu); from then on LibTorch supports tensors on the GPU. For one thread only.
#pragma once

#include "gang/nccl_group.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace dagan::train {

// Captured work: the same kernels on the same memory, launched at once.
class CapturedWork {
  public:
    virtual ~CapturedWork() = default;
    // Queues the work.
    virtual void replay() = 0;
};

class Gpu {
  public:
    struct Facts {
        std::string name; // "NVIDIA H100 80GB HBM3"
        std::string uuid; // "GPU-8f2c...", or that of the MIG instance
    };
    struct Memory {
        int64_t free_bytes = 0;  // on the GPU, for all its users
        int64_t total_bytes = 0; // of the GPU
        int64_t peak_bytes = 0;  // of this process's tensors since reset_memory()
    };

    virtual ~Gpu() = default;
    virtual const Facts& facts() const = 0;
    virtual gang::ComputeStream& stream() = 0;
    virtual const gang::NcclApi& nccl() const = 0;
    // Records what `work` queues, without running it. `work` must neither wait for the GPU nor use
    // host memory, and must have run before, so that one-time initialisation is done. The memory
    // that it uses must stay in place while the capture exists.
    virtual std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) = 0;
    virtual Memory memory() const = 0;
    // Releases memory that no tensor uses, and resets peak_bytes. Call between tasks.
    virtual void reset_memory() = 0;
};

// Opens the shared object and the first GPU in CUDA_VISIBLE_DEVICES. Call before any other use of
// LibTorch in this process. Throws Blame::system with the cause.
std::unique_ptr<Gpu> open_gpu(const std::filesystem::path& library);

// The only function of the shared object: returns a new Gpu, or throws as above.
inline constexpr const char* kOpenGpuSymbol = "dagan_open_gpu";
using OpenGpu = Gpu* (*)();

} // namespace dagan::train
