// Runs `dagan results ...` as an analyst would, on a small synthetic campaign.
#include "base/file.h"
#include "base/temporary_folder.h"
#include "results/database/raw_database.h"
#include "results/database/schema.h"
#include "results/output/table_text.h"
#include "support/process.h"
#include "synthetic_campaign.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>
#include <tuple>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;
using testing::RawDatabase;

class ResultsCommandsTest : public ::testing::Test {
  protected:
    ResultsCommandsTest() {
        testing::make_synthetic_campaign(campaign(), {.epochs = 4, .seeds = 2});
    }
    fs::path campaign() const { return folder_ / "campaign"; }
    fs::path database() const { return campaign() / "results.sqlite"; }
    Finished results(std::vector<std::string> words,
                     const std::vector<std::string>& environment = {}) {
        words.insert(words.begin(), {(fs::path(DAGAN_BIN_DIR) / "dagan").string(), "results"});
        return run_program(words, {folder_.path(), environment});
    }
    std::string output(const std::vector<std::string>& words) {
        const auto finished = results(words);
        EXPECT_EQ(finished.exit_code, 0) << finished.text();
        return finished.out;
    }
    TemporaryFolder folder_;
};

TEST_F(ResultsCommandsTest, TablesAreReproducibleInEachFormat) {
    for (const std::string name : {"rows", "cells", "table1", "gains", "choices"}) {
        const auto csv = output({name, campaign(), "--format", "csv"});
        EXPECT_EQ(csv, output({name, campaign(), "--format", "csv"}));
        EXPECT_GT(std::count(csv.begin(), csv.end(), '\n'), 10) << name;
        EXPECT_EQ(output({name, campaign(), "--format", "json"}).front(), '[') << name;
    }
    EXPECT_EQ(output({"rows", campaign(), "--format", "csv"}),
              render_rows(trial_rows(database()), TableFormat::csv));
}

TEST_F(ResultsCommandsTest, EveryTableStatesMissingSeeds) {
    EXPECT_THAT(output({"rows", campaign()}), HasSubstr("missing: 12 planned classifiers"));
    EXPECT_THAT(output({"cells", campaign(), "--format", "csv"}),
                HasSubstr("faces,5,0,steps:3,1,1,"));
    RawDatabase(database())
        .execute("PRAGMA foreign_keys = OFF; DELETE FROM result WHERE task IN (SELECT key FROM "
                 "task WHERE dataset = "
                 "'emnist' AND samples_per_class = 15 AND generated_per_real = 0 AND seed = 0)");
    EXPECT_THAT(output({"table1", campaign()}), HasSubstr("1 of 2"));
    EXPECT_THAT(output({"table1", campaign(), "--format", "latex"}), HasSubstr("1 of 2"));
    EXPECT_THAT(output({"table1", campaign(), "--format", "csv"}),
                HasSubstr("emnist,15,0,0,epochs,1,"));
    EXPECT_THAT(output({"gains", campaign(), "--format", "csv"}),
                HasSubstr("emnist,15,1,epochs,1,1,"));
}

TEST_F(ResultsCommandsTest, BootstrapIntervalsReplaceTIntervals) {
    const auto t = output({"cells", campaign(), "--format", "csv"});
    const auto bootstrap =
        output({"cells", campaign(), "--format", "csv", "--interval", "bootstrap"});
    EXPECT_NE(t, bootstrap);
    EXPECT_EQ(t.substr(0, t.find('\n')), bootstrap.substr(0, bootstrap.find('\n')))
        << "the same columns";
}

TEST_F(ResultsCommandsTest, FiguresAreDrawnOrTheHintNamesTheMissingPackage) {
    EXPECT_THAT(output({"plot", campaign(), "-o", "figures"}),
                HasSubstr("figures/omniglot-n5.svg"));
    const auto svg = read_file(folder_ / "figures/omniglot-n5.svg");
    EXPECT_EQ(svg.find("var("), std::string::npos) << "a file must not use CSS variables";
    const auto png = results({"plot", campaign(), "-o", "figures", "--format", "png"});
    if (png.exit_code == 0) {
        EXPECT_TRUE(read_file(folder_ / "figures/omniglot-n5.png").starts_with("\x89PNG"));
    }
    const auto without =
        results({"plot", campaign(), "-o", "figures", "--format", "png"}, {"PATH=/nowhere"});
    EXPECT_EQ(without.exit_code, 3) << without.text();
    EXPECT_THAT(without.err, HasSubstr("apt-get install librsvg2-bin"));
}

