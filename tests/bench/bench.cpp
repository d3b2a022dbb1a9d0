#include "bench/bench.h"

#include "base/error.h"
#include "base/file.h"
#include "model/winograd/winograd_kernels.h"

#include <ATen/Version.h>

#include <malloc.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <sstream>

namespace dagan::bench {

namespace {
using Clock = std::chrono::steady_clock;

double seconds_of(BenchSide& side, size_t kind) {
    const auto begin = Clock::now();
    side.step(kind);
    return std::chrono::duration<double>(Clock::now() - begin).count();
}

// Returns "VmRSS" or "VmHWM" of this process in bytes.
int64_t process_bytes(const std::string& name) {
    std::istringstream status(read_file("/proc/self/status"));
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with(name + ":")) return std::stoll(line.substr(name.size() + 1)) * 1024;
    }
    throw system_error("/proc/self/status: has no " + name +
                       ": peak memory cannot be measured; hint: Linux's /proc is required");
}

void reset_peak() {
    std::ofstream clear("/proc/self/clear_refs");
    clear << 5 << std::flush;
    if (!clear)
        throw system_error(
            "/proc/self/clear_refs: cannot be written: peak memory cannot be measured");
}

// Returns the value of the first line of /proc/cpuinfo with this name; all cores are alike.
std::string cpu_info(const std::string& name) {
    std::istringstream lines(read_file("/proc/cpuinfo"));
    for (std::string line; std::getline(lines, line);) {
        const size_t colon = line.find(": ");
        if (line.starts_with(name) && colon != std::string::npos) return line.substr(colon + 2);
    }
    return "";
}
} // namespace

double StepSeconds::minimum() const { return *std::ranges::min_element(all); }

double StepSeconds::median() const {
    std::vector<double> sorted = all;
    std::ranges::sort(sorted);
    const size_t middle = sorted.size() / 2;
    return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double Comparison::unit_s(Side side) const {
    double sum = 0;
    for (size_t kind = 0; kind < kinds.size(); ++kind) {
        sum += kinds[kind].per_unit * (side == Side::ours ? ours : plain)[kind].minimum();
    }
    return sum;
}

Comparison compare(Subject subject, const Workload& workload, int rounds) {
    require(rounds >= 1, "at least one round is measured");
    Comparison result{step_kinds(subject, workload), {}, {}};
    result.ours.resize(result.kinds.size());
    result.plain.resize(result.kinds.size());
    const auto ours = make_side(subject, Side::ours, workload),
               plain = make_side(subject, Side::plain, workload);
    for (int round = -1; round < rounds; ++round) { // round -1 warms up and is not counted
        for (size_t kind = 0; kind < result.kinds.size(); ++kind) {
            const int repeats = round >= 0 && result.kinds[kind].per_unit > 1 ? 2 : 1;
            for (int repeat = 0; repeat < repeats; ++repeat) {
                for (const bool our_turn : {round % 2 == 0, round % 2 != 0}) {
                    const double seconds = seconds_of(our_turn ? *ours : *plain, kind);
                    if (round >= 0)
                        (our_turn ? result.ours : result.plain)[kind].all.push_back(seconds);
                }
            }
        }
    }
    return result;
}

int64_t peak_bytes(Subject subject, Side side, const Workload& workload) {
    const int64_t before = process_bytes("VmRSS");
    const auto measured = make_side(subject, side, workload);
    ::malloc_trim(0); // memory that only the construction needed is not counted
    reset_peak();
    const size_t kinds = step_kinds(subject, workload).size();
    for (int round = 0; round < 2; ++round) {
        for (size_t kind = 0; kind < kinds; ++kind) measured->step(kind);
    }
    return process_bytes("VmHWM") - before;
}

std::string cpu_model() { return cpu_info("model name"); }

std::vector<std::string> cpu_flags() {
    std::istringstream all(cpu_info("flags"));
    std::vector<std::string> found;
    for (std::string flag; all >> flag;) {
        const bool vectors =
            flag.starts_with("avx") || flag.starts_with("amx") || flag == "fma" || flag == "f16c";
        if (vectors) found.push_back(flag);
    }
    return found;
}

std::vector<std::pair<std::string, std::string>> kernels() {
    std::vector<std::pair<std::string, std::string>> used{
        {"tensors", "LibTorch's for " + at::get_cpu_capability()}};
    std::istringstream version(at::get_mkldnn_version());
    std::string library;
    std::getline(version, library);
    used.emplace_back("direct convolutions", library);
    used.emplace_back("Winograd convolutions",
                      std::string("ours for ") + model::winograd::kernels_of_cpu().name);
    return used;
}

} // namespace dagan::bench
