// Kills and freezes random processes of a campaign at random times.
#include "e2e/disturbed.h"

#include <random>

namespace dagan {
namespace {

const Args kSettings{"gan.iterations=30", "classifier.epochs=8"};

class ChaosTest : public DisturbedTest {
  protected:
    // Kills or freezes one random process of the campaign. Never freezes the supervisor: no process
    // watches it.
    void disturb(Process& run) {
        const auto victims = processes_of(campaign_);
        if (victims.empty()) return;
        const pid_t victim = victims[random_() % victims.size()];
        const bool freeze = random_() % 4 == 0 && victim != run.pid();
        ::kill(victim, freeze ? SIGSTOP : SIGKILL);
        ++(freeze ? freezes_ : kills_);
    }
    std::chrono::milliseconds pause() { return std::chrono::milliseconds(200 + random_() % 2500); }

    std::mt19937 random_;
    fs::path campaign_ = sandbox().campaign("chaos");
    int kills_ = 0, freezes_ = 0;
};

TEST_F(ChaosTest, RandomKillsAndFreezesChangeNoRow) {
    const auto seed =
        static_cast<unsigned>(std::chrono::system_clock::now().time_since_epoch().count());
    const char* given = std::getenv("DAGAN_CHAOS_SEED");
    random_.seed(given ? static_cast<unsigned>(std::stoul(given)) : seed);
    SCOPED_TRACE("DAGAN_CHAOS_SEED=" + (given ? std::string(given) : std::to_string(seed)));
    constexpr int kDisturbances = 15;
    for (int i = 0; i < kDisturbances;) {
        Process run(sandbox().command(run_args(kSmoke, campaign_, 2, kSettings)),
                    sandbox().setting());
        for (; i < kDisturbances && run.running(); ++i) {
            std::this_thread::sleep_for(pause());
            if (run.running()) disturb(run);
        }
        // Complete before the last disturbance: start a new campaign.
        if (run.wait().exit_code == 0 && i < kDisturbances) {
            expect_undisturbed(campaign_, kSettings);
            fs::remove_all(campaign_);
        }
    }
    run_until_complete(campaign_, kSettings, {}, 3);
    expect_undisturbed(campaign_, kSettings);
    EXPECT_GT(kills_ + freezes_, 0);
}

} // namespace
} // namespace dagan
