// `dagan-bench` as a user runs it: its output and the input that it refuses.
#include "e2e/sandbox.h"

namespace dagan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Finished bench(const Args& args) {
    const fs::path program = kBin.parent_path() / "tests" / "bench" / "dagan-bench";
    return run_program(Args{program.string()} + args, sandbox().setting());
}

void expect_refused(const Args& args, const std::string& part) {
    const Finished finished = bench(args);
    EXPECT_EQ(finished.exit_code, 2) << finished.text();
    EXPECT_THAT(finished.err, HasSubstr(part));
    EXPECT_THAT(finished.out, IsEmpty());
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << "expected one line: " << finished.err;
}

TEST(BenchTest, PrintsTimesRatioMemoryAndTheMachineAsJson) {
    const Finished finished =
        bench({"classifier", "--threads", "1", "--rounds", "2", "--format", "json"});
    ASSERT_EQ(finished.exit_code, 0) << finished.text();
    const Json json = Json::parse(finished.out);
    for (const char* side : {"ours", "plain"}) {
        const Json& of_side = json.at(side);
        EXPECT_GT(of_side.at("step_s").get<double>(), 0) << side;
        EXPECT_GE(of_side.at("step_median_s").get<double>(), of_side.at("step_s").get<double>())
            << side;
        EXPECT_EQ(of_side.at("step_count").get<int>(), 2) << side;
        // At least the weights, their gradients and two moments: 4 x 1.4 million floats.
        EXPECT_GT(of_side.at("peak_bytes").get<int64_t>(), 20'000'000) << side;
    }
    EXPECT_DOUBLE_EQ(json.at("ratio").get<double>(),
                     json.at("plain").at("step_s").get<double>() /
                         json.at("ours").at("step_s").get<double>());
    EXPECT_EQ(json.at("threads"), 1);
    EXPECT_TRUE(json.at("cpu").at("flags").is_array());
    EXPECT_THAT(json.at("kernels").at("tensors").get<std::string>(), testing::Not(IsEmpty()));
}

TEST(BenchTest, PrintsATableForPeople) {
    const Finished finished = bench({"generate", "--threads", "1", "--rounds", "1"});
    ASSERT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_THAT(finished.out, HasSubstr("plain / ours"));
    EXPECT_THAT(finished.out, HasSubstr("peak MiB"));
    EXPECT_THAT(finished.out, HasSubstr("64 generated images, 28x28x1"));
}

TEST(BenchTest, RefusesUnknownBenchmarksAndTooManyThreadsWithOneMessage) {
    expect_refused(
        {"foo"},
        "dagan-bench: foo: is not one of iteration, classifier, generate, convolutions; hint: ");
    expect_refused({"classifier", "--threads", "1000"},
                   "classifier: --threads 1000: this machine has ");
}

TEST(BenchTest, HelpHasExamples) {
    const Finished finished = bench({"--help"});
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_THAT(finished.out, HasSubstr("dagan-bench iteration --threads 2 --rounds 5"));
}

TEST(BenchTest, ALeadingWordBenchIsIgnored) {
    const Finished finished = bench({"bench", "--help"});
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_EQ(finished.out, bench({"--help"}).out);
    expect_refused({"bench", "foo"}, "dagan-bench: foo: is not one of iteration");
}

} // namespace
} // namespace dagan
