// Creates the synthetic campaign of the tests in a folder, to inspect reports and exports by hand:
// results_synthetic_campaign FOLDER
#include "synthetic_campaign.h"

#include "base/error.h"

#include <cstdio>

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: %s FOLDER\n", argv[0]);
        return static_cast<int>(dagan::ExitCode::input);
    }
    dagan::results::testing::make_synthetic_campaign(argv[1]);
    dagan::results::write_report(argv[1], {dagan::results::testing::synthetic_prediction()});
    return 0;
}
