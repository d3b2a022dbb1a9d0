#include "cluster/transport/channel.h"

#include "base/error.h"
#include "base/random.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <deque>
#include <thread>
#include <vector>

namespace dagan::cluster {
namespace {

using namespace std::chrono_literals;

// A channel and the plain socket at its other end.
struct ChannelAndSocket {
    Channel channel;
    Descriptor socket;
};
ChannelAndSocket channel_and_socket() {
    auto [one, other] = make_socket_pair();
    return {Channel(std::move(one)), std::move(other)};
}
void write_all(const Descriptor& to, std::string_view bytes) {
    ASSERT_EQ(::write(to.get(), bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
}
std::string framed(std::string_view text) {
    const auto length = static_cast<uint32_t>(text.size());
    return std::string(reinterpret_cast<const char*>(&length), 4) + std::string(text);
}

TEST(ChannelTest, FramesArriveWholeAndInOrder) {
    auto [a, b] = make_channel_pair();
    a.send("first");
    a.send("");
    a.send(std::string("nul\0inside", 10));
    EXPECT_EQ(b.receive(), "first");
    EXPECT_EQ(b.receive(), "");
    EXPECT_EQ(b.receive(), std::string("nul\0inside", 10));
    EXPECT_EQ(b.receive(), std::nullopt);
    EXPECT_FALSE(b.closed());
}

TEST(ChannelTest, AFrameThatArrivesInTwoPartsIsReceivedWhole) {
    const std::string bytes = framed("hello") + framed("") + framed("world");
    for (size_t cut = 0; cut <= bytes.size(); ++cut) {
        auto [channel, socket] = channel_and_socket();
        std::vector<std::string> got;
        const auto drain = [&] {
            while (auto frame = channel.receive()) got.push_back(*frame);
        };
        write_all(socket, bytes.substr(0, cut));
        drain();
        write_all(socket, bytes.substr(cut));
        drain();
        EXPECT_EQ(got, (std::vector<std::string>{"hello", "", "world"})) << "cut at " << cut;
    }
}

TEST(ChannelTest, FramesOfRandomSizesArriveInBothDirections) {
    const uint64_t seed = 7;
    Random random(seed);
    auto [a, b] = make_channel_pair();
    std::deque<std::string> to_a, to_b;
    for (int i = 0; i < 5000; ++i) {
        Channel& from = random.chance(0.5) ? a : b;
        std::string text(random.below(random.chance(0.02) ? 200000 : 60),
                         static_cast<char>('a' + random.below(26)));
        from.send(text);
        (&from == &a ? to_b : to_a).push_back(text);
        Channel& at = random.chance(0.5) ? a : b;
        auto& expected = &at == &a ? to_a : to_b;
        if (random.chance(0.3)) continue;
        at.flush();
        if (auto frame = at.receive()) {
            ASSERT_FALSE(expected.empty()) << "seed " << seed << " step " << i;
            ASSERT_EQ(*frame, expected.front()) << "seed " << seed << " step " << i;
            expected.pop_front();
        }
    }
    while (!to_a.empty() || !to_b.empty()) {
        a.flush();
        b.flush();
        for (auto* side : {&a, &b}) {
            auto& expected = side == &a ? to_a : to_b;
            if (auto frame = side->receive()) {
                ASSERT_EQ(*frame, expected.front()) << "seed " << seed;
                expected.pop_front();
            }
        }
    }
}

TEST(ChannelTest, SendToASlowPeerDoesNotBlockAndLosesNothing) {
    auto [a, b] = make_channel_pair();
    std::string big(10 << 20, '\0');
    for (size_t i = 0; i < big.size(); ++i) big[i] = static_cast<char>(i * 2654435761U >> 13);
    a.send(big); // the peer does not read yet
    a.send("after");
    EXPECT_GT(a.unsent_bytes(), 0U);
    EXPECT_FALSE(a.flush());
    std::optional<std::string> got;
    while (!(got = b.receive())) a.flush();
    EXPECT_TRUE(*got == big);
    while (!(got = b.receive())) a.flush();
    EXPECT_EQ(*got, "after");
    EXPECT_EQ(a.unsent_bytes(), 0U);
}

TEST(ChannelTest, FramesSentBeforeThePeerClosedAreReceived) {
    auto [channel, socket] = channel_and_socket();
    write_all(socket, framed("last frame") + framed("cut off").substr(0, 6));
    // A close with unread data makes the kernel report a reset.
    channel.send("unread by the peer");
    socket.close();
    EXPECT_FALSE(channel.closed());
    EXPECT_EQ(channel.receive(), "last frame");
    EXPECT_EQ(channel.receive(), std::nullopt);
    EXPECT_TRUE(channel.closed());
}

TEST(ChannelTest, SendToAClosedPeerIsDroppedWithoutASignal) {
    auto [channel, socket] = channel_and_socket();
    socket.close();
    channel.send("first");
    channel.send("second");
    EXPECT_EQ(channel.unsent_bytes(), 0U);
    EXPECT_EQ(channel.receive(), std::nullopt);
    EXPECT_TRUE(channel.closed());
}

TEST(ChannelTest, AnInvalidFrameLengthIsRefused) {
    auto [channel, socket] = channel_and_socket();
    write_all(socket, "\xff\xff\xff\xff garbage");
    EXPECT_THROW(channel.receive(), Error);
}

TEST(ChannelTest, WaitingEndsAtAFrameTheTimeoutOrTheEnd) {
    auto [channel, socket] = channel_and_socket();
    EXPECT_EQ(channel.receive_within(1ms), std::nullopt);
    EXPECT_FALSE(channel.closed());
    std::jthread peer([&] {
        std::this_thread::sleep_for(5ms);
        write_all(socket, framed("here"));
        std::this_thread::sleep_for(5ms);
        socket.close();
    });
    EXPECT_EQ(channel.receive_within(1h), "here");
    EXPECT_EQ(channel.receive_within(1h), std::nullopt);
    EXPECT_TRUE(channel.closed());
}

TEST(ChannelTest, WaitingAlsoWritesQueuedBytes) {
    auto [a, b] = make_channel_pair();
    a.send(std::string(4 << 20, 'x'));
    std::jthread peer([&b = b] {
        while (!b.receive()) std::this_thread::yield();
        b.send("got it");
    });
    EXPECT_EQ(a.receive_within(1h), "got it");
}

} // namespace
} // namespace dagan::cluster
