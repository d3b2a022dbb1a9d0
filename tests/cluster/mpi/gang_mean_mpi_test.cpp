// The mean of a gang over MPI has the bits of a serial mean, in shared memory and by messages, and
// all members use the same of the two ways.
#include "cluster/mpi/mpi_gang.h"

#include <sys/resource.h>

#include <bit>
#include <fstream>
#include <string>

namespace dagan::cluster {
namespace {

// More floats than the lanes hold at a time, in every slice of up to 4 members.
constexpr size_t kManyPieces = 3000017;

float serial_mean(int members, size_t i, int step) {
    float sum = gang::contract_value(0, i, step);
    for (int member = 1; member < members; ++member) sum += gang::contract_value(member, i, step);
    return sum / static_cast<float>(members);
}

void expect_serial_mean(gang::Group& group, std::span<float> x, int step) {
    for (size_t i = 0; i < x.size(); ++i) x[i] = gang::contract_value(group.rank(), i, step);
    group.all_reduce_mean(x);
    for (size_t i = 0; i < x.size(); ++i) {
        ASSERT_EQ(std::bit_cast<uint32_t>(x[i]),
                  std::bit_cast<uint32_t>(serial_mean(group.size(), i, step)))
            << "member " << group.rank() << ", float " << i << " of " << x.size() << ", step "
            << step;
    }
}

// Returns how many trainers' memories this process has mapped: its own twice, as agent and as
// trainer, and the others'.
int mapped_memories() {
    std::ifstream maps("/proc/self/maps");
    int count = 0;
    for (std::string line; std::getline(maps, line);)
        count += line.find("dagan-gradients") != std::string::npos;
    return count;
}

enum class Way { in_place, by_messages, one_may_not_map };

class GangMeanTest : public testing::TestWithParam<Way> {
  protected:
    static void run(int tag, const gang::GroupBody& body) {
        const bool last = world().rank() == world().size() - 1;
        const bool maps =
            GetParam() == Way::in_place || (GetParam() == Way::one_may_not_map && !last);
        run_member(all_ranks(), tag, body, maps ? MapOthers::if_possible : MapOthers::never);
    }
};

TEST_P(GangMeanTest, HasTheBitsOfASerialMeanForAnyLength) {
    run(1, [](gang::Group& group) {
        for (const size_t count :
             {1, 2, 3, 5, 15, 16, 17, 31, 33, 63, 65, 100, 4096 * 4 + 1, 100003}) {
            const auto x = group.allocate(count);
            for (int step = 0; step < 3; ++step)
                ASSERT_NO_FATAL_FAILURE(expect_serial_mean(group, x, step));
        }
        group.all_reduce_mean(group.allocate(0));
    });
}

// Each round writes where the others read and wrote in the round before, as soon as its trainer has
// its answer.
TEST_P(GangMeanTest, HasThemInConsecutiveRoundsOfManyPieces) {
    run(2, [](gang::Group& group) {
        const auto x = group.allocate(kManyPieces);
        for (int step = 0; step < 6; ++step)
            ASSERT_NO_FATAL_FAILURE(expect_serial_mean(group, x, step));
    });
}

TEST_P(GangMeanTest, HasThemInManyShortRounds) {
    run(3, [](gang::Group& group) {
        const auto x = group.allocate(70);
        for (int step = 0; step < 1000; ++step)
            ASSERT_NO_FATAL_FAILURE(expect_serial_mean(group, x, step));
    });
}

TEST_P(GangMeanTest, HasThemInGrowingMemoryWithDifferentOffsets) {
    run(4, [](gang::Group& group) {
        std::vector<std::span<float>> parts;
        for (int step = 0; step < 12; ++step) {
            group.allocate(static_cast<size_t>(1 + 50000 * group.rank()));
            parts.push_back(group.allocate(size_t{1000} << step));
            ASSERT_NO_FATAL_FAILURE(
                expect_serial_mean(group, parts.back().subspan(group.rank(), 900U << step), step));
            ASSERT_NO_FATAL_FAILURE(expect_serial_mean(group, parts.front(), step));
        }
    });
}

TEST_P(GangMeanTest, AllMembersUseTheSameWay) {
    const int before = mapped_memories();
    run(5, [&](gang::Group& group) {
        expect_serial_mean(group, group.allocate(1000), 0);
        EXPECT_EQ(mapped_memories() - before,
                  2 + (GetParam() == Way::in_place ? group.size() - 1 : 0));
    });
    EXPECT_EQ(mapped_memories(), before);
}

INSTANTIATE_TEST_SUITE_P(Ways, GangMeanTest,
                         testing::Values(Way::in_place, Way::by_messages, Way::one_may_not_map));

// Limits the address space of this process to slightly more than it uses.
class LittleAddressSpace {
  public:
    LittleAddressSpace() {
        size_t pages = 0;
        std::ifstream("/proc/self/statm") >> pages;
        ::getrlimit(RLIMIT_AS, &before_);
        rlimit limit = before_;
        limit.rlim_cur = pages * static_cast<size_t>(::getpagesize()) + (size_t{1} << 30);
        ::setrlimit(RLIMIT_AS, &limit);
    }
    ~LittleAddressSpace() { ::setrlimit(RLIMIT_AS, &before_); }

  private:
    rlimit before_{};
};

TEST(GangMeanInLittleMemoryTest, AMemberThatCannotMapMakesAllUseMessages) {
    const int before = mapped_memories();
    run_member(all_ranks(), 6, [&](gang::Group& group) {
        std::optional<LittleAddressSpace> limit;
        if (group.rank() == group.size() - 1) limit.emplace();
        expect_serial_mean(group, group.allocate(kManyPieces), 0);
        EXPECT_EQ(mapped_memories() - before, 2);
    });
}

} // namespace
} // namespace dagan::cluster
