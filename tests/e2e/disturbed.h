// For tests that disturb a campaign: the rows of one that nobody disturbed (run once a program), and what must hold afterwards.
#pragma once

#include "e2e/laboratory.h"

#include <map>

namespace dagan {

class DisturbedTest : public testing::Test {
  protected:
    static void SetUpTestSuite() { laboratory().need_strokes(); }

    // The rows of smoke.yaml with these settings, undisturbed.
    static const std::string& undisturbed_rows(const Words& settings) {
        static std::map<Words, std::string> rows;
        auto [known, is_new] = rows.try_emplace(settings);
        if (is_new) {
            const fs::path quiet = laboratory().campaign("quiet-" + std::to_string(rows.size()));
            const Finished finished = laboratory().dagan(run_words(kSmoke, quiet, 2, settings));
            if (finished.exit_code != 0)
                throw system_error("the undisturbed run failed: " + finished.text());
            known->second = laboratory().rows(quiet);
        }
        return known->second;
    }

    // As if nothing had happened: the same rows, each trial counted once, no process left.
    static void expect_undisturbed(const fs::path& campaign, const Words& settings) {
        const Laboratory& lab = laboratory();
        EXPECT_EQ(lab.rows(campaign), undisturbed_rows(settings));
        EXPECT_EQ(lab.query(campaign, "SELECT COUNT(*) - COUNT(DISTINCT task) FROM result"), "0")
            << "a trial counts twice";
        EXPECT_TRUE(nothing_is_left_of(campaign));
    }

    // Runs the command again, as a person would, until the campaign is complete.
    static void run_to_the_end(const fs::path& campaign, const Words& settings,
                               const Words& environment, int tries) {
        Process::Setting setting = laboratory().setting();
        setting.environment = setting.environment + environment;
        Finished finished;
        for (int i = 0; i < tries; ++i) {
            finished = run_program(laboratory().command(run_words(kSmoke, campaign, 2, settings)),
                                   setting);
            if (finished.exit_code == 0) return;
        }
        ADD_FAILURE() << "not complete after " << tries << " runs: " << finished.text();
    }
};

} // namespace dagan
