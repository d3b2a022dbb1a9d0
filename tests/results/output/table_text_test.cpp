#include "results/output/table_text.h"

#include "results/query/published.h"
#include "results/query/reductions.h"

#include <gtest/gtest.h>

namespace dagan::results {
namespace {

const std::vector<CellRow> kCells{
    {"omniglot", 5, 0, "epochs", 2, 0, 0.8, 0.7, 0.01, 0.61, 0.79, {}, {}, {}},
    {"omniglot", 5, 1, "epochs", 0, 2, {}, {}, {}, {}, {}, {}, {}, {}}};
const std::vector<Table1Row> kTable1{
    {"omniglot", 5, false, 0, "epochs", 2, 0, 0.7, 0.61, 0.79, 0.689904},
    {"a_b", 5, true, 3, "epochs", 2, 3, 0.75, {}, {}, {}}};

TEST(RenderTest, RowsAsCsv) {
    const std::vector<TrialRow> rows{
        {"omniglot", 5, 0, 1, "steps:3", "held_out", 1200, 2, 50, 63, 33, 42},
        {"a,\"b\"", 5, 1, 0, "epochs", "all", 7, 1, 1, 2, 3, 4}};
    EXPECT_EQ(render_rows(rows, TableFormat::csv),
              "dataset,samples_per_class,generated_per_real,seed,budget,softmax,steps,best_"
              "epoch,validation_correct,validation_total,test_correct,test_total\n"
              "omniglot,5,0,1,steps:3,held_out,1200,2,50,63,33,42\n"
              "\"a,\"\"b\"\"\",5,1,0,epochs,all,7,1,1,2,3,4\n");
}

TEST(RenderTest, CellsAsCsvLeaveUnknownValuesEmpty) {
    EXPECT_EQ(
        render_cells(kCells, TableFormat::csv),
        "dataset,samples_per_class,generated_per_real,budget,seeds,missing,validation_mean,test_"
        "mean,test_sd,test_low,test_"
        "high,gain_mean,gain_low,gain_high\n"
        "omniglot,5,0,epochs,2,0,0.800000000,0.700000000,0.010000000,0.610000000,0.790000000,,,\n"
        "omniglot,5,1,epochs,0,2,,,,,,,,\n");
}

TEST(RenderTest, Table1AsCsv) {
    EXPECT_EQ(render_table1(kTable1, TableFormat::csv, {"classifier.epochs 3 (paper: 200)"}),
              "dataset,samples_per_class,augmented,generated_per_real,budget,seeds,test_mean,test_"
              "low,test_high,published,missing\n"
              "omniglot,5,0,0,epochs,2,0.700000000,0.610000000,0.790000000,0.689904000,0\n"
              "a_b,5,1,3,epochs,2,0.750000000,,,,3\n");
}

TEST(RenderTest, TablesForPeopleStateTheMissingRows) {
    EXPECT_NE(render_rows({}, TableFormat::table, 3).find("missing: 3 planned classifiers"),
              std::string::npos);
    EXPECT_EQ(render_rows({}, TableFormat::csv, 3), render_rows({}, TableFormat::csv))
        << "equal campaigns, equal bytes";
}

TEST(RenderTest, GainsAndChoicesLeaveUnknownValuesEmpty) {
    GainRow gain;
    gain.dataset = "omniglot";
    gain.against = "steps:3";
    gain.samples_per_class = 5;
    gain.generated_per_real = 3;
    gain.missing = 5;
    EXPECT_EQ(render_gains({gain}, TableFormat::csv),
              "dataset,samples_per_class,generated_per_real,against,pairs,missing,gain_mean,gain_"
              "sd,gain_low,gain_high,bootstrap_low,"
              "bootstrap_high,p,p_holm\nomniglot,5,3,steps:3,0,5,,,,,,,,\n");
    ChoiceRow choice;
    choice.dataset = "omniglot";
    choice.samples_per_class = 5;
    choice.generated_per_real = 1;
    choice.seeds = 1;
    choice.mean = 0.5;
    choice.chosen = true;
    EXPECT_EQ(render_choices({choice}, TableFormat::csv),
              "dataset,samples_per_class,generated_per_real,seeds,missing,validation_mean,"
              "validation_sd,validation_low,validation_high,"
              "chosen,behind_mean,behind_low,behind_high\nomniglot,5,1,1,0,0.500000000,,,,1,,,\n");
}

TEST(RenderTest, JsonKeepsTypesAndNulls) {
    EXPECT_EQ(render({{"n", "half", "name", "none"}, {{int64_t{3}, 0.5, "x\"y", std::monostate{}}}},
                     TableFormat::json),
              "[\n  {\n    \"n\": 3,\n    \"half\": 0.5,\n    \"name\": \"x\\\"y\",\n    \"none\": "
              "null\n  }\n]\n");
}

TEST(RenderTest, TheTableForPeopleIsAligned) {
    EXPECT_EQ(render({{"name", "value"},
                      {{"a", int64_t{1}}, {"é", int64_t{100}}, {"long name", std::monostate{}}}},
                     TableFormat::table),
              "name       value\n"
              "a              1\n"
              "é            100\n"
              "long name      -\n");
}

TEST(RenderTest, EveryPrintedPublishedNumberCarriesItsLabel) {
    for (const auto format : {TableFormat::table, TableFormat::latex}) {
        const auto text = render_table1(kTable1, format);
        EXPECT_NE(text.find("0.6899"), std::string::npos) << text;
        EXPECT_NE(text.find(kPublishedLabel), std::string::npos) << text;
    }
}

TEST(RenderTest, TablesOfReducedSweepsSayReduced) {
    EXPECT_NE(render_table1(kTable1, TableFormat::table, {"seeds 2 (paper: 5)"})
                  .find("reduced: seeds 2 (paper: 5)"),
              std::string::npos);
    EXPECT_EQ(render_table1(kTable1, TableFormat::table).find("reduced"), std::string::npos);
}

TEST(RenderTest, LatexIsATabularWithItsSpecialCharactersEscaped) {
    const auto text = render_table1(kTable1, TableFormat::latex);
    EXPECT_EQ(text.find("\\begin{tabular}{lrlrlrrrrr}"), 0u) << text;
    EXPECT_NE(
        text.find("Data set & Samples per class & DAGAN & Generated per real & Budget & Seeds"),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("95 \\% low"), std::string::npos) << text;
    EXPECT_NE(text.find("a\\_b & 5 & with & 3"), std::string::npos) << text;
    EXPECT_NE(text.find("0.7500 & -- & --"), std::string::npos) << text;
    EXPECT_NE(text.find("\\end{tabular}"), std::string::npos);
}

// Notes after the tabular or in a comment would not be printed.
TEST(RenderTest, LatexPrintsItsNotesWithinTheTable) {
    const auto text = render_table1(kTable1, TableFormat::latex, {"seeds 2 (paper: 5)"});
    const auto end = text.find("\\end{tabular}");
    EXPECT_LT(text.find(kPublishedLabel), end) << text;
    EXPECT_LT(text.find("{\\footnotesize reduced: seeds 2 (paper: 5)}"), end) << text;
    EXPECT_EQ(text.find("\n%"), std::string::npos) << text;
}

TEST(RenderTest, TablesForPeopleStateTheMissingSeeds) {
    for (const auto format : {TableFormat::table, TableFormat::latex})
        EXPECT_NE(render_table1(kTable1, format).find("2 of 5"), std::string::npos);
    EXPECT_EQ(render_table1(kTable1, TableFormat::csv).find(" of "), std::string::npos);
}

TEST(PublishedTest, ValuesAreFoundByTheNameOfTheDataSet) {
    EXPECT_EQ(published_accuracy("emnist", 100, true), 0.848009);
    EXPECT_EQ(published_accuracy("Faces", 5, false), 0.0446948);
    EXPECT_EQ(published_accuracy("VGG-Face", 25, true), 0.584666);
    EXPECT_FALSE(published_accuracy("omniglot", 7, true));
    EXPECT_FALSE(published_accuracy("strokes", 5, true));
}

TEST(ReductionsTest, AFullSweepHasNoReductions) { EXPECT_TRUE(reductions(Sweep{}).empty()); }

TEST(ReductionsTest, EachReductionNamesThePapersValue) {
    Sweep sweep;
    sweep.gan.iterations = 12;
    sweep.gan.generator_widths = {8, 8, 8, 8};
    sweep.classifier.epochs = 3;
    sweep.seeds = 2;
    EXPECT_EQ(reductions(sweep),
              (std::vector<std::string>{"gan.iterations 12 (paper: 200000)",
                                        "gan.generator_widths 8,8,8,8 (paper: 64,64,64,64)",
                                        "classifier.epochs 3 (paper: 200)", "seeds 2 (paper: 5)"}));
}

} // namespace
} // namespace dagan::results
