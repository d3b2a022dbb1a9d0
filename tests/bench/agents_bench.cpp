// Measures no-op tasks per second through coordinator, store and MPI messages, with agents that
// finish every task at once: the cost of the launcher without trainer processes (no_op.sh includes
// those). Every attempt and result is durable before it counts.
//   mpirun -n 2 agents_bench [TASKS] [TASKS IN FLIGHT PER RANK]
#include "base/error.h"
#include "base/log.h"
#include "base/temporary_folder.h"
#include "cluster/mpi/mpi_world.h"
#include "launcher/coordinator/mailbox_workers.h"
#include "results/store/store.h"

#include <fmt/format.h>

#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <optional>

namespace dagan {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point then) {
    return std::chrono::duration<double>(Clock::now() - then).count();
}

long peak_memory_mib() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss / 1024;
}

Plan no_op_plan(int tasks) {
    Plan plan;
    for (int i = 0; i < tasks; ++i) {
        ClassifierTask task;
        task.dataset.name = "none";
        task.seed = i;
        plan.tasks.push_back({key_of(task), task, {}});
    }
    return plan;
}

// The coordinator of rank 0 with a temporary database.
class NoOpCampaign {
  public:
    NoOpCampaign(int tasks, int in_flight, cluster::Mailbox& mailbox)
        : ranks_(mailbox.size()), plan_(no_op_plan(tasks)),
          store_(results::open_sqlite_store(folder_ / "results.sqlite")), pool_(mailbox) {
        store_->enter({.name = "bench", .sweep = "{}", .code_version = "", .created = ""}, plan_);
        store_->commit();
        coordinator_.emplace(
            plan_, std::vector<double>(plan_.tasks.size(), 1),
            launcher::Schedule::Resources{.ranks = mailbox.size(), .slots_per_rank = in_flight},
            *store_, pool_, [](const std::string&) { return 0; });
    }
    NoOpCampaign(const NoOpCampaign&) = delete;
    NoOpCampaign& operator=(const NoOpCampaign&) = delete;

    void on_ended(const launcher::Ended& ended) { coordinator_->on_ended(ended); }
    void turn() {
        // Starts the clock after the plan is entered: a campaign does that once, before its first
        // task.
        if (!began_) began_ = Clock::now();
        coordinator_->turn(seconds_since(*began_));
        if (!coordinator_->over() || reported_) return;
        reported_ = true;
        const double seconds = seconds_since(*began_);
        fmt::print(
            "{} no-op tasks through agents on {} ranks: {:.0f} tasks/s, at most {} MiB on rank 0\n",
            plan_.tasks.size(), ranks_, static_cast<double>(plan_.tasks.size()) / seconds,
            peak_memory_mib());
        pool_.shut_down();
    }

  private:
    int ranks_;
    TemporaryFolder folder_;
    Plan plan_;
    std::unique_ptr<results::Store> store_;
    launcher::MailboxWorkers pool_;
    std::optional<launcher::Coordinator> coordinator_;
    std::optional<Clock::time_point> began_;
    bool reported_ = false;
};

void serve(cluster::Mailbox& mailbox, NoOpCampaign* campaign) {
    for (bool over = false; !over || mailbox.unsent() > 0;) {
        while (const auto envelope = mailbox.receive()) {
            const launcher::Message message = launcher::decode_message(envelope->bytes);
            if (const auto* assign = std::get_if<launcher::Assign>(&message)) {
                mailbox.send(0, launcher::encode(launcher::Ended{0,
                                                                 {.task = assign->task,
                                                                  .attempt = assign->attempt,
                                                                  .cost = {"none", 0, 1, 0}}}));
            } else if (const auto* ended = std::get_if<launcher::Ended>(&message)) {
                campaign->on_ended(*ended);
            } else {
                over = true;
            }
        }
        if (campaign != nullptr && !over) campaign->turn();
    }
}

} // namespace
} // namespace dagan

int main(int argc, char** argv) {
    using namespace dagan;
    const int tasks = argc > 1 ? std::atoi(argv[1]) : 100'000;
    const int in_flight = argc > 2 ? std::atoi(argv[2]) : 512;
    cluster::MpiWorld world;
    log_to_file("/dev/null", "bench", LogFlush::when_told);
    {
        const auto mailbox = cluster::make_mpi_mailbox(world);
        std::optional<NoOpCampaign> campaign;
        if (world.rank() == 0) campaign.emplace(tasks, in_flight, *mailbox);
        serve(*mailbox, campaign ? &*campaign : nullptr);
    }
    world.finalize();
    return 0;
}