TEST_F(ResultsCommandsTest, CurvesOfSeveralCampaignsInOnePlot) {
    EXPECT_THAT(output({"curves", "a=" + campaign().string(), "b=" + campaign().string(), "-o",
                        "score.svg"}),
                HasSubstr("score.svg"));
    const auto svg = read_file(folder_ / "score.svg");
    EXPECT_THAT(svg, HasSubstr(">a</text>"));
    EXPECT_THAT(svg, HasSubstr(">b</text>"));
    const std::string folder = campaign().string();
    const auto many = results({"curves", "a=" + folder, "b=" + folder, "c=" + folder, "d=" + folder,
                               "e=" + folder, "-o", "x.svg"});
    EXPECT_EQ(many.exit_code, 2);
    EXPECT_THAT(many.err, HasSubstr("5 groups, but only 4 distinguishable colours"));
    const auto unknown = results({"curves", campaign(), "--quantity", "beauty", "-o", "x.svg"});
    EXPECT_EQ(unknown.exit_code, 2);
    EXPECT_THAT(unknown.err,
                HasSubstr("curves: beauty: no DAGAN of these campaigns has such a curve; hint: "));
}

TEST_F(ResultsCommandsTest, CurvesOfEveryTaskAsATable) {
    const std::string csv = output({"curves", campaign(), "--format", "csv"});
    std::istringstream lines(csv);
    std::string line;
    std::getline(lines, line);
    EXPECT_EQ(line, "task,quantity,step,value");
    std::map<std::tuple<std::string, std::string, int64_t>, double> points;
    while (std::getline(lines, line)) {
        std::istringstream fields(line);
        std::string task, quantity, step, value;
        std::getline(fields, task, ',');
        std::getline(fields, quantity, ',');
        std::getline(fields, step, ',');
        std::getline(fields, value, ',');
        const std::tuple key(task, quantity, std::stoll(step));
        if (!points.empty()) {
            EXPECT_LT(points.rbegin()->first, key) << "sorted, without duplicates";
        }
        points[key] = std::stod(value);
    }
    size_t logged = 0;
    for (const auto& row : run_query(database(), "SELECT task, quantity, step, value FROM curve "
                                                 "UNION ALL SELECT task, 'validation_accuracy', "
                                                 "epoch, 1.0 * validation_correct / "
                                                 "validation_total FROM epoch")
                               .rows) {
        EXPECT_EQ(points.at({as_text(row[0]), as_text(row[1]), as_integer(row[2])}),
                  as_number(row[3]));
        ++logged;
    }
    EXPECT_GT(logged, 1000u);
    EXPECT_EQ(points.size(), logged);
    EXPECT_EQ(output({"curves", campaign(), "--format", "json"}).front(), '[');
    EXPECT_THAT(output({"curves", campaign(), "--quantity", "score"}), HasSubstr("score"));
    const auto two = results({"curves", campaign(), campaign(), "--format", "csv"});
    EXPECT_EQ(two.exit_code, 2);
    EXPECT_THAT(two.err, HasSubstr("curves: a table shows one campaign, not 2"));
    EXPECT_EQ(results({"curves", campaign(), "--format", "csv", "-o", "x.svg"}).exit_code, 2);
}

TEST_F(ResultsCommandsTest, PublishedRowsWithoutTheirCampaignAreRefused) {
    const fs::path published = folder_ / "published";
    fs::create_directories(published);
    write_atomically(published / "rows.csv", output({"rows", campaign(), "--format", "csv"}));
    const auto finished = results({"cells", published});
    EXPECT_EQ(finished.exit_code, 2);
    EXPECT_THAT(finished.err, HasSubstr("campaign.json"));
}

