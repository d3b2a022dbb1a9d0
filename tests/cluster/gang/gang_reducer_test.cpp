#include "cluster/gang/gang_reducer.h"

#include "base/error.h"
#include "base/random.h"
#include "support/fake_collectives.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dagan::cluster {
namespace {

using State = GangReducer::State;

// A gang whose agents all live in this test.
class Gang {
  public:
    explicit Gang(int size, size_t floats = 64) : collectives_(size) {
        for (int i = 0; i < size; ++i) {
            memories_.push_back(std::make_shared<SharedMemory>(SharedMemory::create(1 << 20)));
            memories_.back()->grow(floats * sizeof(float));
            members_.push_back(
                std::make_unique<GangReducer>(collectives_.member(i), memories_.back()));
            answers_.emplace_back();
        }
    }

    int size() const { return static_cast<int>(members_.size()); }
    GangReducer& operator[](int i) { return *members_.at(static_cast<size_t>(i)); }
    std::span<float> data(int i) { return memories_.at(static_cast<size_t>(i))->floats(0, 64); }
    std::vector<ReduceAnswer>& answers(int i) { return answers_.at(static_cast<size_t>(i)); }
    int released() const { return collectives_.released(); }

    void poll(int i) {
        if (const auto answer = (*this)[i].poll()) answers(i).push_back(*answer);
    }
    // Runs all agents until none can advance: a round takes two phases, so a few turns suffice.
    void settle() {
        for (int turn = 0; turn < 8; ++turn) {
            for (int i = 0; i < size(); ++i) poll(i);
        }
    }
    void expect_all(State state) {
        for (int i = 0; i < size(); ++i)
            EXPECT_EQ((*this)[i].state(), state)
                << "member " << i << ": " << (*this)[i].why_broken();
        EXPECT_EQ(released(), state == State::running ? 0 : size());
    }

  private:
    FakeCollectives collectives_;
    std::vector<std::shared_ptr<SharedMemory>> memories_;
    std::vector<std::unique_ptr<GangReducer>> members_;
    std::vector<std::vector<ReduceAnswer>> answers_;
};

const std::vector<ReduceAnswer> kDone{ReduceAnswer::done}, kBroken{ReduceAnswer::broken};

TEST(GangReducerTest, TheMeanReplacesTheRequestedPartOnly) {
    Gang gang(3);
    for (int i = 0; i < 3; ++i) {
        for (size_t k = 0; k < 64; ++k)
            gang.data(i)[k] = static_cast<float>(k) + 10.0F * static_cast<float>(i);
        gang[i].reduce({16, 8});
    }
    gang.settle();
    for (int i = 0; i < 3; ++i) {
        EXPECT_EQ(gang.answers(i), kDone);
        for (size_t k = 0; k < 64; ++k) {
            const float own = static_cast<float>(k) + 10.0F * static_cast<float>(i);
            EXPECT_EQ(gang.data(i)[k], 16 <= k && k < 24 ? static_cast<float>(k) + 10.0F : own)
                << "member " << i << " at " << k;
        }
    }
    gang.expect_all(State::running);
}

TEST(GangReducerTest, NoRequestIsAnsweredBeforeAllMembersHaveOne) {
    Gang gang(3);
    gang[0].reduce({0, 4});
    gang[2].reduce({0, 4});
    gang.settle();
    EXPECT_TRUE(gang.answers(0).empty());
    EXPECT_TRUE(gang[0].trainer_waits());
    gang[1].reduce({0, 4});
    gang.settle();
    EXPECT_EQ(gang.answers(0), kDone);
    EXPECT_FALSE(gang[0].trainer_waits());
}

TEST(GangReducerTest, OffsetsMayDifferBetweenMembers) {
    Gang gang(2);
    gang.data(0)[3] = 1;
    gang.data(1)[40] = 3;
    gang[0].reduce({3, 1});
    gang[1].reduce({40, 1});
    gang.settle();
    EXPECT_EQ(gang.data(0)[3], 2);
    EXPECT_EQ(gang.data(1)[40], 2);
}

TEST(GangReducerTest, TheGangEndsWhenAllMembersHaveFinished) {
    Gang gang(3);
    gang[0].finish();
    gang[1].finish();
    gang.settle();
    EXPECT_FALSE(gang[0].over());
    gang[2].finish();
    gang.settle();
    gang.expect_all(State::finished);
}

TEST(GangReducerTest, AFailedMemberBreaksTheGangForAllThatReduce) {
    Gang gang(3);
    gang[1].fail();
    gang[0].reduce({0, 4});
    gang[2].reduce({0, 4});
    gang.settle();
    gang.expect_all(State::broken);
    EXPECT_EQ(gang.answers(0), kBroken);
    EXPECT_EQ(gang.answers(2), kBroken);
    EXPECT_TRUE(gang.answers(1).empty());
}

TEST(GangReducerTest, ATrainerThatDiesAfterItsRequestCompletesTheRoundAndFailsTheNext) {
    Gang gang(2);
    gang.data(0)[0] = 1;
    gang.data(1)[0] = 2;
    gang[1].reduce({0, 1});
    gang[1].fail();
    gang[0].reduce({0, 1});
    gang.settle();
    EXPECT_EQ(gang.answers(0), kDone);
    EXPECT_EQ(gang.data(0)[0], 1.5F);
    gang[0].reduce({0, 1});
    gang.settle();
    EXPECT_EQ(gang.answers(0), (std::vector{ReduceAnswer::done, ReduceAnswer::broken}));
    gang.expect_all(State::broken);
}

TEST(GangReducerTest, AMixOfFinishedAndReducingMembersBreaksTheGang) {
    Gang gang(2);
    gang[0].finish();
    gang[1].reduce({0, 4});
    gang.settle();
    gang.expect_all(State::broken);
    EXPECT_EQ(gang.answers(1), kBroken);
}

TEST(GangReducerTest, UnequalCountsBreakTheGangAndLeaveTheDataUnchanged) {
    Gang gang(3);
    for (int i = 0; i < 3; ++i) gang.data(i)[0] = static_cast<float>(i);
    gang[0].reduce({0, 4});
    gang[1].reduce({0, 5});
    gang[2].reduce({0, 4});
    gang.settle();
    gang.expect_all(State::broken);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(gang.data(i)[0], static_cast<float>(i));
    EXPECT_EQ(gang[0].why_broken(), "members reduce 4 and 5 floats in the same round");
}

TEST(GangReducerTest, ARequestBeyondTheMemoryBreaksTheGang) {
    for (const ReduceRequest request :
         {ReduceRequest{0, 65}, ReduceRequest{64, 1}, ReduceRequest{UINT64_MAX, 2}}) {
        Gang gang(2);
        gang[0].reduce(request);
        gang[1].reduce({0, 4});
        gang.settle();
        gang.expect_all(State::broken);
        EXPECT_EQ(gang.answers(0), kBroken);
    }
}

TEST(GangReducerTest, ARequestAfterTheEndIsAnsweredBroken) {
    Gang gang(2);
    gang[0].fail();
    gang[0].reduce({0, 4}); // sent before the trainer knew
    gang.poll(0);
    EXPECT_EQ(gang.answers(0), kBroken);
    gang[1].fail();
    gang.settle();
    gang.expect_all(State::broken);
    gang[1].reduce({0, 4});
    gang.poll(1);
    EXPECT_EQ(gang.answers(1), kBroken);
}

TEST(GangReducerTest, AGangOfOneLeavesItsDataUnchanged) {
    Gang gang(1);
    gang.data(0)[0] = 5;
    gang[0].reduce({0, 1});
    gang.settle();
    EXPECT_EQ(gang.answers(0), kDone);
    EXPECT_EQ(gang.data(0)[0], 5);
    gang[0].finish();
    gang.settle();
    gang.expect_all(State::finished);
}

// Trainers that reduce `rounds` times and then end their tasks. In some runs, trainers die at
// random. Agents run in random order.
struct RandomRun {
    explicit RandomRun(uint64_t run_seed)
        : seed(run_seed), random(run_seed), gang(1 + static_cast<int>(random.below(5))),
          rounds(random.below(6)) {
        lost.resize(static_cast<size_t>(gang.size()));
        ended.resize(static_cast<size_t>(gang.size()));
        requests.resize(static_cast<size_t>(gang.size()));
        some_die = random.chance(0.7);
    }

