#include "launcher/messages.h"

#include "base/error.h"
#include "base/random.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dagan {
namespace {

std::vector<Message> one_of_each() {
    TaskResult result{.task = "0123abcd",
                      .attempt = 1LL << 40,
                      .outcome = Outcome::out_of_memory,
                      .error = "\"quotes\"\nline \xe2\x80\x93 dash"};
    result.score = ClassifierScore{
        .steps = 300, .best_epoch = 2, .validation_correct = 3, .validation_total = 4, .test_correct = 5, .test_total = 6};
    result.curve = {{1, "loss", 0.1}, {2, "validation_accuracy", 1.0 / 3}};
    result.artifacts = {{"pool", "pools/x.h5", "abc"}};
    result.cost = {"cpu", 1.5, 300, 0.005};
    return {Assign{"key", 7, R"({"kind":"gan"})", {3, 0, 2}, 1},
            StopWork{},
            ShutDown{},
            RankUp{"node-17"},
            StopAsked{},
            Beat{},
            TrainerReady{},
            Progress{"key", 7, 12, 200'000, 0.25},
            Ended{1, result},
            Ended{0, {}}};
}

TEST(MessagesTest, EveryMessageArrivesAsItWasSent) {
    std::vector<bool> seen(std::variant_size_v<Message>, false);
    for (const Message& message : one_of_each()) {
        EXPECT_TRUE(decode_message(encode(message)) == message) << encode(message);
        seen[message.index()] = true;
    }
    for (size_t i = 0; i < seen.size(); ++i) EXPECT_TRUE(seen[i]) << "kind " << i << " is not tested";
}

TEST(MessagesTest, NumbersKeepAllTheirBits) {
    Ended ended;
    ended.result.curve = {{std::numeric_limits<int64_t>::max(), "loss", std::nextafter(0.1, 1)},
                          {0, "loss", 5e-324},
                          {0, "loss", INFINITY},
                          {0, "loss", -INFINITY}};
    EXPECT_EQ(std::get<Ended>(decode_message(encode(ended))), ended);
    ended.result.curve = {{1, "loss", std::nan("")}};
    EXPECT_TRUE(std::isnan(std::get<Ended>(decode_message(encode(ended))).result.curve.at(0).value));
}

// A library's error message may hold any bytes, a file's name among them; a trainer must still be able to report it.
TEST(MessagesTest, AnErrorThatIsNoUtf8IsReportedAllTheSame) {
    const Ended ended{0, {.task = "key", .outcome = Outcome::system_error, .error = "caf\xe9.h5: cannot be opened"}};
    const auto arrived = std::get<Ended>(decode_message(encode(ended)));
    EXPECT_EQ(arrived.result.error.substr(0, 3), "caf");
    EXPECT_NE(arrived.result.error.find(".h5: cannot be opened"), std::string::npos);
}

void expect_refused(const std::string& text) {
    try {
        decode_message(text);
        ADD_FAILURE() << "was taken: " << text;
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::bug) << text;
    } catch (const std::exception& other) {
        ADD_FAILURE() << "not an Error: " << other.what() << ": " << text;
    }
}

TEST(MessagesTest, JunkIsRefused) {
    for (const char* junk :
         {"", "junk", "{", "[]", "{}", "null", "[\"stop\"]", "[\"stop\",{},{}]", "[1,{}]", "[null,{}]", "[\"unheard_of\",{}]",
          "[\"stop\",{\"extra\":1}]", "[\"assign\",{}]", "[\"rank_up\",{\"host\":7}]", "[\"rank_up\",[]]", "[\"rank_up\",null]",
          R"(["progress",{"task":"k","attempt":"1","step":1,"steps":2}])", R"(["progress",{"task":"k","attempt":1,"step":1}])",
          R"(["ended",{"position":0,"result":{}}])"}) {
        expect_refused(junk);
    }
    Message ended = Ended{};
    std::string text = encode(ended);
    text.replace(text.find("\"done\""), 6, "\"cooked\"");
    expect_refused(text);
}

TEST(MessagesTest, DamagedMessagesAreRefusedOrReadNeverMore) {
    const auto messages = one_of_each();
    for (uint64_t seed = 1; seed <= 20'000; ++seed) {
        Random random(derive(seed, "damage"));
        std::string text = encode(messages[random.below(messages.size())]);
        if (random.chance(0.3)) text.resize(random.below(text.size() + 1));
        for (uint64_t i = random.below(3); i > 0 && !text.empty(); --i)
            text[random.below(text.size())] = static_cast<char>(random.below(256));
        try {
            decode_message(text);
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::bug) << "seed " << seed;
        } catch (const std::exception& other) {
            FAIL() << "seed " << seed << ": not an Error: " << other.what() << ": " << text;
        }
    }
}

} // namespace
} // namespace dagan
