// Whole campaigns under accidents.
#include "base/random.h"
#include "launcher/coordinator/coordinator_fixture.h"

#include <algorithm>

namespace dagan::launcher {
namespace {

// Any order of events, with trainers that die and jobs that are killed, leaves the same results in
// the store.
class AccidentsTest : public CoordinatorTest {
  protected:
    // Returns the result of a task that runs to its end. It depends on the task alone.
    static Ended result_of(const Assign& assignment) {
        const auto number = std::stoi(assignment.task.substr(4));
        Ended message = ended(assignment);
        if (number % 13 == 12) {
            message.result.outcome = Outcome::input_error;
            message.result.error = "cannot be read";
        } else if (assignment.members.size() == 1) {
            message.result.score = ClassifierScore{
                .steps = number, .best_epoch = 1, .test_correct = number, .test_total = 100};
        }
        return message;
    }
    // Kills a random member of an attempt. Returns the ends that all its members will report.
    std::vector<Ended> kill_member(const std::vector<Assign>& attempt, Random& random) {
        const size_t killed = random.below(attempt.size());
        std::vector<Ended> ends;
        for (size_t i = 0; i < attempt.size(); ++i) {
            ends.push_back(i == killed
                               ? ended(attempt[i], Outcome::died, "killed")
                               : ended(attempt[i], Outcome::interrupted, "the gang is broken"));
        }
        if (random.chance(0.8)) ++stamps_[attempt[0].task]; // it left a new checkpoint
        return ends;
    }
    void run_campaign(Random& random, double failure_rate) {
        std::map<std::string, std::vector<Assign>> running; // by task
        std::vector<Ended> unreported;
        while (!coordinator_->over()) {
            turn();
            for (auto& [rank, assignment] : pool_->take())
                running[assignment.task].push_back(assignment);
            if (random.chance(failure_rate / 10)) {
                start_job();
                running.clear();
                unreported.clear();
            }
            if (!running.empty() && random.chance(0.6)) {
                const auto chosen =
                    std::next(running.begin(), static_cast<int>(random.below(running.size())));
                const bool dies = random.chance(failure_rate) && stamps_[chosen->first] < 3;
                std::vector<Ended> ends;
                if (dies)
                    ends = kill_member(chosen->second, random);
                else
                    for (const Assign& member : chosen->second) ends.push_back(result_of(member));
                unreported.insert(unreported.end(), ends.begin(), ends.end());
                running.erase(chosen);
            }
            while (!unreported.empty() && random.chance(0.5)) {
                const auto chosen = std::next(unreported.begin(),
                                              static_cast<int>(random.below(unreported.size())));
                coordinator_->on_ended(*chosen);
                unreported.erase(chosen);
            }
        }
        turn();
    }
};

TEST_F(AccidentsTest, LeaveTheSameResultsAsAnUndisturbedRun) {
    for (uint64_t seed = 1; seed <= 300; ++seed) {
        Random plans(derive(seed, "plan"));
        const int ranks = 1 + static_cast<int>(plans.below(4));
        const std::vector<Sketch> tasks = random_sketches(plans, 25, ranks);
        const Schedule::Resources resources{.ranks = ranks,
                                            .slots_per_rank = 1 + static_cast<int>(plans.below(2)),
                                            .max_attempts = 100};
        Random undisturbed(derive(seed, "quiet")), disturbed(derive(seed, "wild"));
        begin(tasks, resources);
        ASSERT_NO_THROW(run_campaign(undisturbed, 0)) << "seed " << seed;
        const auto expected = store_->ended();
        stamps_.clear();
        begin(tasks, resources);
        ASSERT_NO_THROW(run_campaign(disturbed, 0.4)) << "seed " << seed;
        ASSERT_EQ(store_->ended().size(), expected.size()) << "seed " << seed;
        ASSERT_TRUE(store_->ended() == expected) << "seed " << seed;
        ASSERT_FALSE(HasFailure()) << "seed " << seed;
    }
}

} // namespace
} // namespace dagan::launcher
