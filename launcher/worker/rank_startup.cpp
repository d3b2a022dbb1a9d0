#include "launcher/worker/rank_startup.h"

#include "base/error.h"
#include "base/file.h"
#include "base/log.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <chrono>
#include <iostream>

namespace dagan::launcher {

namespace {
double time_of_day_s() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

std::string gpu_of(const cluster::ProgramStart& trainer) {
    constexpr std::string_view kName = "CUDA_VISIBLE_DEVICES=";
    for (const std::string& setting : trainer.environment) {
        if (setting.starts_with(kName)) return setting.substr(kName.size());
    }
    return "";
}
} // namespace

StartupFindings survey_ranks(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                             const Resources& resources) {
    if (const auto problem = world.singletons_problem()) throw input_error(*problem);
    const RankFacts mine = facts_of_this_rank(world.rank(), gpu_of(trainer), trainer.argv.front());
    std::vector<RankFacts> ranks;
    for (const std::string& text : cluster::gather_texts(world, to_text(mine)))
        ranks.push_back(facts_from_text(text));
    // The gather above has synchronised the ranks, so they read their clocks at nearly the same
    // time.
    std::vector<double> clocks_s;
    for (const std::string& text :
         cluster::gather_texts(world, fmt::format("{:.3f}", time_of_day_s())))
        clocks_s.push_back(std::stod(text));
    return check_ranks(ranks, clocks_s, resources);
}

void check_start(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
                 const Resources& resources, const std::filesystem::path& warnings) {
    const StartupFindings findings = survey_ranks(world, trainer, resources);
    if (!findings.faults.empty())
        throw input_error(fmt::format("{}", fmt::join(findings.faults, "\n")));
    if (world.rank() != 0 || findings.warnings.empty()) return;
    for (const std::string& warning : findings.warnings) log_warning("{}", warning);
    write_atomically(warnings, fmt::format("{}\n", fmt::join(findings.warnings, "\n")));
}

int probe(const cluster::MpiWorld& world, const cluster::ProgramStart& trainer,
          const Resources& resources) {
    const StartupFindings findings = survey_ranks(world, trainer, resources);
    if (world.rank() == 0) {
        std::cout << fmt::format("ranks: {}\n", world.size());
        for (const std::string& fault : findings.faults) std::cout << "fault: " << fault << '\n';
        for (const std::string& warning : findings.warnings)
            std::cout << "warning: " << warning << '\n';
    }
    return static_cast<int>(ExitCode::done);
}

} // namespace dagan::launcher
