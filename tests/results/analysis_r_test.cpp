#include "analysis_doc.h"

#include <map>
#include <sstream>
#include <tuple>

namespace dagan::results {
namespace {

TEST_F(AnalysisDocTest, TheRExampleRunsAndAgreesWithDagan) {
    if (run({"Rscript", "-e", "library(DBI); library(RSQLite)"}).exit_code != 0)
        GTEST_SKIP() << "R with DBI and RSQLite is not installed";
    make_campaign();
    write_atomically(folder_ / "example.R", example("r") +
                                                "\nfor (i in seq_len(nrow(gains))) cat('row', "
                                                "gains$dataset[i], gains$n[i], gains$m[i], "
                                                "format(c(gains$gain[i], gains$low[i], gains$p[i], "
                                                "gains$p_holm[i]), digits = 15), '\\n')\n");
    const auto finished = run({"Rscript", "example.R"});
    ASSERT_EQ(finished.exit_code, 0) << finished.text();
    std::map<std::tuple<std::string, int, int>, GainRow> ours;
    for (const auto& gain : gain_rows(database())) {
        if (gain.against == "epochs")
            ours[{gain.dataset, gain.samples_per_class, gain.generated_per_real}] = gain;
    }
    std::istringstream lines(finished.out);
    size_t compared = 0;
    for (std::string line; std::getline(lines, line);) {
        if (!line.starts_with("row ")) continue;
        std::istringstream words(line.substr(4));
        std::string dataset;
        int n = 0, m = 0;
        double gain = 0, low = 0, p = 0, p_holm = 0;
        words >> dataset >> n >> m >> gain >> low >> p >> p_holm;
        const auto& row = ours.at({dataset, n, m});
        EXPECT_NEAR(gain, *row.mean, 1e-10) << line;
        EXPECT_NEAR(low, *row.low, 1e-10) << line;
        EXPECT_NEAR(p, *row.p, 1e-10) << line;
        EXPECT_NEAR(p_holm, *row.p_holm, 1e-10) << line;
        ++compared;
    }
    EXPECT_EQ(compared, ours.size());
}

} // namespace
} // namespace dagan::results
