// A campaign from start to table, with the smallest sweep that has every kind of task.
#include "e2e/sandbox.h"

#include <sstream>

namespace dagan {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr int kTasks = 1 + 1 + 2 + 8; // selector, gan, one pool per seed, classifiers
constexpr int kClassifiers = 8;

class RunTest : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        sandbox().make_strokes();
        const Finished finished = sandbox().dagan(run_args(kSmoke, finished_campaign(), 2));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
    }
    static fs::path finished_campaign() { return sandbox().campaign("finished"); }

    Sandbox& sandbox_ = sandbox();
};

TEST_F(RunTest, EveryClassifierHasItsRow) {
    const std::string rows = sandbox_.rows(finished_campaign());
    EXPECT_THAT(
        rows,
        StartsWith(
            "dataset,samples_per_class,generated_per_real,seed,budget,softmax,steps,best_epoch,"
            "validation_correct,validation_total,test_correct,test_total\n"));
    EXPECT_EQ(lines_in(rows), 1 + kClassifiers) << rows;
    EXPECT_THAT(rows, HasSubstr("\nstrokes,1,0,0,epochs,held_out,"));
    EXPECT_THAT(rows, HasSubstr("\nstrokes,2,2,1,epochs,held_out,"));
    EXPECT_EQ(sandbox_.count(finished_campaign(), "attempt WHERE final = 1"), kTasks);
    EXPECT_EQ(
        sandbox_.count(finished_campaign(), "attempt WHERE outcome <> 'done' OR outcome IS NULL"),
        0);
}

TEST_F(RunTest, TwoRanksAndThreeGiveTheSameRows) {
    const fs::path three = sandbox_.campaign("three");
    const Finished finished = sandbox_.dagan(run_args(kSmoke, three, 3));
    ASSERT_EQ(finished.exit_code, 0) << finished.text();
    EXPECT_EQ(sandbox_.rows(three), sandbox_.rows(finished_campaign()));
    EXPECT_TRUE(no_process_left(three));
}

TEST_F(RunTest, OneRankAndThreeGiveTheSameRows) {
    std::vector<std::string> rows;
    for (const int ranks : {1, 3}) {
        const fs::path campaign = sandbox_.campaign("alone" + std::to_string(ranks));
        const Finished finished =
            sandbox_.dagan(run_args(kSmoke, campaign, ranks, {"resources.gan_ranks=1"}));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
        rows.push_back(sandbox_.rows(campaign));
    }
    EXPECT_EQ(lines_in(rows[0]), 1 + kClassifiers);
    EXPECT_EQ(rows[0], rows[1]);
}

TEST_F(RunTest, StopsBeforeItsTimeLimitWithCheckpointsWritten) {
    const fs::path campaign = sandbox_.campaign("timed");
    // Far more than a minute of work; the run stops half a minute before its limit.
    const Args args =
        run_args(kSmoke, campaign, 2, {"gan.iterations=3000000"}) + Args{"--time", "00:00:36"};
    const Finished finished = sandbox_.dagan(args);
    EXPECT_EQ(finished.exit_code, 75) << finished.text();
    EXPECT_TRUE(no_process_left(campaign));
    EXPECT_EQ(
        Json::parse(sandbox_.output({"status", campaign.string(), "--format", "json"})).at("state"),
        "stopped");
    EXPECT_EQ(sandbox_.count(campaign, "attempt WHERE outcome NOT IN ('done', 'interrupted')"), 0);
    EXPECT_EQ(sandbox_.dagan(run_args(kSmoke, campaign, 2) + Args{"--time", "soon"}).exit_code, 2);
}