TEST_F(ResultsCommandsTest, AnOlderDatabaseIsReadWithANoteAndUpgraded) {
    RawDatabase(database()).execute("PRAGMA user_version = 1");
    const auto before = output({"table1", campaign(), "--format", "csv"});
    EXPECT_THAT(results({"table1", campaign()}).err, HasSubstr("dagan results upgrade"));
    EXPECT_THAT(output({"upgrade", campaign()}),
                HasSubstr("from schema 1 to " + std::to_string(kSchemaVersion)));
    EXPECT_EQ(results({"table1", campaign()}).err, "");
    EXPECT_EQ(output({"table1", campaign(), "--format", "csv"}), before);
    EXPECT_THAT(output({"upgrade", campaign()}), HasSubstr("already"));
}

TEST_F(ResultsCommandsTest, ADamagedDatabaseIsDetectedAndSalvaged) {
    EXPECT_THAT(output({"check", campaign()}), HasSubstr("not damaged"));
    {
        std::fstream file(database(), std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(fs::file_size(database()) / 2 / 4096 * 4096));
        file << std::string(8192, '\x5a');
    }
    const auto check = results({"check", campaign()});
    EXPECT_EQ(check.exit_code, 2);
    EXPECT_THAT(check.err, HasSubstr("dagan results salvage"));
    EXPECT_THAT(output({"salvage", campaign(), "--replace"}), HasSubstr("results kept"));
    EXPECT_THAT(output({"check", campaign()}), HasSubstr("not damaged"));
    EXPECT_TRUE(fs::exists(database().string() + ".damaged"));
    output({"report", campaign()});
}

TEST_F(ResultsCommandsTest, CampaignsAreComparedAndMerged) {
    testing::make_synthetic_campaign(folder_ / "again", {.epochs = 4, .seeds = 2});
    EXPECT_THAT(output({"diff", campaign(), "again"}), HasSubstr("0 of 150 cells differ"));
    EXPECT_THAT(output({"merge", "here=" + campaign().string(), "there=again", "-o", "both"}),
                HasSubstr("290 tasks have the same result"));
    EXPECT_EQ(output({"rows", "both", "--format", "csv"}),
              output({"rows", campaign(), "--format", "csv"}));
    EXPECT_THAT(
        output({"query", "both", "SELECT DISTINCT site FROM provenance", "--format", "csv"}),
        HasSubstr("here"));
    EXPECT_TRUE(fs::exists(folder_ / "both/samples"));
    EXPECT_GT(std::distance(fs::directory_iterator(folder_ / "both/samples"), {}), 0);
    EXPECT_EQ(
        results({"merge", "here=" + campaign().string(), "there=again", "-o", "both"}).exit_code,
        2);
}

TEST_F(ResultsCommandsTest, ALiveReportEndsWithTheCampaign) {
    EXPECT_THAT(output({"report", campaign(), "--live", "--every", "1"}),
                HasSubstr("no campaign is running"));
    EXPECT_EQ(read_file(campaign() / "report/index.html").find("http-equiv"), std::string::npos)
        << "the last page does not reload";
}

TEST_F(ResultsCommandsTest, ExitCodesTellUserErrorsFromSystemErrors) {
    EXPECT_EQ(results({"rows", "nowhere"}).exit_code, 2);
    EXPECT_THAT(results({"rows", "nowhere"}).err, HasSubstr("no results.sqlite"));
    EXPECT_EQ(results({"query", campaign(), "DELETE FROM result"}).exit_code, 2);
    EXPECT_EQ(results({"export", campaign(), "--format", "parquet", "-o", "x"}).exit_code, 2);
    EXPECT_EQ(results({"rows", "postgresql://me:secret@%2Fnowhere/base"}).exit_code, 3);
    EXPECT_EQ(results({"rows", "postgresql://me:secret@%2Fnowhere/base"}).err.find("secret"),
              std::string::npos);
}

} // namespace
} // namespace dagan::results
