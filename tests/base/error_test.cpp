#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>

namespace dagan {
namespace {

TEST(ErrorTest, ABlameIsAnExitCode) {
    EXPECT_EQ(static_cast<int>(Blame::bug), static_cast<int>(ExitCode::bug));
    EXPECT_EQ(static_cast<int>(input_error("x").blame()), static_cast<int>(ExitCode::input));
    EXPECT_EQ(static_cast<int>(system_error("x").blame()), static_cast<int>(ExitCode::system));
}

TEST(ErrorTest, ABrokenInvariantIsABugAndNamesItsLine) {
    EXPECT_NO_THROW(require(true, "this holds"));
    try {
        require(false, "a task has a key");
        FAIL() << "require(false) did not throw";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::bug);
        EXPECT_NE(std::string(error.what()).find("error_test.cpp:"), std::string::npos)
            << error.what();
        EXPECT_NE(std::string(error.what()).find("a task has a key"), std::string::npos)
            << error.what();
    }
}

TEST(ErrorTest, ErrnoTextIsTheSystemsMessage) {
    EXPECT_EQ(errno_text(ENOSPC), "No space left on device");
}

TEST(NearestTest, FindsAMisspelledWord) {
    const std::vector<std::string> keys{"epochs",        "growth", "batch_size",
                                        "learning_rate", "beta1",  "beta2"};
    EXPECT_EQ(nearest("epocs", keys), "epochs");
    EXPECT_EQ(nearest("lerning_rate", keys), "learning_rate");
    EXPECT_EQ(nearest("batchsize", keys), "batch_size");
    EXPECT_EQ(nearest("beta2", keys), "beta2");
}

TEST(NearestTest, ReturnsNothingIfNoWordIsSimilar) {
    EXPECT_EQ(nearest("wombat", {"epochs", "growth"}), "");
    EXPECT_EQ(nearest("epochs", {}), "");
    EXPECT_EQ(nearest("temperature", {"threads", "batch_size"}), "");
}

TEST(NearestTest, ReturnsTheFirstOfEquallySimilarWords) {
    EXPECT_EQ(nearest("betaX", {"beta1", "beta2"}), "beta1");
}

} // namespace
} // namespace dagan
