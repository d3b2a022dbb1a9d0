// One test per fault that `dagan doctor` and the start-up checks report, with its fix.
#include "launcher/doctor/machine_checks.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "data/dataset.h"
#include "launcher/worker/small_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <map>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::Contains;
using testing::HasSubstr;

Check inherited(const std::map<std::string, std::string>& settings,
                const std::vector<std::string>& ancestors) {
    return check_inherited_job(
        [&](const char* name) {
            const auto found = settings.find(name);
            return found == settings.end() ? nullptr : found->second.c_str();
        },
        ancestors);
}

TEST(MachineChecksTest, VariablesOfAJobOutsideOfThisShellAreAFault) {
    const Check check =
        inherited({{"SLURM_JOB_ID", "77"}, {"SLURM_NTASKS", "8"}}, {"bash", "tmux: server"});
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text, AllOf(HasSubstr("variables of Slurm job 77"),
                                  HasSubstr("hint: open a new shell, or unset")));
}

TEST(MachineChecksTest, AShellWithinItsOwnAllocationIsFine) {
    EXPECT_EQ(inherited({{"SLURM_JOB_ID", "77"}}, {"bash", "slurmstepd"}).severity, Severity::fine);
    EXPECT_EQ(inherited({{"SLURM_JOB_ID", "77"}}, {"bash", "salloc", "bash"}).severity,
              Severity::fine);
    EXPECT_EQ(inherited({}, {"bash", "sshd"}).severity, Severity::fine);
}

TEST(MachineChecksTest, AWholeCampaignInEveryRankIsAFault) {
    const std::map<std::string, std::string> step{{"SLURM_JOB_ID", "77"},
                                                  {"SLURM_STEP_ID", "0"},
                                                  {"SLURM_STEP_NUM_TASKS", "4"},
                                                  {"PMIX_RANK", "2"}};
    EXPECT_THAT(inherited(step, {"slurmstepd"}).text,
                HasSubstr("hint: start `dagan run` by itself"));
    EXPECT_EQ(
        inherited({{"OMPI_COMM_WORLD_SIZE", "2"}, {"PMIX_RANK", "1"}}, {"mpirun", "bash"}).severity,
        Severity::fault);
    auto alone = step;
    alone["SLURM_STEP_NUM_TASKS"] = "1"; // srun --pty bash
    EXPECT_EQ(inherited(alone, {"bash", "slurmstepd"}).severity, Severity::fine);
}

TEST(MachineChecksTest, VariablesOfAnMpiProgramAroundAShellAreAFault) {
    EXPECT_THAT(
        inherited({{"PMIX_RANK", "0"}, {"OMPI_COMM_WORLD_SIZE", "1"}}, {"bash", "sshd"}).text,
        HasSubstr("hint: open a new shell"));
}

TEST(MachineChecksTest, TheAncestorsBeginWithTheParent) {
    const auto names = ancestor_names();
    ASSERT_FALSE(names.empty());
    std::ifstream parent("/proc/" + std::to_string(::getppid()) + "/comm");
    std::string name;
    std::getline(parent, name);
    EXPECT_EQ(names.front(), name);
}

Resources resources(int trainers, int threads) {
    Resources resources;
    resources.trainers_per_rank = trainers;
    resources.threads_per_trainer = threads;
    return resources;
}

TEST(MachineChecksTest, AOneCoreMaskIsAFaultOnAMachineWithMore) {
    const Check check = check_cores(2, resources(2, 1), 1, 64);
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text, AllOf(HasSubstr("bound to 1 of 64 cores"),
                                  HasSubstr("hint: start it without taskset")));
}

TEST(MachineChecksTest, MoreTrainersThanTheMachineHasCoresIsAWarning) {
    const Check check = check_cores(4, resources(2, 2), 8, 8);
    EXPECT_EQ(check.severity, Severity::warning);
    EXPECT_THAT(check.text, HasSubstr("8 trainers with 2 threads each share 8 cores"));
    EXPECT_EQ(check_cores(4, resources(2, 1), 8, 8).severity, Severity::fine);
}

TEST(MachineChecksTest, AFolderThatCannotBeWrittenIsAFault) {
    const Check check = check_folder("/proc/campaigns/x", 0); // not even root can
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text,
                AllOf(HasSubstr("/proc"), HasSubstr("cannot be written"), HasSubstr("-o")));
}

TEST(MachineChecksTest, ADiskWithoutRoomForTheCampaignIsAFault) {
    const TemporaryFolder folder;
    const Check check = check_folder(folder / "not" / "yet", int64_t{1} << 60);
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text, AllOf(HasSubstr("MiB free, the campaign needs about"),
                                  HasSubstr("hint: make room there")));
    EXPECT_EQ(check_folder(folder.path(), 1 << 20).severity, Severity::fine);
    EXPECT_TRUE(fs::is_empty(folder.path())) << "a check leaves nothing behind";
}

TEST(MachineChecksTest, AFullDiskIsAFault) {
    const TemporaryFolder folder;
    if (::mount("tmpfs", folder.path().c_str(), "tmpfs", 0, "size=64k") != 0)
        GTEST_SKIP() << "needs root, to mount a small disk";
    { std::ofstream(folder / "filling") << std::string(1 << 20, 'x'); }
    const Check check = check_folder(folder.path(), 0);
    ::umount(folder.path().c_str());
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text,
                AllOf(HasSubstr("No space left on device"), HasSubstr("hint: make room there")));
}

