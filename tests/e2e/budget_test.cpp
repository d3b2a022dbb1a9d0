// A campaign with `budget: both`, from its plan to its table and plots: step-matched rows, seeds,
// intervals, and counts of missing results.
#include "e2e/sandbox.h"

#include <sstream>

namespace dagan {
namespace {

using testing::HasSubstr;

// n = 1, 2; m = 0, 2 and the baseline with the steps of m = 2; two seeds.
constexpr int kClassifiers = 2 * (2 + 1) * 2;

std::vector<std::string> fields_of(const std::string& line) {
    std::vector<std::string> fields;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, ',');) fields.push_back(field);
    return fields;
}

class BudgetTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        sandbox().make_strokes();
        const Finished finished =
            sandbox().dagan(run_args(kSmoke, campaign(), 2, {"sweep.0.budget=both"}));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
    }
    static fs::path campaign() { return sandbox().campaign("both"); }
    Sandbox& sandbox_ = sandbox();
};

TEST_F(BudgetTest, EveryAugmentedRunHasABaselineWithTheSameNumberOfSteps) {
    EXPECT_EQ(sandbox_.count(campaign(), "trial"), kClassifiers);
    for (const char* n : {"1", "2"}) {
        const std::string where =
            std::string(" FROM trial WHERE seed = 0 AND samples_per_class = ") + n;
        const std::string augmented =
            sandbox_.query(campaign(), "SELECT steps" + where + " AND generated_per_real = 2");
        EXPECT_EQ(sandbox_.query(campaign(), "SELECT steps" + where + " AND budget = 'steps:2'"),
                  augmented);
        EXPECT_NE(
            sandbox_.query(campaign(), "SELECT steps" + where +
                                           " AND generated_per_real = 0 AND budget = 'epochs'"),
            augmented);
    }
}

TEST_F(BudgetTest, TableCellsAndPlotsShowTheStepMatchedBaseline) {
    const std::string table =
        sandbox_.output({"results", "table1", campaign().string(), "--format", "csv"});
    EXPECT_EQ(lines_in(table), 1 + 2 * 3) << table;
    for (const char* row : {"\nstrokes,1,0,0,epochs,2,", "\nstrokes,1,0,0,steps:2,2,",
                            "\nstrokes,2,0,0,steps:2,2,", "\nstrokes,2,1,2,epochs,2,"})
        EXPECT_THAT(table, HasSubstr(row));
    std::istringstream cells(
        sandbox_.output({"results", "cells", campaign().string(), "--format", "csv"}));
    std::string line;
    std::getline(cells, line);
    for (int i = 0; i < 6; ++i) {
        ASSERT_TRUE(std::getline(cells, line)) << i;
        const std::vector<std::string> fields = fields_of(line);
        EXPECT_EQ(fields.at(4), "2") << line; // seeds
        EXPECT_EQ(fields.at(5), "0") << line; // missing
        EXPECT_LE(std::stod(fields.at(9)), std::stod(fields.at(7))) << line;
        EXPECT_GE(std::stod(fields.at(10)), std::stod(fields.at(7))) << line;
    }
    const fs::path figures = sandbox_.campaign("both-figures");
    sandbox_.output({"results", "plot", campaign().string(), "-o", figures.string()});
    EXPECT_THAT(read_file(figures / "strokes-n1.svg"), HasSubstr("stroke-dasharray=\"6 4\""));
    EXPECT_THAT(read_file(figures / "strokes-n1.svg"), HasSubstr("m = 0, equal steps"));
}

// A published table (rows.csv beside campaign.json) gives the same answers as the campaign.
TEST_F(BudgetTest, PublishedRowsAnswerQueriesLikeTheCampaign) {
    const fs::path published = sandbox_.campaign("both-published");
    fs::create_directories(published);
    fs::copy_file(campaign() / "campaign.json", published / "campaign.json");
    write_atomically(published / "rows.csv", sandbox_.rows(campaign()));
    for (const char* name : {"rows", "cells", "table1", "gains", "choices"}) {
        EXPECT_EQ(sandbox_.output({"results", name, published.string(), "--format", "csv"}),
                  sandbox_.output({"results", name, campaign().string(), "--format", "csv"}))
            << name;
    }
    for (const fs::path& folder : {campaign(), published})
        sandbox_.output({"results", "plot", folder.string(), "-o", (folder / "figures").string()});
    EXPECT_EQ(read_file(published / "figures/strokes-gains.svg"),
              read_file(campaign() / "figures/strokes-gains.svg"));
    const std::string diff = sandbox_.output(
        {"results", "diff", published.string(), campaign().string(), "--format", "csv"});
    EXPECT_EQ(lines_in(diff), 1 + 6);
    EXPECT_THAT(sandbox_.output({"results", "diff", published.string(), campaign().string()}),
                HasSubstr("identical"));
    EXPECT_FALSE(fs::exists(published / "results.sqlite"))
        << "reading a published table must write nothing";
}

} // namespace
} // namespace dagan
