// The whole path on the real Omniglot, which lies beside the source tree. Where it does not, this skips, but under CI=true it
// fails.
#include "e2e/laboratory.h"

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
    const Laboratory& lab = laboratory();
    const std::string file = (lab.data() / "omniglot.h5").string();
    const Finished imported =
        lab.dagan({"data", "import", "omniglot", (zips / "images_background.zip").string(),
                   (zips / "images_evaluation.zip").string(), "-o", file});
    ASSERT_EQ(imported.exit_code, 0) << imported.text();
    const Json info = Json::parse(lab.output({"data", "info", file, "--format", "json"}));
    EXPECT_EQ(info.at("classes"), 1623);
    EXPECT_EQ(info.at("images"), 32460);
    EXPECT_EQ(info.at("height"), 28);
    EXPECT_EQ(lab.dagan({"data", "verify", file}).exit_code, 0);

    const fs::path sweep = lab.campaign("omniglot-tiny.yaml");
    std::ofstream(sweep) << kTiny;
    std::vector<std::string> rows;
    for (const int ranks : {1, 3}) {
        const fs::path campaign = lab.campaign("ranks" + std::to_string(ranks));
        const Finished finished = lab.dagan(run_words(sweep, campaign, ranks));
        ASSERT_EQ(finished.exit_code, 0) << finished.text();
        rows.push_back(lab.rows(campaign));
    }
    EXPECT_EQ(lines_in(rows[0]), 1 + 2 * 2 * 2);
    EXPECT_EQ(rows[0], rows[1]);
}

} // namespace
} // namespace dagan
