#include "launcher/worker/startup_check.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/host_facts.h"
#include "cluster/host/crowding.h"
#include "spec/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <set>

namespace dagan::launcher {

namespace {
// Well above the time that gathering the clocks takes, and too little to disturb a deadline.
constexpr double kClockTolerance_s = 30;

using Ranks = std::vector<const RankFacts*>;

// Groups the ranks by machine; machines are in the order of their first rank.
std::vector<Ranks> by_machine(const std::vector<RankFacts>& ranks) {
    std::vector<Ranks> machines;
    for (const RankFacts& facts : ranks) {
        const auto known =
            std::find_if(machines.begin(), machines.end(), [&](const Ranks& machine) {
                return machine.front()->machine == facts.machine &&
                       machine.front()->host == facts.host;
            });
        if (known == machines.end()) {
            machines.push_back({&facts});
        } else {
            known->push_back(&facts);
        }
    }
    return machines;
}

std::string fix_for_cores(const RankFacts& facts, int wanted) {
    if (facts.affinity_fixed == "srun")
        return fmt::format("set cpus_per_rank: {} in the site profile", wanted);
    if (facts.affinity_fixed == "mpirun")
        return "start mpirun with --bind-to none, or with --map-by :PE=N";
    return "start it without taskset or numactl";
}

void check_cores(const Ranks& machine, const Resources& resources,
                 std::vector<std::string>& warnings) {
    const int trainers = resources.trainers_per_rank, threads = resources.threads_per_trainer,
              wanted = trainers * threads;
    std::set<int> all_cores;
    int most = 0;
    for (const RankFacts* facts : machine) {
        all_cores.insert(facts->cores.begin(), facts->cores.end());
        most = std::max(most, facts->usable_cores);
        if (facts->usable_cores >= wanted) continue;
        warnings.push_back(fmt::format(
            "cores: rank {} on {} may use {} core{} for {} trainers with {} "
            "threads each, which slows all of them down many times "
            "over; hint: {}",
            facts->rank, facts->host, facts->usable_cores, facts->usable_cores == 1 ? "" : "s",
            trainers, threads, fix_for_cores(*facts, wanted)));
        return; // one warning per machine: the other ranks are bound alike
    }
    const int shared =
        std::min(static_cast<int>(all_cores.size()), most * static_cast<int>(machine.size()));
    if (const auto problem = cluster::crowding_problem(trainers * static_cast<int>(machine.size()),
                                                       threads, std::max(shared, 1))) {
        warnings.push_back(fmt::format("cores: {}: {}", machine.front()->host, *problem));
    }
}

void check_gpus(const Ranks& machine, const Resources& resources, StartupFindings& findings) {
    std::map<std::string, std::vector<int>> users;
    for (const RankFacts* facts : machine) {
        if (!facts->gpu.empty()) users[facts->gpu].push_back(facts->rank);
    }
    for (const auto& [gpu, ranks] : users) {
        if (ranks.size() < 2) continue;
        const std::string text = fmt::format(
            "GPU {} on {}: is used by ranks {}; hint: start at most one rank for each GPU "
            "(ranks_per_node in the site profile, -n of dagan run), and more trainers on each with "
            "resources.trainers_per_rank",
            gpu, machine.front()->host, fmt::join(ranks, " and "));
        // NCCL does not allow members of a gang to share a GPU.
        (resources.gan_ranks > 1 ? findings.faults : findings.warnings).push_back(text);
    }
}

void check_programs(const std::vector<RankFacts>& ranks, std::vector<std::string>& faults) {
    for (const RankFacts& facts : ranks) {
        if (facts.programs == ranks.front().programs) continue;
        faults.push_back(fmt::format("programs: rank {} on {} runs other files than rank {} on {}; "
                                     "hint: install them once, in a folder that all nodes share",
                                     facts.rank, facts.host, ranks.front().rank,
                                     ranks.front().host));
        return;
    }
}

// Compares with the median, so that the one wrong clock is reported, not all the others.
void check_clocks(const std::vector<RankFacts>& ranks, const std::vector<double>& clocks_s,
                  std::vector<std::string>& faults) {
    std::vector<double> sorted = clocks_s;
    std::sort(sorted.begin(), sorted.end());
    const double median = sorted[sorted.size() / 2];
    std::set<std::string> reported;
    for (size_t i = 0; i < ranks.size(); ++i) {
        const double off = clocks_s[i] - median;
        if (std::abs(off) <= kClockTolerance_s || !reported.insert(ranks[i].host).second) continue;
        faults.push_back(fmt::format("clock: {} is {:.0f} s {} the others; time limits and the "
                                     "order of files would be wrong; hint: have its clock set "
                                     "(chronyc makestep, as root), or leave the node out with "
                                     "extra: [--exclude={}]",
                                     ranks[i].host, std::abs(off), off > 0 ? "ahead of" : "behind",
                                     ranks[i].host));
    }
}
} // namespace

std::string to_text(const RankFacts& facts) { return encode_json(facts).dump(); }
RankFacts facts_from_text(const std::string& text) { return from_json_text<RankFacts>(text); }

RankFacts facts_of_this_rank(int rank, const std::string& gpu, const std::string& trainer) {
    const HostFacts host = host_facts();
    const bool srun = std::getenv("SLURM_STEP_ID") != nullptr,
               mpirun = std::getenv("OMPI_COMM_WORLD_SIZE") != nullptr;
    return {.rank = rank,
            .host = host.name,
            .machine = host.boot_id,
            .cores = allowed_cores(),
            .usable_cores = host.cores,
            .gpu = gpu,
            .programs = hash128_hex(sha256_of_file("/proc/self/exe") + sha256_of_file(trainer)),
            .affinity_fixed = mpirun ? "mpirun"
                              : srun ? "srun"
                                     : ""};
}

StartupFindings check_ranks(const std::vector<RankFacts>& ranks,
                            const std::vector<double>& clocks_s, const Resources& resources) {
    require(!ranks.empty() && ranks.size() == clocks_s.size(), "every rank has facts and a clock");
    StartupFindings findings;
    check_programs(ranks, findings.faults);
    check_clocks(ranks, clocks_s, findings.faults);
    for (const Ranks& machine : by_machine(ranks)) {
        check_gpus(machine, resources, findings);
        check_cores(machine, resources, findings.warnings);
    }
    return findings;
}

} // namespace dagan::launcher
