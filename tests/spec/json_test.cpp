#include "spec/json.h"

#include "spec/result.h"
#include "spec/sweep.h"

#include <gtest/gtest.h>

namespace dagan {
namespace {

template <class T> T copied_through_text(const T& value) {
    return from_json_text<T>(encode_json(value).dump());
}

TEST(JsonTest, ASweepIsRestoredFromItsText) {
    Sweep sweep;
    sweep.name = "x \"quoted\" \n ü";
    sweep.seed = UINT64_MAX;
    sweep.datasets["a"].split.source = {0, ClassRange::kToTheEnd};
    sweep.gan.learning_rate = 0.1;
    sweep.gan.penalty_norm = PenaltyNorm::column;
    sweep.gan.r_max = 3;
    sweep.gan_for["a"].dropout = 0.3;
    sweep.sweep.push_back({"a", {1, 2}, {0}, BudgetChoice::both});
    EXPECT_EQ(sweep_from_text(to_text(sweep)), sweep);
    EXPECT_EQ(to_text(sweep_from_text(to_text(sweep))), to_text(sweep));
}

TEST(JsonTest, AResultIsRestoredFromItsText) {
    TaskResult result;
    result.task = "k";
    result.outcome = Outcome::out_of_memory;
    result.curve.push_back({3, "loss", 0.1 + 0.2});
    result.artifacts.push_back({"weights", "checkpoints/k", "ff"});
    EXPECT_EQ(copied_through_text(result), result) << "without a score";
    result.score = ClassifierScore{1, 2, 3, 4, 5, 6};
    EXPECT_EQ(copied_through_text(result), result) << "with a score";
}

TEST(JsonTest, InfinityAndNanAreWrittenAsInYaml) {
    EXPECT_EQ(encode_json(kNoLimit), ".inf");
    EXPECT_EQ(encode_json(-kNoLimit), "-.inf");
    EXPECT_EQ(copied_through_text(CurvePoint{1, "loss", kNoLimit}).value, kNoLimit);
    EXPECT_EQ(copied_through_text(CurvePoint{1, "loss", -kNoLimit}).value, -kNoLimit);
    EXPECT_TRUE(std::isnan(copied_through_text(CurvePoint{1, "loss", std::nan("")}).value));
}

TEST(JsonTest, UnknownOrMissingKeysAndMalformedTextsAreBugs) {
    const auto blame_of = [](const std::string& text) -> std::optional<Blame> {
        try {
            from_json_text<CaseCounts>(text);
        } catch (const Error& error) {
            return error.blame();
        }
        return std::nullopt;
    };
    EXPECT_EQ(blame_of(R"({"test": 2, "validation": 3})"), std::nullopt);
    EXPECT_EQ(blame_of(R"({"test": 2})"), Blame::bug);
    EXPECT_EQ(blame_of(R"({"test": 2, "validation": 3, "more": 1})"), Blame::bug);
    EXPECT_EQ(blame_of(R"({"test": "two", "validation": 3})"), Blame::bug);
    EXPECT_EQ(blame_of(R"({"test": 2, "valid)"), Blame::bug);
    EXPECT_EQ(blame_of("[]"), Blame::bug);
    EXPECT_EQ(blame_of(""), Blame::bug);
}

TEST(JsonTest, AnOptionAddedLaterIsWrittenOnlyIfItIsNotTheDefault) {
    ClassifierOptions options;
    ASSERT_TRUE(options.mark_generated);
    const std::string text = encode_json(options).dump();
    EXPECT_EQ(text.find("mark_generated"), std::string::npos) << text;
    EXPECT_NE(text.find("eval_drop_last"), std::string::npos) << "other options are always written";
    options.mark_generated = false;
    EXPECT_NE(encode_json(options).dump().find(R"("mark_generated":false)"), std::string::npos);
    EXPECT_EQ(copied_through_text(options), options);
    decode_json(Json::parse(text), options);
    EXPECT_TRUE(options.mark_generated) << "a missing key means the default";
    Json unknown = Json::parse(text);
    unknown["mark"] = true;
    EXPECT_THROW(decode_json(unknown, options), Error);
    unknown.erase("mark");
    unknown.erase("eval_drop_last");
    EXPECT_THROW(decode_json(unknown, options), Error);
}

TEST(JsonTest, UnknownEnumeratorsAndWrongLengthsAreRefused) {
    EXPECT_THROW(from_json_text<Norm>(R"("layer")"), Error);
    EXPECT_EQ(from_json_text<Norm>(R"("batch")"), Norm::batch);
    EXPECT_THROW((from_json_text<std::array<int, 4>>("[1, 2, 3]")), Error);
}

} // namespace
} // namespace dagan
