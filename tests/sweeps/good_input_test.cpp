#include "base/random.h"
#include "sweeps/cost_model.h"
#include "sweeps/expand.h"
#include "sweeps/support.h"

#include <gtest/gtest.h>

namespace dagan::sweeps {
namespace {

TEST(GoodInputTest, ValuesAreReadAndTheOthersHaveDefaults) {
    const LoadedSweep loaded = load_text(kSmallSweep);
    const Sweep& sweep = loaded.sweep;
    EXPECT_EQ(sweep.name, "small");
    EXPECT_EQ(sweep.seed, 11U);
    EXPECT_EQ(sweep.seeds, 2);
    EXPECT_EQ(sweep.datasets.at("omniglot").split.validation, (ClassRange{1200, 1206}));
    EXPECT_EQ(sweep.gan.iterations, 12);
    EXPECT_EQ(sweep.gan.critic_steps, GanOptions{}.critic_steps);
    EXPECT_EQ(sweep.classifier.softmax, Softmax::held_out);
    EXPECT_EQ(sweep.sweep.at(0).samples_per_class, (std::vector<int>{2, 4}));
    EXPECT_EQ(sweep.resources.gan_ranks, 2);
    EXPECT_EQ(sweep.resources.threads_per_trainer, 1);
    EXPECT_EQ(loaded.known.at("omniglot").sha256, "omniglot-sha");
    EXPECT_EQ(loaded.known.at("omniglot").shape.images_per_class, 20);
}

TEST(GoodInputTest, CountsAreANumberAListOrARangeWithBothEnds) {
    const auto counts = [](const std::string& text) {
        return load_text(with(kSmallSweep, "[0, 1, 3]", text)).sweep.sweep.at(0).generated_per_real;
    };
    EXPECT_EQ(counts("7"), (std::vector<int>{7}));
    EXPECT_EQ(counts("[3, 0]"), (std::vector<int>{3, 0}));
    EXPECT_EQ(counts("0..3"), (std::vector<int>{0, 1, 2, 3}));
    EXPECT_EQ(counts("[0, 2..4, 9]"), (std::vector<int>{0, 2, 3, 4, 9}));
    EXPECT_EQ(counts("5..5"), (std::vector<int>{5}));
}

TEST(GoodInputTest, NumbersMayBeWrittenAsYamlDoes) {
    const Sweep sweep =
        load_text(with(kSmallSweep, "iterations: 12",
                       "iterations: 12, learning_rate: 2.5e-4, r_max: .inf, d_max: 5, beta1: +0.5"))
            .sweep;
    EXPECT_EQ(sweep.gan.learning_rate, 2.5e-4);
    EXPECT_EQ(sweep.gan.r_max, kNoLimit);
    EXPECT_EQ(sweep.gan.d_max, 5);
    EXPECT_EQ(sweep.gan.beta1, 0.5);
    EXPECT_EQ(load_text(with(kSmallSweep, "seed: 11", "seed: 18446744073709551615")).sweep.seed,
              UINT64_MAX);
}

TEST(GoodInputTest, ARangeMayGoToTheEndAndTouchItsNeighbour) {
    const Sweep sweep = load_text(with(kSmallSweep, "[1412, 1420]", "[1206, end]")).sweep;
    EXPECT_EQ(sweep.datasets.at("omniglot").split.test, (ClassRange{1206, ClassRange::kToTheEnd}));
}

TEST(GoodInputTest, AnEmptySectionChangesNothing) {
    const Sweep sweep =
        load_text(with(kSmallSweep, "classifier: {epochs: 3, softmax: held_out}", "classifier:"),
                  {"classifier.softmax=target"})
            .sweep;
    EXPECT_EQ(sweep.classifier.epochs, 200);
    EXPECT_EQ(sweep.classifier.softmax, Softmax::target);
}

TEST(GoodInputTest, OptionsOfADataSetAreTheGeneralOnesWithItsChanges) {
    const Sweep sweep =
        load_text(
            with(kSmallSweep, "seeds: 2",
                 "gan_for: {omniglot: {dropout: 0.3}}\nclassifier_for: {omniglot: {shift_px: 4}}"))
            .sweep;
    EXPECT_EQ(sweep.gan_options("omniglot").dropout, 0.3);
    EXPECT_EQ(sweep.gan_options("omniglot").iterations, 12) << "from `gan`, not from the defaults";
    EXPECT_EQ(sweep.gan_options("another"), sweep.gan);
    EXPECT_EQ(sweep.classifier_options("omniglot").shift_px, 4);
    EXPECT_EQ(sweep.classifier_options("omniglot").epochs, 3);
    // --set changes a general option for all data sets, and an option of one data set by its path.
    const Sweep changed =
        load_text(
            with(kSmallSweep, "seeds: 2", "gan_for: {omniglot: {dropout: 0.3}}"),
            {"gan.iterations=20", "gan_for.omniglot.z_dim=7", "classifier_for.omniglot.growth=5"})
            .sweep;
    EXPECT_EQ(changed.gan_options("omniglot").iterations, 20);
    EXPECT_EQ(changed.gan_options("omniglot").z_dim, 7);
    EXPECT_EQ(changed.gan_options("omniglot").dropout, 0.3);
    EXPECT_EQ(changed.classifier_options("omniglot").growth, 5);
}

TEST(GoodInputTest, Balanced47NeedsNoSplit) {
    std::string text =
        with(kSmallSweep, "gan: {iter",
             "  emnist: {file: emnist.h5, protocol: balanced47, gan: omniglot}\ngan: {iter");
    text = with(
        text, "resources",
        "  - {dataset: emnist, samples_per_class: 100, generated_per_real: [0, 1]}\nresources");
    EXPECT_EQ(refusal_of(text), "");
    EXPECT_EQ(refusal_of(text, {"sweep.1.samples_per_class=2797"}), "")
        << "its test images come from another split";
    EXPECT_NE(refusal_of(text, {"sweep.1.samples_per_class=2798"}), "");
}

TEST(GoodInputTest, TheStoreIsNotPartOfTheSweep) {
    const std::string url = "postgresql://me@host/base?options=-csearch_path%3Dmine";
    const LoadedSweep plain = load_text(kSmallSweep);
    EXPECT_EQ(plain.store, "");
    for (const LoadedSweep& loaded :
         {load_text(with(kSmallSweep, "seeds: 2", "seeds: 2\nstore: " + url)),
          load_text(kSmallSweep, {"store=" + url})}) {
        EXPECT_EQ(loaded.store, url);
        EXPECT_EQ(to_text(loaded.sweep), to_text(plain.sweep));
    }
}

TEST(GoodInputTest, ALaterSetWins) {
    EXPECT_EQ(load_text(kSmallSweep, {"seeds=3", "seeds=4"}).sweep.seeds, 4);
}

// Property: any change to the text of a sweep either is refused with a message or gives a sweep
// that can be planned and costed. A failure prints the text.
TEST(GoodInputTest, AnyTextIsRefusedOrCanBePlanned) {
    int planned = 0, refused = 0;
    for (uint32_t round = 0; round < 2000; ++round) {
        Random random(2018, round);
        std::string text = kSmallSweep;
        for (uint64_t changes = 1 + random.below(2); changes > 0; --changes) {
            const size_t at = random.below(text.size()), length = random.below(3);
            static const std::string kPieces[] = {
                "",   "0",   "1",   "-",  "9",  ".", "[",  "]", "{", "}",  ": ",   ",", "\n",
                "  ", "end", "&a ", "*a", "\"", "'", "\t", "#", "~", "..", "\xff", "x"};
            text = text.substr(0, at) + kPieces[random.below(std::size(kPieces))] +
                   text.substr(std::min(text.size(), at + length));
        }
        try {
            const LoadedSweep loaded = load_text(text);
            ++planned;
            if (loaded.sweep.seeds > 100) continue;
            const Plan plan = expand(loaded);
            for (const auto& task : plan.tasks)
                ASSERT_GT(macs_of(task.spec, plan), 0) << label_of(task.spec) << " of\n" << text;
        } catch (const Error& error) {
            ++refused;
            ASSERT_EQ(error.blame(), Blame::input) << error.what() << "\n" << text;
            ASSERT_STRNE(error.what(), "") << text;
        } catch (const std::exception& error) {
            FAIL() << error.what() << "\n" << text;
        }
    }
    EXPECT_GT(planned, 50);
    EXPECT_GT(refused, 500);
}

} // namespace
} // namespace dagan::sweeps
