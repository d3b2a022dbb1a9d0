// Exports, read back by readers that share no code with the writers. docs/guide/analysis.md names
// the version of MLflow that has opened such a folder.
#include "results/output/export.h"

#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/output/table_text.h"
#include "results/query/runs.h"
#include "results/synthetic_campaign.h"
#include "spec/json.h"

#include <gtest/gtest.h>

#include <fstream>
#include <set>
#include <sstream>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;
using namespace testing;

class ExportTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        make_synthetic_campaign(campaign_folder(), {.epochs = 4, .seeds = 1});
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static fs::path campaign_folder() { return *folder_ / "campaign"; }
    static fs::path database() { return campaign_folder() / "results.sqlite"; }
    fs::path exported(ExportFormat format) {
        const auto out =
            *folder_ / ("out-" + to_string(format) + "-" +
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
        export_results(database(), campaign_folder(), format, out);
        return out;
    }
    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> ExportTest::folder_;

TEST_F(ExportTest, CsvHoldsTheTablesOfTheCommandsAndOfTheDatabase) {
    const auto out = exported(ExportFormat::csv);
    EXPECT_EQ(read_file(out / "rows.csv"), render_rows(trial_rows(database()), TableFormat::csv));
    EXPECT_EQ(read_file(out / "cells.csv"), render_cells(cell_rows(database()), TableFormat::csv));
    EXPECT_EQ(read_file(out / "gains.csv"), render_gains(gain_rows(database()), TableFormat::csv));
    for (const auto& [name, table] : std::map<std::string, std::string>{{"task", "task"},
                                                                        {"attempt", "attempt"},
                                                                        {"epoch", "epoch"},
                                                                        {"curve", "curve"},
                                                                        {"result", "result"},
                                                                        {"artifact", "artifact"},
                                                                        {"missing", "missing"},
                                                                        {"blame", "blame"},
                                                                        {"cost", "cost"},
                                                                        {"campaign", "campaign"}}) {
        const auto rows = run_query(database(), "SELECT count(*) FROM " + table).rows.at(0).at(0);
        const auto text = read_file(out / (name + ".csv"));
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), std::get<int64_t>(rows) + 1) << name;
    }
}

TEST_F(ExportTest, JsonHoldsOneArrayForEachTable) {
    const auto out = exported(ExportFormat::json);
    EXPECT_EQ(Json::parse(read_file(out / "rows.json")).size(), trial_rows(database()).size());
    EXPECT_GT(Json::parse(read_file(out / "missing.json")).size(), 0u);
    EXPECT_GT(Json::parse(read_file(out / "curve.json")).size(), 1000u);
}