TEST_F(RunTest, ReusingTheDaganOfAnotherCampaignChangesNoRow) {
    const std::vector<std::string> fresh{"classifier.generation=fresh"};
    const fs::path reusing = sandbox_.campaign("reusing"), anew = sandbox_.campaign("anew");
    const Finished first = sandbox_.dagan(run_args(kSmoke, reusing, 2, fresh) +
                                          Args{"--reuse", finished_campaign().string()});
    ASSERT_EQ(first.exit_code, 0) << first.text();
    EXPECT_THAT(first.err, HasSubstr("reused from " + finished_campaign().string() +
                                     ": selector strokes, gan strokes"));
    EXPECT_THAT(read_file(reusing / "reused.json"), HasSubstr("gan strokes"));
    const std::string origin = read_file(reusing / "reused.json");
    const Finished again = sandbox_.dagan(run_args(kSmoke, reusing, 2, fresh) +
                                          Args{"--reuse", finished_campaign().string()});
    EXPECT_THAT(again.err, HasSubstr("nothing: no finished task there"))
        << "tasks that are already here are not reported as reused";
    EXPECT_EQ(read_file(reusing / "reused.json"), origin);
    EXPECT_EQ(
        sandbox_.dagan(run_args(kSmoke, reusing, 2, fresh) + Args{"--reuse", reusing.string()})
            .exit_code,
        2);
    ASSERT_EQ(sandbox_.dagan(run_args(kSmoke, anew, 2, fresh)).exit_code, 0);
    EXPECT_EQ(sandbox_.rows(reusing), sandbox_.rows(anew));
    const std::string steps =
        "SELECT sum(a.steps) FROM attempt a JOIN task t ON t.key = a.task WHERE t.kind = 'gan'";
    EXPECT_EQ(std::stoi(sandbox_.query(reusing, steps)), 0) << "not trained again";
    EXPECT_GT(std::stoi(sandbox_.query(anew, steps)), 0);
    const std::string curves =
        "SELECT count(*) FROM curve c JOIN task t ON t.key = c.task WHERE t.kind = 'gan'";
    EXPECT_EQ(sandbox_.query(reusing, curves), sandbox_.query(anew, curves))
        << "its curves and its choice are copied";

    const Finished other =
        sandbox_.dagan(run_args(kSmoke, sandbox_.campaign("other"), 2, {"gan.batch_size=6"}) +
                       Args{"--reuse", finished_campaign().string()});
    EXPECT_THAT(other.err,
                HasSubstr("reused from " + finished_campaign().string() + ": selector strokes\n"))
        << "a different DAGAN is not reused";
    EXPECT_EQ(sandbox_
                  .dagan(run_args(kSmoke, sandbox_.campaign("from-nothing"), 2) +
                         Args{"--reuse", "/nowhere"})
                  .exit_code,
              2);
}

TEST_F(RunTest, AFinishedCampaignReturnsWithoutStartingAnything) {
    const std::string rows = sandbox_.rows(finished_campaign());
    const auto job = fs::last_write_time(finished_campaign() / "logs" / "job.log");
    const Finished again = sandbox_.dagan(run_args(kSmoke, finished_campaign(), 2));
    EXPECT_EQ(again.exit_code, 0) << again.text();
    EXPECT_THAT(again.err, HasSubstr(std::to_string(kTasks) + " of " + std::to_string(kTasks)));
    EXPECT_EQ(sandbox_.count(finished_campaign(), "attempt"), kTasks);
    EXPECT_EQ(fs::last_write_time(finished_campaign() / "logs" / "job.log"), job);
    EXPECT_EQ(sandbox_.rows(finished_campaign()), rows);
}

TEST_F(RunTest, StatusHasTheKeysThatScriptsRelyOn) {
    const Json status =
        Json::parse(sandbox_.output({"status", finished_campaign().string(), "--format", "json"}));
    EXPECT_EQ(status.at("state"), "finished");
    EXPECT_EQ(status.at("restarts"), 0);
    EXPECT_EQ(status.at("eta_s"), 0);
    for (const char* name : {"waiting", "ready", "running", "failed", "quarantined", "blocked"})
        EXPECT_EQ(status.at("tasks").at(name), 0) << name;
    EXPECT_EQ(status.at("tasks").at("done"), kTasks);
    EXPECT_THAT(sandbox_.output({"status", finished_campaign().string()}),
                HasSubstr("smoke: finished"));
}

TEST_F(RunTest, ResultsComeInEveryFormat) {
    const std::string folder = finished_campaign().string();
    const std::string cells = sandbox_.output({"results", "cells", folder, "--format", "csv"});
    EXPECT_THAT(cells, StartsWith("dataset,samples_per_class,generated_per_real,budget,seeds,"
                                  "missing,validation_mean,test_mean,"
                                  "test_sd,test_low,test_high,"
                                  "gain_mean,gain_low,gain_high\n"));
    EXPECT_EQ(lines_in(cells), 1 + 4);
    const std::string table = sandbox_.output({"results", "table1", folder, "--format", "csv"});
    EXPECT_THAT(table, StartsWith("dataset,samples_per_class,augmented,generated_per_real,budget,"
                                  "seeds,test_mean,test_low,test_high,published"));
    EXPECT_EQ(lines_in(table), 1 + 4);
    for (const char* what : {"rows", "cells", "table1"}) {
        EXPECT_TRUE(
            Json::parse(sandbox_.output({"results", what, folder, "--format", "json"})).is_array())
            << what;
        EXPECT_THAT(sandbox_.output({"results", what, folder}), HasSubstr("strokes")) << what;
    }
    EXPECT_THAT(sandbox_.output({"results", "table1", folder, "--format", "latex"}),
                HasSubstr("\\begin{tabular}"));
    EXPECT_EQ(sandbox_.query(finished_campaign(), "SELECT COUNT(*) FROM result"),
              std::to_string(kClassifiers + 1)); // the selector has one too
}

