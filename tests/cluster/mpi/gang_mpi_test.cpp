// Gangs over MPI: every rank is an agent. First the contract of Group, with threads as trainers;
// then trainer processes, which are also killed.
#include "cluster/mpi/mpi_gang.h"
#include "cluster/process/probe.h"

#include <signal.h>

namespace dagan::cluster {
namespace {

template <MapOthers map_others> struct ThroughMpiAgents {
    static std::vector<int> sizes() { return {world().size()}; }
    static void run(int, const gang::GroupBody& body) {
        run_member(all_ranks(), 7, body, map_others);
    }
};
} // namespace
} // namespace dagan::cluster

namespace dagan::gang {
namespace {

INSTANTIATE_TYPED_TEST_SUITE_P(InSharedMemory, GroupContract,
                               cluster::ThroughMpiAgents<cluster::MapOthers::if_possible>);
INSTANTIATE_TYPED_TEST_SUITE_P(ByMessages, GroupContract,
                               cluster::ThroughMpiAgents<cluster::MapOthers::never>);

} // namespace
} // namespace dagan::gang

namespace dagan::cluster {
namespace {

void expect_mean(gang::Group& group, float own, float mean) {
    const auto x = group.allocate(5000);
    std::ranges::fill(x, own);
    group.all_reduce_mean(x);
    EXPECT_EQ(x.front(), mean);
    EXPECT_EQ(x.back(), mean);
}

TEST(GangOverMpiTest, DisjointGangsReduceAtTheSameTime) {
    std::vector<int> low, high;
    for (const int rank : all_ranks()) (2 * rank < world().size() ? low : high).push_back(rank);
    const auto& mine = position_in(low) >= 0 ? low : high;
    std::ranges::reverse(low); // the order of positions may differ from that of ranks
    float sum = 0;
    for (const int rank : mine) sum += static_cast<float>(rank);
    run_member(mine, &mine == &low ? 1 : 2, [&](gang::Group& group) {
        EXPECT_EQ(mine[static_cast<size_t>(group.rank())], world().rank());
        for (int round = 0; round < 20; ++round)
            expect_mean(group, static_cast<float>(world().rank()),
                        sum / static_cast<float>(mine.size()));
    });
}

TEST(GangOverMpiTest, ManyGangsFollowOneAnother) {
    for (int i = 0; i < 100; ++i) {
        run_member(all_ranks(), i, [](gang::Group& group) {
            expect_mean(group, static_cast<float>(group.rank()),
                        static_cast<float>(group.size() - 1) / 2);
        });
    }
}

// A member of a gang with a trainer process. Tells the trainer to reduce and returns its reply, or
// "dead".
class Member {
  public:
    explicit Member(int tag, MapOthers map_others = MapOthers::if_possible)
        : reducer_(make_gang(all_ranks(), tag, probe_.memory, map_others)) {
        EXPECT_EQ(probe_.ask("hello"), "echo hello");
    }

    void tell_to_reduce(int count) {
        probe_.send("reduce " + std::to_string(world().rank()) + " " +
                    std::to_string(world().size()) + " " + std::to_string(count));
    }
    void kill_trainer() { mpi_environment().spawner.kill(probe_.id, SIGKILL); }
    bool over() const { return reducer_->over(); }
    GangReducer& reducer() { return *reducer_; }

    // Serves the trainer until it has replied or died and, unless it replied with a mean, until the
    // gang is over. Returns the reply.
    std::string serve() {
        std::optional<std::string> reply;
        wait_for([&] {
            if (auto text = receive()) reply = std::move(text);
            if (const auto answer = reducer_->poll()) probe_.link.answer(*answer);
            if (!reply && probe_.link.closed()) {
                reply = "dead";
                reducer_->fail();
            }
            return reply && (reply->starts_with("mean") || reducer_->over());
        });
        return *reply;
    }
    // Waits until the trainer has requested a reduction, whose round this member enters at once.
    void await_request() {
        wait_for([this] {
            EXPECT_EQ(receive(), std::nullopt);
            return reducer_->trainer_waits();
        });
    }
    // Acts as if the trainer had ended its task, and waits for the end of the gang.
    void finish() {
        reducer_->finish();
        wait_for([this] {
            reducer_->poll();
            return reducer_->over();
        });
        EXPECT_EQ(reducer_->state(), GangReducer::State::finished);
    }

