#include "spec/result.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>

namespace dagan {
namespace {

struct Meaning {
    Outcome outcome;
    bool finished, failure, implicates_node;
};
constexpr std::array kMeanings{
    Meaning{Outcome::done, true, false, false},
    Meaning{Outcome::diverged, true, false, false},
    Meaning{Outcome::interrupted, false, false, false},
    Meaning{Outcome::died, false, true, true},
    Meaning{Outcome::stuck, false, true, true},
    Meaning{Outcome::input_error, false, true, false},
    Meaning{Outcome::system_error, false, true, true},
    Meaning{Outcome::out_of_memory, false, true, true},
    Meaning{Outcome::bug, false, true, false},
    Meaning{Outcome::lost, false, true, false},
};

constexpr bool lists_every_outcome_in_order() {
    for (size_t i = 0; i < kMeanings.size(); ++i) {
        if (static_cast<size_t>(kMeanings[i].outcome) != i) return false;
    }
    const std::string_view names = enum_list(Outcome{});
    return std::ranges::count(names, ',') + 1 == static_cast<ptrdiff_t>(kMeanings.size());
}
static_assert(lists_every_outcome_in_order(), "a new outcome needs a meaning");

static_assert(std::ranges::all_of(kMeanings, [](const Meaning& meaning) {
    return is_finished(meaning.outcome) == meaning.finished &&
           is_failure(meaning.outcome) == meaning.failure &&
           implicates_node(meaning.outcome) == meaning.implicates_node;
}));

TEST(ResultTest, SqlListsAgreeWithThePredicates) {
    EXPECT_EQ(finished_outcomes_sql(), "'done', 'diverged'");
    EXPECT_EQ(node_outcomes_sql(), "'died', 'stuck', 'system_error', 'out_of_memory'");
}

} // namespace
} // namespace dagan
