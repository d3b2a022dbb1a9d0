#include "results/output/curve_table.h"

#include "results/campaign_support.h"
#include "results/output/table_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace dagan::results {
namespace {

using namespace testing;

// A DAGAN with three points, one of them not a number, and a classifier of three epochs.
class CurveTableTest : public ::testing::Test {
  protected:
    CurveTableTest() {
        GanTask gan;
        gan.dataset.name = "omniglot";
        const Plan plan{{planned(gan), planned(classifier("omniglot", 5, 0, 0))}};
        gan_ = plan.tasks[0].key;
        trial_ = plan.tasks[1].key;
        const auto store = open_sqlite_store(database());
        store->enter(campaign(), plan);
        auto trained = ended(gan_, store->start_attempt(gan_, "0", "host"), Outcome::done);
        trained.curve = {{20, "score", 0.5}, {20, "critic_loss", -2.25}, {3, "critic_loss", NAN}};
        store->finish_attempt(trained, true, false);
        finish(*store, plan.tasks[1], 800, 700);
        store->commit();
    }
    std::filesystem::path database() const { return folder_ / "results.sqlite"; }
    TemporaryFolder folder_;
    std::string gan_, trial_;
};

TEST_F(CurveTableTest, ListsEveryPointOfEveryTaskSorted) {
    const Value null = std::monostate{};
    std::vector<std::vector<Value>> expected{{gan_, "critic_loss", int64_t{3}, null},
                                             {gan_, "critic_loss", int64_t{20}, -2.25},
                                             {gan_, "score", int64_t{20}, 0.5},
                                             {trial_, "loss", int64_t{1}, 1.0},
                                             {trial_, "loss", int64_t{2}, 0.5},
                                             {trial_, "loss", int64_t{3}, 1.0 / 3},
                                             {trial_, "validation_accuracy", int64_t{1}, 0.4},
                                             {trial_, "validation_accuracy", int64_t{2}, 0.8},
                                             {trial_, "validation_accuracy", int64_t{3}, 0.4}};
    std::ranges::sort(expected);
    const Table table = curve_table(database());
    EXPECT_EQ(table.columns, (std::vector<std::string>{"task", "quantity", "step", "value"}));
    EXPECT_EQ(table.rows, expected);
}

TEST_F(CurveTableTest, CanBeLimitedToOneQuantity) {
    EXPECT_EQ(curve_table(database(), "critic_loss").rows.size(), 2u);
    EXPECT_EQ(curve_table(database(), "validation_accuracy").rows.size(), 3u);
    EXPECT_TRUE(curve_table(database(), "beauty").rows.empty());
}

TEST_F(CurveTableTest, CsvLeavesAValueEmptyThatIsNotANumber) {
    EXPECT_EQ(render(curve_table(database(), "critic_loss"), TableFormat::csv),
              "task,quantity,step,value\n" + gan_ + ",critic_loss,3,\n" + gan_ +
                  ",critic_loss,20,-2.25\n");
}

} // namespace
} // namespace dagan::results
