// Which options of a sweep count as reduced, and what they are compared with. table_text_test.cpp
// has the phrases as tables print them.
#include "results/query/reductions.h"

#include <gtest/gtest.h>

namespace dagan::results {
namespace {

using Phrases = std::vector<std::string>;

TEST(ReductionsTest, ValuesOfTheAuthorsCodeAreNotCalledThePapers) {
    Sweep sweep;
    sweep.gan.batch_size = 16;
    sweep.gan.generator_inner = 1;
    sweep.gan.critic_inner = 1;
    EXPECT_EQ(reductions(sweep),
              (Phrases{"gan.batch_size 16 (code: 32)", "gan.generator_inner 1 (code: 3)",
                       "gan.critic_inner 1 (paper: 5)"}));
}

TEST(ReductionsTest, OptionsOfOneDataSetCountToo) {
    Sweep sweep;
    sweep.gan_for["omniglot"].iterations = 100;
    sweep.classifier_for["emnist"].epochs = 3;
    EXPECT_EQ(reductions(sweep), (Phrases{"classifier_for.emnist.epochs 3 (paper: 200)",
                                          "gan_for.omniglot.iterations 100 (paper: 200000)"}));
}

// `gan_for` holds whole options: the sweep's `gan` with the changes for one data set.
TEST(ReductionsTest, AnOptionThatADataSetInheritsIsNamedOnce) {
    Sweep sweep;
    sweep.gan.iterations = 100;
    sweep.gan.generator_inner = 1;
    sweep.gan_for["faces"] = sweep.gan;
    sweep.gan_for["faces"].dropout = 0.3;
    sweep.gan_for["faces"].iterations = 50;
    EXPECT_EQ(reductions(sweep),
              (Phrases{"gan.iterations 100 (paper: 200000)", "gan.generator_inner 1 (code: 3)",
                       "gan_for.faces.iterations 50 (paper: 200000)"}));
}

TEST(ReductionsTest, ASweepOfAnotherVersionHasNoAnswer) {
    EXPECT_FALSE(reductions_of({"test", R"({"unknown": 1})", "9.9.9", "2026"}));
}

} // namespace
} // namespace dagan::results
