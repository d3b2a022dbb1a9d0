// `dagan-train bench` as a person runs it: what it prints, and what it refuses.
#include "e2e/laboratory.h"

namespace dagan {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

Finished bench(const Words& words) {
    return run_program(Words{(kBin / "dagan-train").string(), "bench"} + words,
                       laboratory().setting());
}

void expect_refused(const Words& words, const std::string& part) {
    const Finished finished = bench(words);
    EXPECT_EQ(finished.exit_code, 2) << finished.text();
    EXPECT_THAT(finished.err, HasSubstr(part));
    EXPECT_THAT(finished.out, IsEmpty());
    EXPECT_EQ(std::ranges::count(finished.err, '\n'), 1) << "one message: " << finished.err;
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
        // At least its weights, their gradients and two moments: 4 x 1.4 million floats.
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

TEST(BenchTest, RefusesWhatItCannotMeasureWithOneMessage) {
    expect_refused({"foo"},
                   "bench foo: is none of iteration, classifier, generate, convolutions; hint: ");
    expect_refused({"classifier", "--threads", "1000"}, "--threads 1000: there are ");
}

TEST(BenchTest, HelpHasExamples) {
    const Finished finished = bench({"--help"});
    EXPECT_EQ(finished.exit_code, 0);
    EXPECT_THAT(finished.out, HasSubstr("dagan-train bench iteration --threads 2 --rounds 5"));
}

} // namespace
} // namespace dagan
