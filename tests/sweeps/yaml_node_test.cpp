#include "sweeps/yaml_node.h"

#include "sweeps/support.h"

#include <gtest/gtest.h>

namespace dagan::sweeps {
namespace {

// Returns the message for a --set on the small sweep; "" if it is accepted.
std::string refusal_of_set(const std::string& text) { return refusal_of(kSmallSweep, {text}); }

TEST(SetTest, ChangesAnyValueAlsoInLists) {
    const Sweep sweep =
        load_text(kSmallSweep, {"classifier.epochs=20", "datasets.omniglot.split.source=[0, 60]",
                                "sweep.0.generated_per_real=0..2", "gan.critic_widths=[8, 8, 8, 8]",
                                "name=b", "gan.rotate=false", "sweep.0.samples_per_class.1=9"})
            .sweep;
    EXPECT_EQ(sweep.classifier.epochs, 20);
    EXPECT_EQ(sweep.datasets.at("omniglot").split.source, (ClassRange{0, 60}));
    EXPECT_EQ(sweep.sweep.at(0).generated_per_real, (std::vector<int>{0, 1, 2}));
    EXPECT_EQ(sweep.sweep.at(0).samples_per_class, (std::vector<int>{2, 9}));
    EXPECT_EQ(sweep.gan.critic_widths, (std::array<int, 4>{8, 8, 8, 8}));
    EXPECT_EQ(sweep.name, "b");
    EXPECT_FALSE(sweep.gan.rotate);
}

TEST(SetTest, AddsSectionsThatTheFileLacks) {
    const std::string bare = with(kSmallSweep, "resources: {gan_ranks: 2}\n", "");
    EXPECT_EQ(load_text(bare, {"resources.gan_ranks=4"}).sweep.resources.gan_ranks, 4);
}

TEST(SetTest, ReplacesAWholeSectionOfTheFile) {
    const Sweep sweep =
        load_text(kSmallSweep, {"datasets.omniglot={file: omniglot.h5, split: {source: [0, 9], "
                                "validation: [9, 12], test: [12, end]}}"})
            .sweep;
    EXPECT_EQ(sweep.datasets.at("omniglot").split.source, (ClassRange{0, 9}));
}

TEST(SetTest, MessagesQuoteTheOption) {
    EXPECT_EQ(
        refusal_of_set("classifier.epocs=3"),
        "--set classifier.epocs=3: unknown key 'epocs' in 'classifier'; did you mean 'epochs'?");
    EXPECT_EQ(refusal_of_set("clasifier.epochs=3"),
              "--set clasifier.epochs=3: unknown key 'clasifier'; did you mean 'classifier'?");
    EXPECT_EQ(
        refusal_of_set("classifier.epochs=x"),
        "--set classifier.epochs=x: classifier.epochs: got 'x', wanted a whole number such as 200");
    EXPECT_EQ(refusal_of_set("classifier.epochs="),
              "--set classifier.epochs=: classifier.epochs: got nothing, wanted a whole number "
              "such as 200");
    EXPECT_EQ(refusal_of_set("classifier.dropout=1.5"),
              "--set classifier.dropout=1.5: classifier.dropout: 1.5 is out of range; wanted 0 or "
              "more and below 1");
    EXPECT_EQ(refusal_of_set("classifier=3"),
              "--set classifier=3: classifier: got '3', wanted keys and values");
    EXPECT_EQ(refusal_of_set("seed.low=3"),
              "x.yaml:2: seed: got a section, wanted a whole number such as 1");
    EXPECT_EQ(refusal_of_set("datasets.omniglt.file=x.h5"),
              "--set datasets.omniglt.file=x.h5: datasets.omniglt: the file has no data set "
              "'omniglt'; did you mean 'omniglot'?");
    EXPECT_EQ(refusal_of_set("sweep.1.budget=both"),
              "--set sweep.1.budget=both: there is no item 1 in a list of 1; items count from 0");
    EXPECT_EQ(
        refusal_of_set("sweep.first.budget=both"),
        "--set sweep.first.budget=both: there is no item first in a list of 1; items count from 0");
    EXPECT_EQ(refusal_of_set("epochs"),
              "--set epochs: wanted key=value, such as --set classifier.epochs=20");
    EXPECT_EQ(refusal_of_set("=3"),
              "--set =3: wanted key=value, such as --set classifier.epochs=20");
    EXPECT_EQ(refusal_of_set("seeds=[1"),
              "--set seeds=[1: not valid YAML: end of sequence flow not found");
}

TEST(YamlNodeTest, PathsFindNodesOrTheNearestAboveThem) {
    Problems problems;
    YamlNode root{YamlNode::Kind::section, "x.yaml", {}, false, {}, {}};
    apply_override(root, "a.b=[{c: 1}, 2]", problems);
    ASSERT_TRUE(problems.empty());
    ASSERT_NE(node_at(root, "a.b.0.c"), nullptr);
    EXPECT_EQ(node_at(root, "a.b.0.c")->text, "1");
    EXPECT_EQ(node_at(root, "a.b.2"), nullptr);
    EXPECT_EQ(node_at(root, "a.b.-1"), nullptr);
    EXPECT_EQ(node_at(root, "a.b.1x"), nullptr);
    EXPECT_EQ(&nearest_node(root, "a.b.0.zzz"), node_at(root, "a.b.0"));
    EXPECT_EQ(&nearest_node(root, "zzz.b"), &root);
}

} // namespace
} // namespace dagan::sweeps
