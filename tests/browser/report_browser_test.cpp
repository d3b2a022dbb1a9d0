// Opens the report of a campaign of Table 1's size from file:// in headless Chromium, wide and
// narrow, light and dark. A script in a copy of the page (probe.js) reports what the browser shows.
#include "base/file.h"
#include "base/temporary_folder.h"
#include "results/query/queries.h"
#include "results/report/report.h"
#include "results/synthetic_campaign.h"
#include "spec/json.h"
#include "support/process.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

namespace dagan {
namespace {

namespace fs = std::filesystem;

std::string chromium() {
    for (const char* name : {"chromium", "chromium-browser", "google-chrome"}) {
        std::istringstream folders(std::getenv("PATH") ? std::getenv("PATH") : "");
        for (std::string folder; std::getline(folders, folder, ':');) {
            if (::access((fs::path(folder) / name).c_str(), X_OK) == 0)
                return fs::path(folder) / name;
        }
    }
    return "";
}

std::string percent_decoded(const std::string& text) {
    std::string out;
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '%') {
            out += static_cast<char>(std::stoi(text.substr(i + 1, 2), nullptr, 16));
            i += 2;
        } else {
            out += text[i];
        }
    }
    return out;
}

struct Seen {
    Json probe;
    // The lines of the browser's console.
    std::string console;
};

// One campaign and its report for all tests.
class ReportBrowserTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        if (chromium().empty()) return;
        folder_ = std::make_unique<TemporaryFolder>();
        results::testing::make_synthetic_campaign(folder_->path());
        results::write_report(folder_->path(), {results::testing::synthetic_prediction()});
    }
    static void TearDownTestSuite() { folder_.reset(); }
    void SetUp() override {
        if (chromium().empty())
            GTEST_SKIP() << "Chromium is not installed: apt-get install chromium";
    }

    // Opens `html` in a frame `width` pixels wide.
    static Seen open(const std::string& html, int width, bool dark) {
        const auto page = *folder_ / "probed.html", frame = *folder_ / "frame.html";
        write_atomically(page, html);
        write_atomically(
            frame,
            fmt::format(
                "<!DOCTYPE html><pre id=\"probe\"></pre><script>addEventListener('message', e => "
                "{{ document.getElementById('probe').textContent = e.data; }});</script>"
                "<iframe src=\"probed.html\" style=\"border:0;width:{}px;height:900px\"></iframe>",
                width));
        std::vector<std::string> words{chromium(),
                                       "--headless",
                                       "--no-sandbox",
                                       "--disable-gpu",
                                       "--enable-logging=stderr",
                                       "--user-data-dir=" + (*folder_ / "browser").string(),
                                       "--window-size=1600,1000",
                                       "--dump-dom",
                                       "file://" + frame.string()};
        if (dark) words.insert(words.begin() + 1, "--force-dark-mode");
        const auto finished = run_program(words);
        Seen seen;
        std::istringstream lines(finished.err);
        for (std::string line; std::getline(lines, line);) {
            if (line.find("CONSOLE") != std::string::npos) seen.console += line + "\n";
        }
        const auto begin = finished.out.find("<pre id=\"probe\">") + 16,
                   end = finished.out.find("</pre>");
        if (finished.exit_code != 0 || end == std::string::npos || end <= begin)
            throw std::runtime_error(finished.text());
        seen.probe = Json::parse(percent_decoded(finished.out.substr(begin, end - begin)));
        return seen;
    }
    static std::string probed_report(const std::string& extra = "") {
        auto html = read_file(*folder_ / "report" / "index.html");
        const auto probe = read_file(fs::path(DAGAN_SOURCE_DIR) / "tests" / "browser" / "probe.js");
        return html.insert(html.rfind("</body>"), extra + "<script>" + probe + "</script>");
    }
    static Seen open_report(int width, bool dark, const std::string& extra = "") {
        return open(probed_report(extra), width, dark);
    }
    static fs::path database() { return *folder_ / "results.sqlite"; }

    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> ReportBrowserTest::folder_;

std::string shown(const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : "–";
}

TEST_F(ReportBrowserTest, OpensFromAFileWithoutErrorsAndWithoutNetwork) {
    const auto seen = open_report(1400, false);
    EXPECT_EQ(seen.console, "");
    EXPECT_EQ(seen.probe.at("fetched"), Json::array());
    EXPECT_EQ(seen.probe.at("scripts"), 0);
    EXPECT_EQ(seen.probe.at("broken_pictures"), 0);
    EXPECT_EQ(seen.probe.at("pictures"), 16) << "eight sheets for each DAGAN";
    EXPECT_EQ(seen.probe.at("dead_links"), Json::array());
    EXPECT_EQ(seen.probe.at("repeated_ids"), Json::array());
}

// Checks that the test above can fail.
TEST_F(ReportBrowserTest, TheProbeDetectsErrorsAndMissingFiles) {
    EXPECT_NE(open_report(1400, false, "<script>console.error('detected')</script>")
                  .console.find("detected"),
              std::string::npos);
    EXPECT_NE(open_report(1400, false, "<script>undefined_function()</script>")
                  .console.find("undefined_function"),
              std::string::npos);
    EXPECT_NE(open_report(1400, false, "<img alt='x' src='gone.png'>").probe.at("broken_pictures"),
              0);
}

