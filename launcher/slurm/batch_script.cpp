#include "launcher/slurm/batch_script.h"

#include "base/error.h"
#include "launcher/supervisor/rank_starter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace dagan::launcher {

namespace {
// Returns the value of an #SBATCH option, quoted if it has spaces. Quotes and line breaks cannot be
// written there.
std::string option_value(const std::string& text) {
    if (text.find_first_of("\"\n\\") != std::string::npos) {
        throw input_error(fmt::format("{}: cannot be written to a batch script; hint: name a "
                                      "folder without quotes, backslashes and line breaks",
                                      text));
    }
    return text.find(' ') == std::string::npos ? text : '"' + text + '"';
}

// Returns the path of the log, in which %j is the job's number; any other % must be doubled.
std::string log_path(const BatchJob& job) {
    std::string folder;
    for (const char c : job.campaign) folder += c == '%' ? std::string("%%") : std::string(1, c);
    return option_value(folder + "/logs/slurm-%j.out");
}

struct Option {
    std::string text;
    std::string comment;
};

std::string sbatch_lines(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        const std::string line = "#SBATCH " + option.text;
        text += option.comment.empty() ? line + "\n"
                                       : fmt::format("{:<42} # {}\n", line, option.comment);
    }
    return text;
}

std::vector<Option> options_of(const BatchJob& job) {
    const SiteProfile& site = job.profile;
    std::vector<Option> options{{"--job-name=" + option_value("dagan-" + job.name), ""},
                                {"--comment=" + option_value(job.campaign), ""}};
    if (!site.partition.empty()) options.push_back({"--partition=" + site.partition, ""});
    if (!site.account.empty()) options.push_back({"--account=" + site.account, ""});
    options.push_back({"--nodes=" + site.nodes, ""});
    if (site.fewest_nodes() == site.most_nodes()) {
        options.push_back({fmt::format("--ntasks-per-node={}", site.ranks_per_node),
                           "ranks; without it Slurm may spread them unevenly"});
        options.push_back(
            {fmt::format("--cpus-per-task={}", site.cpus_per_rank), "cores of a rank"});
    } else {
        // With a number of tasks, Slurm would take it as the tasks of the fewest nodes, and would
        // never allocate more nodes than tasks.
        options.push_back({fmt::format("--mincpus={}", site.ranks_per_node * site.cpus_per_rank),
                           "cores of each node; srun below sets the number of ranks"});
    }
    if (site.gpus_per_node > 0) {
        options.push_back(
            {"--gres=" +
                 (site.gres.empty() ? fmt::format("gpu:{}", site.gpus_per_node) : site.gres),
             "on each node"});
    }
    options.push_back({"--time=" + site.time, ""});
    options.push_back({fmt::format("--signal=B:USR1@{}", kWarning.count()),
                       "warn this script before its time is over"});
    options.push_back({"--requeue", "start again after a node failure or a preemption"});
    options.push_back({"--open-mode=append", "continue the log after a requeue"});
    options.push_back({"--output=" + log_path(job), ""});
    for (const std::string& extra : site.extra) options.push_back({extra, ""});
    return options;
}

std::string quoted(const std::string& text) {
    std::string inner;
    for (const char c : text) inner += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return '\'' + inner + '\'';
}

std::string set_up(const BatchJob& job) {
    std::string text;
    if (!job.profile.setup.empty()) {
        text += "# Set-up lines of the site profile.\n";
        for (const std::string& line : job.profile.setup) text += line + "\n";
        text += "\n";
    }
    return text;
}

// The ranks expand variables in it ($USER, $SLURM_JOB_ID), each on its node.
std::string scratch_option(const SiteProfile& profile) {
    return profile.scratch.empty() ? "" : " --scratch " + quoted(profile.scratch);
}

// The script below its options. Its only state is the variable `cancelled`.
constexpr const char* kBody = R"(# Older versions of Slurm do not set the end of the job.
: "${{SLURM_JOB_END_TIME:=$(($(date +%s) + {seconds}))}}"
export SLURM_JOB_END_TIME

campaign={campaign}
programs={programs}

# One step runs the whole campaign. The supervisor compares sweep, programs and data with
# submission.json, starts the ranks with the words after --, and restarts them if they die.
"$programs"/dagan supervise "$campaign" --data {data} --device {device}{scratch}{lease} -- \
    {starter} &
supervisor=$!

# USR1, the warning (time nearly over, or preemption): write checkpoints and requeue the job.
# TERM, a cancel: write checkpoints; the job must not come back.
cancelled=
trap 'kill -USR1 "$supervisor" 2>/dev/null' USR1
trap 'cancelled=yes; kill -USR1 "$supervisor" 2>/dev/null' TERM
while kill -0 "$supervisor" 2>/dev/null; do wait "$supervisor"; done # a signal ends a wait early
wait "$supervisor"
code=$?

# 75: stopped early with checkpoints, and there is more to do. The supervisor takes this from the
# campaign's record, because the exit code of srun is ambiguous. At a preemption some sites signal
# only the ranks, and Slurm does not requeue a job that ends by itself.
[ "$code" = 75 ] && sleep 1 # a cancel may reach the ranks shortly before this script
if [ "$code" = 75 ] && [ -z "$cancelled" ]; then
    echo "going back into the queue"
    # A requeue ends this script and its children with TERM, which scontrol must ignore to finish.
    if ! (trap '' TERM; exec scontrol requeue "$SLURM_JOB_ID") && [ -z "$cancelled" ]; then
        # Where jobs may not requeue themselves, a new job waits for the end of this one.
        sbatch --parsable --dependency=afterany:"$SLURM_JOB_ID" "$campaign"/job.sh ||
            echo "could not go back into the queue; hint: sbatch $campaign/job.sh"
    fi
fi
exit "$code"
)";
} // namespace

std::string shell_word(const std::string& text) {
    const auto plain = [](unsigned char c) {
        return std::isalnum(c) != 0 ||
               std::string_view("_./:=,+@%-").find(static_cast<char>(c)) != std::string_view::npos;
    };
    return !text.empty() && std::all_of(text.begin(), text.end(), plain) ? text : quoted(text);
}

std::vector<std::string> rank_starter(const SiteProfile& profile) {
    return profile.uses_mpirun()
               ? mpirun_in_allocation(profile.ranks_per_node)
               : srun_in_allocation(profile.mpi, profile.ranks_per_node, profile.cpus_per_rank);
}

std::string batch_script(const BatchJob& job) {
    std::vector<std::string> starter = rank_starter(job.profile);
    for (std::string& word : starter) word = shell_word(word);
    std::string text = fmt::format(
        "#!/bin/bash\n# Campaign '{}' with the site profile {}; written by {}.\n"
        "# To submit it by hand: sbatch {}\n",
        job.name, job.profile_path, job.created_by, shell_word(job.campaign + "/job.sh"));
    text += sbatch_lines(options_of(job)) + "\n" + set_up(job);
    text +=
        fmt::format(kBody, fmt::arg("seconds", job.profile.wall_time().count()),
                    fmt::arg("campaign", shell_word(job.campaign)),
                    fmt::arg("programs", shell_word(job.programs)),
                    fmt::arg("data", shell_word(job.data_folder)), fmt::arg("device", job.device),
                    fmt::arg("scratch", scratch_option(job.profile)),
                    fmt::arg("lease", job.lease_s ? fmt::format(" --lease {}", *job.lease_s) : ""),
                    fmt::arg("starter", fmt::join(starter, " ")));
    return text;
}

} // namespace dagan::launcher
