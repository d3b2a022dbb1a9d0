// Imports the real Omniglot and runs a sweep on it. Skips if the data set is not beside the source
// tree; fails in that case under CI=true.
#include "e2e/sandbox.h"

#include <cstdlib>
#include <fstream>

namespace dagan {
namespace {

const char* const kTiny = R"(name: omniglot-tiny
seed: 11
seeds: 2
datasets:
  omniglot:
    file: omniglot.h5
    split: {source: [0, 40], validation: [1200, 1206], test: [1412, 1420]}
    cases: {test: 2, validation: 3}
gan: {generator_widths: [4, 4, 4, 4], critic_widths: [4, 4, 4, 4], generator_inner: 1, critic_inner: 1, iterations: 8, batch_size: 8, checkpoints: 2}
classifier: {epochs: 2, growth: 4, softmax: held_out, batch_size: 16}
sweep:
  - {dataset: omniglot, samples_per_class: [2, 4], generated_per_real: [0, 2]}
resources: {gan_ranks: 1, threads_per_trainer: 1}
)";

bool in_ci() {
    const char* value = std::getenv("CI");
    return value != nullptr && std::string(value) == "true";
}

TEST(OmniglotTest, ImportedAndSweptOnOneRankAndThree) {
    const fs::path zips = kSource / ".." / "shared" / "data" / "omniglot";
    if (!fs::exists(zips / "images_background.zip")) {
        if (in_ci()) FAIL() << "missing: " << zips;
        GTEST_SKIP() << "missing: " << zips;
    }
    const Sandbox& box = sandbox();
    const std::string file = (box.data() / "omniglot.h5").string();
    const Finished imported =
        box.dagan({"data", "import", "omniglot", (zips / "images_background.zip").string(),
                   (zips / "images_evaluation.zip").string(), "-o", file});
    ASSERT_EQ(imported.exit_code, 0) << imported.text();
    const Json info = Json::parse(box.output({"data", "info", file, "--format", "json"}));
    EXPECT_EQ(info.at("classes"), 1623);
    EXPECT_EQ(info.at("images"), 32460);
    EXPECT_EQ(info.at("height"), 28);
    EXPECT_EQ(box.dagan({"data", "verify", file}).exit_code, 0);

    const fs::path sweep = box.campaign("omniglot-tiny.yaml");
    std::ofstream(sweep) << kTiny;
    std::vector<std::string> rows;
    for (const int ranks : {1, 3}) {
        const fs::path campaign = box.campaign("ranks" + std::to_string(ranks));
        const Finished finished = box.dagan(run_args(sweep, campaign, ranks));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
        rows.push_back(box.rows(campaign));
    }
    EXPECT_EQ(lines_in(rows[0]), 1 + 2 * 2 * 2);
    EXPECT_EQ(rows[0], rows[1]);
}

} // namespace
} // namespace dagan
