#include "cluster/transport/trainer_link.h"

#include "base/error.h"

#include <gtest/gtest.h>

#include <thread>

namespace dagan::cluster {
namespace {

using namespace std::chrono_literals;

struct Linked {
    TrainerLink trainer;
    AgentLink agent;
};
Linked linked() {
    auto [one, other] = make_channel_pair();
    return {TrainerLink(std::move(one)), AgentLink(std::move(other))};
}

// Returns the next message of the trainer; waits for it.
FromTrainer next(AgentLink& agent) {
    for (;;) {
        if (auto message = agent.receive()) return *message;
        std::this_thread::yield();
    }
}

TEST(TrainerLinkTest, ControlMessagesArriveUnchangedInBothDirections) {
    auto [trainer, agent] = linked();
    agent.send("r looks like a reduction");
    agent.send("");
    EXPECT_EQ(trainer.receive(), "r looks like a reduction");
    EXPECT_EQ(trainer.receive(), "");
    EXPECT_EQ(trainer.receive(), std::nullopt);
    trainer.send("hello");
    EXPECT_EQ(std::get<std::string>(*agent.receive()), "hello");
    EXPECT_EQ(agent.receive(), std::nullopt);
}

TEST(TrainerLinkTest, AReductionIsRequestedAndAnswered) {
    auto [trainer, agent] = linked();
    for (const auto answer : {ReduceAnswer::done, ReduceAnswer::broken}) {
        std::jthread thread([&agent = agent, answer] {
            EXPECT_EQ(std::get<ReduceRequest>(next(agent)), (ReduceRequest{1ULL << 40, 12}));
            agent.answer(answer);
        });
        EXPECT_EQ(trainer.reduce({1ULL << 40, 12}), answer);
    }
}

TEST(TrainerLinkTest, ControlMessagesDuringAReductionAreKeptInOrder) {
    auto [trainer, agent] = linked();
    agent.send("before");
    std::jthread thread([&agent = agent] {
        next(agent);
        agent.send("during");
        agent.answer(ReduceAnswer::done);
        agent.send("after");
    });
    EXPECT_EQ(trainer.reduce({0, 1}), ReduceAnswer::done);
    EXPECT_EQ(trainer.receive_within(1h), "before");
    EXPECT_EQ(trainer.receive_within(1h), "during");
    EXPECT_EQ(trainer.receive_within(1h), "after");
}

TEST(TrainerLinkTest, KeptMessagesAreReceivedAfterTheAgentIsGone) {
    auto [trainer, agent_end] = linked();
    std::optional<AgentLink> agent(std::move(agent_end));
    agent->send("stop");
    agent->answer(ReduceAnswer::done);
    EXPECT_EQ(trainer.reduce({0, 1}), ReduceAnswer::done);
    agent.reset();
    EXPECT_FALSE(trainer.closed());
    EXPECT_EQ(trainer.receive(), "stop");
    EXPECT_EQ(trainer.receive(), std::nullopt);
    EXPECT_TRUE(trainer.closed());
}

TEST(TrainerLinkTest, AReductionWithoutAnAgentIsASystemError) {
    auto [trainer, agent_end] = linked();
    std::optional<AgentLink> agent(std::move(agent_end));
    std::jthread thread([&] {
        next(*agent);
        agent.reset();
    });
    try {
        trainer.reduce({0, 1});
        FAIL() << "a reduction without an agent was answered";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
    }
}

TEST(TrainerLinkTest, AFrameOfAnUnknownKindIsRefused) {
    auto [channel, agent_end] = make_channel_pair();
    AgentLink agent(std::move(agent_end));
    for (const char* frame : {"", "x", "r", "rshort"}) {
        channel.send(frame);
        EXPECT_THROW(agent.receive(), Error) << "'" << frame << "'";
    }
}

} // namespace
} // namespace dagan::cluster
