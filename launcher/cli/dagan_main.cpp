// dagan: the command line for users. Links neither MPI nor LibTorch, so it starts fast and runs on
// login nodes.
#include "base/version.h"
#include "launcher/cli/commands.h"
#include "launcher/program/run_main.h"

int main(int argc, char** argv) {
    using namespace dagan;
    using namespace dagan::launcher;
    CLI::App app{"DAGAN-Sweep: the Table 1 sweep of the DAGAN paper, on a laptop, a GPU box or a "
                 "Slurm cluster.\n"
                 "Start here: dagan data make strokes -o data/sets/strokes.h5 && dagan run "
                 "sweeps/demo.yaml -n 2"};
    app.set_version_flag("--version", kVersion);
    app.require_subcommand(1);
    int exit_code = 0;
    add_data_commands(app, exit_code);
    add_plan_commands(app, exit_code);
    add_run_commands(app, exit_code);
    add_generate_commands(app, exit_code);
    add_cluster_commands(app, exit_code);
    add_results_commands(app, exit_code);
    return run_main(app, argc, argv, {.program = "dagan"}, [&] { return exit_code; });
}
