// dagan-bench: times the product's training steps against the same networks written with stock
// LibTorch modules, at the paper's size. A measurement for developers; not installed.
#include "base/version.h"
#include "bench/bench_command.h"
#include "launcher/program/run_main.h"

#include <string_view>

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::bench;
    // A first argument `bench` is ignored, so that scripts for `dagan-train bench` only need to
    // change the program's name.
    if (argc > 1 && std::string_view(argv[1]) == "bench") {
        argv[1] = argv[0];
        ++argv, --argc;
    }
    CLI::App app{
        "Times the training steps of this program, in turn with the same networks from stock "
        "LibTorch modules, at the paper's size.\n"
        "Examples: dagan-bench iteration --threads 2 --rounds 5\n"
        "          dagan-bench convolutions --threads 1\n"
        "          dagan-bench classifier --format json"};
    app.set_version_flag("--version", kVersion);
    BenchArguments arguments;
    add_bench_options(app, arguments);
    return launcher::run_main(app, argc, argv,
                              {.program = "dagan-bench", .error_prefix = "dagan-bench: "},
                              [&] { return run_bench(arguments); });
}
