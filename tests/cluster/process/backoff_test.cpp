#include "cluster/process/backoff.h"

#include "base/descriptor.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <thread>

namespace dagan::cluster {
namespace {

using namespace std::chrono_literals;

TEST(BackoffTest, PausesGrowFromZeroToTheMaximum) {
    Backoff backoff(200us);
    EXPECT_EQ(backoff.next_pause(), 0us);
    std::chrono::microseconds last{0};
    for (int turn = 0; turn < 60; ++turn) {
        EXPECT_GE(backoff.next_pause(), last);
        last = backoff.next_pause();
        EXPECT_FALSE(backoff.pause({}));
    }
    EXPECT_EQ(last, 200us);
    backoff.on_activity();
    EXPECT_EQ(backoff.next_pause(), 0us);
}

TEST(BackoffTest, AReadyDescriptorEndsThePause) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Descriptor reader(ends[0]), writer(ends[1]);
    Backoff backoff(1h);
    while (backoff.next_pause() < 10ms)
        EXPECT_FALSE(backoff.pause(std::array{Watch{reader.get()}}));
    std::jthread later([&] {
        std::this_thread::sleep_for(1ms);
        EXPECT_EQ(::write(writer.get(), "x", 1), 1);
    });
    // Pauses double up to an hour, so only the descriptor ends this loop.
    while (!backoff.pause(std::array{Watch{reader.get()}})) {
    }
    EXPECT_EQ(backoff.next_pause(), 0us) << "a ready descriptor counts as activity";
}

TEST(BackoffTest, RoomToWriteCountsOnlyOnRequest) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const Descriptor reader(ends[0]), writer(ends[1]);
    Backoff backoff;
    EXPECT_TRUE(backoff.pause(std::array{Watch{writer.get(), true}}));
    EXPECT_FALSE(backoff.pause(std::array{Watch{reader.get(), false}}));
}

} // namespace
} // namespace dagan::cluster
