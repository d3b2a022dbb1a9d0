// The frame of every program's main(): parses the command line, runs the program, and turns an
// exception that escapes into a message on stderr and an exit code (docs/reference/exit-codes.md).
//
//     CLI::App app{"..."};
//     return run_main(app, argc, argv, {.program = "dagan"}, [&] { return work(arguments); });
#pragma once

#include "base/error.h"

#include <CLI/CLI.hpp>

#include <functional>
#include <iostream>
#include <string>

namespace dagan::launcher {

struct MainOptions {
    std::string program;
    std::string error_prefix = ""; // before messages about input and system
    // Called with the message of an exception, before it is printed; to write it to a log as well.
    std::function<void(const std::string&)> on_error = {};
};

// Parses the command line, calls `body` and returns its exit code. Callbacks of `app` run while it
// parses, and their exceptions are handled in the same way. Catches every std::exception.
inline int run_main(CLI::App& app, int argc, char** argv, const MainOptions& options,
                    const std::function<int()>& body) {
    const auto fail = [&](Blame blame, const std::string& what) {
        if (options.on_error) options.on_error(what);
        if (blame == Blame::bug) {
            std::cerr << options.program << ": internal error: " << what << "; please report it\n";
        } else {
            std::cerr << options.error_prefix << what << '\n';
        }
        return static_cast<int>(blame);
    };
    try {
        app.parse(argc, argv);
        return body();
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ExitCode::input);
    } catch (const Error& error) {
        return fail(error.blame(), error.what());
    } catch (const std::exception& error) {
        return fail(Blame::bug, error.what());
    }
}

} // namespace dagan::launcher
