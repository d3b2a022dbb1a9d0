// Random kills and freezes of anything, at any time.
#include "e2e/disturbed.h"

#include <random>

namespace dagan {
namespace {

const Words kSettings{"gan.iterations=30", "classifier.epochs=8"};

class ChaosTest : public DisturbedTest {
  protected:
    // One disturbance of a random process of the campaign, the supervisor included. A frozen supervisor is nobody's to notice: it
    // goes on.
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
    fs::path campaign_ = laboratory().campaign("chaos");
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
        Process run(laboratory().command(run_words(kSmoke, campaign_, 2, kSettings)),
                    laboratory().setting());
        for (; i < kDisturbances && run.running(); ++i) {
            std::this_thread::sleep_for(pause());
            if (run.running()) disturb(run);
        }
        if (run.wait().exit_code == 0 &&
            i < kDisturbances) { // complete before the last: begin anew
            expect_undisturbed(campaign_, kSettings);
            fs::remove_all(campaign_);
        }
    }
    run_to_the_end(campaign_, kSettings, {}, 3);
    expect_undisturbed(campaign_, kSettings);
    EXPECT_GT(kills_ + freezes_, 0);
}

} // namespace
} // namespace dagan
