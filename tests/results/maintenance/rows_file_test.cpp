// A database rebuilt from published rows.
#include "results/maintenance/rows_file.h"

#include "base/file.h"
#include "results/campaign_support.h"
#include "results/output/table_text.h"
#include "results/query/queries.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;
using namespace testing;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr const char* kHeader =
    "dataset,samples_per_class,generated_per_real,seed,budget,softmax,steps,best_epoch,validation_"
    "correct,validation_total,test_correct,test_total\n";

std::string everything(const fs::path& database) {
    return render_rows(trial_rows(database), TableFormat::csv) +
           render_cells(cell_rows(database), TableFormat::csv) +
           render_table1(table1_rows(database), TableFormat::csv) +
           render_gains(gain_rows(database), TableFormat::csv) +
           render_choices(choice_rows(database), TableFormat::csv) +
           render(run_query(database, "SELECT task FROM missing ORDER BY task"), TableFormat::csv);
}

class RowsFileTest : public ::testing::Test {
  protected:
    // Two n, three m with their step-matched baselines, three seeds.
    RowsFileTest() {
        for (const int n : {1, 5}) {
            for (const int seed : {0, 1, 2}) {
                for (const int m : {0, 1, 3})
                    plan_.tasks.push_back(planned(classifier("omniglot", n, m, seed)));
                for (const int m : {1, 3})
                    plan_.tasks.push_back(planned(classifier("omniglot", n, 0, seed, m)));
            }
        }
    }
    std::string refused(const std::string& text) {
        write_atomically(rows(), text);
        return refusal([&] {
            make_database_of_rows(rows(), campaign(), plan_,
                                  folder_ / fmt::format("{}.sqlite", ++made_));
        });
    }
    fs::path rows() const { return folder_ / "rows.csv"; }

    TemporaryFolder folder_;
    Plan plan_;
    int made_ = 0;
};

TEST_F(RowsFileTest, EveryTableOfTrialsIsTheSame) {
    const fs::path original = folder_ / "original.sqlite", again = folder_ / "again.sqlite";
    {
        const auto store = open_sqlite_store(original);
        store->enter(campaign(), plan_);
        int number = 0;
        for (const PlannedTask& task : plan_.tasks) {
            if (++number == 7) continue; // one is missing
            finish(*store, task, 300 + 37 * number % 101, 250 + 53 * number % 97);
        }
        store->commit();
    }
    write_atomically(rows(), render_rows(trial_rows(original), TableFormat::csv));
    make_database_of_rows(rows(), campaign(), plan_, again);
    EXPECT_EQ(trial_rows(again).size(), plan_.tasks.size() - 1);
    EXPECT_EQ(everything(again), everything(original));
    EXPECT_EQ(campaign_of(again), campaign());
}

TEST_F(RowsFileTest, AFileThatIsNotATableOfTrialsIsRefusedWithItsLine) {
    EXPECT_THAT(refused("a,b\n1,2\n"),
                AllOf(HasSubstr("rows.csv"), HasSubstr("hint: `dagan results rows")));
    EXPECT_THAT(refused(""), HasSubstr("not a table of trials"));
    const std::string good = "omniglot,1,0,0,epochs,held_out,100,2,3,9,4,9\n";
    EXPECT_EQ(refused(kHeader + good), "accepted");
    EXPECT_THAT(refused(kHeader + good + good),
                AllOf(HasSubstr("rows.csv:3"), HasSubstr("the same trial")));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,2,0,0,epochs,held_out,100,2,3,9,4,9\n"),
                AllOf(HasSubstr("rows.csv:2"), HasSubstr("does not have this trial")));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,1,0,0,epochs,held_out,many,2,3,9,4,9\n"),
                AllOf(HasSubstr("rows.csv:2"), HasSubstr("'many'")));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,1,0,0,epochs,held_out,100,2,3\n"),
                HasSubstr("expected a count, got ''"));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,1,0,0,epochs,held_out,100,2,3,9,4,9,7\n"),
                HasSubstr("'7' after the last"));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,1,0,0,epochs,held_out,100,2,3,9,10,9\n"),
                HasSubstr("impossible counts"));
    EXPECT_THAT(refused(std::string(kHeader) + "omniglot,1,0,0,epochs,held_out,100,0,3,9,4,9\n"),
                HasSubstr("impossible counts"));
}

} // namespace
} // namespace dagan::results
