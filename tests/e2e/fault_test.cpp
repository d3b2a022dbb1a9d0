// Injects a fault once at every fault point, in every program that has it: the process dies there,
// or the operation fails. The campaign's rows must equal those of an undisturbed campaign.
#include "base/fault.h"
#include "e2e/disturbed.h"

namespace dagan {
namespace {

// Every kind of task at least once, each as short as possible.
const Args kSettings{"seeds=1", "gan.iterations=2", "classifier.epochs=1"};

struct FaultCase {
    std::string point, program, action;
    friend void PrintTo(const FaultCase& fault, std::ostream* out) {
        *out << fault.point << '=' << fault.action << " in " << fault.program;
    }
};

std::vector<FaultCase> fault_cases() {
    std::vector<FaultCase> cases;
    for (const FaultPointInfo& info : fault_points()) {
        for (const std::string_view program : info.programs)
            cases.push_back({std::string(info.name), std::string(program), "kill"});
    }
    for (const char* program : {"dagan", "dagan-worker", "dagan-train"}) {
        for (const char* point : {"before_write", "before_fsync", "before_rename"})
            cases.push_back({point, program, "error"});
    }
    for (const char* point : {"attempt", "before_commit", "spawn"})
        cases.push_back({point, "dagan-worker", "error"});
    for (const char* point : {"task_begin", "task_end"})
        cases.push_back({point, "dagan-train", "error"});
    return cases;
}

class FaultTest : public DisturbedTest, public testing::WithParamInterface<FaultCase> {};

TEST_P(FaultTest, AFaultHereChangesNoRow) {
    const auto& [point, program, action] = GetParam();
    const Sandbox& box = sandbox();
    const fs::path campaign = box.campaign(point + "-" + program + "-" + action),
                   marker = box.campaign("injected-" + point + "-" + program + "-" + action);
    run_until_complete(campaign, kSettings,
                       {"DAGAN_FAULT=" + point + "=" + action, "DAGAN_FAULT_PROGRAM=" + program,
                        "DAGAN_FAULT_ONCE=" + marker.string()},
                       3);
    EXPECT_TRUE(fs::exists(marker)) << "no process reached the fault point";
    expect_undisturbed(campaign, kSettings);
    fs::remove_all(campaign);
}

std::string name_of(const testing::TestParamInfo<FaultCase>& info) {
    std::string name = info.param.point + "_" + info.param.program + "_" + info.param.action;
    std::replace(name.begin(), name.end(), '-', '_');
    return name;
}

INSTANTIATE_TEST_SUITE_P(EveryPoint, FaultTest, testing::ValuesIn(fault_cases()), name_of);

} // namespace
} // namespace dagan
