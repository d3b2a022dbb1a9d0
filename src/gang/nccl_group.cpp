#include "gang/nccl_group.h"

#include "base/error.h"
#include "base/host_facts.h"
#include "gang/gather.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <thread>
#include <utility>
#include <vector>

namespace dagan::gang {

namespace {
using Clock = std::chrono::steady_clock;

// The data that members exchange before there is a communicator.
struct Introduction {
    NcclApi::Id id; // member 0's is used
    std::array<char, 64> host{};
    std::array<char, 128> gpu{};
};

// Copies `text` as a C string. Cuts a long host name, which only appears in messages; UUIDs fit.
template <size_t N> void put(const std::string& text, std::array<char, N>& target) {
    text.copy(target.data(), N - 1);
}

// Returns the introductions of all members.
std::vector<Introduction> introduce(Group& agents, const Introduction& mine) {
    std::vector<Introduction> all(static_cast<size_t>(agents.size()));
    const auto field = agents.allocate(all.size() * sizeof mine);
    gather_bytes(agents, field, std::as_bytes(std::span(&mine, 1)),
                 std::as_writable_bytes(std::span(all)));
    return all;
}

void refuse_shared_gpus(const std::vector<Introduction>& members) {
    std::map<std::string, size_t> user;
    for (size_t rank = 0; rank < members.size(); ++rank) {
        const auto [other, is_first] = user.emplace(members[rank].gpu.data(), rank);
        if (is_first) continue;
        const auto name = [&](size_t member) {
            return std::to_string(member) + " (" + members[member].host.data() + ")";
        };
        throw input_error("gang: members " + name(other->second) + " and " + name(rank) +
                          " are both on GPU " + other->first +
                          ", but NCCL needs one GPU for each member; hint: start as many ranks as "
                          "there are GPUs, or lower resources.gan_ranks");
    }
}

class NcclGroup final : public Group {
  public:
    NcclGroup(const NcclApi& api, ComputeStream& stream, std::unique_ptr<GroupMemory> memory,
              int rank, int size, const NcclApi::Id& id, NcclGroupOptions options)
        : api_(api), stream_(stream), memory_(std::move(memory)), options_(std::move(options)),
          rank_(rank), size_(size) {
        check(api_.init(&communicator_, size, &id, rank), "ncclCommInitRankConfig");
        try {
            settle("the start of the gang's communicator");
        } catch (...) {
            abort();
            throw;
        }
    }
    // Does not wait for the others. Those that still wait for this member are ended by their
    // agents.
    ~NcclGroup() override { abort(); }
    NcclGroup(const NcclGroup&) = delete;
    NcclGroup& operator=(const NcclGroup&) = delete;

    int rank() const override { return rank_; }
    int size() const override { return size_; }
    std::span<float> allocate(size_t count) override { return memory_->allocate(count); }

    void all_reduce_mean(std::span<float> x) override {
        require(communicator_ != nullptr, "a broken gang is not used again");
        check(api_.all_reduce_sum(x.data(), x.size(), communicator_, stream_.handle()),
              "ncclAllReduce");
        settle("an all-reduce to be queued");
        stream_.divide(x, static_cast<float>(size_));
    }

    void wait() override {
        require(communicator_ != nullptr, "a broken gang is not used again");
        constexpr const char* kWhat = "the gang's reductions";
        wait_until([this] { return stream_.idle(); }, kWhat);
        check(state(), kWhat); // a failed reduction leaves the stream idle, too
    }

  private:
    // Returns when NCCL has accepted the last operation.
    void settle(const char* what) {
        wait_until([this] { return state() != NcclApi::kInProgress; }, what);
        check(state(), what);
    }

    // Polls the condition, the communicator and the clock. Pauses double up to 0.1 ms, which is
    // much less than an iteration takes.
    template <class Condition> void wait_until(Condition met, const char* what) {
        const auto began = Clock::now();
        auto pause = std::chrono::microseconds(1);
        while (!met()) {
            if (const int result = state();
                result != NcclApi::kSuccess && result != NcclApi::kInProgress)
                check(result, what);
            if (Clock::now() - began > options_.timeout) {
                give_up(std::string(what) + " took longer than " +
                        std::to_string(options_.timeout.count() / 1000) + " s");
            }
            options_.while_waiting();
            std::this_thread::sleep_for(pause);
            pause = std::min(pause * 2, std::chrono::microseconds(100));
        }
    }

    int state() const {
        int result = NcclApi::kSuccess;
        const int queried = api_.state(communicator_, &result);
        return queried == NcclApi::kSuccess ? result : queried;
    }

    void check(int result, const char* what) {
        if (result == NcclApi::kSuccess || result == NcclApi::kInProgress) return;
        const std::string details = communicator_ == nullptr ? "" : api_.last_error(communicator_);
        give_up(std::string(what) + ": " + api_.describe(result) +
                (details.empty() ? "" : ": " + details));
    }
    [[noreturn]] void give_up(const std::string& why) {
        abort();
        throw GangBroken("gang: NCCL: " + why + "; the gang starts again from its checkpoint");
    }
    void abort() noexcept {
        if (communicator_ != nullptr) api_.abort(std::exchange(communicator_, nullptr));
    }

    const NcclApi& api_;
    ComputeStream& stream_;
    std::unique_ptr<GroupMemory> memory_;
    NcclGroupOptions options_;
    int rank_, size_;
    NcclApi::Communicator communicator_ = nullptr;
};
} // namespace

std::unique_ptr<Group> make_nccl_group(const NcclApi& api, ComputeStream& stream,
                                       std::unique_ptr<GroupMemory> memory, Group& agents,
                                       const std::string& gpu, NcclGroupOptions options) {
    Introduction mine;
    put(host_facts().name, mine.host);
    put(gpu, mine.gpu);
    int result = NcclApi::kSuccess;
    if (agents.rank() == 0) result = api.make_id(&mine.id);
    if (result != NcclApi::kSuccess)
        throw system_error(std::string("gang: ncclGetUniqueId: ") + api.describe(result));
    const std::vector<Introduction> members = introduce(agents, mine);
    refuse_shared_gpus(members);
    return std::make_unique<NcclGroup>(api, stream, std::move(memory), agents.rank(), agents.size(),
                                       members.front().id, std::move(options));
}

} // namespace dagan::gang
