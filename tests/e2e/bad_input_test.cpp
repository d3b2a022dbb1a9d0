// Bad input gives one message that names the place, the problem and the reason, the documented exit
// code, and starts or changes nothing. Also checks the help texts of all commands.
#include "e2e/sandbox.h"

#include <fstream>
#include <regex>
#include <sstream>

namespace dagan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class BadInputTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { sandbox().make_strokes(); }

    // smoke.yaml with one change, as `bad.yaml` in the sandbox.
    fs::path changed(const std::string& from, const std::string& to) const {
        std::string text = read_file(kSmoke);
        const size_t at = text.find(from);
        EXPECT_NE(at, std::string::npos) << "no '" << from << "' in smoke.yaml";
        if (at != std::string::npos) text.replace(at, from.size(), to);
        const fs::path path = sandbox_.campaign("bad.yaml");
        std::ofstream(path) << text;
        return path;
    }
    void expect_refused(const Args& args, int exit_code, const std::string& pattern,
                        const Args& environment = {}) const {
        Process::Setting setting = sandbox_.setting();
        setting.environment = setting.environment + environment;
        const Finished finished = run_program(sandbox_.command(args), setting);
        EXPECT_EQ(finished.exit_code, exit_code) << finished.text();
        EXPECT_TRUE(std::regex_search(finished.err, std::regex(pattern)))
            << "no /" << pattern << "/ in: " << finished.err;
        EXPECT_THAT(finished.out, IsEmpty());
        EXPECT_FALSE(fs::exists(campaign_)) << "a refused run left a folder";
        EXPECT_TRUE(processes_of(campaign_).empty());
    }

    Sandbox& sandbox_ = sandbox();
    fs::path campaign_ = sandbox().campaign("refused");
};

TEST_F(BadInputTest, WrongSweepsAreRefusedWithFileAndLine) {
    const struct {
        const char *from, *to, *pattern;
    } table[]{
        {"epochs: 2", "epocs: 2", R"(bad\.yaml:\d+: .*epocs.*epochs)"},
        {"epochs: 2", "epochs: two", R"(bad\.yaml:\d+: .*epochs)"},
        {"epochs: 2", "epochs: 0", R"(bad\.yaml:\d+: .*epochs)"},
        {"validation: [200, 204]", "validation: [10, 204]", R"(bad\.yaml:\d+: .*overlap)"},
        {"test: [204, 208]", "test: [204, 300]", R"(bad\.yaml:\d+: .*(300|240))"},
        {"test: [204, 208]", "test: [208, 208]", R"(bad\.yaml:\d+: .*test)"},
        {"samples_per_class: [1, 2]", "samples_per_class: [1, 40]", R"(bad\.yaml:\d+: .*40)"},
        {"generated_per_real: [0, 2]", "generated_per_real: [0, 9]",
         R"(bad\.yaml:\d+: .*(9|pool_size))"},
        {"dataset: strokes,", "dataset: stroke,", R"(bad\.yaml:\d+: .*stroke.*strokes)"},
        {"classes: 240,", "classes: 241,", R"(bad\.yaml:\d+: .*(241|240))"},
        {"file: strokes.h5", "file: stroke.h5", R"(stroke\.h5)"},
        {"name: smoke", "name: [", R"(bad\.yaml)"},
    };
    for (const auto& [from, to, pattern] : table) {
        SCOPED_TRACE(to);
        expect_refused(run_args(changed(from, to), campaign_, 2), 2, pattern);
    }
}

TEST_F(BadInputTest, AllProblemsOfASweepAreReportedTogether) {
    const Finished finished = sandbox_.dagan(run_args(
        changed("epochs: 2\n  batch_size: 16", "epocs: 2\n  batch_size: many"), campaign_, 2));
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_THAT(finished.err, HasSubstr("epocs"));
    EXPECT_THAT(finished.err, HasSubstr("batch_size"));
}