TEST_F(RunTest, TheReportIsOneSelfContainedFile) {
    std::string printed = sandbox_.output({"results", "report", finished_campaign().string()});
    printed.pop_back();
    const std::string html = read_file(printed);
    for (const char* part : {"<svg", "data:image/png;base64,", "strokes", "</html>"})
        EXPECT_THAT(html, HasSubstr(part));
    for (const char* outside : {"src=\"http", "href=\"http", "<script src"})
        EXPECT_THAT(html, testing::Not(HasSubstr(outside)));
}

TEST_F(RunTest, PlotsAreWritten) {
    const fs::path figures = sandbox_.campaign("figures");
    const std::string written =
        sandbox_.output({"results", "plot", finished_campaign().string(), "-o", figures.string()});
    EXPECT_EQ(lines_in(written), 3) << written; // n = 1, n = 2, and the gains over n
    for (const auto& entry : fs::directory_iterator(figures))
        EXPECT_THAT(read_file(entry.path()), HasSubstr("</svg>"));
}

TEST_F(RunTest, ADaganLeavesSampleSheetsAndWeights) {
    EXPECT_GE(sandbox_.count(finished_campaign(), "artifact WHERE role = 'samples'"), 1);
    EXPECT_EQ(sandbox_.count(finished_campaign(), "artifact WHERE role = 'pool'"), 2);
    const std::string path =
        sandbox_.query(finished_campaign(), "SELECT path FROM artifact WHERE role = 'samples'");
    EXPECT_THAT(read_file(finished_campaign() / path), StartsWith("\x89PNG"));
}

TEST_F(RunTest, ASecondRunOfACampaignInUseIsRefused) {
    const fs::path campaign = sandbox_.campaign("in-use");
    const Args args = run_args(kSmoke, campaign, 2);
    Process first(sandbox_.command(args), sandbox_.setting());
    ASSERT_TRUE(eventually([&] { return fs::exists(campaign / "status.json"); }))
        << first.wait().text();
    const Finished second = sandbox_.dagan(args);
    EXPECT_EQ(second.exit_code, 2) << second.text();
    EXPECT_THAT(second.err, HasSubstr("process " + std::to_string(first.pid())));
    EXPECT_THAT(second.err, HasSubstr(campaign.string()));
    EXPECT_THAT(second.err, HasSubstr("store: postgresql://"))
        << "the hint names the store that runs can share";
    EXPECT_EQ(first.wait().exit_code, 0);
    EXPECT_EQ(sandbox_.rows(campaign), sandbox_.rows(finished_campaign()));
}

TEST_F(RunTest, ItsDaganAugmentsTheUsersOwnPictures) {
    const fs::path picture = sandbox_.campaign("picture.png"),
                   sheet = sandbox_.campaign("sheet.png");
    sandbox_.output(
        {"data", "show", (sandbox_.data() / "strokes.h5").string(), "-o", picture.string()});
    const auto generate = [&](const std::string& seed) {
        sandbox_.output({"generate", finished_campaign().string(), picture.string(),
                         picture.string(), "--each", "3", "--seed", seed, "-o", sheet.string()});
        return read_file(sheet);
    };
    const std::string first = generate("1");
    constexpr int kSide = 28, kScale = 3, kGap = 2;
    const auto span = [](int images) { return images * (kSide * kScale + kGap) + kGap; };
    // PNG: 32-bit big-endian width at byte 16, height at byte 20; the lower halves suffice.
    const auto number = [&](size_t at) {
        return (static_cast<uint8_t>(first[at + 2]) << 8) + static_cast<uint8_t>(first[at + 3]);
    };
    EXPECT_EQ(number(16), span(1 + 3));
    EXPECT_EQ(number(20), span(2));
    EXPECT_EQ(generate("1"), first);
    EXPECT_NE(generate("2"), first);
    const auto refused = [&](const Args& args, const char* message) {
        const Finished finished = sandbox_.dagan(Args{"generate"} + args);
        EXPECT_EQ(finished.exit_code, 2) << finished.text();
        EXPECT_THAT(finished.err, HasSubstr(message));
    };
    refused({finished_campaign().string(), picture.string(), "--dataset", "emnist"},
            "--dataset: strokes");
    refused({finished_campaign().string(), kSmoke.string(), "-o", sheet.string()}, "smoke.yaml");
}

} // namespace
} // namespace dagan
