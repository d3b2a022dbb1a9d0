// The report of a synthetic campaign: one file, no network, and a statement of what is missing.
#include "results/report/report.h"

#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/database/raw_database.h"
#include "results/output/plot.h"
#include "results/output/svg_chart.h"
#include "results/query/published.h"
#include "results/synthetic_campaign.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <regex>

namespace dagan::results {
namespace {

using namespace testing;

// A complete PNG of one grey pixel.
const std::string
    kPng("\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\b\0\0\0\0:~\x9bU\0\0\0\nIDATx\xda"
         "c\xf8\x0f\0\1\1\1\0\x1b\xb6\xeeV\0\0\0\0IEND\xae"
         "B`\x82",
         67);

size_t count(const std::string& text, const std::string& what) {
    size_t found = 0;
    for (size_t i = text.find(what); i != std::string::npos; i = text.find(what, i + what.size()))
        ++found;
    return found;
}

class ReportTest : public ::testing::Test {
  protected:
    // 2 n x 4 m x 3 seeds and step-matched baselines; one of these fails. One DAGAN with curves and
    // contact sheets.
    void run_campaign(const std::string& name = "small <&> \"sweep\"") {
        Plan plan;
        GanTask gan;
        gan.dataset.name = "omniglot";
        plan.tasks.push_back(planned(gan));
        for (int n : {5, 10}) {
            for (int seed = 0; seed < 3; ++seed) {
                for (int m : {0, 1, 2, 3})
                    plan.tasks.push_back(planned(classifier("omniglot", n, m, seed)));
                plan.tasks.push_back(planned(classifier("omniglot", n, 0, seed, 2)));
            }
        }
        const auto store = open_sqlite_store(folder_ / "results.sqlite");
        Sweep sweep;
        sweep.name = name;
        sweep.classifier.epochs = 3;
        store->enter({name, to_text(sweep), "0.1.0", "2026-01-02T03:04:05Z"}, plan);
        finish_gan(*store, plan.tasks[0].key);
        for (size_t i = 1; i < plan.tasks.size(); ++i) {
            const auto& task = std::get<ClassifierTask>(plan.tasks[i].spec);
            if (i == 5) {
                const auto token = store->start_attempt(plan.tasks[i].key, "1", "node7");
                store->finish_attempt(
                    ended(plan.tasks[i].key, token, Outcome::died, "killed <by> signal 9"), true,
                    false);
                continue;
            }
            const int m = task.generated_per_real;
            finish(*store, plan.tasks[i], 600 + 40 * (m == 2) + task.seed,
                   500 + 30 * m + 7 * task.seed + task.samples_per_class);
        }
        store->commit();
    }
    void finish_gan(Store& store, const std::string& key) {
        auto result = ended(key, store.start_attempt(key, "0,1", "node1"), Outcome::done);
        for (int i = 1; i <= 900; ++i) {
            result.curve.push_back({i, "critic_loss", -50.0 / i - 3});
            if (i % 300 == 0) result.curve.push_back({i, "score", 0.3 + i / 3000.0});
        }
        result.curve.push_back({901, "critic_loss", NAN});
        result.curve.push_back({600, "chosen", 0.5});
        for (const auto* name : {"x.300.png", "x.600.png", "x.900.png"})
            result.artifacts.push_back({"samples", std::string("samples/") + name, "aa"});
        result.cost = {"cpu", 10, 900, 0.01};
        std::filesystem::create_directories(folder_ / "samples");
        for (const auto* name : {"x.300.png", "x.900.png"})
            std::ofstream(folder_ / "samples" / name, std::ios::binary) << kPng;
        store.finish_attempt(result, true, false);
    }
    std::string report() { return read_file(write_report(folder_ / "")); }
    TemporaryFolder folder_;
};

TEST_F(ReportTest, IsOneFileThatNeedsNoNetwork) {
    run_campaign();
    const auto html = report();
    EXPECT_TRUE(std::filesystem::exists(folder_ / "report" / "index.html"));
    EXPECT_FALSE(std::regex_search(html, std::regex("(src|href)\\s*=\\s*\"?\\s*(https?:)?//")));
    EXPECT_EQ(html.find("@import"), std::string::npos);
    EXPECT_EQ(html.find("url("), std::string::npos);
    EXPECT_EQ(html.find("<script"), std::string::npos);
}

TEST_F(ReportTest, ShowsTable1PlotsCurvesAndSheets) {
    run_campaign();
    const auto html = report();
    EXPECT_NE(html.find("with DAGAN, m = 2 <strong>(chosen)</strong>"), std::string::npos);
    EXPECT_NE(html.find("without DAGAN, steps of m = 2"), std::string::npos);
    EXPECT_NE(html.find("with DAGAN, m = 3</td>"), std::string::npos)
        << "the paper's m is shown beside the chosen one";
    EXPECT_EQ(count(html, "<svg"), 6u) << "the gains, two cells, two curves, the timeline";
    EXPECT_EQ(count(html, "src=\"data:image/png;base64,iVBORw0KGgo"), 2u);
    EXPECT_NE(html.find("x.600.png no longer exists"), std::string::npos);
}

TEST_F(ReportTest, NamesTheChosenCheckpointAndMarksItInEveryCurve) {
    run_campaign();
    const auto html = report();
    EXPECT_NE(html.find("Chosen: the checkpoint after iteration 600: score 0.5."),
              std::string::npos);
    EXPECT_EQ(count(html, "class=\"mark\""), 4u) << "score and critic loss, and m* in two plots";
    EXPECT_EQ(html.find("DAGAN of omniglot: chosen"), std::string::npos) << "no curve of its own";
    EXPECT_LT(html.find("DAGAN of omniglot: score"), html.find("DAGAN of omniglot: critic_loss"));
}

TEST_F(ReportTest, ListsFailedAttemptsAndMissingTrials) {
    run_campaign();
    const auto html = report();
    EXPECT_NE(html.find("29 of 30 classifiers finished"), std::string::npos);
    EXPECT_NE(html.find("killed &lt;by&gt; signal 9"), std::string::npos);
    EXPECT_NE(html.find(">2 of 3<"), std::string::npos);
    EXPECT_NE(html.find("node7"), std::string::npos);
}

TEST_F(ReportTest, LabelsPublishedNumbersAndReducedSweeps) {
    run_campaign();
    const auto html = report();
    const auto label = std::string(kPublishedLabel.substr(std::string_view("published ").size()));
    EXPECT_NE(html.find("published <small>" + label), std::string::npos);
    EXPECT_NE(html.find("Reduced: classifier.epochs 3 (paper: 200)"), std::string::npos);
    EXPECT_GT(count(html, ">reduced</span>"), 8u);
}

TEST_F(ReportTest, NamesNeverBecomeMarkup) {
    run_campaign("<img src=x onerror=alert(1)>");
    EXPECT_EQ(report().find("<img src=x"), std::string::npos);
}

TEST_F(ReportTest, FilesOutsideTheCampaignAreNotShown) {
    std::filesystem::create_directories(folder_ / "campaign");
    std::ofstream(folder_ / "secret.png", std::ios::binary) << kPng;
    Plan plan{{planned(GanTask{})}};
    {
        const auto store = open_sqlite_store(folder_ / "campaign/results.sqlite");
        store->enter(campaign(), plan);
        auto result = ended(plan.tasks[0].key, store->start_attempt(plan.tasks[0].key, "0", "a"),
                            Outcome::done);
        result.artifacts = {{"samples", "../secret.png", "aa"},
                            {"samples", (folder_ / "secret.png").string(), "aa"},
                            {"samples", "samples/../../secret.png", "aa"}};
        store->finish_attempt(result, true, false);
        store->commit();
    }
    const auto html = read_file(write_report(folder_ / "campaign"));
    EXPECT_EQ(count(html, "<img"), 0u);
    EXPECT_EQ(count(html, "no longer exists"), 3u);
}

TEST_F(ReportTest, AnEmptyCampaignHasAReportToo) {
    const auto store = open_sqlite_store(folder_ / "results.sqlite");
    store->enter(campaign(), Plan{{planned(classifier("omniglot", 5, 0, 0))}});
    store->commit();
    EXPECT_NE(report().find("0 of 1 classifiers finished"), std::string::npos);
}

TEST_F(ReportTest, AFolderWithoutCampaignIsRefused) {
    try {
        write_report(folder_ / "");
        FAIL() << "made";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
    }
    EXPECT_FALSE(std::filesystem::exists(folder_ / "report"));
}

TEST_F(ReportTest, ShowsPredictedAndActualTimes) {
    run_campaign();
    EXPECT_NE(report().find("Nothing was predicted"), std::string::npos);
    const auto tasks =
        run_query(folder_ / "results.sqlite", "SELECT key FROM task WHERE kind = 'gan'").rows;
    Prediction predicted{{{std::get<std::string>(tasks.at(0).at(0)), 4.0}}, 2, "calibrated"};
    const auto html = read_file(write_report(folder_ / "", {predicted}));
    EXPECT_NE(html.find("<td class=\"number\">2.50 <span class=\"missing\">outside</span></td>"),
              std::string::npos)
        << "10 s instead of 4 s is outside a factor of 2";
    EXPECT_NE(html.find("rate: calibrated"), std::string::npos);
}

TEST_F(ReportTest, ShowsTheAttemptsOnATimeline) {
    run_campaign();
    const auto html = report();
    EXPECT_NE(html.find("31 attempts on 2 ranks"), std::string::npos);
    EXPECT_NE(html.find("class=\"t-failed\""), std::string::npos);
}

TEST_F(ReportTest, ReloadsItselfOnlyOnRequest) {
    run_campaign();
    EXPECT_EQ(report().find("http-equiv"), std::string::npos);
    const auto html = read_file(write_report(folder_ / "", {.predicted = {}, .refresh_s = 60}));
    EXPECT_NE(html.find("<meta http-equiv=\"refresh\" content=\"60\">"), std::string::npos);
}

TEST_F(ReportTest, ACampaignOfAnotherVersionIsStillReadable) {
    run_campaign();
    RawDatabase db(folder_ / "results.sqlite");
    db.execute("UPDATE campaign SET sweep = '{\"an option\": \"of tomorrow\"}'");
    db.execute("UPDATE task SET spec = '{\"dataset\": {\"sha256\": \"abcd\"}, \"new\": 1}'");
    const auto html = report();
    EXPECT_NE(html.find("whether it is reduced is unknown"), std::string::npos);
    EXPECT_NE(html.find("sha256 abcd"), std::string::npos);
    EXPECT_NE(html.find("classifier omniglot n=5 m=0 seed=0 steps:2"), std::string::npos)
        << "failures are named";
}

TEST(ReportSizeTest, TheWholeTable1WithHeavySheetsStaysBelowFiveMegabytes) {
    TemporaryFolder folder;
    make_synthetic_campaign(folder / "");
    for (const auto& sheet : std::filesystem::directory_iterator(folder / "samples"))
        std::ofstream(sheet.path(), std::ios::binary | std::ios::app) << std::string(300'000, 'x');
    const auto milliseconds = [](const auto& work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
            .count();
    };
    const auto database = folder / "results.sqlite";
    const double cells_ms = milliseconds([&] { EXPECT_EQ(cell_rows(database).size(), 150u); });
    const double table1_ms = milliseconds([&] { EXPECT_GE(table1_rows(database).size(), 20u); });
    const double gains_ms = milliseconds([&] { EXPECT_EQ(gain_rows(database).size(), 140u); });
    std::string html;
    const double report_ms = milliseconds([&] { html = read_file(write_report(folder / "")); });
    // Printed, not asserted, as times depend on the machine. Targets: cells and table1 below
    // 100 ms, the report below 3 s.
    std::printf("%zu trials x 200 epochs: cells %.1f ms, table1 %.1f ms, gains %.1f ms, report "
                "%.0f ms, %.2f MB; database %.1f MB\n",
                trial_rows(database).size(), cells_ms, table1_ms, gains_ms, report_ms,
                static_cast<double>(html.size()) / 1e6,
                static_cast<double>(std::filesystem::file_size(database)) / 1e6);
    EXPECT_LT(html.size(), 5'000'000u);
    EXPECT_GT(count(html, "<img"), 2u) << "fewer sheets, but not the last one alone";
    EXPECT_NE(html.find("contact sheets; the others"), std::string::npos);
}

TEST(AccuracyPlotTest, DrawsTheStepMatchedBaselineDashedAndDescribesThePlot) {
    const std::vector<CellRow> cells{
        {"omniglot", 5, 0, "epochs", 2, 0, 0.8, 0.70, 0.01, 0.61, 0.79, {}, {}, {}},
        {"omniglot", 5, 0, "steps:1", 2, 0, 0.8, 0.72, 0.01, 0.63, 0.81, {}, {}, {}},
        {"omniglot", 5, 1, "epochs", 2, 1, 0.8, 0.75, 0.01, 0.66, 0.84, {}, {}, {}}};
    const auto plots = accuracy_plots(cells, true);
    ASSERT_EQ(plots.size(), 1u);
    EXPECT_EQ(plots[0].name, "omniglot-n5");
    EXPECT_NE(plots[0].svg.find("stroke-dasharray"), std::string::npos);
    EXPECT_NE(plots[0].svg.find("<title>omniglot, 5 images per class (reduced)</title>"),
              std::string::npos);
    EXPECT_NE(plots[0].svg.find("0.7500 at m = 1"), std::string::npos);
    EXPECT_NE(plots[0].svg.find("1 run is missing"), std::string::npos);
    EXPECT_EQ(plots[0].svg.find("nan"), std::string::npos);
}

TEST(AccuracyPlotTest, CellsWithoutResultsGiveAnEmptyPlot) {
    const auto plots =
        accuracy_plots({{"omniglot", 5, 0, "epochs", 0, 2, {}, {}, {}, {}, {}, {}, {}, {}}}, false);
    EXPECT_NE(plots.at(0).svg.find("No result yet"), std::string::npos);
}

TEST(PlotTest, GainsOfTheChosenMAgainstBothBaselinesOverN) {
    const auto gain = [](int n, int m, const std::string& against, double mean) {
        return GainRow{"omniglot", n,           m,           against, 5,  0,  mean,
                       0.01,       mean - 0.02, mean + 0.02, {},      {}, {}, {}};
    };
    const std::vector<GainRow> gains{gain(1, 1, "epochs", 0.10), gain(1, 1, "steps:1", -0.03),
                                     gain(1, 3, "epochs", 0.77), gain(5, 1, "epochs", 0.88),
                                     gain(5, 3, "epochs", 0.05), gain(5, 3, "steps:3", 0.01)};
    const auto choice = [](int n, int m, bool chosen) {
        return ChoiceRow{"omniglot", n, m, 5, 0, 0.5, {}, {}, {}, chosen, {}, {}, {}};
    };
    const auto plots = gain_plots(
        gains, {choice(1, 1, true), choice(1, 3, false), choice(5, 1, false), choice(5, 3, true)},
        true);
    ASSERT_EQ(plots.size(), 1u);
    EXPECT_EQ(plots[0].name, "omniglot-gains");
    const std::string& svg = plots[0].svg;
    EXPECT_NE(svg.find("n = 1, m = 1, against steps:1: -0.0300 (-0.0500 to -0.0100)."),
              std::string::npos)
        << svg;
    EXPECT_NE(svg.find("n = 5, m = 3, against epochs: +0.0500 (+0.0300 to +0.0700)."),
              std::string::npos);
    EXPECT_EQ(svg.find("0.7700"), std::string::npos) << "an m that was not chosen";
    EXPECT_EQ(svg.find("0.8800"), std::string::npos) << "an m that was not chosen";
    EXPECT_NE(svg.find("stroke-opacity=\"0.6\""), std::string::npos) << "the line of no gain";
    EXPECT_TRUE(gain_plots({}, {}, false).empty());
}

TEST(CurvePlotTest, NaNLeavesAGapAndLongCurvesAreThinned) {
    std::vector<std::pair<int64_t, double>> points;
    for (int i = 0; i < 20000; ++i) points.emplace_back(i, i == 10000 ? NAN : std::sin(i / 1000.0));
    const auto svg = curve_plot("t", "iteration", "critic_loss", points);
    EXPECT_LT(svg.size(), 20000u);
    EXPECT_EQ(svg.find("nan"), std::string::npos);
    EXPECT_EQ(count(svg, "M"), 3u) << "axes, and the curve before and after the gap";
}

TEST(OverlayPlotTest, AGroupHasOneColourAndOneLegendEntry) {
    const std::vector<GroupedCurve> curves{{"direct", {{1, 0.1}, {2, 0.5}}},
                                           {"winograd", {{1, 0.2}, {2, 0.6}}},
                                           {"direct", {{1, 0.3}, {2, 0.4}}},
                                           {"empty", {}}};
    const std::string svg = overlay_plot("score", curves);
    EXPECT_EQ(count(svg, ">direct</text>"), 1u);
    EXPECT_EQ(count(svg, ">winograd</text>"), 1u);
    EXPECT_EQ(count(svg, ">empty</text>"), 0u);
    EXPECT_EQ(count(svg, "color=\"#0072b2\""), 3u) << "two curves and the legend";
    EXPECT_EQ(count(svg, "color=\"#d55e00\""), 2u) << "one curve and the legend";
    EXPECT_NE(svg.find("direct: from 0.3 at 1 to 0.4 at 2."), std::string::npos);
}

TEST(AxisTicksTest, TicksAreRoundAndCoverTheRange) {
    EXPECT_EQ(axis_ticks(0, 10, 10, false).size(), 11u);
    const auto ticks = axis_ticks(0.612, 0.838, 6, true);
    EXPECT_NEAR(ticks.front(), 0.60, 1e-12);
    EXPECT_NEAR(ticks.back(), 0.85, 1e-12);
}

} // namespace
} // namespace dagan::results
