#include "data/roles.h"

#include "data/support.h"
#include "spec/selector_split.h"

#include <algorithm>
#include <map>
#include <set>

namespace dagan::data::test {

namespace {
std::set<int> images_in(const std::vector<Case>& cases) {
    std::set<int> images;
    for (const Case& one : cases) images.insert(one.image);
    return images;
}

// Returns the number of cases at each softmax position.
std::map<int, int> per_class(const std::vector<Case>& cases) {
    std::map<int, int> counts;
    for (const Case& one : cases) ++counts[one.label];
    return counts;
}

bool disjoint(const std::set<int>& a, const std::set<int>& b) {
    return std::ranges::none_of(a, [&](int image) { return b.contains(image); });
}

std::string bytes_of(const Dataset& data, int image) {
    const auto pixels = data.image(image);
    return {pixels.begin(), pixels.end()};
}

// Ten classes of 20: source [0, 5), validation [5, 8), test [8, 10).
class RolesTest : public ::testing::Test {
  protected:
    RolesTest() { ref_.options.split = {{0, 5}, {5, 8}, {8, 10}}; }
    Dataset data_ = random_dataset(std::vector<int>(10, 20), 1, 4, 1);
    DatasetRef ref_ = reference_to(data_);
};
} // namespace

TEST_F(RolesTest, DomainsOfSortedClassesAreTheirRanges) {
    EXPECT_EQ(classes_of(ref_, 10, Domain::source), (std::vector{0, 1, 2, 3, 4}));
    EXPECT_EQ(classes_of(ref_, 10, Domain::validation), (std::vector{5, 6, 7}));
    ref_.options.split.test = {8, ClassRange::kToTheEnd};
    EXPECT_EQ(classes_of(ref_, 12, Domain::test), (std::vector{8, 9, 10, 11}));
}

// docs/reference/model.md, check 21.
TEST_F(RolesTest, DomainsOfTheThreeSetsAreDisjointCompleteAndOfThePublishedSizes) {
    struct Set {
        int classes;
        Split split;
        ClassOrder order;
        size_t source, validation, test;
    };
    const ClassRange rest{2300, ClassRange::kToTheEnd};
    for (const Set& set :
         {Set{1623, {{0, 1200}, {1200, 1412}, {1412, 1623}}, ClassOrder::sorted, 1200, 212, 211},
          Set{47, {{0, 35}, {35, 42}, {42, 47}}, ClassOrder::shuffled, 35, 7, 5},
          Set{2396, {{0, 1803}, rest, {1803, 2300}}, ClassOrder::shuffled, 1803, 96, 497}}) {
        ref_.options.split = set.split;
        ref_.options.class_order = set.order;
        const auto source = classes_of(ref_, set.classes, Domain::source),
                   validation = classes_of(ref_, set.classes, Domain::validation),
                   test = classes_of(ref_, set.classes, Domain::test);
        EXPECT_EQ(source.size(), set.source);
        EXPECT_EQ(validation.size(), set.validation);
        EXPECT_EQ(test.size(), set.test);
        std::set<int> all(source.begin(), source.end());
        all.insert(validation.begin(), validation.end());
        all.insert(test.begin(), test.end());
        EXPECT_EQ(all.size(), static_cast<size_t>(set.classes));
        EXPECT_EQ(*all.begin(), 0);
        EXPECT_EQ(*all.rbegin(), set.classes - 1);
    }
}

TEST_F(RolesTest, ShufflingDependsOnTheSplitStreamOnly) {
    ref_.options.class_order = ClassOrder::shuffled;
    const auto once = classes_of(ref_, 10, Domain::source);
    EXPECT_EQ(once, classes_of(ref_, 10, Domain::source));
    EXPECT_FALSE(std::ranges::is_sorted(once));
    ref_.split_stream = 78;
    EXPECT_NE(once, classes_of(ref_, 10, Domain::source));
}

TEST_F(RolesTest, RangesBeyondTheClassesAreRefused) {
    expect_refused([&] { classes_of(ref_, 9, Domain::test); },
                   {"datasets.tiny.split.test", "[8, 10)", "9 classes"});
    ref_.options.split.source = {3, 3};
    expect_refused([&] { classes_of(ref_, 10, Domain::source); }, {"split.source"});
}

TEST_F(RolesTest, EachSoftmaxHasItsClassesAndCases) {
    const auto all = draw_cases(data_, ref_, Softmax::all, 5, 1);
    EXPECT_EQ(all.classes, 10);
    EXPECT_EQ(all.training.size(), 50U);
    EXPECT_EQ(all.validation.size(), 9U); // 3 classes x 3
    EXPECT_EQ(all.test.size(), 4U);       // 2 classes x 2
    const auto held_out = draw_cases(data_, ref_, Softmax::held_out, 5, 1);
    EXPECT_EQ(held_out.classes, 5);
    EXPECT_EQ(held_out.training.size(), 25U);
    EXPECT_EQ(held_out.validation.size(), 9U);
    EXPECT_EQ(held_out.test.size(), 4U);
    const auto target = draw_cases(data_, ref_, Softmax::target, 5, 1);
    EXPECT_EQ(target.classes, 2);
    EXPECT_EQ(target.training.size(), 10U);
    EXPECT_EQ(target.validation.size(), 6U); // of the test classes themselves
    EXPECT_EQ(target.test.size(), 4U);

    EXPECT_EQ(images_in(all.test), images_in(held_out.test));
    EXPECT_EQ(images_in(all.test), images_in(target.test));
    EXPECT_EQ(images_in(all.validation), images_in(held_out.validation));
}

TEST_F(RolesTest, LabelsArePositionsInTheSoftmax) {
    ref_.options.class_order = ClassOrder::shuffled;
    std::vector<int> order = classes_of(ref_, 10, Domain::validation);
    const std::vector<int> test = classes_of(ref_, 10, Domain::test);
    order.insert(order.end(), test.begin(), test.end());
    const auto cases = draw_cases(data_, ref_, Softmax::held_out, 4, 1);
    for (const auto* list : {&cases.training, &cases.validation, &cases.test}) {
        for (const Case& one : *list)
            EXPECT_EQ(data_.label(one.image), order[static_cast<size_t>(one.label)]);
    }
    for (const Case& one : cases.test) EXPECT_GE(one.label, 3);
    for (const Case& one : cases.validation) EXPECT_LT(one.label, 3);
}

// docs/reference/model.md, check 24, for several seeds: by index and, as all images of this set
// differ, by content.
TEST_F(RolesTest, NoImageHasTwoRoles) {
    for (uint64_t stream = 0; stream < 20; ++stream) {
        for (const Softmax softmax : {Softmax::all, Softmax::held_out, Softmax::target}) {
            const auto cases = draw_cases(data_, ref_, softmax, 15, stream);
            const auto training = images_in(cases.training),
                       validation = images_in(cases.validation), test = images_in(cases.test);
            EXPECT_EQ(training.size(), cases.training.size()) << "stream " << stream;
            EXPECT_TRUE(disjoint(training, validation) && disjoint(training, test) &&
                        disjoint(validation, test))
                << "stream " << stream;
            std::set<std::string> pixels;
            for (const auto& part : {training, validation, test}) {
                for (const int image : part)
                    EXPECT_TRUE(pixels.insert(bytes_of(data_, image)).second)
                        << "stream " << stream;
            }
            for (const auto& [label, count] : per_class(cases.training))
                EXPECT_EQ(count, 15) << label;
        }
    }
}

TEST_F(RolesTest, TrainingCasesAreNestedInNAndHeldOutOnesDoNotDependOnIt) {
    const auto small = draw_cases(data_, ref_, Softmax::all, 5, 3),
               large = draw_cases(data_, ref_, Softmax::all, 15, 3);
    EXPECT_EQ(small.validation, large.validation);
    EXPECT_EQ(small.test, large.test);
    const auto more = images_in(large.training);
    for (const int image : images_in(small.training)) EXPECT_TRUE(more.contains(image));
}

TEST_F(RolesTest, SeedsDiffer) {
    EXPECT_EQ(draw_cases(data_, ref_, Softmax::all, 5, 3).training,
              draw_cases(data_, ref_, Softmax::all, 5, 3).training);
    EXPECT_NE(draw_cases(data_, ref_, Softmax::all, 5, 3).training,
              draw_cases(data_, ref_, Softmax::all, 5, 4).training);
    EXPECT_NE(draw_cases(data_, ref_, Softmax::all, 5, 3).test,
              draw_cases(data_, ref_, Softmax::all, 5, 4).test);
}

TEST_F(RolesTest, AClassWithTooFewImagesIsNamed) {
    EXPECT_NO_THROW(draw_cases(data_, ref_, Softmax::all, 15, 1));
    expect_refused(
        [&] { draw_cases(data_, ref_, Softmax::all, 16, 1); },
        {"datasets.tiny", data_.class_name(0), "has 20 images", "need 21", "samples_per_class"});
}

TEST_F(RolesTest, Balanced47TestsOnTheWholeTestSplitAndTrainsOnTheOther) {
    // Two thirds of each class are its train split.
    const Dataset data = random_dataset({30, 60, 33}, 1, 4, 2, true);
    DatasetRef ref = reference_to(data);
    ref.options.protocol = Protocol::balanced47;
    const auto cases = draw_cases(data, ref, Softmax::all, 10, 1);
    EXPECT_EQ(cases.classes, 3);
    EXPECT_EQ(cases.validation.size(), 9U);
    EXPECT_EQ(cases.training.size(), 30U);
    EXPECT_EQ(cases.test.size(), 10U + 20U + 11U);
    for (const Case& one : cases.test)
        EXPECT_EQ(data.official_split()[static_cast<size_t>(one.image)], 1);
    for (const auto* list : {&cases.training, &cases.validation}) {
        for (const Case& one : *list)
            EXPECT_EQ(data.official_split()[static_cast<size_t>(one.image)], 0);
    }
    EXPECT_TRUE(disjoint(images_in(cases.training), images_in(cases.validation)));
    for (const Case& one : cases.training) EXPECT_EQ(data.label(one.image), one.label);
    const auto more = images_in(draw_cases(data, ref, Softmax::all, 17, 1).training);
    for (const int image : images_in(cases.training)) EXPECT_TRUE(more.contains(image));
    expect_refused([&] { draw_cases(data, ref, Softmax::all, 18, 1); },
                   {data.class_name(0), "20 images in the train split", "need 21"});
}

TEST_F(RolesTest, Balanced47NeedsAnOfficialSplit) {
    ref_.options.protocol = Protocol::balanced47;
    expect_refused([&] { draw_cases(data_, ref_, Softmax::all, 5, 1); },
                   {"datasets.tiny", "balanced47", "official_split"});
}

TEST_F(RolesTest, LiteralIsFiveTargetClassesOfTwoTestCases) {
    const Dataset data = random_dataset(std::vector<int>(47, 20), 1, 4, 2, true);
    DatasetRef ref = reference_to(data);
    ref.options.protocol = Protocol::literal;
    ref.options.class_order = ClassOrder::shuffled;
    ref.options.split = {{0, 35}, {35, 42}, {42, 47}};
    const auto cases = draw_cases(data, ref, Softmax::all, 15, 1);
    EXPECT_EQ(cases.classes, 47);
    EXPECT_EQ(cases.test.size(), 10U);
    EXPECT_EQ(cases.validation.size(), 21U);
    EXPECT_EQ(draw_cases(data, ref, Softmax::target, 15, 1).classes, 5);
}

TEST_F(RolesTest, SelectorTrainsOnItsShareAndConditionsOnTheRest) {
    const auto cases = draw_selector_cases(data_, ref_, SelectorClasses::validation, 0.75, 1);
    EXPECT_EQ(cases.classes, 3);
    EXPECT_EQ(cases.training.size(), 45U); // 15 of 20
    EXPECT_EQ(cases.training.size(), 3U * static_cast<size_t>(selector_training_images(0.75, 20)))
        << "as the plan counts them";
    EXPECT_EQ(cases.conditions.size(), 15U);
    EXPECT_TRUE(disjoint(images_in(cases.training), images_in(cases.conditions)));
    for (const auto* list : {&cases.training, &cases.conditions}) {
        for (const Case& one : *list)
            EXPECT_EQ(data_.label(one.image), one.label + 5); // never a test class
    }
    EXPECT_EQ(draw_selector_cases(data_, ref_, SelectorClasses::source, 0.75, 1).classes, 5);
}

TEST_F(RolesTest, SelectorLeavesAtLeastOneImageOnEachSide) {
    const Dataset data = random_dataset({2, 3}, 1, 4, 2);
    const DatasetRef ref = reference_to(data);
    for (const double share : {0.01, 0.99}) {
        const auto cases = draw_selector_cases(data, ref, SelectorClasses::validation, share, 1);
        EXPECT_EQ(per_class(cases.training).size(), 2U) << share;
        EXPECT_EQ(per_class(cases.conditions).size(), 2U) << share;
    }
    const Dataset single = random_dataset({2, 1}, 1, 4, 2);
    expect_refused(
        [&] {
            draw_selector_cases(single, reference_to(single), SelectorClasses::validation, 0.75, 1);
        },
        {single.class_name(1), "one image"});
}

} // namespace dagan::data::test
