// Every kind of mistake in a sweep file, with its exact message.
#include "sweeps/support.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace dagan::sweeps {
namespace {

struct Mistake {
    std::string from, to; // in kSmallSweep
    std::string message;
};

void PrintTo(const Mistake& mistake, std::ostream* out) {
    *out << mistake.from << " -> " << mistake.to;
}

class BadInputTest : public ::testing::TestWithParam<Mistake> {};

TEST_P(BadInputTest, GetsItsMessage) {
    const auto& [from, to, message] = GetParam();
    EXPECT_EQ(refusal_of(with(kSmallSweep, from, to)), message);
}

const std::string kRow =
    "  - {dataset: omniglot, samples_per_class: [2, 4], generated_per_real: [0, 1, 3]}\n";
const std::string kSplit = "split: {source: [0, 40], validation: [1200, 1206], test: [1412, 1420]}";

INSTANTIATE_TEST_SUITE_P(
    Keys, BadInputTest,
    ::testing::Values(
        Mistake{"epochs: 3", "epocs: 3",
                "x.yaml:10: unknown key 'epocs' in 'classifier'; did you mean 'epochs'?"},
        Mistake{"seeds: 2", "seedes: 2", "x.yaml:3: unknown key 'seedes'; did you mean 'seeds'?"},
        Mistake{"resources: {gan_ranks: 2}", "resources: {wombats: 2}",
                "x.yaml:13: unknown key 'wombats' in 'resources'; known are: gan_ranks, "
                "trainers_per_rank, threads_per_trainer, tasks_ahead"},
        Mistake{"samples_per_class: [2, 4]", "sample_per_class: [2, 4]",
                "x.yaml:12: unknown key 'sample_per_class' in 'sweep.0'; did you mean "
                "'samples_per_class'?"},
        Mistake{"seed: 11\n", "", "x.yaml: missing key 'seed': everything random follows from it"},
        Mistake{"    file: omniglot.h5\n", "",
                "x.yaml:5: missing key 'file' in 'datasets.omniglot': HDF5 file, relative to the "
                "data folder"},
        Mistake{"dataset: omniglot, ", "",
                "x.yaml:12: missing key 'dataset' in 'sweep.0': name under `datasets`"},
        Mistake{"seeds: 2\n", "seeds: 2\nseeds: 3\n",
                "x.yaml:4: key 'seeds' is given twice, first at x.yaml:3"},
        Mistake{"{epochs: 3,", "{epochs: 3, epochs: 4,",
                "x.yaml:10: key 'epochs' is given twice, first at x.yaml:10"},
        Mistake{"seeds: 2", "[a]: 2", "x.yaml:3: a key must be a plain word"}));

INSTANTIATE_TEST_SUITE_P(
    Types, BadInputTest,
    ::testing::Values(
        Mistake{"epochs: 3", "epochs: many",
                "x.yaml:10: classifier.epochs: got 'many', wanted a whole number such as 200"},
        Mistake{"epochs: 3", "epochs: 2.5",
                "x.yaml:10: classifier.epochs: got '2.5', wanted a whole number such as 200"},
        Mistake{"epochs: 3", "epochs: \"3\"",
                "x.yaml:10: classifier.epochs: got the quoted text \"3\", wanted a whole number "
                "such as 200"},
        Mistake{"epochs: 3", "epochs: [3]",
                "x.yaml:10: classifier.epochs: got a list, wanted a whole number such as 200"},
        Mistake{
            "epochs: 3", "epochs: 99999999999",
            "x.yaml:10: classifier.epochs: got '99999999999', wanted a whole number such as 200"},
        Mistake{"epochs: 3", "epochs: ",
                "x.yaml:10: classifier.epochs: got nothing, wanted a whole number such as 200"},
        Mistake{"seed: 11", "seed: -1",
                "x.yaml:2: seed: got '-1', wanted a whole number such as 1"},
        Mistake{"epochs: 3", "dropout: half",
                "x.yaml:10: classifier.dropout: got 'half', wanted a number such as 0.5"},
        Mistake{"epochs: 3", "dropout: .nan",
                "x.yaml:10: classifier.dropout: got '.nan', wanted a number such as 0.5"},
        Mistake{"epochs: 3", "eval_drop_last: yes",
                "x.yaml:10: classifier.eval_drop_last: got 'yes', wanted true or false"},
        Mistake{"iterations: 12", "r_max: inf",
                "x.yaml:9: gan.r_max: got 'inf', wanted a number such as 5, or .inf"},
        Mistake{"iterations: 12", "generator_widths: [8, 8, 8]",
                "x.yaml:9: gan.generator_widths: got a list, wanted a list of 4 whole numbers such "
                "as [64, 64, 128, 128]"},
        Mistake{"softmax: held_out", "softmax: heldout",
                "x.yaml:10: classifier.softmax: got 'heldout', wanted one of all, held_out, "
                "target; did you mean 'held_out'?"},
        Mistake{
            "softmax: held_out", "softmax: everything",
            "x.yaml:10: classifier.softmax: got 'everything', wanted one of all, held_out, target"},
        Mistake{"gan: {iterations: 12, batch_size: 8, checkpoints: 2}", "gan: omniglot",
                "x.yaml:9: gan: got 'omniglot', wanted keys and values"},
        Mistake{kRow, "  omniglot: 5\n", "x.yaml:11: sweep: got a section, wanted a list of rows"},
        Mistake{"[2, 4]", "few",
                "x.yaml:12: sweep.0.samples_per_class: got 'few', wanted a number, a list such as "
                "[5, 10, 15], or a range such as 0..10"},
        Mistake{"[2, 4]", "[]",
                "x.yaml:12: sweep.0.samples_per_class: got a list, wanted a number, a list such as "
                "[5, 10, 15], or a range such as 0..10"},
        Mistake{"[0, 1, 3]", "3..0",
                "x.yaml:12: sweep.0.generated_per_real: got '3..0', wanted a number, a list such "
                "as [5, 10, 15], or a range such as 0..10"},
        Mistake{"[0, 40]", "40",
                "x.yaml:7: datasets.omniglot.split.source: got '40', wanted a half-open range such "
                "as [0, 1200] or [2300, end]"},
        Mistake{"[0, 40]", "[0, -1]",
                "x.yaml:7: datasets.omniglot.split.source: got a list, wanted a half-open range "
                "such as [0, 1200] or [2300, end]"},
        Mistake{"name: small", "name: [small]", "x.yaml:1: name: got a list, wanted a name"}));

INSTANTIATE_TEST_SUITE_P(
    Ranges, BadInputTest,
    ::testing::Values(
        Mistake{
            "name: small", "name: a/b",
            "x.yaml:1: name: 'a/b' cannot name a folder; wanted letters, digits, '_', '-' and '.'"},
        Mistake{"seeds: 2", "seeds: 0",
                "x.yaml:3: seeds: 0 is out of range; wanted 1 or more and at most 10000"},
        Mistake{"epochs: 3", "dropout: 1",
                "x.yaml:10: classifier.dropout: 1 is out of range; wanted 0 or more and below 1"},
        Mistake{
            "epochs: 3", "growth: 0",
            "x.yaml:10: classifier.growth: 0 is out of range; wanted 1 or more and at most 4096"},
        Mistake{"epochs: 3", "noise_sigma: -0.1",
                "x.yaml:10: classifier.noise_sigma: -0.1 is out of range; wanted 0 or more, but "
                "finite"},
        Mistake{
            "epochs: 3", "noise_sigma: .inf",
            "x.yaml:10: classifier.noise_sigma: inf is out of range; wanted 0 or more, but finite"},
        Mistake{
            "iterations: 12", "generator_widths: [8, 0, 8, 8]",
            "x.yaml:9: gan.generator_widths: 0 is out of range; wanted 1 or more and at most 4096"},
        Mistake{"iterations: 12", "skip_kernel: 2",
                "x.yaml:9: gan.skip_kernel: 2 is out of range; wanted 3 or 1"},
        Mistake{"iterations: 12", "selector_train: 1.5",
                "x.yaml:9: gan.selector_train: 1.5 is neither a share below 1 nor a whole number "
                "of images; e.g. 0.75 or 15"},
        Mistake{"iterations: 12", "iterations: 16777217, critic_steps: 1",
                "x.yaml:9: gan.iterations: 16777217 is out of range; wanted 1 or more and at most "
                "16777216"},
        Mistake{"iterations: 12", "iterations: 3400000",
                "x.yaml:9: gan.iterations: 3400000 iterations with 5 critic steps each are "
                "17000000 optimiser steps; wanted at most 16777216"},
        Mistake{"batch_size: 8", "batch_size: 7",
                "x.yaml:9: gan.batch_size: 7 pairs cannot be divided evenly among "
                "resources.gan_ranks = 2"},
        Mistake{
            "gan_ranks: 2", "gan_ranks: 0",
            "x.yaml:13: resources.gan_ranks: 0 is out of range; wanted 1 or more and at most 4096"},
        Mistake{"[2, 4]", "[0, 4]",
                "x.yaml:12: sweep.0.samples_per_class: 0 is out of range; wanted 1 or more and at "
                "most 1000000"},
        Mistake{"[0, 1, 3]", "[0, -1]",
                "x.yaml:12: sweep.0.generated_per_real: -1 is out of range; wanted 0 or more and "
                "at most 1000"},
        Mistake{"{test: 2, validation: 3}", "{test: 0, validation: 3}",
                "x.yaml:8: datasets.omniglot.cases.test: 0 is out of range; wanted 1 or more"},
        Mistake{"iterations: 12", "topology: paper, critic_widths: [8, 8, 8, 8]",
                "x.yaml:9: gan.critic_widths: [8, 8, 8, 8] contradicts topology paper, which has "
                "[64, 64, 64, 64]; leave it out"},
        Mistake{"epochs: 3", "reading: huang, dropout_site: closing",
                "x.yaml:10: classifier.dropout_site: 'closing' contradicts reading huang, whose "
                "dropout is on the third convolution; leave it out"}));

INSTANTIATE_TEST_SUITE_P(
    Splits, BadInputTest,
    ::testing::Values(
        Mistake{
            "[1412, 1420]", "[1200, 1420]",
            "x.yaml:7: datasets.omniglot.split.test: test [1200, 1420) and validation [1200, 1206) "
            "overlap; each class belongs to one domain, and the end of a range is not included"},
        Mistake{
            "[0, 40]", "[0, end]",
            "x.yaml:7: datasets.omniglot.split.validation: validation [1200, 1206) and source [0, "
            "end) overlap; each class belongs to one domain, and the end of a range is not "
            "included\n"
            "x.yaml:7: datasets.omniglot.split.test: test [1412, 1420) and source [0, end) "
            "overlap; each class belongs to one domain, and the end of a range is not included"},
        Mistake{"[1412, 1420]", "[1412, 1624]",
                "x.yaml:7: datasets.omniglot.split.test: [1412, 1624) ends beyond the 1623 classes "
                "of omniglot.h5"},
        Mistake{"[1412, 1420]", "[1700, end]",
                "x.yaml:7: datasets.omniglot.split.test: [1700, end) ends beyond the 1623 classes "
                "of omniglot.h5"},
        Mistake{"[1412, 1420]", "[1412, 1412]",
                "x.yaml:7: datasets.omniglot.split.test: [1412, 1412) is empty; the end is not "
                "included"},
        Mistake{"[1412, 1420]", "[1420, 1412]",
                "x.yaml:7: datasets.omniglot.split.test: [1420, 1412) is empty"},
        Mistake{"[0, 40]", "[-5, 40]",
                "x.yaml:7: datasets.omniglot.split.source: [-5, 40) is out of range; class "
                "positions count from 0"},
        Mistake{", test: [1412, 1420]", "",
                "x.yaml:7: datasets.omniglot.split.test: missing: the classes for test, e.g. "
                "split: {test: [0, 100]}"},
        Mistake{"source: [0, 40], ", "",
                "x.yaml:7: datasets.omniglot.split.source: missing: the classes for source, e.g. "
                "split: {source: [0, 100]}"},
        Mistake{"[1200, 1206]", "[1200, 1201]",
                "x.yaml:7: datasets.omniglot.split.validation: 1 class is too few for the "
                "classifier that selects the DAGAN; at least 2, or gan.select: critic_loss"},
        Mistake{"iterations: 12", "limit_classes: 41",
                "x.yaml:9: gan.limit_classes: 41: 'omniglot' has only 40 source classes"},
        Mistake{"iterations: 12", "selector_train: 20",
                "x.yaml:9: gan.selector_train: 20: 20 of the 20 images of the smallest class would "
                "train the selector, and the rest would be its conditions; each needs at least "
                "one; e.g. the share 0.75"},
        Mistake{"iterations: 12", "selector_train: 0.01",
                "x.yaml:9: gan.selector_train: 0.01: 0 of the 20 images of the smallest class "
                "would train the selector, and the rest would be its conditions; each needs at "
                "least one; e.g. the share 0.75"}));

INSTANTIATE_TEST_SUITE_P(
    Data, BadInputTest,
    ::testing::Values(
        Mistake{"omniglot.h5", "omniglt.h5",
                "x.yaml:6: datasets.omniglot.file: omniglt.h5 is not in the data folder; make it "
                "with `dagan data`, or name the folder with --data or DAGAN_DATA"},
        Mistake{"omniglot.h5", "broken.h5",
                "x.yaml:6: datasets.omniglot.file: broken.h5: /images: has rank 3 instead of 4"},
        Mistake{"    cases: {test: 2, validation: 3}",
                "    expect: {classes: 964, size: 28, channels: 3}",
                "x.yaml:8: datasets.omniglot.expect: omniglot.h5 has other values: classes 1623 "
                "instead of 964, channels 1 instead of 3"},
        Mistake{
            "    file: omniglot.h5\n    " + kSplit,
            "    file: dots.h5\n    split: {source: [0, 40], validation: [50, 60], test: [60, 70]}",
            "x.yaml:6: datasets.omniglot.file: images of 8x8 are too small for the networks; at "
            "least 16x16"},
        Mistake{"epochs: 3", "shift_px: 28",
                "x.yaml:10: classifier.shift_px: 28 shifts the 28-pixel images of 'omniglot' out "
                "of view"},
        Mistake{"[2, 4]", "[2, 40]",
                "x.yaml:12: sweep.0.samples_per_class: 40 training + 2 test + 3 validation images "
                "= 45, but the smallest class of 'omniglot' has 20; at most 15"},
        Mistake{"[2, 4]", "16",
                "x.yaml:12: sweep.0.samples_per_class: 16 training + 2 test + 3 validation images "
                "= 21, but the smallest class of 'omniglot' has 20; at most 15"},
        Mistake{"    file: omniglot.h5\n    " + kSplit,
                "    file: portraits.h5\n    split: {source: [0, 6], validation: [6, 8], test: [8, "
                "10]}",
                "x.yaml:12: sweep.0.samples_per_class: 4 training + 2 test + 3 validation images = "
                "9, but the smallest class of 'omniglot' (Ann Lee) has 8; at most 3"},
        Mistake{"    file: omniglot.h5\n    " + kSplit + "\n    cases: {test: 2, validation: 3}",
                "    file: portraits.h5\n    split: {source: [0, 6], validation: [6, 8], test: [8, "
                "10]}\n"
                "    cases: {test: 5, validation: 3}",
                "x.yaml:12: sweep.0.samples_per_class: 4 training + 5 test + 3 validation images = "
                "12, but the smallest class of 'omniglot' (Ann Lee) has 8; its 8 held-out images "
                "leave none for training: lower datasets.omniglot.cases or leave out such classes"},
        Mistake{"epochs: 3", "pool_size: 2",
                "x.yaml:12: sweep.0.generated_per_real: 3 exceeds classifier.pool_size = 2, the "
                "images generated per real image"},
        Mistake{"epochs: 3", "eval_drop_last: true",
                "x.yaml:10: classifier.eval_drop_last: leaves none of the 16 cases of 'omniglot', "
                "which are fewer than a batch of 32"}));

INSTANTIATE_TEST_SUITE_P(
    Rows, BadInputTest,
    ::testing::Values(
        Mistake{"{dataset: omniglot,", "{dataset: omniglt,",
                "x.yaml:12: sweep.0.dataset: unknown data set 'omniglt'; did you mean 'omniglot'?"},
        Mistake{"{dataset: omniglot,", "{dataset: faces,",
                "x.yaml:12: sweep.0.dataset: unknown data set 'faces'; known are: omniglot"},
        Mistake{kRow,
                kRow + "  - {dataset: omniglot, samples_per_class: 4, generated_per_real: 3}\n",
                "x.yaml:13: sweep.1: the cell omniglot n=4 m=3 is already in the row at x.yaml:12"},
        Mistake{"[2, 4]", "[2, 4, 2]",
                "x.yaml:12: sweep.0.samples_per_class: contains a number twice"},
        Mistake{"[0, 1, 3]", "[0..3, 2]",
                "x.yaml:12: sweep.0.generated_per_real: contains a number twice"},
        Mistake{"[0, 1, 3]}", "[1, 3], budget: both}",
                "x.yaml:12: sweep.0.budget: 'both' trains the baseline (0 generated per real) for "
                "as many steps as the others; the row has no 0"},
        Mistake{"[0, 1, 3]}", "0, budget: steps}",
                "x.yaml:12: sweep.0.budget: 'steps' trains the baseline (0 generated per real) for "
                "as many steps as the others; the row has only the 0"},
        Mistake{kRow, "  []\n", "x.yaml:11: sweep: no row is given"},
        Mistake{"seeds: 2", "gan_for: {omniglt: {dropout: 0.3}}",
                "x.yaml:3: gan_for.omniglt: unknown data set 'omniglt'; did you mean 'omniglot'?"},
        Mistake{
            "seeds: 2", "classifier_for: {omniglot: {epocs: 1}}",
            "x.yaml:3: unknown key 'epocs' in 'classifier_for.omniglot'; did you mean 'epochs'?"},
        Mistake{
            "seeds: 2", "gan_for: {omniglot: {dropout: 2}}",
            "x.yaml:3: gan_for.omniglot.dropout: 2 is out of range; wanted 0 or more and below 1"},
        Mistake{"seeds: 2", "gan_for: {omniglot: {iterations: 8388609, critic_steps: 2}}",
                "x.yaml:3: gan_for.omniglot.iterations: 8388609 iterations with 2 critic steps "
                "each are 16777218 optimiser steps; wanted at most 16777216"},
        Mistake{"seeds: 2", "gan_for: {omniglot: {batch_size: 9}}",
                "x.yaml:3: gan_for.omniglot.batch_size: 9 pairs cannot be divided evenly among "
                "resources.gan_ranks = 2"}));

INSTANTIATE_TEST_SUITE_P(
    Stores, BadInputTest,
    ::testing::Values(Mistake{"seeds: 2", "stoer: postgresql://host/base",
                              "x.yaml:3: unknown key 'stoer'; did you mean 'store'?"},
                      Mistake{"seeds: 2", "store: results.sqlite",
                              "x.yaml:3: store: got 'results.sqlite', wanted a PostgreSQL database "
                              "such as postgresql://user@host/database; without this key the "
                              "results go to a file in the campaign's folder"},
                      Mistake{"seeds: 2", "store: postgresql://me:secret@host/base",
                              "x.yaml:3: store: contains a password, which the campaign's folder "
                              "would store in clear text; hint: put it into ~/.pgpass "
                              "(host:port:database:user:password, mode 600) and leave it out here"},
                      Mistake{
                          "seeds: 2", "store: postgresql://host/base?user=me&password=secret",
                          "x.yaml:3: store: contains a password, which the campaign's folder would "
                          "store in clear text; hint: put it into ~/.pgpass "
                          "(host:port:database:user:password, mode 600) and leave it out here"}));

INSTANTIATE_TEST_SUITE_P(
    Syntax, BadInputTest,
    ::testing::Values(
        Mistake{"seeds: 2", "seeds: [2",
                "x.yaml:4: not valid YAML: end of sequence flow not found"},
        Mistake{"resources:", "---\nresources:",
                "x.yaml:13: a second YAML document begins here; a sweep file is one document"},
        Mistake{kSmallSweep, "- a\n- b\n", "x.yaml: the file: got a list, wanted keys and values"},
        Mistake{"seeds: 2", "seeds: &a [*a]",
                "x.yaml:3: nested too deeply or too large for a sweep file"}));

// A second data set, which `gan:` may name.
std::string with_second(const std::string& options) {
    return with(kSmallSweep, "gan: {iter", "  second:\n" + options + "gan: {iter");
}
std::string
with_second_row(const std::string& options,
                const std::string& row = "samples_per_class: 2, generated_per_real: [0, 1]") {
    return with(with_second(options), kRow, kRow + "  - {dataset: second, " + row + "}\n");
}

TEST(BadInputOfTwoSetsTest, GanMustNameASetWithADaganForImagesOfThatShape) {
    const std::string split = "    split: {source: [0, 9], validation: [10, 20], test: [20, 30]}\n";
    EXPECT_EQ(
        refusal_of(with_second_row("    file: faces.h5\n    gan: omniglt\n" + split)),
        "x.yaml:11: datasets.second.gan: unknown data set 'omniglt'; did you mean 'omniglot'?");
    EXPECT_EQ(refusal_of(with_second_row("    file: faces.h5\n    gan: omniglot\n" + split)),
              "x.yaml:11: datasets.second.gan: the DAGAN of 'omniglot' makes images of 28x28x1, "
              "but those of 'second' are 64x64x3");
    EXPECT_EQ(
        refusal_of(with(with_second_row("    file: omniglot.h5\n    gan: omniglot\n" + split),
                        "    file: omniglot.h5\n", "    file: omniglot.h5\n    gan: second\n")),
        "x.yaml:7: datasets.omniglot.gan: 'second' has no DAGAN of its own; name the data set that "
        "trains one\n"
        "x.yaml:12: datasets.second.gan: 'omniglot' has no DAGAN of its own; name the data set "
        "that trains one");
}

TEST(BadInputOfTwoSetsTest, Balanced47IsForEmnistWithTheDaganOfAnotherSet) {
    EXPECT_EQ(refusal_of(with_second_row("    file: emnist.h5\n    protocol: balanced47\n")),
              "x.yaml:9: datasets.second.gan: balanced47 leaves no classes to train a DAGAN on; "
              "name the data set whose DAGAN to use, e.g. gan: omniglot");
    EXPECT_EQ(refusal_of(with_second_row(
                  "    file: omniglot.h5\n    protocol: balanced47\n    gan: omniglot\n")),
              "x.yaml:11: datasets.second.protocol: balanced47 is for EMNIST's 47 classes; "
              "omniglot.h5 has 1623");
    EXPECT_EQ(refusal_of(with_second_row("    file: emnist.h5\n    protocol: balanced47\n    gan: "
                                         "omniglot\n    split: {test: [0, 9]}\n")),
              "x.yaml:13: datasets.second.split: has no meaning with protocol balanced47, which "
              "uses EMNIST's own split; leave it out");
}

TEST(BadInputOfTwoSetsTest, ASetThatNoRowUsesNeedsNoFile) {
    const std::string options =
        "    file: absent.h5\n    split: {source: [0, 9], validation: [10, 20], test: [20, 30]}\n";
    EXPECT_EQ(refusal_of(with_second(options)), "");
    EXPECT_NE(refusal_of(with_second_row(options)), "");
}

TEST(BadInputOfTwoSetsTest, PairsOfDistinctImagesNeedTwo) {
    const std::string options =
        "    file: single.h5\n    split: {source: [0, 9], validation: [10, 20], test: [20, 30]}\n";
    const std::string message = refusal_of(with(with_second_row(options), "iterations: 12",
                                                "iterations: 12, pairs: distinct, select: last"));
    EXPECT_NE(message.find(
                  "gan.pairs: distinct pairs need 2 images per class; a class of 'second' has 1"),
              std::string::npos)
        << message;
}

TEST(BadInputTest, ASoftmaxOfOneTestClassIsRefusedBecauseItIsAlwaysRight) {
    const std::string one = with(kSmallSweep, "[1412, 1420]", "[1412, 1413]");
    EXPECT_EQ(refusal_of(one), "");
    EXPECT_EQ(refusal_of(with(one, "softmax: held_out", "softmax: target")),
              "x.yaml:7: datasets.omniglot.split.test: 1 class is too few for a classifier of the "
              "test classes alone; at least 2, or classifier.softmax: held_out");
}

TEST(BadInputTest, AllProblemsAreReportedTogether) {
    std::string text = with(kSmallSweep, "epochs: 3", "epocs: 3");
    text = with(text, "seeds: 2", "seeds: none");
    text = with(text, "[1412, 1420]", "[1200, 1420]");
    text = with(text, "[2, 4]", "[2, 40]");
    const std::string message = refusal_of(text, {"resources.gan_ranks=3"});
    for (const char* part : {"x.yaml:10: unknown key 'epocs'", "x.yaml:3: seeds: got 'none'",
                             "overlap", "x.yaml:12: sweep.0.samples_per_class: 40",
                             "x.yaml:9: gan.batch_size: 8 pairs cannot be divided evenly among "
                             "resources.gan_ranks = 3"}) {
        EXPECT_NE(message.find(part), std::string::npos) << part << " is not in\n" << message;
    }
    EXPECT_EQ(std::count(message.begin(), message.end(), '\n'), 4) << message;
}

TEST(BadInputTest, AKnownProblemIsNotReportedAgain) {
    EXPECT_EQ(
        refusal_of(with(kSmallSweep, "seeds: 2", "seeds: 2\ngan_for: {omniglot: {z_dim: 50}}"),
                   {"gan.batch_size=7"}),
        "--set gan.batch_size=7: gan.batch_size: 7 pairs cannot be divided evenly among "
        "resources.gan_ranks = 2")
        << "the section of the data set inherits the 7";
    EXPECT_EQ(refusal_of(with(kSmallSweep, "file: omniglot.h5", "fil: omniglot.h5")),
              "x.yaml:6: unknown key 'fil' in 'datasets.omniglot'; did you mean 'file'?");
}

TEST(BadInputTest, AnEmptyFileLacksEverything) {
    EXPECT_EQ(refusal_of(""), "x.yaml: missing key 'name': name of the sweep\n"
                              "x.yaml: missing key 'seed': everything random follows from it\n"
                              "x.yaml: missing key 'datasets': data sets by name\n"
                              "x.yaml: missing key 'sweep': the cells");
}

TEST(BadInputTest, AMissingSweepFileAndAFolderAreNamed) {
    const auto refusal = [](const std::filesystem::path& path) -> std::string {
        try {
            load_sweep(path, {}, lookup_made_up, MissingData::refuse);
        } catch (const Error& error) {
            return error.what();
        }
        return "";
    };
    EXPECT_EQ(refusal("absent.yaml"), "absent.yaml: no such sweep file");
    EXPECT_EQ(refusal("/tmp"), "/tmp: is not a file");
}

TEST(BadInputTest, PlanningNeedsTheFileOrAWholeExpectation) {
    const std::string absent = with(kSmallSweep, "omniglot.h5", "absent.h5");
    EXPECT_EQ(refusal_of(absent, {}, MissingData::use_expect),
              "x.yaml:6: datasets.omniglot.file: absent.h5 is not in the data folder, and `expect` "
              "does not give its whole shape; e.g. expect: {classes: 1623, images_per_class: 20, "
              "channels: 1, size: 28}");
    const std::string expected = with(
        absent, "    cases:",
        "    expect: {classes: 1500, images_per_class: 20, channels: 1, size: 28}\n    cases:");
    EXPECT_EQ(refusal_of(expected, {}, MissingData::use_expect), "");
    EXPECT_NE(refusal_of(expected, {}, MissingData::refuse), "");
    EXPECT_NE(
        refusal_of(with(expected, "[1412, 1420]", "[1412, 1501]"), {}, MissingData::use_expect), "")
        << "expectations are checked too";
}

} // namespace
} // namespace dagan::sweeps
