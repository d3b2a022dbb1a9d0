#include "base/fault.h"

#include "base/error.h"
#include "base/temporary_folder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <fstream>
#include <set>

namespace dagan {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::KilledBySignal;
using Action = FaultSpec::Action;

TEST(FaultTest, ASpecNamesAPointAPassageAndAnAction) {
    EXPECT_TRUE(parse_faults("").empty());
    EXPECT_THAT(parse_faults("before_commit"),
                ElementsAre(FaultSpec{FaultPoint::before_commit, 1, Action::kill}));
    EXPECT_THAT(parse_faults("send:3,before_fsync=error,spawn:2=stop,attempt=kill"),
                ElementsAre(FaultSpec{FaultPoint::send, 3, Action::kill},
                            FaultSpec{FaultPoint::before_fsync, 1, Action::error},
                            FaultSpec{FaultPoint::spawn, 2, Action::stop},
                            FaultSpec{FaultPoint::attempt, 1, Action::kill}));
}

TEST(FaultTest, MalformedSpecsAreRefused) {
    const std::pair<const char*, const char*> table[]{{"before_comit", "before_commit"},
                                                      {"send:0", "from 1"},
                                                      {"send:x", "from 1"},
                                                      {"send=explode", "kill, stop or error"},
                                                      {",", "unknown fault point"}};
    for (const auto& [text, message] : table) {
        try {
            parse_faults(text);
            ADD_FAILURE() << text << " was accepted";
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            EXPECT_THAT(error.what(), HasSubstr(message));
        }
    }
}

TEST(FaultTest, EachPointHasAUniqueNameAndAProgramThatPassesIt) {
    std::set<std::string_view> names;
    for (const FaultPointInfo& info : fault_points()) {
        EXPECT_TRUE(names.insert(info.name).second) << info.name;
        EXPECT_FALSE(info.programs.empty()) << info.name;
    }
    EXPECT_EQ(names.size(), static_cast<size_t>(FaultPoint::ending_written) + 1);
}

// The environment is read once per process, so each case runs in a process of its own.
class FaultDeathTest : public testing::Test {
  protected:
    void SetUp() override { GTEST_FLAG_SET(death_test_style, "threadsafe"); }
    // Sets the environment and passes `send` three times. Exits with the sum of the passages that
    // threw Blame::system.
    [[noreturn]] static void
    pass_thrice(const std::vector<std::pair<std::string, std::string>>& environment) {
        for (const auto& [name, value] : environment) ::setenv(name.c_str(), value.c_str(), 1);
        int errors = 0;
        for (int i = 0; i < 3; ++i) {
            try {
                fault_point(FaultPoint::send);
            } catch (const Error& error) {
                errors += error.blame() == Blame::system ? i + 1 : 100;
            }
        }
        std::_Exit(errors);
    }
};

TEST_F(FaultDeathTest, TheFaultIsInjectedAtTheNamedPassage) {
    EXPECT_EXIT(pass_thrice({}), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send"}}), KilledBySignal(SIGKILL), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send:3"}}), KilledBySignal(SIGKILL), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send:4"}}), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "receive"}}), testing::ExitedWithCode(0), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send:2=error"}}), testing::ExitedWithCode(2), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send:1=error,send:2=error"}}),
                testing::ExitedWithCode(3), "");
}

TEST_F(FaultDeathTest, TheFaultIsInjectedOnlyInTheNamedProgramAndRank) {
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send"},
                             {"DAGAN_FAULT_PROGRAM", program_invocation_short_name}}),
                KilledBySignal(SIGKILL), "");
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send"}, {"DAGAN_FAULT_PROGRAM", "another"}}),
                testing::ExitedWithCode(0), "");
    EXPECT_EXIT(
        pass_thrice({{"DAGAN_FAULT", "send"}, {"DAGAN_FAULT_RANK", "1"}, {"PMIX_RANK", "1"}}),
        KilledBySignal(SIGKILL), "");
    EXPECT_EXIT(
        pass_thrice({{"DAGAN_FAULT", "send"}, {"DAGAN_FAULT_RANK", "1"}, {"PMIX_RANK", "0"}}),
        testing::ExitedWithCode(0), "");
}

TEST_F(FaultDeathTest, NoFaultIsInjectedIfTheMarkerExists) {
    const TemporaryFolder folder;
    const std::string marker = (folder / "marker").string();
    std::ofstream(marker).close();
    EXPECT_EXIT(pass_thrice({{"DAGAN_FAULT", "send"}, {"DAGAN_FAULT_ONCE", marker}}),
                testing::ExitedWithCode(0), "");
}

} // namespace
} // namespace dagan
