// What libdagan_cuda.so adds to LibTorch: one GPU, the only one this process sees, with one stream on which everything is
// computed in order. The programs link no CUDA library; a trainer opens the shared object when it is to use a GPU (open_gpu), and
// from then on LibTorch's tensors live there as well. Not for more than one thread.
#pragma once

#include "gang/nccl_group.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

namespace dagan::train {

// Work as it was captured: the same kernels on the same memory, launched at once.
class CapturedWork {
  public:
    virtual ~CapturedWork() = default;
    virtual void replay() = 0; // queued
};

class Gpu {
  public:
    struct Facts {
        std::string name; // "NVIDIA H100 80GB HBM3"
        std::string uuid; // "GPU-8f2c..." or of the MIG instance
    };
    struct Memory {
        int64_t free_bytes = 0;  // on the GPU, for all its users
        int64_t total_bytes = 0; // of the GPU
        int64_t peak_bytes = 0;  // of this process's tensors since forget()
    };

    virtual ~Gpu() = default;
    virtual const Facts& facts() const = 0;
    virtual gang::ComputeStream& stream() = 0;
    virtual const gang::NcclApi& nccl() const = 0;
    // Records what `work` queues, without running it. It must neither wait for the GPU nor touch the host's memory, and must have
    // run before, so that all that is made once is there. Memory it works on must stay where it is as long as the capture lives.
    virtual std::unique_ptr<CapturedWork> capture(const std::function<void()>& work) = 0;
    virtual Memory memory() const = 0;
    // Between tasks: gives back memory that no tensor uses, and begins to measure anew.
    virtual void forget() = 0;
};

// Opens the shared object and with it the first GPU that CUDA_VISIBLE_DEVICES leaves, before any other use of LibTorch in this
// process. Throws Blame::system with what is missing.
std::unique_ptr<Gpu> open_gpu(const std::filesystem::path& library);

// The shared object's one function: makes the Gpu or throws, as above.
inline constexpr const char* kOpenGpuSymbol = "dagan_open_gpu";
using OpenGpu = Gpu* (*)();

} // namespace dagan::train
