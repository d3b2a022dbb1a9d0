// NcclGroup with the double of NCCL. NCCL's id and the members' names go through agents, and
// reductions run asynchronously, as with NCCL.
#include "base/error.h"
#include "cluster/gang/through_fake_agents.h"
#include "gang/group_contract.h"
#include "gang/nccl_double.h"
#include "gang/nccl_group.h"

#include <gmock/gmock.h>

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <future>

namespace dagan::gang {
namespace {

using namespace std::chrono_literals;

struct Member {
    Group& group;
    StreamDouble& stream;
};

// Runs `body` on each member of a gang whose agents use fake collectives instead of MPI.
void run_gang(
    int size, const std::function<void(Member)>& body, const NcclGroupOptions& options = {},
    const std::function<std::string(int)>& gpu_of = [](int rank) {
        return "GPU-" + std::to_string(rank);
    }) {
    cluster::ThroughFakeAgents::run(size, [&](Group& agents) {
        StreamDouble stream;
        const auto group = make_nccl_group(nccl_double(), stream, make_host_memory(), agents,
                                           gpu_of(agents.rank()), options);
        body({*group, stream});
    });
}

struct NcclOverItsDouble {
    static std::vector<int> sizes() { return {1, 2, 3, 4}; }
    static void run(int size, const GroupBody& body) {
        run_gang(size, [&](Member member) { body(member.group); });
    }
};
INSTANTIATE_TYPED_TEST_SUITE_P(Nccl, GroupContract, NcclOverItsDouble);

// Returns the message of the GangBroken that `work` throws; "" if it throws none.
template <class Work> std::string gang_broken_by(Work work) {
    try {
        work();
    } catch (const GangBroken& broken) {
        return broken.what();
    }
    return "";
}

TEST(NcclGroupTest, AReductionIsQueuedInOrderAndDoesNotBlockTheHost) {
    run_gang(3, [](Member member) {
        const auto x = member.group.allocate(1000);
        std::promise<void> computed;
        member.stream.enqueue([&, ready = computed.get_future().share()] {
            ready.wait();
            std::fill(x.begin(), x.end(), static_cast<float>(member.group.rank()));
        });
        member.group.all_reduce_mean(x);
        member.stream.enqueue([x] {
            for (float& value : x) value += 10;
        });
        EXPECT_FALSE(member.stream.idle());
        computed.set_value(); // all_reduce_mean() has returned before this
        member.group.wait();
        for (const float value : x) ASSERT_EQ(value, 11);
    });
}

TEST(NcclGroupTest, AMissingMemberIsGangBrokenForTheOthersAfterTheTimeout) {
    std::atomic<int> broken = 0;
    run_gang(3,
             [&](Member member) {
                 const auto x = member.group.allocate(10);
                 member.group.all_reduce_mean(x);
                 member.group.wait();
                 if (member.group.rank() == 1) return;
                 const std::string why = gang_broken_by([&] {
                     member.group.all_reduce_mean(x);
                     member.group.wait();
                 });
                 EXPECT_THAT(why, testing::HasSubstr("the gang's reductions took longer than"));
                 broken += !why.empty();
             },
             {.timeout = 300ms});
    EXPECT_EQ(broken, 2);
}

TEST(NcclGroupTest, AMemberThatNeverStartsIsGangBrokenForTheOthers) {
    NcclApi late = nccl_double();
    late.init = [](NcclApi::Communicator* made, int size, const NcclApi::Id* id, int rank) {
        // Waits for a member that does not exist.
        return nccl_double().init(made, size + 1, id, rank);
    };
    std::atomic<int> broken = 0;
    cluster::ThroughFakeAgents::run(2, [&](Group& agents) {
        StreamDouble stream;
        const std::string why = gang_broken_by([&] {
            make_nccl_group(late, stream, make_host_memory(), agents,
                            "GPU-" + std::to_string(agents.rank()), {.timeout = 200ms});
        });
        EXPECT_THAT(why, testing::HasSubstr("the start of the gang's communicator took longer"));
        broken += !why.empty();
    });
    EXPECT_EQ(broken, 2);
}

TEST(NcclGroupTest, AnErrorOfTheCommunicatorBreaksTheGangWithItsMessage) {
    std::atomic<int> broken = 0;
    run_gang(2, [&](Member member) {
        const auto x = member.group.allocate(10);
        const std::string why = gang_broken_by([&] {
            member.group.all_reduce_mean(x.first(member.group.rank() == 0 ? 10 : 7));
            member.group.wait();
        });
        EXPECT_THAT(why, testing::HasSubstr("invalid usage: members reduce different counts"));
        broken += !why.empty();
        EXPECT_THROW(member.group.all_reduce_mean(x), Error) << "a broken gang is not used again";
    });
    EXPECT_EQ(broken, 2);
}

TEST(NcclGroupTest, AFailedCallBreaksTheGang) {
    NcclApi refusing = nccl_double();
    refusing.all_reduce_sum = [](float*, size_t, NcclApi::Communicator, void*) {
        return kNcclRemoteError;
    };
    cluster::ThroughFakeAgents::run(2, [&](Group& agents) {
        StreamDouble stream;
        const auto group = make_nccl_group(refusing, stream, make_host_memory(), agents,
                                           "GPU-" + std::to_string(agents.rank()));
        const auto x = group->allocate(1);
        EXPECT_THAT(gang_broken_by([&] { group->all_reduce_mean(x); }),
                    testing::HasSubstr("ncclAllReduce: remote process exited"));
    });
}

TEST(NcclGroupTest, TwoMembersOnOneGpuAreRefusedWithBothNames) {
    std::atomic<int> refused = 0;
    const auto gpu_of = [](int rank) { return "GPU-" + std::to_string(rank % 2); };
    cluster::ThroughFakeAgents::run(3, [&](Group& agents) {
        StreamDouble stream;
        try {
            make_nccl_group(nccl_double(), stream, make_host_memory(), agents,
                            gpu_of(agents.rank()));
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            EXPECT_THAT(
                error.what(),
                testing::MatchesRegex(
                    "gang: members 0 \\(.+\\) and 2 \\(.+\\) are both on GPU GPU-0, .*hint: .*"));
            ++refused;
        }
    });
    EXPECT_EQ(refused, 3) << "all members throw, so none waits";
}

TEST(NcclGroupTest, AWaitCallsBackAndEndsWhenTheCallbackThrows) {
    struct Left {};
    std::atomic<int> left = 0;
    std::atomic<int> calls = 0;
    run_gang(2,
             [&](Member member) {
                 const auto x = member.group.allocate(4);
                 if (member.group.rank() == 1) {
                     while (left == 0) std::this_thread::yield();
                     return;
                 }
                 member.group.all_reduce_mean(x);
                 EXPECT_THROW(member.group.wait(), Left);
                 ++left;
             },
             {.timeout = 1h, .while_waiting = [&] {
                  if (++calls > 100) throw Left();
              }});
    EXPECT_GT(calls, 100);
}

// The agents' group of two processes, over shared memory, for the exchange at the start.
class PairOfProcesses final : public Group {
  public:
    PairOfProcesses()
        : shared_(static_cast<Shared*>(::mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE,
                                              MAP_SHARED | MAP_ANONYMOUS, -1, 0))) {}
    ~PairOfProcesses() override { ::munmap(shared_, sizeof(Shared)); }
    void become(int rank) { rank_ = rank; }
    int rank() const override { return rank_; }
    int size() const override { return 2; }
    std::span<float> allocate(size_t count) override {
        return std::span(shared_->memory[rank_]).first(count);
    }
    void all_reduce_mean(std::span<float> x) override {
        meet();
        std::vector<float> mean(x.size());
        for (size_t i = 0; i < x.size(); ++i)
            mean[i] = (shared_->memory[0][i] + shared_->memory[1][i]) / 2;
        meet();
        std::copy(mean.begin(), mean.end(), x.begin());
    }

