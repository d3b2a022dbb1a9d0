#include "launcher/program/run_main.h"

#include <gtest/gtest.h>

#include <new>
#include <vector>

namespace dagan::launcher {
namespace {

struct Ending {
    int exit_code = 0;
    std::string err, logged;
};

// Runs a program with the command line `arguments` and this body.
Ending run(const std::function<int()>& body, std::vector<std::string> arguments = {}) {
    CLI::App app;
    app.set_version_flag("--version", "1");
    arguments.insert(arguments.begin(), "prog");
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    Ending ending;
    const MainOptions options{
        .program = "prog", .error_prefix = "prog: ", .on_error = [&](const std::string& message) {
            ending.logged = message;
        }};
    testing::internal::CaptureStderr();
    testing::internal::CaptureStdout();
    ending.exit_code = run_main(app, static_cast<int>(argv.size()), argv.data(), options, body);
    testing::internal::GetCapturedStdout();
    ending.err = testing::internal::GetCapturedStderr();
    return ending;
}

TEST(RunMainTest, ReturnsTheExitCodeOfTheBody) {
    const Ending ending = run([] { return 75; });
    EXPECT_EQ(ending.exit_code, 75);
    EXPECT_EQ(ending.err, "");
}

TEST(RunMainTest, AnErrorIsPrintedAndLoggedWithItsExitCode) {
    const Ending input = run([]() -> int { throw input_error("x: is wrong"); });
    EXPECT_EQ(input.exit_code, 2);
    EXPECT_EQ(input.err, "prog: x: is wrong\n");
    EXPECT_EQ(input.logged, "x: is wrong");
    EXPECT_EQ(run([]() -> int { throw system_error("disk"); }).exit_code, 3);
}

TEST(RunMainTest, ABugIsReportedAsAnInternalError) {
    const Ending bug = run([]() -> int { throw Error(Blame::bug, "a.cpp:1: broken invariant"); });
    EXPECT_EQ(bug.exit_code, 1);
    EXPECT_EQ(bug.err, "prog: internal error: a.cpp:1: broken invariant; please report it\n");
    const Ending other = run([]() -> int { throw std::bad_alloc(); });
    EXPECT_EQ(other.exit_code, 1);
    EXPECT_EQ(other.err, "prog: internal error: std::bad_alloc; please report it\n");
}

TEST(RunMainTest, AWrongCommandLineIsAnInputError) {
    const Ending ending = run([] { return 0; }, {"--no-such-option"});
    EXPECT_EQ(ending.exit_code, 2);
    EXPECT_NE(ending.err, "");
    EXPECT_EQ(run([] { return 3; }, {"--version"}).exit_code, 0);
}

} // namespace
} // namespace dagan::launcher