TEST_F(ReportBrowserTest, CellsShowTheDatabasesValues) {
    const auto rows = open_report(1400, false).probe.at("cells");
    const auto cells = results::cell_rows(database());
    ASSERT_EQ(rows.size(), cells.size());
    for (size_t i = 0; i < cells.size(); ++i) {
        const auto& cell = cells[i];
        const auto what = rows[i].dump();
        EXPECT_EQ(rows[i][0], cell.dataset) << what;
        EXPECT_EQ(rows[i][1], std::to_string(cell.samples_per_class)) << what;
        EXPECT_EQ(rows[i][2], std::to_string(cell.generated_per_real)) << what;
        EXPECT_EQ(rows[i][3], cell.budget) << what;
        const auto seeds = cell.missing == 0
                               ? std::to_string(cell.seeds)
                               : fmt::format("{} of {}", cell.seeds, cell.seeds + cell.missing);
        EXPECT_EQ(rows[i][4], seeds) << what;
        EXPECT_EQ(rows[i][5], shown(cell.validation_mean)) << what;
        EXPECT_EQ(rows[i][6], shown(cell.test_mean)) << what;
        EXPECT_EQ(rows[i][7], shown(cell.test_sd)) << what;
        EXPECT_EQ(rows[i][8], shown(cell.test_low) + " to " + shown(cell.test_high)) << what;
    }
}

TEST_F(ReportBrowserTest, Table1ShowsTheDatabasesValues) {
    const auto rows = open_report(1400, false).probe.at("table1");
    size_t found = 0;
    for (const auto& expected : results::table1_rows(database())) {
        const auto& c = expected;
        for (const auto& row : rows) {
            const std::string training = row[2];
            const bool augmented = training.starts_with("with DAGAN") &&
                                   training.find("(chosen)") != std::string::npos;
            const bool matched = training.find("steps of") != std::string::npos;
            if (row[0] != c.dataset || row[1] != std::to_string(c.samples_per_class) ||
                augmented != c.augmented || matched != (c.budget != "epochs") ||
                (!augmented && training.starts_with("with DAGAN")))
                continue;
            ++found;
            EXPECT_EQ(row[3], shown(c.test_mean)) << row.dump();
            EXPECT_EQ(row[5], shown(c.test_low) + " to " + shown(c.test_high)) << row.dump();
            EXPECT_EQ(row[6], shown(c.published)) << row.dump();
        }
    }
    EXPECT_EQ(found, results::table1_rows(database()).size());
}

TEST_F(ReportBrowserTest, MissingTrialsAreListed) {
    const auto probe = open_report(1400, false).probe;
    const auto expected =
        results::run_query(database(), "SELECT count(*) FROM missing").rows.at(0).at(0);
    EXPECT_EQ(static_cast<int64_t>(probe.at("missing").size()), std::get<int64_t>(expected));
    EXPECT_GT(probe.at("missing").size(), 0u);
}

class ReportLayoutTest : public ReportBrowserTest,
                         public ::testing::WithParamInterface<std::pair<int, bool>> {};

TEST_P(ReportLayoutTest, IsReadableAtThisWidthAndColourScheme) {
    const auto [width, dark] = GetParam();
    const auto seen = open_report(width, dark);
    const auto& probe = seen.probe;
    EXPECT_EQ(seen.console, "");
    EXPECT_EQ(probe.at("width"), width);
    EXPECT_EQ(probe.at("dark"), dark);
    EXPECT_LE(probe.at("page_width").get<int>(), width) << "tables scroll, the page does not";
    EXPECT_GE(probe.at("lowest_contrast").get<double>(), 4.5) << "WCAG AA";
    EXPECT_GE(probe.at("smallest_text_px").get<double>(), 11);
    EXPECT_EQ(probe.at("unreachable"), 0);
}

INSTANTIATE_TEST_SUITE_P(Screens, ReportLayoutTest,
                         ::testing::Values(std::pair(360, false), std::pair(360, true),
                                           std::pair(1400, false), std::pair(1400, true)),
                         [](const auto& screen) {
                             return fmt::format("{}{}", screen.param.second ? "Dark" : "Light",
                                                screen.param.first);
                         });

// A4 without its margins is 700 pixels wide. A headless browser cannot be probed while it prints,
// so the rules for print are applied to the screen.
TEST_F(ReportBrowserTest, FitsOnPaper) {
    auto html = probed_report();
    const std::string paper = "@media print";
    ASSERT_NE(html.find(paper), std::string::npos);
    EXPECT_NE(open(html, 700, false).probe.at("tables_too_wide"), Json::array())
        << "on a screen they scroll";
    html.replace(html.find(paper), paper.size(), "@media all");
    EXPECT_EQ(open(html, 700, false).probe.at("tables_too_wide"), Json::array());
}

TEST_F(ReportBrowserTest, IsAccessibleToScreenReaders) {
    const auto probe = open_report(1400, false).probe;
    EXPECT_EQ(probe.at("language"), "en");
    EXPECT_EQ(probe.at("unnamed_tables"), 0);
    EXPECT_EQ(probe.at("unscoped_headings"), 0);
    EXPECT_EQ(probe.at("unnamed_pictures"), 0);
    EXPECT_EQ(probe.at("landmarks"), Json::array());
    int last = 0;
    for (const int level : probe.at("headings")) {
        EXPECT_LE(level, last + 1) << "a heading level is skipped";
        last = level;
    }
}

} // namespace
} // namespace dagan
