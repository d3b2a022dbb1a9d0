#include "cluster/process/liveness.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dagan::cluster {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

class HeartbeatTest : public testing::Test {
  protected:
    // Polls ten times a second for `time`, while the ranks `alive` send heartbeats once a second.
    // Returns the first lost rank.
    std::optional<int> poll_for(Heartbeat& heartbeat, std::chrono::milliseconds time,
                                const std::vector<int>& alive) {
        for (const SteadyTime end = now_ + time; now_ < end;) {
            now_ += 100ms;
            if (heartbeat.due(now_)) {
                for (const int rank : alive) heartbeat.on_sign(rank, now_);
            }
            if (const auto lost = heartbeat.lost(now_)) return lost;
        }
        return std::nullopt;
    }
    static constexpr Heartbeat::Limits kLimits{.silence = 10s, .first_sign = 30s};
    SteadyTime now_{1h};
};

TEST_F(HeartbeatTest, ASilentRankIsLostAtTheLimitAndNotBefore) {
    Heartbeat heartbeat({1, 2, 3}, kLimits, now_);
    EXPECT_EQ(poll_for(heartbeat, 60s, {1, 2, 3}), std::nullopt);
    const SteadyTime fell_silent = now_;
    EXPECT_EQ(poll_for(heartbeat, 60s, {1, 3}), 2);
    EXPECT_GE(now_ - fell_silent, 9s); // its last heartbeat may be a second old
    EXPECT_LE(now_ - fell_silent, 10s + 100ms);
}

TEST_F(HeartbeatTest, ARankThatNeverSendsIsLostAtTheLaterLimit) {
    Heartbeat heartbeat({0}, kLimits, now_);
    EXPECT_EQ(poll_for(heartbeat, 29900ms, {}), std::nullopt);
    EXPECT_EQ(poll_for(heartbeat, 200ms, {}), 0);
}

TEST_F(HeartbeatTest, TimeInWhichTheObserverDidNotRunIsNotSilence) {
    Heartbeat heartbeat({1}, kLimits, now_);
    heartbeat.on_sign(1, now_);
    now_ += 1h;
    EXPECT_EQ(heartbeat.lost(now_), std::nullopt);
    EXPECT_EQ(poll_for(heartbeat, 8900ms, {}), std::nullopt) << "only a second of the hour counts";
    EXPECT_EQ(poll_for(heartbeat, 200ms, {}), 1);
}

TEST_F(HeartbeatTest, WithoutWatchedRanksNoneIsLost) {
    Heartbeat heartbeat({}, kLimits, now_);
    EXPECT_EQ(poll_for(heartbeat, 60s, {}), std::nullopt);
}

TEST_F(HeartbeatTest, MessagesOfUnwatchedRanksAreIgnored) {
    Heartbeat heartbeat({1}, kLimits, now_);
    EXPECT_EQ(poll_for(heartbeat, 31s, {2}), 1);
}

TEST_F(HeartbeatTest, HeartbeatsAreDueOncePerSecond) {
    Heartbeat heartbeat({}, kLimits, now_);
    int due = 0;
    for (int i = 0; i < 100; ++i, now_ += 100ms) due += heartbeat.due(now_);
    EXPECT_EQ(due, 10);
}

TEST_F(HeartbeatTest, RankZeroWatchesAllOthersAndIsWatchedByThem) {
    EXPECT_THAT(ranks_watched_by(0, 1), IsEmpty());
    EXPECT_THAT(ranks_watched_by(0, 4), ElementsAre(1, 2, 3));
    EXPECT_THAT(ranks_watched_by(2, 4), ElementsAre(0));
}

TEST(SilenceTest, RestartsAtASignOfLife) {
    SteadyTime now{1h};
    Silence silence(now);
    EXPECT_EQ(silence.at(now += 500ms), 500ms);
    EXPECT_EQ(silence.at(now += 600ms), 1100ms);
    silence.on_sign(now);
    EXPECT_EQ(silence.at(now += 10ms), 10ms);
}

TEST(SilenceTest, CountsAtMostASecondBetweenTwoCalls) {
    SteadyTime now{1h};
    Silence silence(now);
    EXPECT_EQ(silence.at(now += 100s), 1s);
    EXPECT_EQ(silence.at(now += 100s), 2s);
}

TEST(PatienceTest, IsTwoSecondsPlusTenSteps) {
    EXPECT_EQ(patience_for(0s), 2s);
    EXPECT_EQ(patience_for(50ms), 2500ms);
    EXPECT_EQ(patience_for(3s), 32s);
}

} // namespace
} // namespace dagan::cluster
