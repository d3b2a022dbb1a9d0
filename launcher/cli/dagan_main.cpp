// dagan: what people type. Links neither MPI nor LibTorch, so that it answers at once and works on a login node.
#include "base/error.h"
#include "base/version.h"
#include "launcher/cli/commands.h"

#include <iostream>

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
    add_generate_command(app, exit_code);
    add_cluster_commands(app, exit_code);
    add_results_commands(app, exit_code);
    try {
        app.parse(argc, argv);
        return exit_code;
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const Error& error) {
        std::cerr << error.what() << '\n';
        return static_cast<int>(error.blame());
    } catch (const std::exception& error) {
        std::cerr << "dagan: " << error.what() << "; this is a bug of ours\n";
        return static_cast<int>(ExitCode::bug);
    }
}