    void step_trainer(int i) {
        const auto k = static_cast<size_t>(i);
        if (lost[k] || ended[k]) return;
        if (some_die && random.chance(0.03)) {
            lost[k] = true;
            gang[i].fail();
        } else if (!gang[i].trainer_waits()) {
            const auto& answers = gang.answers(i);
            if (!answers.empty() && answers.back() == ReduceAnswer::broken) {
                ended[k] = true; // the trainer left its training loop
                gang[i].fail();
            } else if (answers.size() == rounds) {
                ended[k] = true;
                gang[i].finish();
            } else {
                ++requests[k];
                gang[i].reduce({8 * random.below(4), 5});
            }
        }
    }

    void check() {
        SCOPED_TRACE("seed " + std::to_string(seed));
        for (int i = 0; i < gang.size(); ++i) {
            ASSERT_EQ(gang.answers(i).size() + (gang[i].trainer_waits() ? 1 : 0),
                      requests[static_cast<size_t>(i)])
                << "each request has one answer";
        }
    }

    bool over() {
        for (int i = 0; i < gang.size(); ++i) {
            if (!gang[i].over()) return false;
        }
        return true;
    }

    uint64_t seed;
    Random random;
    Gang gang;
    uint64_t rounds;
    bool some_die = false;
    std::vector<bool> lost, ended;
    std::vector<size_t> requests;
};

TEST(GangReducerTest, RandomGangsEndAndAllMembersAgree) {
    int broken = 0, finished = 0;
    for (uint64_t seed = 1; seed <= 3000; ++seed) {
        RandomRun run(seed);
        for (int step = 0; !run.over(); ++step) {
            ASSERT_LT(step, 100000) << "seed " << seed << ": the gang did not end";
            const int i =
                static_cast<int>(run.random.below(static_cast<uint64_t>(run.gang.size())));
            run.random.chance(0.4) ? run.step_trainer(i) : run.gang.poll(i);
            ASSERT_NO_FATAL_FAILURE(run.check());
        }
        const State state = run.gang[0].state();
        run.gang.expect_all(state);
        ASSERT_FALSE(testing::Test::HasFailure()) << "seed " << seed;
        const bool any_lost = std::ranges::count(run.lost, true) > 0;
        if (!any_lost) {
            ASSERT_EQ(state, State::finished) << "seed " << seed;
        }
        ++(state == State::broken ? broken : finished);
    }
    EXPECT_GT(broken, 500);
    EXPECT_GT(finished, 500);
}

} // namespace
} // namespace dagan::cluster