TEST(MachineChecksTest, AClockOffByMinutesIsAFault) {
    EXPECT_THAT(check_clock_difference("/home", 190).text,
                AllOf(HasSubstr("190 s ahead of the file server of /home"),
                      HasSubstr("hint: have the clock set")));
    EXPECT_THAT(check_clock_difference("/home", -75).text, HasSubstr("75 s behind"));
    EXPECT_EQ(check_clock_difference("/home", -2).severity, Severity::fine);
    const TemporaryFolder folder;
    EXPECT_EQ(check_clock(folder.path()).severity, Severity::fine);
}

class DataCheckTest : public testing::Test {
  protected:
    DataCheckTest() {
        sweep_.datasets["small"].file = "small.h5";
        write(1);
    }
    // Writes a data set of four images of two classes with this grey value.
    void write(uint8_t grey) { data::save_dataset(folder_ / "small.h5", small_dataset(grey, 2)); }
    Check check(const std::string& frozen = "") {
        std::map<std::string, sweeps::KnownDataset> known;
        if (!frozen.empty()) known["small"] = {.shape = {}, .sha256 = frozen, .smallest_class = ""};
        return check_data(sweep_, folder_.path(), known).front();
    }

    TemporaryFolder folder_;
    Sweep sweep_;
};

TEST_F(DataCheckTest, ASoundFileIsFine) {
    EXPECT_EQ(check().severity, Severity::fine);
    EXPECT_EQ(check(data::read_dataset_info(folder_ / "small.h5").sha256).severity, Severity::fine);
}

TEST_F(DataCheckTest, AFileOtherThanThatOfTheCampaignIsAFault) {
    const std::string then = data::read_dataset_info(folder_ / "small.h5").sha256;
    write(2);
    EXPECT_THAT(check(then).text,
                AllOf(HasSubstr("small.h5: is not the data set that the campaign began with"),
                      HasSubstr(then), HasSubstr("hint: restore the old file")));
}

TEST_F(DataCheckTest, ADamagedFileIsAFaultAlthoughItsHeaderIsIntact) {
    std::fstream file(folder_ / "small.h5", std::ios::in | std::ios::out | std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(file)), {});
    const size_t pixels = bytes.find(std::string(64, '\x01'));
    ASSERT_NE(pixels, std::string::npos);
    file.clear();
    file.seekp(static_cast<std::streamoff>(pixels));
    file.put('\x07');
    file.close();
    EXPECT_NO_THROW(data::read_dataset_info(folder_ / "small.h5"));
    EXPECT_EQ(check().severity, Severity::fault);
}

TEST_F(DataCheckTest, AMissingFileIsAFault) {
    fs::remove(folder_ / "small.h5");
    EXPECT_THAT(check().text,
                AllOf(HasSubstr("does not exist"), HasSubstr("hint: dagan data import")));
}

results::ServerSurvey good_server() {
    return {.version = "15.6",
            .schema = "table1",
            .state = results::SchemaState::empty,
            .may_create = true,
            .free_connections = 90};
}

TEST(StoreCheckTest, AServerWhereACampaignCanBeginOrContinueIsFine) {
    results::ServerSurvey server = good_server();
    EXPECT_THAT(check_survey("postgresql://db/x", server).text,
                AllOf(HasSubstr("postgresql://db/x: PostgreSQL 15.6"),
                      HasSubstr("'table1' is empty, 90 connections")));
    EXPECT_EQ(check_survey("db", server).severity, Severity::fine);
    server.state = results::SchemaState::campaign;
    server.may_create = false; // its tables exist
    EXPECT_EQ(check_survey("db", server).severity, Severity::fine);
    EXPECT_THAT(check_survey("db", server).text, HasSubstr("holds a campaign"));
}

TEST(StoreCheckTest, ObstaclesOnAServerAreReportedWithTheirFix) {
    results::ServerSurvey server = good_server();
    server.schema = "";
    EXPECT_EQ(check_survey("db", server).severity, Severity::fault);
    EXPECT_THAT(check_survey("db", server).text, HasSubstr("hint: CREATE SCHEMA"));
    server = good_server();
    server.state = results::SchemaState::foreign;
    EXPECT_EQ(check_survey("db", server).severity, Severity::fault);
    EXPECT_THAT(check_survey("db", server).text,
                HasSubstr("holds other tables; hint: name another database"));
    server = good_server();
    server.may_create = false;
    EXPECT_EQ(check_survey("db", server).severity, Severity::fault);
    EXPECT_THAT(check_survey("db", server).text, HasSubstr("hint: GRANT CREATE ON SCHEMA table1"));
    server = good_server();
    server.free_connections = 2;
    EXPECT_EQ(check_survey("db", server).severity, Severity::warning);
    EXPECT_THAT(check_survey("db", server).text, HasSubstr("max_connections"));
}

TEST(StoreCheckTest, AServerThatDoesNotAnswerIsAFault) {
    const Check check =
        check_store(results::Location::parse("postgresql://dagan@127.0.0.1:1/nowhere"));
    EXPECT_EQ(check.severity, Severity::fault);
    EXPECT_THAT(check.text, AllOf(HasSubstr("cannot be reached"), HasSubstr("hint: ")));
}

} // namespace
} // namespace dagan::launcher
