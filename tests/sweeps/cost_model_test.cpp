// The cost model against docs/reference/model.md, "Compute", and against sums computed by hand.
#include "sweeps/cost_model.h"

#include "sweeps/expand.h"
#include "sweeps/support.h"

#include <gtest/gtest.h>

namespace dagan::sweeps {
namespace {

constexpr double kGiga = 1e9, kTera = 1e12, kPeta = 1e15;

DatasetRef characters() {
    DatasetRef ref;
    ref.name = "omniglot";
    ref.options.split = {{0, 1200}, {1200, 1412}, {1412, 1623}};
    ref.options.expect = {1623, 20, 1, 28};
    ref.channels = 1;
    ref.size = 28;
    return ref;
}

DatasetRef faces() {
    DatasetRef ref = characters();
    ref.options.split = {{0, 1803}, {2300, 2396}, {1803, 2300}};
    ref.options.expect = {2396, 100, 3, 64};
    ref.channels = 3;
    ref.size = 64;
    return ref;
}

double iteration(const DatasetRef& ref, const GanOptions& options = {}) {
    GanTask task;
    task.dataset = ref;
    task.gan = options;
    return macs_of(task, {}) / static_cast<double>(options.iterations);
}

TEST(CostModelTest, AnIterationCostsAsDocumented) {
    EXPECT_NEAR(iteration(characters()) / kTera, 0.786, 0.0005);
    EXPECT_NEAR(iteration(faces()) / kTera, 3.958, 0.0005);
    GanOptions narrow;
    narrow.generator_widths = {64, 64, 64, 64};
    EXPECT_NEAR(iteration(characters(), narrow) / kTera, 0.749, 0.0005);
    GanOptions deep;
    deep.critic_inner = 9;
    EXPECT_NEAR(iteration(faces(), deep) / kTera, 9.032, 0.0005);
}

TEST(CostModelTest, ACriticStepAndAGeneratorStepSeparately) {
    GanOptions six;
    six.critic_steps = 6;
    const double critic_step = iteration(characters(), six) - iteration(characters());
    EXPECT_NEAR(critic_step / kGiga, 135.3, 0.05);
    EXPECT_NEAR((iteration(characters()) - 5 * critic_step) / kGiga, 109.6, 0.05);
}

ClassifierTask trial(int n, int m) {
    ClassifierTask task;
    task.dataset = characters();
    task.samples_per_class = n;
    task.generated_per_real = m;
    return task;
}

TEST(CostModelTest, AClassifierCostsAsDocumented) {
    ClassifierTask all = trial(5, 3);
    EXPECT_NEAR(macs_of(all, {}) / kPeta, 3.5, 0.05);
    ClassifierTask target = all;
    target.classifier.softmax = Softmax::target;
    EXPECT_NEAR(macs_of(target, {}) / kPeta, 0.46 + 0.02, 0.01)
        << "0.02 for 200 evaluations of 633 cases";
    ClassifierTask fresh = all;
    fresh.gan = GanOptions{};
    EXPECT_NEAR((macs_of(fresh, {}) - macs_of(all, {})) / kPeta, 4.7, 0.05);
}

TEST(CostModelTest, StepsAreThoseOfTheLoops) {
    EXPECT_EQ(steps_of(trial(5, 0)), 200 * 254);  // ceil(1623 * 5 / 32)
    EXPECT_EQ(steps_of(trial(5, 3)), 200 * 1015); // ceil(1623 * 5 * 4 / 32)
    ClassifierTask matched = trial(5, 0);
    matched.match_steps_of = 3;
    EXPECT_EQ(steps_of(matched), steps_of(trial(5, 3)));
    ClassifierTask held_out = trial(5, 0);
    held_out.classifier.softmax = Softmax::held_out;
    EXPECT_EQ(steps_of(held_out), 200 * 67); // ceil(423 * 5 / 32)
    GanTask gan;
    gan.gan.iterations = 1234;
    EXPECT_EQ(steps_of(gan), 1234);
    PoolTask pool;
    pool.dataset = characters();
    pool.samples_per_class = 15;
    pool.pool_size = 20;
    EXPECT_EQ(steps_of(pool), 1623 * 15 * 20);
    EXPECT_NEAR(macs_of(pool, {}), 1623.0 * 15 * 20 * 960.7e6, 1623.0 * 15 * 20 * 0.1e6);
    SelectorTask selector;
    selector.dataset = characters();
    EXPECT_EQ(steps_of(selector), 200 * 100); // ceil(212 * 15 / 32)
}

TEST(CostModelTest, AStepMatchedBaselineCostsAboutAsMuchAsItsModel) {
    ClassifierTask matched = trial(5, 0);
    matched.match_steps_of = 3;
    EXPECT_NEAR(macs_of(matched, {}) / macs_of(trial(5, 3), {}), 1, 0.03)
        << "more evaluations, nothing else";
}

TEST(CostModelTest, ClassesOfASoftmaxFollowTheMode) {
    ClassifierTask task = trial(5, 0);
    EXPECT_EQ(classes_of_task(task), 1623);
    task.classifier.softmax = Softmax::held_out;
    EXPECT_EQ(classes_of_task(task), 423);
    task.classifier.softmax = Softmax::target;
    EXPECT_EQ(classes_of_task(task), 211);
    task.dataset.options.protocol = Protocol::balanced47;
    task.dataset.options.expect.classes = 47;
    EXPECT_EQ(classes_of_task(task), 47);
}

TEST(CostModelTest, SelectingACheckpointIsCounted) {
    const Plan plan = expand(load_text(kSmallSweep));
    for (const auto& task : plan.tasks) {
        const auto* gan = std::get_if<GanTask>(&task.spec);
        if (gan == nullptr) continue;
        GanTask last = *gan;
        last.selector = "";
        // 2 checkpoints x 6 classes x 5 conditions x 5 noise vectors, each through the generator
        // and the selector
        const double scored = (macs_of(task.spec, plan) - macs_of(last, plan)) / (2 * 6 * 5 * 5);
        EXPECT_NEAR(scored, 960.7e6 + 179.7e6, 1e6);
    }
}

} // namespace
} // namespace dagan::sweeps
