#include "gang/nccl_double.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>

namespace dagan::gang {

namespace {
constexpr int kMaxMembers = 8;
constexpr size_t kChunk = 16384; // floats

// The state of one communicator, in memory that its members share.
struct Meeting {
    std::atomic<int> joined;
    std::atomic<uint64_t> arrivals; // at the barrier, in all rounds
    std::atomic<int> failure;       // of any member
    std::atomic<size_t> count[kMaxMembers];
    float chunk[kMaxMembers][kChunk];
};

struct Communicator {
    Meeting* meeting = nullptr;
    int rank = 0, size = 0;
    std::atomic<int> state{NcclApi::kInProgress};
    std::atomic<bool> aborted{false};
    std::jthread starter;
    uint64_t rounds = 0;         // barriers passed; used by the stream's thread only
    std::atomic<int> pending{0}; // reductions that are not complete

    ~Communicator() {
        if (meeting != nullptr) ::munmap(meeting, sizeof(Meeting));
    }

    // Returns false if this member aborted or any member failed.
    template <class Condition> bool wait_for(Condition met) {
        while (!met()) {
            if (aborted) return false;
            if (const int failure = meeting->failure; failure != 0) {
                state = failure;
                return false;
            }
            std::this_thread::yield();
        }
        return true;
    }
    bool barrier() {
        const uint64_t all = ++rounds * static_cast<uint64_t>(size);
        ++meeting->arrivals;
        return wait_for([&] { return meeting->arrivals >= all; });
    }

    void start() {
        ++meeting->joined;
        if (wait_for([&] { return meeting->joined == size; })) state = NcclApi::kSuccess;
    }

    void reduce(float* x, size_t count) {
        meeting->count[rank] = count;
        if (!barrier()) return;
        for (int other = 0; other < size; ++other) {
            if (meeting->count[other] == count) continue;
            meeting->failure = state = kNcclInvalidUsage;
            return;
        }
        for (size_t begin = 0; begin < count; begin += kChunk) {
            const size_t part = std::min(kChunk, count - begin);
            std::copy_n(x + begin, part, meeting->chunk[rank]);
            if (!barrier()) return;
            for (size_t i = 0; i < part; ++i) {
                float sum = 0;
                for (int other = 0; other < size; ++other) sum += meeting->chunk[other][i];
                x[begin + i] = sum;
            }
            if (!barrier()) return;
        }
    }
};

Communicator& of(NcclApi::Communicator handle) { return *static_cast<Communicator*>(handle); }

int make_id(NcclApi::Id* id) {
    static std::atomic<int> number = 0;
    const std::string name =
        "/dagan-nccl-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    const int fd = ::shm_open(name.c_str(), O_RDWR | O_CREAT | O_EXCL, 0600);
    if (fd < 0) return 2;
    const int grown = ::ftruncate(fd, sizeof(Meeting)); // all zero: no member has joined
    ::close(fd);
    name.copy(id->bytes.data(), id->bytes.size() - 1);
    return grown == 0 ? NcclApi::kSuccess : 2;
}

int init(NcclApi::Communicator* made, int size, const NcclApi::Id* id, int rank) {
    if (size > kMaxMembers || rank < 0 || rank >= size) return 4;
    const int fd = ::shm_open(id->bytes.data(), O_RDWR, 0600);
    if (fd < 0) return 2;
    void* memory = ::mmap(nullptr, sizeof(Meeting), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    if (memory == MAP_FAILED) return 2;
    auto* communicator = new Communicator; // owned by the caller until abort, as NCCL's is
    communicator->meeting = static_cast<Meeting*>(memory);
    communicator->rank = rank;
    communicator->size = size;
    communicator->starter = std::jthread([communicator, name = std::string(id->bytes.data())] {
        communicator->start();
        if (communicator->rank == 0) ::shm_unlink(name.c_str());
    });
    *made = communicator;
    return NcclApi::kInProgress;
}

int all_reduce_sum(float* x, size_t count, NcclApi::Communicator handle, void* stream) {
    Communicator& communicator = of(handle);
    if (communicator.state != NcclApi::kSuccess)
        return kNcclInvalidUsage; // NCCL forbids it before the communicator is ready
    ++communicator.pending;
    static_cast<StreamDouble*>(stream)->enqueue([&communicator, x, count] {
        communicator.reduce(x, count);
        --communicator.pending;
    });
    return NcclApi::kInProgress;
}

int state(NcclApi::Communicator handle, int* result) {
    *result = of(handle).state;
    return NcclApi::kSuccess;
}

int abort(NcclApi::Communicator handle) {
    Communicator& communicator = of(handle);
    communicator.aborted = true;
    while (communicator.pending > 0) std::this_thread::yield(); // they check `aborted`
    if (communicator.starter.joinable()) communicator.starter.join();
    delete &communicator;
    return NcclApi::kSuccess;
}

const char* describe(int result) {
    switch (result) {
    case 2: return "unhandled system error";
    case 4: return "invalid argument";
    case kNcclInvalidUsage: return "invalid usage";
    case kNcclRemoteError: return "remote process exited or there was a network error";
    default: return "unknown result";
    }
}

const char* last_error(NcclApi::Communicator handle) {
    return of(handle).state == kNcclInvalidUsage ? "members reduce different counts" : "";
}
} // namespace

const NcclApi& nccl_double() {
    static const NcclApi api{make_id, init, all_reduce_sum, state, abort, describe, last_error};
    return api;
}

StreamDouble::StreamDouble(Runs runs)
    : runs_(runs), thread_([this](const std::stop_token& stop) { run(stop); }) {}

StreamDouble::~StreamDouble() {
    thread_.request_stop();
    thread_.join();
}

void StreamDouble::divide(std::span<float> x, float by) {
    enqueue([x, by] {
        for (float& value : x) value /= by;
    });
}

bool StreamDouble::idle() {
    const std::scoped_lock lock(mutex_);
    return queue_.empty();
}

void StreamDouble::enqueue(std::function<void()> work) {
    if (runs_ == Runs::at_once) return work();
    const std::scoped_lock lock(mutex_);
    queue_.push_back(std::move(work));
    changed_.notify_all();
}

void StreamDouble::run(const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    while (changed_.wait(lock, stop, [this] { return !queue_.empty(); }) &&
           !stop.stop_requested()) {
        const auto work = queue_.front();
        lock.unlock();
        work();
        lock.lock();
        queue_.pop_front();
    }
}

} // namespace dagan::gang
