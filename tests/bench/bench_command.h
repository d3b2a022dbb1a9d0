// The command line of `dagan-bench` (tests/bench/bench.h): its options, and its output as a table
// or as JSON.
#pragma once

#include <CLI/CLI.hpp>

#include <string>

namespace dagan::bench {

struct BenchArguments {
    std::string subject, format = "table";
    std::string peak_of; // "ours" or "plain": measure only the peak memory of this side
    int threads = 1, rounds = 5;
};

// Declares the options of `app`, with their help.
void add_bench_options(CLI::App& app, BenchArguments& arguments);

// Measures and prints the comparison on stdout; returns the exit code. Throws Blame::input for an
// unknown subject, and for more threads than cores.
int run_bench(const BenchArguments& arguments);

} // namespace dagan::bench
