#include "analysis_doc.h"

#include <cstdlib>
#include <sstream>

namespace dagan::results {
namespace {

TEST_F(AnalysisDocTest, ThePythonExampleRunsAndAgreesWithDagan) {
    const std::string python =
        std::getenv("DAGAN_PYTHON") ? std::getenv("DAGAN_PYTHON") : "python3";
    if (run({python, "-c", "import pandas"}).exit_code != 0)
        GTEST_SKIP() << "pandas is not installed; DAGAN_PYTHON can name another Python";
    make_campaign();
    write_atomically(
        folder_ / "example.py",
        example("python") +
            "\nprint('mean', repr(cells.loc[('omniglot', 5, 3, 'epochs'), 'mean']))\n");
    const auto finished = run({python, "example.py"});
    ASSERT_EQ(finished.exit_code, 0) << finished.text();
    double theirs = 0;
    std::string number =
        finished.out.substr(finished.out.find("mean", finished.out.rfind("\nmean ")) + 5);
    if (const auto open = number.find('('); open != std::string::npos)
        number = number.substr(open + 1);
    std::istringstream(number) >> theirs;
    for (const auto& cell : cell_rows(database())) {
        if (cell.dataset == "omniglot" && cell.samples_per_class == 5 &&
            cell.generated_per_real == 3) {
            EXPECT_NEAR(theirs, *cell.test_mean, 1e-12);
        }
    }
}

} // namespace
} // namespace dagan::results
