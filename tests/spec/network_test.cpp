// Every number here is copied from docs/reference/model.md ("Generator", "Critic", "Classifier");
// none is computed by the code under test.
#include "spec/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace dagan {
namespace {

enum Op { s1, s2, up, dense };

struct ExpectedRow {
    std::string name;
    Op op;
    int in_size, out_size, in_channels, out_channels;
    int64_t parameters;
    After after;
};

void expect_rows(const NetworkTable& table, const std::vector<ExpectedRow>& expected) {
    ASSERT_EQ(table.layers.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
        const LayerRow& row = table.layers[i];
        const ExpectedRow& want = expected[i];
        SCOPED_TRACE("row " + std::to_string(i + 1) + ", " + want.name);
        EXPECT_EQ(row.name, want.name);
        EXPECT_EQ(row.op, want.op == dense ? LayerOp::dense : LayerOp::conv);
        EXPECT_EQ(row.resize, want.op == up ? Resize::up : Resize::none);
        EXPECT_EQ(row.kernel, want.op == dense ? 1 : 3);
        EXPECT_EQ(row.stride, want.op == s2 ? 2 : 1);
        EXPECT_EQ(row.in_size, want.in_size);
        EXPECT_EQ(row.out_size, want.out_size);
        EXPECT_EQ(row.in_channels, want.in_channels);
        EXPECT_EQ(row.out_channels, want.out_channels);
        EXPECT_EQ(row.parameters, want.parameters);
        EXPECT_EQ(row.before, Before::none);
        EXPECT_EQ(row.after, want.after);
        const bool unit = want.after == After::unit || want.after == After::unit_dropout;
        EXPECT_EQ(row.norm_parameters, unit ? 2 * want.out_channels : 0);
    }
}

// clang-format off
const std::vector<ExpectedRow> kGenerator28{
    {"E0.conv", s2, 28, 14, 1, 64, 640, After::unit},
    {"E1.project", s2, 28, 14, 1, 1, 10, After::linear},
    {"E1.conv1", s1, 14, 14, 65, 64, 37504, After::unit},
    {"E1.conv2", s1, 14, 14, 128, 64, 73792, After::unit},
    {"E1.conv3", s1, 14, 14, 192, 64, 110656, After::unit},
    {"E1.close", s2, 14, 7, 256, 64, 147520, After::unit_dropout},
    {"E2.project", s2, 14, 7, 64, 64, 36928, After::linear},
    {"E2.conv1", s1, 7, 7, 128, 128, 147584, After::unit},
    {"E2.conv2", s1, 7, 7, 192, 128, 221312, After::unit},
    {"E2.conv3", s1, 7, 7, 320, 128, 368768, After::unit},
    {"E2.close", s2, 7, 4, 448, 128, 516224, After::unit_dropout},
    {"E3.project", s2, 7, 4, 128, 128, 147584, After::linear},
    {"E3.conv1", s1, 4, 4, 256, 128, 295040, After::unit},
    {"E3.conv2", s1, 4, 4, 256, 128, 295040, After::unit},
    {"E3.conv3", s1, 4, 4, 384, 128, 442496, After::unit},
    {"E3.close", s2, 4, 2, 512, 128, 589952, After::unit_dropout},
    {"noise0", dense, 0, 0, 100, 32, 3232, After::linear},
    {"noise1", dense, 0, 0, 100, 64, 6464, After::linear},
    {"noise2", dense, 0, 0, 100, 98, 9898, After::linear},
    {"L0.conv1", s1, 2, 2, 136, 128, 156800, After::unit},
    {"L0.conv2", s1, 2, 2, 264, 128, 304256, After::unit},
    {"L0.conv3", s1, 2, 2, 392, 128, 451712, After::unit},
    {"L0.close", up, 2, 4, 520, 128, 599168, After::unit_dropout},
    {"L1.project1", up, 2, 4, 128, 128, 147584, After::linear},
    {"L1.conv1", s1, 4, 4, 388, 128, 447104, After::unit},
    {"L1.project2", up, 2, 4, 128, 128, 147584, After::linear},
    {"L1.conv2", s1, 4, 4, 516, 128, 594560, After::unit},
    {"L1.project3", up, 2, 4, 128, 128, 147584, After::linear},
    {"L1.conv3", s1, 4, 4, 644, 128, 742016, After::unit},
    {"L1.close", up, 4, 7, 644, 128, 742016, After::unit_dropout},
    {"L2.project1", up, 4, 7, 128, 128, 147584, After::linear},
    {"L2.conv1", s1, 7, 7, 322, 64, 185536, After::unit},
    {"L2.project2", up, 4, 7, 128, 128, 147584, After::linear},
    {"L2.conv2", s1, 7, 7, 386, 64, 222400, After::unit},
    {"L2.project3", up, 4, 7, 128, 128, 147584, After::linear},
    {"L2.conv3", s1, 7, 7, 450, 64, 259264, After::unit},
    {"L2.close", up, 7, 14, 386, 64, 222400, After::unit_dropout},
    {"L3.project1", up, 7, 14, 64, 64, 36928, After::linear},
    {"L3.conv1", s1, 14, 14, 192, 64, 110656, After::unit},
    {"L3.project2", up, 7, 14, 64, 64, 36928, After::linear},
    {"L3.conv2", s1, 14, 14, 256, 64, 147520, After::unit},
    {"L3.project3", up, 7, 14, 64, 64, 36928, After::linear},
    {"L3.conv3", s1, 14, 14, 320, 64, 184384, After::unit},
    {"L3.close", up, 14, 28, 320, 64, 184384, After::unit_dropout},
    {"L4.project1", up, 14, 28, 64, 64, 36928, After::linear},
    {"L4.conv1", s1, 28, 28, 129, 64, 74368, After::unit},
    {"L4.project2", up, 14, 28, 64, 64, 36928, After::linear},
    {"L4.conv2", s1, 28, 28, 193, 64, 111232, After::unit},
    {"L4.project3", up, 14, 28, 64, 64, 36928, After::linear},
    {"L4.conv3", s1, 28, 28, 257, 64, 148096, After::unit},
    {"T.conv1", s1, 28, 28, 64, 64, 36928, After::unit},
    {"T.conv2", s1, 28, 28, 64, 64, 36928, After::unit},
    {"T.conv3", s1, 28, 28, 64, 1, 577, After::tanh},
};

const std::vector<ExpectedRow> kCritic28{
    {"E0.conv", s2, 28, 14, 2, 64, 1216, After::unit},
    {"E1.project", s2, 28, 14, 2, 2, 38, After::linear},
    {"E1.conv1", s1, 14, 14, 66, 64, 38080, After::unit},
    {"E1.conv2", s1, 14, 14, 128, 64, 73792, After::unit},
    {"E1.conv3", s1, 14, 14, 192, 64, 110656, After::unit},
    {"E1.conv4", s1, 14, 14, 256, 64, 147520, After::unit},
    {"E1.conv5", s1, 14, 14, 320, 64, 184384, After::unit},
    {"E1.close", s2, 14, 7, 384, 64, 221248, After::unit_dropout},
    {"E2.project", s2, 14, 7, 64, 64, 36928, After::linear},
    {"E2.conv1", s1, 7, 7, 128, 128, 147584, After::unit},
    {"E2.conv2", s1, 7, 7, 192, 128, 221312, After::unit},
    {"E2.conv3", s1, 7, 7, 320, 128, 368768, After::unit},
    {"E2.conv4", s1, 7, 7, 448, 128, 516224, After::unit},
    {"E2.conv5", s1, 7, 7, 576, 128, 663680, After::unit},
    {"E2.close", s2, 7, 4, 704, 128, 811136, After::unit_dropout},
    {"E3.project", s2, 7, 4, 128, 128, 147584, After::linear},
    {"E3.conv1", s1, 4, 4, 256, 128, 295040, After::unit},
    {"E3.conv2", s1, 4, 4, 256, 128, 295040, After::unit},
    {"E3.conv3", s1, 4, 4, 384, 128, 442496, After::unit},
    {"E3.conv4", s1, 4, 4, 512, 128, 589952, After::unit},
    {"E3.conv5", s1, 4, 4, 640, 128, 737408, After::unit},
    {"E3.close", s2, 4, 2, 768, 128, 884864, After::unit_dropout},
    {"head.dense1", dense, 0, 0, 128, 1024, 132096, After::lrelu},
    {"head.dense2", dense, 0, 0, 1536, 1, 1537, After::linear},
};

// The classifier's lineage reading with K = 211.
const std::vector<ExpectedRow> kClassifier28{
    {"B1.conv1", s1, 28, 28, 2, 64, 1216, After::unit},
    {"B1.conv2", s1, 28, 28, 66, 64, 38080, After::unit},
    {"B1.conv3", s1, 28, 28, 130, 64, 74944, After::unit},
    {"B1.transition", s2, 28, 14, 194, 64, 111808, After::unit_dropout},
    {"B2.conv1", s1, 14, 14, 65, 64, 37504, After::unit},
    {"B2.conv2", s1, 14, 14, 129, 64, 74368, After::unit},
    {"B2.conv3", s1, 14, 14, 193, 64, 111232, After::unit},
    {"B2.transition", s2, 14, 7, 257, 64, 148096, After::unit_dropout},
    {"B3.conv1", s1, 7, 7, 65, 64, 37504, After::unit},
    {"B3.conv2", s1, 7, 7, 129, 64, 74368, After::unit},
    {"B3.conv3", s1, 7, 7, 193, 64, 111232, After::unit},
    {"B3.transition", s2, 7, 4, 257, 64, 148096, After::unit_dropout},
    {"B4.conv1", s1, 4, 4, 65, 64, 37504, After::unit},
    {"B4.conv2", s1, 4, 4, 129, 64, 74368, After::unit},
    {"B4.conv3", s1, 4, 4, 193, 64, 111232, After::unit},
    {"B4.transition", s2, 4, 2, 257, 64, 148096, After::unit_dropout},
    {"head.dense", dense, 0, 0, 64, 211, 65 * 211, After::linear},
};
// clang-format on

GanOptions with(std::array<int, 4> widths, int generator_inner = 3, int critic_inner = 5) {
    GanOptions options;
    options.generator_widths = options.critic_widths = widths;
    options.generator_inner = generator_inner;
    options.critic_inner = critic_inner;
    return options;
}

// Totals and cost of one image as printed in docs/reference/model.md: parameters exact, MACs
// rounded to 0.1 million.
void expect_total(const NetworkTable& table, int64_t parameters, double mega_macs) {
    EXPECT_EQ(table.parameters(), parameters);
    EXPECT_NEAR(static_cast<double>(table.macs()) / 1e6, mega_macs, 0.0501);
}

// Returns the rows of `table` whose parameters differ from those of `base`: number in model.md's
// table -> parameters. The generator's row 20, which is not built, has a number in model.md and no
// row in the table.
std::map<int, int64_t> changed_rows(const NetworkTable& base, const NetworkTable& table,
                                    int unused_row) {
    EXPECT_EQ(base.layers.size(), table.layers.size());
    std::map<int, int64_t> changed;
    for (size_t i = 0; i < base.layers.size(); ++i) {
        const int number = static_cast<int>(i) + 1;
        if (base.layers[i].parameters != table.layers[i].parameters)
            changed[number + (number >= unused_row)] = table.layers[i].parameters;
    }
    return changed;
}

const std::array<int, 4> kWidths{64, 64, 128, 128}, kNarrow{64, 64, 64, 64};

TEST(NetworkTableTest, GeneratorHasTheDocumentedRows) {
    expect_rows(generator_table({}, 1, 28), kGenerator28);
}

TEST(NetworkTableTest, CriticHasTheDocumentedRows) {
    expect_rows(critic_table({}, 1, 28), kCritic28);
}

TEST(NetworkTableTest, ClassifierHasTheDocumentedRows) {
    expect_rows(classifier_table({}, 1, 28, 211), kClassifier28);
}

TEST(NetworkTableTest, ColourFacesChangeTheDocumentedRows) {
    constexpr int kUnusedNoise = 20, kNone = 1000;
    const std::map<int, int64_t> generator{{1, 1792},    {2, 84},     {3, 38656},  {17, 12928},
                                           {18, 25856},  {19, 51712}, {47, 75520}, {49, 112384},
                                           {51, 149248}, {54, 1731}};
    EXPECT_EQ(changed_rows(generator_table({}, 1, 28), generator_table({}, 3, 64), kUnusedNoise),
              generator);
    const std::map<int, int64_t> critic{{1, 3520}, {2, 330}, {3, 40384}, {24, 3073}};
    EXPECT_EQ(changed_rows(critic_table({}, 1, 28), critic_table({}, 3, 64), kNone), critic);
}

TEST(NetworkTableTest, SizesOfFacesHalveFrom64To4) {
    std::set<int> sizes;
    for (const LayerRow& row : generator_table({}, 3, 64).layers) sizes.insert(row.out_size);
    EXPECT_EQ(sizes, (std::set<int>{0, 4, 8, 16, 32, 64}));
}

TEST(NetworkTableTest, TotalsAndCostOfTheReferenceNetworks) {
    expect_total(generator_table({}, 1, 28), 10526421, 960.7);
    expect_total(critic_table({}, 1, 28), 7072551, 272.2);
    expect_total(generator_table({}, 3, 64), 10604311, 4944.5);
    expect_total(critic_table({}, 3, 64), 7078987, 1357.1);
}

TEST(NetworkTableTest, TotalsAndCostForOtherWidthsAndInnerConvolutions) {
    expect_total(generator_table(with(kNarrow), 1, 28), 4412693, 817.3);
    expect_total(critic_table(with(kNarrow), 1, 28), 2543847, 164.9);
    expect_total(generator_table(with(kWidths, 1, 1), 1, 28), 3706965, 375.3);
    expect_total(critic_table(with(kWidths, 1, 1), 1, 28), 1391655, 32.3);
    expect_total(critic_table(with(kWidths, 3, 9), 3, 64), 18068299, 3914.5);
}

TEST(NetworkTableTest, OneByOneProjectionsAreCounted) {
    GanOptions options;
    options.skip_kernel = 1;
    EXPECT_EQ(generator_table(options, 1, 28).parameters(), 9379533);
    EXPECT_EQ(critic_table(options, 1, 28).parameters(), 6908679);
}

TEST(NetworkTableTest, PaperTopologyOverridesTheOptionsThatItFixes) {
    GanOptions options = with(kNarrow);
    options.topology = Topology::paper;
    expect_total(generator_table(options, 1, 28), 5445089, 733.9);
    expect_total(critic_table(options, 1, 28), 3077825, 500.2);
    options.generator_widths = options.critic_widths = kWidths;
    expect_total(generator_table(options, 3, 64), 13341187, 4642.9);
    expect_total(critic_table(options, 3, 64), 3092417, 2645.6);
}

TEST(NetworkTableTest, LayersAreCountedByKind) {
    const auto count = [](const NetworkTable& table, auto holds) {
        return std::count_if(table.layers.begin(), table.layers.end(), holds);
    };
    const auto conv = [](const LayerRow& row) { return row.op == LayerOp::conv; };
    const auto unit = [](const LayerRow& row) { return row.norm_parameters > 0; };
    const auto dropout = [](const LayerRow& row) { return row.after == After::unit_dropout; };
    const auto linear = [&](const LayerRow& row) { return conv(row) && !unit(row); };
    const NetworkTable generator = generator_table({}, 1, 28), critic = critic_table({}, 1, 28);
    EXPECT_EQ(count(generator, conv), 50);
    EXPECT_EQ(count(generator, unit), 34);
    EXPECT_EQ(count(generator, dropout), 7);
    EXPECT_EQ(count(generator, linear), 16);
    EXPECT_EQ(count(critic, conv), 22);
    EXPECT_EQ(count(critic, unit), 19);
    EXPECT_EQ(count(critic, dropout), 3);
    EXPECT_EQ(count(critic, linear), 3);
}

TEST(NetworkTableTest, NamesAreUniqueInEveryVariant) {
    GanOptions paper;
    paper.topology = Topology::paper;
    ClassifierOptions huang;
    huang.reading = ClassifierArch::huang;
    for (const NetworkTable& table :
         {generator_table({}, 1, 28), critic_table({}, 1, 28), generator_table(paper, 1, 28),
          critic_table(paper, 1, 28), classifier_table({}, 1, 28, 5),
          classifier_table(huang, 1, 28, 5)}) {
        std::set<std::string> names;
        for (const LayerRow& row : table.layers)
            EXPECT_TRUE(names.insert(row.name).second) << table.network << " " << row.name;
    }
}

TEST(NetworkTableTest, ClassifierParametersFollowTheFormula) {
    struct {
        int channels, size, classes;
        int64_t parameters;
    } const cases[]{{1, 28, 1623, 1447191},
                    {1, 28, 211, 1355411},
                    {1, 28, 47, 1344751},
                    {3, 64, 2396, 1502044},
                    {3, 64, 497, 1378609}};
    for (const auto& c : cases) {
        const NetworkTable table = classifier_table({}, c.channels, c.size, c.classes);
        EXPECT_EQ(table.parameters(), c.parameters);
        EXPECT_EQ(table.parameters(), 1339392 + 2304 * c.channels + 65 * c.classes);
        const double dense = 64.0 * c.classes / 1e6;
        EXPECT_NEAR(static_cast<double>(table.macs()) / 1e6 - dense, c.size == 28 ? 179.7 : 946.2,
                    0.0501);
    }
}

TEST(NetworkTableTest, ThirdSiteMovesTheDropoutFromTheTransition) {
    ClassifierOptions options;
    options.dropout_site = DropoutSite::third;
    const NetworkTable closing = classifier_table({}, 1, 28, 10),
                       third = classifier_table(options, 1, 28, 10);
    EXPECT_EQ(third.parameters(), closing.parameters());
    for (const LayerRow& row : third.layers) {
        EXPECT_EQ(row.after == After::unit_dropout, row.name.ends_with("conv3")) << row.name;
    }
}

// docs/reference/model.md, "Classifier", reading: huang: pre-activation, 1x1 transition to 64
// channels, then 2x2 average pooling: 28 -> 14 -> 7 -> 3 -> 1.
TEST(NetworkTableTest, HuangReadingPoolsAfterAPointwiseTransition) {
    ClassifierOptions options;
    options.reading = ClassifierArch::huang;
    const NetworkTable table = classifier_table(options, 1, 28, 211);
    ASSERT_EQ(table.layers.size(), 17U);
    const std::vector<int> sizes{28, 14, 7, 3, 1};
    for (size_t b = 0; b < 4; ++b) {
        const std::string block = "B" + std::to_string(b + 1);
        for (size_t j = 0; j < 4; ++j) {
            const LayerRow& row = table.layers[4 * b + j];
            constexpr int kFlag = 1;
            const int in = (b == 0 ? 1 : 64) + 64 * static_cast<int>(j) + kFlag;
            EXPECT_EQ(row.name, block + (j < 3 ? ".conv" + std::to_string(j + 1) : ".transition"));
            EXPECT_EQ(row.in_channels, in);
            EXPECT_EQ(row.before, Before::norm_relu);
            EXPECT_EQ(row.norm_parameters, 2 * (in - kFlag));
            EXPECT_EQ(row.kernel, j < 3 ? 3 : 1);
            EXPECT_EQ(row.stride, 1);
            EXPECT_EQ(row.after, j < 2 ? After::linear : j == 2 ? After::dropout : After::pool);
            EXPECT_EQ(row.in_size, sizes[b]);
            EXPECT_EQ(row.out_size, j < 3 ? sizes[b] : sizes[b + 1]);
            // The transition pools after its convolution.
            EXPECT_EQ(row.macs, int64_t{row.kernel} * row.kernel * in * 64 * sizes[b] * sizes[b]);
        }
    }
}

} // namespace
} // namespace dagan
