// Measures the time a gang waits for its mean, from the last member's request to the last answer,
// for the gradients of the critic (28 MB) and of the generator (42 MB). Each rank is an agent with
// one forked trainer, which computes between its requests as a real one does. DELAY_MS is the time
// by which one member, in turn, requests later.
//   mpirun -n 2 --bind-to none --mca mpi_yield_when_idle 1 reduction_bench [ROUNDS] [DELAY_MS]
#include "base/log.h"
#include "cluster/gang/group_through_agent.h"
#include "cluster/mpi/mpi_world.h"
#include "support/agent_loop.h"

#include <fmt/format.h>

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <numeric>

namespace dagan {
namespace {

constexpr size_t kCounts[] = {7000000, 10500000}; // floats

double now_ms() {
    return std::chrono::duration<double, std::milli>(
               std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// In memory that a trainer shares with its agent.
struct Times {
    double asked_ms, answered_ms;
};

void train(cluster::TrainerLink& link, cluster::SharedMemory& memory, int rank, int rounds,
           double delay_ms, Times* times) {
    const auto group = cluster::make_group_through_agent(link, memory, 0, 1);
    for (const size_t count : kCounts) {
        const auto x = group->allocate(count);
        for (int round = 0; round < rounds; ++round) {
            std::ranges::fill(x, static_cast<float>(round));
            for (const double until = now_ms() + (round + rank) % 2 * delay_ms; now_ms() < until;) {
            }
            times->asked_ms = now_ms();
            group->all_reduce_mean(x);
            (times++)->answered_ms = now_ms();
        }
    }
    link.send("end");
}

void report(const cluster::MpiWorld& world, int rounds, std::span<const Times> mine) {
    const auto all = cluster::gather_texts(
        world, {reinterpret_cast<const char*>(mine.data()), mine.size_bytes()});
    if (world.rank() != 0) return;
    for (size_t size = 0; size < std::size(kCounts); ++size) {
        std::vector<double> waits;
        for (size_t i = size * rounds; i < (size + 1) * rounds; ++i) {
            double asked = 0, answered = 0;
            for (const std::string& text : all) {
                const Times& times = reinterpret_cast<const Times*>(text.data())[i];
                asked = std::max(asked, times.asked_ms),
                answered = std::max(answered, times.answered_ms);
            }
            waits.push_back(answered - asked);
        }
        std::ranges::sort(waits);
        fmt::print("{} MB: min {:.1f}, median {:.1f}, max {:.1f} ms\n", kCounts[size] * 4 / 1000000,
                   waits.front(), waits[waits.size() / 2], waits.back());
    }
}

} // namespace
} // namespace dagan

int main(int argc, char** argv) {
    using namespace dagan;
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 40;
    const double delay_ms = argc > 2 ? std::atof(argv[2]) : 10;
    auto memory = std::make_shared<cluster::SharedMemory>(cluster::SharedMemory::create());
    auto [ours, theirs] = cluster::make_channel_pair();
    const size_t answers = std::size(kCounts) * rounds;
    auto* times =
        static_cast<Times*>(::mmap(nullptr, answers * sizeof(Times), PROT_READ | PROT_WRITE,
                                   MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
    if (::fork() == 0) {
        cluster::TrainerLink link(std::move(theirs));
        train(link, *memory, rank == nullptr ? 0 : std::atoi(rank), rounds, delay_ms, times);
        ::_exit(0);
    }
    cluster::MpiWorld world;
    std::vector<int> members(static_cast<size_t>(world.size()));
    std::iota(members.begin(), members.end(), 0);
    cluster::AgentLink link(std::move(ours));
    cluster::GangReducer reducer(cluster::make_mpi_collectives(world, members, 1), memory);
    serve_gang(link, reducer);
    report(world, rounds, {times, answers});
    world.finalize();
}