TEST_F(ExportTest, TheMlflowFolderHasARunForEachTaskWithParametersMetricsAndStatus) {
    const auto out = exported(ExportFormat::mlflow);
    std::vector<fs::path> experiments(fs::directory_iterator(out), {});
    ASSERT_EQ(experiments.size(), 1u);
    EXPECT_NE(read_file(experiments[0] / "meta.yaml").find("name: \"synthetic\""),
              std::string::npos);
    size_t runs = 0, failed = 0, sheets = 0;
    for (const auto& run : fs::directory_iterator(experiments[0])) {
        if (!run.is_directory()) continue;
        ++runs;
        const auto meta = read_file(run.path() / "meta.yaml");
        EXPECT_NE(
            meta.find("artifact_uri: \"" + fs::absolute(run.path()).string() + "/artifacts\""),
            std::string::npos)
            << meta;
        failed += meta.find("status: 4") != std::string::npos;
        for (const auto& file : fs::recursive_directory_iterator(run.path() / "artifacts"))
            sheets += file.is_regular_file() && read_file(file.path()).starts_with("\x89PNG");
    }
    EXPECT_EQ(sheets, 20u) << "ten contact sheets of each of the two DAGANs";
    EXPECT_EQ(runs, synthetic_plan({.epochs = 4, .seeds = 1}).tasks.size());
    EXPECT_EQ(
        static_cast<int64_t>(failed),
        std::get<int64_t>(run_query(database(), "SELECT count(*) FROM attempt WHERE final = 1 AND "
                                                "outcome <> 'done'")
                              .rows.at(0)
                              .at(0)));
    const auto trial =
        run_query(database(), "SELECT task, best_epoch, test_correct * 1.0 / test_total FROM trial "
                              "WHERE dataset = 'faces' AND "
                              "samples_per_class = 25 AND generated_per_real = 7 AND seed = 0")
            .rows.at(0);
    const auto run = experiments[0] / std::get<std::string>(trial[0]);
    EXPECT_EQ(read_file(run / "params" / "generated_per_real"), "7");
    EXPECT_EQ(read_file(run / "tags" / "mlflow.runName"), "faces-n25-m7-seed0");
    std::istringstream line(read_file(run / "metrics" / "test_accuracy"));
    int64_t time = 0, step = 0;
    double value = 0;
    line >> time >> value >> step;
    EXPECT_GT(time, 1'700'000'000'000);
    EXPECT_EQ(value, std::get<double>(trial[2]));
    EXPECT_EQ(step, std::get<int64_t>(trial[1]));
}

TEST_F(ExportTest, AnExistingFolderIsNotOverwritten) {
    const auto out = exported(ExportFormat::csv);
    try {
        export_results(database(), campaign_folder(), ExportFormat::json, out);
        FAIL() << "overwritten";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_NE(std::string(error.what()).find("already exists"), std::string::npos);
    }
    EXPECT_FALSE(fs::exists(out / "rows.json"));
}

TEST_F(ExportTest, AFolderThatCannotBeMadeIsASystemError) {
    std::ofstream(*folder_ / "file") << "x";
    try {
        export_results(database(), campaign_folder(), ExportFormat::csv, *folder_ / "file" / "out");
        FAIL() << "made";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
    }
}

// Names come from the sweep file: they must neither leave the folder nor collide in it.
TEST(ExportNamesTest, NamesStayInTheFolderAndAreUnique) {
    EXPECT_EQ(file_name_of("../../etc/passwd"), "_._.._etc_passwd");
    EXPECT_EQ(file_name_of(".hidden"), "_hidden");
    EXPECT_EQ(file_name_of(""), "_");
    EXPECT_EQ(file_name_of("a b/ü"), "a_b___");
    TemporaryFolder folder;
    Plan plan{{planned(classifier("../x", 5, 0, 0)), planned(classifier("..?x", 5, 0, 0)),
               planned(classifier("plain", 5, 0, 0))}};
    {
        const auto store = open_sqlite_store(folder / "results.sqlite");
        store->enter(campaign(), plan);
        finish(*store, plan.tasks[0], 800, 700);
        finish(*store, plan.tasks[1], 800, 700);
        store->commit();
    }
    std::set<std::string> names;
    for (const auto& run : read_runs(folder / "results.sqlite")) {
        EXPECT_TRUE(names.insert(run.name).second) << run.name;
        EXPECT_EQ(run.name.find('/'), std::string::npos);
    }
    EXPECT_EQ(names.size(), 3u);
    EXPECT_TRUE(names.contains("plain-n5-m0-seed0"));
    export_results(folder / "results.sqlite", folder / "", ExportFormat::mlflow,
                   folder / "out" / "mlflow");
    EXPECT_EQ(std::distance(fs::directory_iterator(folder / "out"), {}), 1)
        << "no folder beside the exported one";
    const auto experiment = (*fs::directory_iterator(folder / "out" / "mlflow")).path();
    EXPECT_NE(read_file(experiment / plan.tasks[2].key / "meta.yaml").find("status: 2"),
              std::string::npos)
        << "planned, not started";
}

} // namespace
} // namespace dagan::results
