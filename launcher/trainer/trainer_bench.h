// `dagan-train bench`: this program's training steps timed against the same networks written plainly (train/bench/bench.h).
#pragma once

#include <CLI/CLI.hpp>

#include <functional>
#include <string>

namespace dagan::launcher {

struct BenchArguments {
    std::string subject, format = "table", peak_of;
    int threads = 1, rounds = 5;
};

// Declares the subcommand, with its help.
CLI::App* add_bench_command(CLI::App& app, BenchArguments& arguments);

// Prints the comparison on stdout; an exit code. `set_up` readies LibTorch for so many threads. Throws Blame::input for a
// subject that is none.
int bench(const BenchArguments& arguments, const std::function<void(int threads)>& set_up);

} // namespace dagan::launcher
