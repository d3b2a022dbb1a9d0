// A fixture for tests that disturb a campaign. It gives the rows of the same campaign left
// undisturbed (run once per test program and settings), and checks that a disturbed campaign equals
// it.
#pragma once

#include "e2e/sandbox.h"

#include <map>

namespace dagan {

class DisturbedTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { sandbox().make_strokes(); }

    // Returns the rows of smoke.yaml with these settings, from a run without disturbance.
    static const std::string& undisturbed_rows(const Args& settings) {
        static std::map<Args, std::string> rows;
        auto [known, is_new] = rows.try_emplace(settings);
        if (is_new) {
            const fs::path quiet = sandbox().campaign("quiet-" + std::to_string(rows.size()));
            const Finished finished = sandbox().dagan(run_args(kSmoke, quiet, 2, settings));
            if (finished.exit_code != 0)
                throw system_error("the undisturbed run failed: " + finished.text());
            known->second = sandbox().rows(quiet);
        }
        return known->second;
    }

    // Expects the rows of the undisturbed run, each trial counted once, and no process left.
    static void expect_undisturbed(const fs::path& campaign, const Args& settings) {
        const Sandbox& box = sandbox();
        EXPECT_EQ(box.rows(campaign), undisturbed_rows(settings));
        EXPECT_EQ(box.query(campaign, "SELECT COUNT(*) - COUNT(DISTINCT task) FROM result"), "0")
            << "a trial counts twice";
        EXPECT_TRUE(no_process_left(campaign));
    }

    // Repeats the command, as a user would, until the campaign is complete; fails after `tries`
    // runs.
    static void run_until_complete(const fs::path& campaign, const Args& settings,
                                   const Args& environment, int tries) {
        Process::Setting setting = sandbox().setting();
        setting.environment = setting.environment + environment;
        Finished finished;
        for (int i = 0; i < tries; ++i) {
            finished =
                run_program(sandbox().command(run_args(kSmoke, campaign, 2, settings)), setting);
            if (finished.exit_code == 0) return;
        }
        ADD_FAILURE() << "not complete after " << tries << " runs: " << finished.text();
    }
};

} // namespace dagan
