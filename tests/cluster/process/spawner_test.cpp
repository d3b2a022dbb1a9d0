#include "cluster/process/spawner.h"

#include "base/error.h"
#include "cluster/process/probe.h"
#include "cluster/process/process_guard.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <map>

namespace dagan::cluster {
namespace {

// Returns whether a process does not exist, or is a zombie that is not reaped yet.
bool dead(pid_t pid) {
    std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
    std::string number, name, state;
    return !(in >> number >> name >> state) || state == "Z" || state == "X";
}
void wait_until_dead(pid_t pid) {
    wait_for([pid] { return dead(pid); });
}

SpawnerEvent next(Spawner& spawner) {
    return *wait_for([&] { return spawner.poll(); });
}
ChildExited next_exit(Spawner& spawner) {
    for (;;) {
        const auto event = next(spawner);
        if (const auto* exited = std::get_if<ChildExited>(&event)) return *exited;
    }
}

class SpawnerTest : public testing::Test {
  protected:
    ChildId start(std::vector<std::string> argv) {
        return spawner_.start({std::move(argv), {}}, sockets_.first.get(), memory_.fd());
    }
    pid_t start_sleep() {
        last_ = start({"/bin/sleep", "1000"});
        return std::get<ChildStarted>(next(spawner_)).pid;
    }

