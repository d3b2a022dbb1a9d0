// The main function of tests that run under mpirun. Every rank runs every test, in step. Rank 0
// prints; the others print failures only. A test that fails on any rank fails the run on all ranks.
// If a rank does not reach the end of a test, the job is aborted instead of hanging.
#include "support/mpi_environment.h"

#include <gtest/gtest.h>
#include <mpi.h>
#include <sched.h>

#include <chrono>
#include <cstdio>
#include <memory>

namespace dagan {

namespace {
constexpr std::chrono::seconds kStepTimeout{60};
// Global, because googletest cannot pass arguments to tests.
std::unique_ptr<MpiEnvironment> environment;

class InStep final : public testing::EmptyTestEventListener {
  public:
    bool any_failed() const { return any_failed_; }

    void OnTestPartResult(const testing::TestPartResult& part) override {
        const int rank = environment->world.rank();
        if (rank == 0 || !part.failed()) return;
        std::fprintf(stderr, "rank %d: %s:%d: Failure\n%s\n", rank,
                     part.file_name() ? part.file_name() : "?", part.line_number(), part.summary());
    }

    void OnTestEnd(const testing::TestInfo& test) override {
        int failed = test.result()->Failed();
        MPI_Request request = MPI_REQUEST_NULL;
        MPI_Iallreduce(MPI_IN_PLACE, &failed, 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD, &request);
        const auto deadline = std::chrono::steady_clock::now() + kStepTimeout;
        for (int all_ended = 0; MPI_Test(&request, &all_ended, MPI_STATUS_IGNORE), all_ended == 0;
             ::sched_yield()) {
            if (std::chrono::steady_clock::now() < deadline) continue;
            std::fprintf(stderr, "rank %d: %s.%s: another rank did not reach its end\n",
                         environment->world.rank(), test.test_suite_name(), test.name());
            environment->world.abort(1);
        }
        any_failed_ |= failed != 0;
    }

  private:
    bool any_failed_ = false;
};
} // namespace

MpiEnvironment& mpi_environment() { return *environment; }

} // namespace dagan

int main(int argc, char** argv) {
    using namespace dagan;
    testing::InitGoogleTest(&argc, argv);
    environment = std::make_unique<MpiEnvironment>();
    auto& listeners = testing::UnitTest::GetInstance()->listeners();
    auto* in_step = new InStep; // owned by googletest
    listeners.Append(in_step);
    if (environment->world.rank() != 0)
        delete listeners.Release(listeners.default_result_printer());
    const int result = RUN_ALL_TESTS();
    const bool failed = result != 0 || in_step->any_failed();
    if (in_step->any_failed() && result == 0)
        std::fprintf(stderr, "rank %d: a test failed on another rank\n", environment->world.rank());
    environment->world.finalize();
    environment.reset();
    return failed ? 1 : 0;
}
