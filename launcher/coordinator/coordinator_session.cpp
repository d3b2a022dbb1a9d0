#include "launcher/coordinator/coordinator_session.h"

#include "base/error.h"
#include "base/fault.h"
#include "base/log.h"
#include "launcher/campaign/deadline.h"
#include "launcher/coordinator/forecast.h"

#include <algorithm>
#include <ctime>
#include <filesystem>

namespace dagan::launcher {

namespace {
double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// See Coordinator::CheckpointStamp.
int64_t checkpoint_stamp(const CampaignFolder& folder, const std::string& task) {
    std::error_code missing;
    const auto written = std::filesystem::last_write_time(folder.checkpoint(task), missing);
    return missing ? 0 : written.time_since_epoch().count();
}

std::unique_ptr<results::Store> enter(const results::Location& location, const Manifest& manifest,
                                      const Plan& plan, int restarts) {
    auto store = results::open_store(location);
    store->enter(manifest.campaign, plan);
    // A start by a user also retries failed tasks; an automatic restart does not.
    if (restarts == 0 && store->reopen_failed() > 0)
        log_info("tasks that failed before are retried");
    store->commit();
    return store;
}

std::unique_ptr<PeerAllocations> peers_at(const results::Location& location,
                                          const CampaignFolder& folder,
                                          const CoordinatorSession::Options& options) {
    if (!location.is_server()) return nullptr;
    const AllocationRun run{.allocation = folder.allocation(), .incarnation = options.incarnation};
    return std::make_unique<Leases>(location, run, options.lease);
}

// By the rates that earlier attempts of this campaign measured, if there are any.
std::vector<double> expected_costs(const results::Location& location, const Manifest& manifest,
                                   const Plan& plan) {
    return expected_seconds(plan, measured_rate(location, manifest.device == "cuda"));
}

Schedule::Resources resources_of(const Manifest& manifest, int ranks) {
    const Resources& resources = manifest.sweep.resources;
    return {.ranks = ranks, .slots_per_rank = resources.trainers_per_rank + resources.tasks_ahead};
}
} // namespace

CoordinatorSession::CoordinatorSession(const CampaignFolder& folder, const Manifest& manifest,
                                       const Plan& plan, cluster::Mailbox& mailbox,
                                       const Options& options)
    : folder_(folder), name_(manifest.campaign.name), options_(options),
      store_(enter(results_of(folder, manifest), manifest, plan, options.restarts)),
      peers_(peers_at(results_of(folder, manifest), folder, options)), pool_(mailbox),
      coordinator_(
          plan, expected_costs(results_of(folder, manifest), manifest, plan),
          resources_of(manifest, mailbox.size()), *store_, pool_,
          [folder](const std::string& task) { return checkpoint_stamp(folder, task); },
          peers_.get()),
      ranks_(mailbox.size()) {
    if (options_.restarts > 0) coordinator_.replay_history(store_->attempts_on_suspect_hosts());
}

void CoordinatorSession::on_rank_up(Rank rank, const RankUp& message) {
    coordinator_.on_rank_up(rank, message);
    ++ranks_up_;
}

void CoordinatorSession::turn() {
    if (ranks_up_ < ranks_) return; // the nodes of all ranks must be known
    if (is_near(options_.deadline_s)) coordinator_.on_stop_requested();
    coordinator_.turn(seconds_now(), seconds_until_stop(options_.deadline_s));
    if (coordinator_.over() && !shut_down_sent_) {
        shut_down_sent_ = true;
        write_snapshot();
        write_ending(folder_, ending());
        fault_point(FaultPoint::ending_written);
        pool_.shut_down();
    } else if (seconds_now() - last_snapshot_s_ > 1) {
        write_snapshot();
    }
}

Ending CoordinatorSession::ending() const {
    const Status status = coordinator_.status(seconds_now());
    const ExitCode code = status.state == CampaignState::finished ? ExitCode::done
                          : status.state == CampaignState::failed ? ExitCode::some_failed
                                                                  : ExitCode::stopped;
    return {status.state, static_cast<int>(code), status_line(status), coordinator_.out_of_time()};
}

void CoordinatorSession::write_snapshot() {
    last_snapshot_s_ = seconds_now();
    Status status = coordinator_.status(last_snapshot_s_);
    status.name = name_;
    status.restarts = options_.restarts;
    write_status(folder_, status);
    fault_point(FaultPoint::status_written);
}

} // namespace dagan::launcher