    Spawner spawner_;
    std::pair<Descriptor, Descriptor> sockets_ = make_socket_pair();
    SharedMemory memory_ = SharedMemory::create();
    ChildId last_{};
};

TEST_F(SpawnerTest, ReportsTheStartAndTheExitCode) {
    const ChildId id = start({"/bin/sh", "-c", "exit 7"});
    const auto started = std::get<ChildStarted>(next(spawner_));
    EXPECT_EQ(started.id, id);
    EXPECT_GT(started.pid, 0);
    const auto exited = std::get<ChildExited>(next(spawner_));
    EXPECT_EQ(exited.id, id);
    EXPECT_EQ(exited.start_error, 0);
    EXPECT_EQ(WEXITSTATUS(exited.wait_status), 7);
    EXPECT_EQ(describe(exited), "exited with code 7");
}

TEST_F(SpawnerTest, AMissingProgramIsReportedWithTheReason) {
    start({"/nowhere/trainer"});
    const auto exited = next_exit(spawner_);
    EXPECT_EQ(exited.start_error, ENOENT);
    EXPECT_EQ(describe(exited), "could not be started: No such file or directory");
}

TEST_F(SpawnerTest, KillsARunningChild) {
    start_sleep();
    spawner_.kill(last_, SIGKILL);
    EXPECT_EQ(describe(next_exit(spawner_)), "killed by signal 9 (Killed)");
}

TEST_F(SpawnerTest, KillsAStoppedChild) {
    const pid_t pid = start_sleep();
    ::kill(pid, SIGSTOP);
    spawner_.kill(last_, SIGKILL);
    EXPECT_EQ(WTERMSIG(next_exit(spawner_).wait_status), SIGKILL);
}

TEST_F(SpawnerTest, AKillAfterTheEndDoesNothing) {
    const ChildId first = start({"/bin/true"});
    next_exit(spawner_);
    spawner_.kill(first, SIGKILL);
    const pid_t pid = start_sleep();
    spawner_.kill(first, SIGKILL);
    spawner_.kill(ChildId{999}, SIGKILL);
    start({"/bin/true"}); // its exit shows that the earlier requests were served
    next_exit(spawner_);
    EXPECT_FALSE(dead(pid));
}

TEST_F(SpawnerTest, ManyChildrenAreReportedOnceEachEvenIfEventsAreReadLate) {
    constexpr int kChildren = 200; // 400 events, more than the socket holds
    for (int i = 0; i < kChildren; ++i) start({"/bin/true"});
    std::map<ChildId, int> starts, exits;
    for (int i = 0; i < 2 * kChildren; ++i) {
        const auto event = next(spawner_);
        if (const auto* started = std::get_if<ChildStarted>(&event)) {
            ++starts[started->id];
        } else {
            const auto& exited = std::get<ChildExited>(event);
            EXPECT_EQ(starts[exited.id], 1) << "the start is reported before the exit";
            EXPECT_EQ(exited.wait_status, 0);
            ++exits[exited.id];
        }
    }
    EXPECT_EQ(exits.size(), static_cast<size_t>(kChildren));
    EXPECT_EQ(spawner_.poll(), std::nullopt);
}

TEST_F(SpawnerTest, ATrainerHasItsStreamsSocketAndMemoryAndNoOtherDescriptor) {
    // Inherited by the spawner, and not close-on-exec.
    const Descriptor leaky(::open("/dev/zero", O_RDONLY));
    Spawner later;
    Probe probe(later);
    const std::string fds = probe.ask("fds");
    EXPECT_THAT(
        fds,
        testing::MatchesRegex(
            "0:/dev/null 1:[^ ]+ 2:[^ ]+ 3:socket:[^ ]+ 4:/memfd:dagan-gradients \\(deleted\\) "));
}

TEST_F(SpawnerTest, ATrainerSharesMemoryWithTheAgent) {
    Probe probe(spawner_);
    probe.send("reduce 4 9 1000");
    const auto request = std::get<ReduceRequest>(*wait_for([&] { return probe.link.receive(); }));
    EXPECT_EQ(request, (ReduceRequest{0, 1000}));
    const auto x = probe.memory->floats(request.offset, request.count);
    EXPECT_EQ(x[0], 5);
    EXPECT_EQ(x[999], 5);
    std::fill(x.begin(), x.end(), 2.5F);
    probe.link.answer(ReduceAnswer::done);
    EXPECT_EQ(probe.reply(), "mean 2.5");
}

TEST_F(SpawnerTest, ATrainerIgnoresStopSignalsBlocksNoneAndLeadsItsOwnSession) {
    Probe probe(spawner_);
    const pid_t pid = std::get<ChildStarted>(next(spawner_)).pid;
    ASSERT_EQ(probe.ask("hello"), "echo hello");
    for (const int signal : {SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2})
        ::kill(pid, signal);
    EXPECT_EQ(probe.ask("hello"), "echo hello");
    EXPECT_THAT(probe.ask("signals"), testing::EndsWith("SigBlk:\t0000000000000000"));
    EXPECT_EQ(probe.ask("session"), std::to_string(pid) + " " + std::to_string(pid));
}

TEST_F(SpawnerTest, EnvironmentVariablesAreAddedAndReplaced) {
    ::setenv("DAGAN_PROBE_OLD", "old", 1);
    Spawner later;
    Probe plain(later), changed(later, {"DAGAN_PROBE_OLD=new value", "DAGAN_PROBE_NEW=1"});
    EXPECT_EQ(plain.ask("environment DAGAN_PROBE_OLD"), "old");
    EXPECT_EQ(plain.ask("environment DAGAN_PROBE_NEW"), "(none)");
    EXPECT_EQ(changed.ask("environment DAGAN_PROBE_OLD"), "new value");
    EXPECT_EQ(changed.ask("environment DAGAN_PROBE_NEW"), "1");
    ::unsetenv("DAGAN_PROBE_OLD");
}

TEST_F(SpawnerTest, TheDeathOfATrainerClosesItsSocketAndIsReported) {
    Probe probe(spawner_);
    const pid_t pid = std::get<ChildStarted>(next(spawner_)).pid;
    ASSERT_EQ(probe.ask("hello"), "echo hello");
    ::kill(pid, SIGKILL);
    wait_for([&] { return !probe.link.receive() && probe.link.closed(); });
    EXPECT_EQ(next_exit(spawner_).id, probe.id);
}

TEST_F(SpawnerTest, DestroyingTheSpawnerKillsItsChildrenAndLeavesNoZombie) {
    auto spawner = std::make_unique<Spawner>();
    const pid_t spawner_pid = spawner->pid();
    spawner->start({{"/bin/sleep", "1000"}, {}}, sockets_.first.get(), memory_.fd());
    const pid_t pid = std::get<ChildStarted>(next(*spawner)).pid;
    spawner.reset();
    EXPECT_TRUE(dead(pid));
    EXPECT_NE(::kill(pid, 0), 0) << "reaped";
    EXPECT_NE(::kill(spawner_pid, 0), 0) << "reaped";
}

TEST_F(SpawnerTest, TheDeathOfTheSpawnerKillsItsChildrenAndIsASystemError) {
    const pid_t pid = start_sleep();
    ::kill(spawner_.pid(), SIGKILL);
    wait_until_dead(pid);
    try {
        wait_for([&] { return spawner_.poll(); });
        FAIL() << "no more events can arrive";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
    }
    EXPECT_THROW(start({"/bin/true"}), Error);
}

// An agent in a process of its own is killed while its spawner and trainer run.
TEST(SpawnerLifeTest, TheDeathOfTheAgentKillsSpawnerAndTrainers) {
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t agent = ::fork();
    if (agent == 0) {
        Spawner spawner;
        const auto sockets = make_socket_pair();
        const SharedMemory memory = SharedMemory::create();
        spawner.start({{"/bin/sleep", "1000"}, {}}, sockets.first.get(), memory.fd());
        const pid_t pids[2] = {spawner.pid(), std::get<ChildStarted>(next(spawner)).pid};
        [[maybe_unused]] const ssize_t written = ::write(ends[1], pids, sizeof pids);
        ::pause();
    }
    pid_t pids[2] = {0, 0};
    ASSERT_EQ(::read(ends[0], pids, sizeof pids), static_cast<ssize_t>(sizeof pids));
    EXPECT_FALSE(dead(pids[0]));
    EXPECT_FALSE(dead(pids[1]));
    ::kill(agent, SIGKILL);
    ::waitpid(agent, nullptr, 0);
    wait_until_dead(pids[0]);
    wait_until_dead(pids[1]);
    ::close(ends[0]);
    ::close(ends[1]);
}

TEST(ProcessGuardTest, AProcessWithoutItsParentIsKilledAtOnce) {
    const pid_t child = ::fork();
    if (child == 0) {
        die_with_parent(::getpid()); // not its parent
        ::_exit(0);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

} // namespace
} // namespace dagan::cluster
