#include "launcher/protocol/messages.h"

#include "base/error.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace dagan::launcher {
namespace {

std::vector<Message> one_of_each() {
    TaskResult result{.task = "0123abcd",
                      .attempt = 1LL << 40,
                      .outcome = Outcome::out_of_memory,
                      .error = "\"quotes\"\nline \xe2\x80\x93 dash"};
    result.score = ClassifierScore{.steps = 300,
                                   .best_epoch = 2,
                                   .validation_correct = 3,
                                   .validation_total = 4,
                                   .test_correct = 5,
                                   .test_total = 6};
    result.curve = {{1, "loss", 0.1}, {2, "validation_accuracy", 1.0 / 3}};
    result.artifacts = {{"pool", "pools/x.h5", "abc"}};
    result.cost = {"cpu", 1.5, 300, 0.005};
    result.host = "node-3";
    ClassifierTask classifier;
    classifier.dataset.name = "omniglot";
    classifier.dataset.options.expect.classes = 1623;
    classifier.gan = GanOptions{};
    classifier.seed = 3;
    return {Assign{"key", 7, classifier, {3, 0, 2}, 1},
            StopWork{},
            ShutDown{},
            RankUp{"node-17"},
            StopRequested{},
            Heartbeat{},
            TrainerReady{"1.0+abc"},
            Progress{"key", 7, 12, 200'000, 0.25},
            Ended{1, result},
            Ended{0, {}},
            MemberLost{1LL << 33},
            Abandon{1LL << 34}};
}

TEST(MessagesTest, EveryMessageSurvivesARoundTrip) {
    std::vector<bool> seen(std::variant_size_v<Message>, false);
    for (const Message& message : one_of_each()) {
        EXPECT_TRUE(decode_message(encode(message)) == message) << encode(message);
        seen[message.index()] = true;
    }
    for (size_t i = 0; i < seen.size(); ++i)
        EXPECT_TRUE(seen[i]) << "kind " << i << " is not tested";
}

TEST(MessagesTest, NumbersKeepAllTheirBits) {
    Ended ended;
    ended.result.curve = {{std::numeric_limits<int64_t>::max(), "loss", std::nextafter(0.1, 1)},
                          {0, "loss", 5e-324},
                          {0, "loss", INFINITY},
                          {0, "loss", -INFINITY}};
    EXPECT_EQ(std::get<Ended>(decode_message(encode(ended))), ended);
    ended.result.curve = {{1, "loss", std::nan("")}};
    EXPECT_TRUE(
        std::isnan(std::get<Ended>(decode_message(encode(ended))).result.curve.at(0).value));
}

// Error texts may contain file names, which may have any bytes; a trainer must be able to report
// them.
TEST(MessagesTest, AnErrorTextThatIsNotUtf8ArrivesUnchanged) {
    const Ended ended{
        0,
        {.task = "key", .outcome = Outcome::system_error, .error = "caf\xe9.h5: cannot be opened"}};
    EXPECT_EQ(std::get<Ended>(decode_message(encode(ended))), ended);
}

void expect_refused(const std::string& bytes) {
    try {
        decode_message(bytes);
        ADD_FAILURE() << "was accepted: " << bytes;
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::bug) << bytes;
    }
}

TEST(MessagesTest, InvalidBytesAreRefused) {
    for (const char* junk : {"", "junk", "{}", "[\"stop\",{}]", "\xff\xff\xff\xff"})
        expect_refused(junk);
}

TEST(MessagesTest, ATruncatedOrExtendedMessageIsRefused) {
    for (const Message& message : one_of_each()) {
        const std::string bytes = encode(message);
        for (size_t length = 0; length < bytes.size(); ++length)
            expect_refused(bytes.substr(0, length));
        expect_refused(bytes + '\0');
    }
}

} // namespace
} // namespace dagan::launcher