TEST_F(BadInputTest, WrongArgumentsAreRefused) {
    const std::string out = campaign_.string(), smoke = kSmoke.string();
    expect_refused(run_args(kSmoke, campaign_, 1), 2, "gan strokes: needs 2 ranks, the run has 1");
    expect_refused(run_args(kSmoke, campaign_, 2, {"classifier.epoks=3"}), 2, "epoks.*epochs");
    expect_refused(run_args(kSmoke, campaign_, 2, {"classifier.epochs"}), 2, "classifier.epochs");
    expect_refused(run_args("absent.yaml", campaign_, 2), 2, "absent.yaml");
    expect_refused({"run", smoke, "-o", out, "-n", "0"}, 2, "-n|--ranks");
    expect_refused({"run", smoke, "-o", out, "-n", "two"}, 2, "-n|--ranks");
    expect_refused({"run", smoke, "-o", out, "--fast"}, 2, "--fast");
    expect_refused({"run", "-o", out}, 2, "sweep");
    expect_refused({"rum"}, 2, "rum|ubcommand");
}

TEST_F(BadInputTest, MissingOrDamagedDataIsNamed) {
    expect_refused(run_args(kSmoke, campaign_, 2), 2, R"(strokes\.h5)",
                   {"DAGAN_DATA=/nonexistent"});
    const fs::path damaged = sandbox_.campaign("damaged");
    fs::create_directories(damaged);
    fs::copy_file(sandbox_.data() / "strokes.h5", damaged / "strokes.h5",
                  fs::copy_options::overwrite_existing);
    fs::resize_file(damaged / "strokes.h5", fs::file_size(damaged / "strokes.h5") / 2);
    expect_refused(run_args(kSmoke, campaign_, 2), 2, R"(strokes\.h5)",
                   {"DAGAN_DATA=" + damaged.string()});
    std::ofstream(damaged / "strokes.h5", std::ios::trunc) << "not an HDF5 file";
    expect_refused(run_args(kSmoke, campaign_, 2), 2, R"(strokes\.h5)",
                   {"DAGAN_DATA=" + damaged.string()});
}

TEST_F(BadInputTest, UnusableFoldersAreRefused) {
    expect_refused(run_args(kSmoke, "/proc/campaign", 2), 3, "/proc/campaign.*-o");
    const fs::path taken = sandbox_.campaign("taken");
    fs::create_directories(taken);
    std::ofstream(taken / "thesis.tex") << "mine";
    expect_refused(run_args(kSmoke, taken, 2), 2, "taken.*not empty");
    EXPECT_EQ(std::distance(fs::directory_iterator(taken), {}), 1);
    expect_refused(run_args(kSmoke, taken / "thesis.tex" / "x", 2), 3, "thesis.tex");
    EXPECT_EQ(read_file(taken / "thesis.tex"), "mine");
}

TEST_F(BadInputTest, AReadOnlyFolderIsRefused) {
    if (::geteuid() == 0) GTEST_SKIP() << "root can write everywhere";
    const fs::path closed = sandbox_.campaign("closed");
    fs::create_directories(closed);
    fs::permissions(closed, fs::perms::owner_read | fs::perms::owner_exec);
    expect_refused(run_args(kSmoke, closed / "x", 2), 3, "closed.*-o");
    fs::permissions(closed, fs::perms::owner_all);
}

TEST_F(BadInputTest, ADifferentSweepForAnExistingCampaignIsRefused) {
    const fs::path campaign = sandbox_.campaign("first");
    Process run(sandbox_.command(run_args(kSmoke, campaign, 2)), sandbox_.setting());
    ASSERT_TRUE(eventually([&] { return tasks_done(campaign) >= 0; }));
    run.kill(SIGKILL);
    run.wait();
    ASSERT_TRUE(no_process_left(campaign));
    const std::string manifest = read_file(campaign / "campaign.json");
    expect_refused(run_args(kSmoke, campaign, 2, {"classifier.epochs=3"}), 2,
                   "first.*classifier.epochs: 2 there, 3 here");
    EXPECT_EQ(read_file(campaign / "campaign.json"), manifest);
    expect_refused({"stop", campaign.string()}, 2, "first.*not running");
    expect_refused({"results", "query", campaign.string(), "DELETE FROM task"}, 2, ".");
    expect_refused({"results", "query", campaign.string(), "SELEKT 1"}, 2, "SELEKT");
    EXPECT_NE(sandbox_.count(campaign, "task"), 0);
}