  private:
    // Passes requests to the reducer and returns the last reply of the trainer.
    std::optional<std::string> receive() {
        std::optional<std::string> reply;
        while (auto message = probe_.link.receive()) {
            if (const auto* request = std::get_if<ReduceRequest>(&*message)) {
                reducer_->reduce(*request);
            } else {
                reply = std::get<std::string>(*message);
            }
        }
        return reply;
    }

    Probe probe_{mpi_environment().spawner};
    std::unique_ptr<GangReducer> reducer_;
};

std::string expected_mean() {
    const int twice = world().size() + 1;
    return "mean " + std::to_string(twice / 2) + (twice % 2 == 1 ? ".5" : "");
}

void expect_healthy_gang(int tag) {
    Member member(tag);
    for (int step = 0; step < 3; ++step) {
        member.tell_to_reduce(100000);
        EXPECT_EQ(member.serve(), expected_mean());
    }
    member.finish();
}

TEST(GangOverMpiTest, TrainerProcessesReduceThroughTheirAgents) { expect_healthy_gang(3); }

class KilledTrainerTest : public testing::TestWithParam<MapOthers> {};
INSTANTIATE_TEST_SUITE_P(Ways, KilledTrainerTest,
                         testing::Values(MapOthers::if_possible, MapOthers::never));

TEST_P(KilledTrainerTest, BreaksTheGangForAllAndANewGangWorks) {
    const int last = world().size() - 1;
    for (int round = 0; round < 3; ++round) {
        Member member(10 + round, GetParam());
        member.tell_to_reduce(1000);
        ASSERT_EQ(member.serve(), expected_mean());
        if (world().rank() == last) {
            member.kill_trainer();
        } else {
            member.tell_to_reduce(1000);
        }
        EXPECT_EQ(member.serve(), world().rank() == last ? "dead" : "broken");
        EXPECT_EQ(member.reducer().state(), GangReducer::State::broken);
        expect_healthy_gang(20 + round);
    }
}

// In the first round, which maps the memories, and in a later one.
TEST_P(KilledTrainerTest, CompletesTheRoundItDiesIn) {
    const int last = world().size() - 1;
    for (const int rounds_before : {0, 2}) {
        Member member(50 + rounds_before, GetParam());
        for (int round = 0; round <= rounds_before; ++round) {
            member.tell_to_reduce(3000000);
            if (round < rounds_before || world().rank() != last) {
                ASSERT_EQ(member.serve(), expected_mean());
                continue;
            }
            member.await_request();
            member.kill_trainer();
        }
        if (world().rank() != last) member.tell_to_reduce(1000);
        std::string reply = member.serve();
        // The trainer may have received its mean before the signal arrived.
        if (reply == expected_mean()) reply = member.serve();
        EXPECT_EQ(reply, world().rank() == last ? "dead" : "broken");
        EXPECT_EQ(member.reducer().state(), GangReducer::State::broken);
    }
}

TEST(GangOverMpiTest, UnequalCountsBreakTheGangForAll) {
    if (world().size() == 1) return expect_healthy_gang(30);
    Member member(31);
    member.tell_to_reduce(world().rank() == 0 ? 1000 : 1001);
    EXPECT_EQ(member.serve(), "broken");
    expect_healthy_gang(32);
}

TEST(GangOverMpiTest, LargeReduction) {
    constexpr size_t kCount = 10 << 20; // 40 MiB, as the generator's gradients
    run_member(all_ranks(), 40, [](gang::Group& group) {
        const auto x = group.allocate(kCount);
        std::vector<double> times;
        for (int round = 0; round < 7; ++round) {
            std::ranges::fill(x, static_cast<float>(group.rank()));
            x.back() = 4;
            const auto begin = std::chrono::steady_clock::now();
            group.all_reduce_mean(x);
            times.push_back(
                std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
            ASSERT_EQ(x[kCount / 2], static_cast<float>(group.size() - 1) / 2);
            ASSERT_EQ(x.back(), 4);
        }
        std::ranges::sort(times);
        if (group.rank() == 0)
            testing::Test::RecordProperty("median_ms", static_cast<int>(times[3] * 1000));
        if (group.rank() == 0)
            std::cout << "40 MiB over " << group.size() << " ranks: median " << times[3] * 1000
                      << " ms\n";
    });
}

} // namespace
} // namespace dagan::cluster