  private:
    struct Shared {
        std::atomic<int> arrivals;
        float memory[2][4096];
    };
    void meet() {
        meetings_ += 2;
        ++shared_->arrivals;
        while (shared_->arrivals < meetings_) std::this_thread::yield();
    }
    Shared* shared_;
    int rank_ = 0, meetings_ = 0;
};

TEST(NcclGroupTest, AMemberKilledDuringAReductionIsGangBrokenForTheOther) {
    PairOfProcesses agents;
    const auto start = [&](StreamDouble& stream, std::chrono::milliseconds timeout) {
        return make_nccl_group(nccl_double(), stream, make_host_memory(), agents,
                               "GPU-" + std::to_string(agents.rank()), {.timeout = timeout});
    };
    constexpr size_t kCount = 100000; // several chunks of the double
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        agents.become(1);
        StreamDouble stream;
        const auto group = start(stream, 1h);
        const auto x = group->allocate(kCount);
        group->all_reduce_mean(x);
        group->wait();
        stream.enqueue([] { ::raise(SIGKILL); });
        group->all_reduce_mean(x);
        group->wait();
        ::_exit(1);
    }
    StreamDouble stream;
    const auto group = start(stream, 500ms);
    const auto x = group->allocate(kCount);
    group->all_reduce_mean(x);
    group->wait();
    group->all_reduce_mean(x);
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFSIGNALED(status));
    EXPECT_THAT(gang_broken_by([&] { group->wait(); }), testing::HasSubstr("took longer"));
}

} // namespace
} // namespace dagan::gang