TEST_F(BadInputTest, AFolderWithoutACampaignIsRefused) {
    for (const Args& args : {Args{"status"},
                             {"stop"},
                             {"results", "rows"},
                             {"results", "cells"},
                             {"results", "table1"},
                             {"results", "report"},
                             {"results", "plot"}}) {
        SCOPED_TRACE(args.back());
        expect_refused(args + Args{campaign_.string()}, 2, "refused");
    }
    expect_refused({"results", "query", campaign_.string(), "SELECT 1"}, 2, "refused");
    expect_refused({"data", "info", campaign_.string()}, 2, "refused");
    expect_refused({"data", "verify", campaign_.string()}, 2, "refused");
}

// Returns the names under "Subcommands:" of a help text.
std::vector<std::string> subcommands_in(const std::string& help) {
    std::vector<std::string> names;
    std::istringstream lines(help.substr(std::min(help.size(), help.find("Subcommands:"))));
    static const std::regex kName(R"(^  ([a-z0-9]+)( |$).*)");
    std::smatch match;
    for (std::string line; std::getline(lines, line);) {
        if (std::regex_match(line, match, kName)) names.push_back(match[1]);
    }
    return names;
}

// Checks the help of a command and of all its subcommands. Returns how many it checked.
int check_help(const Sandbox& box, const Args& command) {
    const Finished finished = box.dagan(command + Args{"--help"});
    std::string name = "dagan";
    for (const std::string& word : command) name += " " + word;
    EXPECT_EQ(finished.exit_code, 0) << name;
    EXPECT_THAT(finished.err, IsEmpty()) << name;
    const auto subcommands = subcommands_in(finished.out);
    if (subcommands.empty()) {
        EXPECT_THAT(finished.out, HasSubstr("Example: " + name.substr(0, name.find(' ')))) << name;
        EXPECT_THAT(finished.out, HasSubstr(name)) << "no example";
    }
    int count = 1;
    for (const std::string& sub : subcommands) count += check_help(box, command + Args{sub});
    return count;
}

TEST(HelpTest, EveryCommandHasHelpWithAnExample) { EXPECT_GE(check_help(sandbox(), {}), 25); }

TEST(HelpTest, TheOtherProgramsHaveHelpToo) {
    for (const char* program : {"dagan-worker", "dagan-train"}) {
        const Finished help = run_program({(kBin / program).string(), "--help"});
        EXPECT_EQ(help.exit_code, 0) << help.text();
        EXPECT_THAT(help.out, HasSubstr("Example"));
        EXPECT_EQ(run_program({(kBin / program).string(), "--nonsense"}).exit_code, 2);
    }
    const Finished version = sandbox().dagan({"--version"});
    EXPECT_EQ(version.exit_code, 0);
    EXPECT_TRUE(std::regex_search(version.out, std::regex(R"(\d+\.\d+\.\d+)"))) << version.out;
}

TEST(HelpTest, PlanAndDescribeNeedNoData) {
    const Args no_data{"--data", "/nonexistent"};
    const Json plan = Json::parse(sandbox().output(
        Args{"plan", (kSource / "sweeps" / "table1.yaml").string(), "--format", "json"} + no_data));
    EXPECT_EQ(plan.at("tasks").at("classifier"), 550);
    EXPECT_EQ(plan.at("tasks").at("gan"), 2);
    for (const char* quantity : {"gpu_hours", "makespan_s"}) {
        EXPECT_LT(plan.at(quantity).at("low"), plan.at(quantity).at("expected"));
        EXPECT_LT(plan.at(quantity).at("expected"), plan.at(quantity).at("high"));
    }
    EXPECT_GT(plan.at("disk_bytes"), 0);
    EXPECT_THAT(plan.at("cost_source"), testing::AnyOf("measured", "calibrated"));
    const std::string described = sandbox().output(
        Args{"describe", (kSource / "sweeps" / "table1.yaml").string(), "--format", "json"} +
        no_data);
    EXPECT_THAT(described, HasSubstr("10526421"));
    EXPECT_THAT(described, HasSubstr("7072551"));
}

} // namespace
} // namespace dagan
