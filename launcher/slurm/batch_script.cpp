#include "launcher/slurm/batch_script.h"

#include "base/error.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

namespace dagan::launcher {

namespace {
// A value of an #SBATCH line, quoted when it has spaces. sbatch knows no way to write a quote or a line break there.
std::string option_value(const std::string& text) {
    if (text.find_first_of("\"\n\\") != std::string::npos) {
        throw input_error(fmt::format("{}: cannot be written to a batch script; hint: name a "
                                      "folder without quotes, backslashes and "
                                      "line breaks",
                                      text));
    }
    return text.find(' ') == std::string::npos ? text : '"' + text + '"';
}

// The log, named after the job; elsewhere in its path a % stands for itself.
std::string log_of(const BatchJob& job) {
    std::string folder;
    for (const char c : job.campaign) folder += c == '%' ? std::string("%%") : std::string(1, c);
    return option_value(folder + "/logs/slurm-%j.out");
}

struct Option {
    std::string text;
    std::string why;
};

std::string lines_of(const std::vector<Option>& options) {
    std::string text;
    for (const Option& option : options) {
        const std::string line = "#SBATCH " + option.text;
        text += option.why.empty() ? line + "\n" : fmt::format("{:<42} # {}\n", line, option.why);
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
                           "ranks; without it Slurm may pack them unevenly"});
        options.push_back(
            {fmt::format("--cpus-per-task={}", site.cpus_per_rank), "cores of a rank"});
    } else {
        // Told of tasks, Slurm takes them for those of the fewest nodes, and never more nodes than there are tasks then.
        options.push_back({fmt::format("--mincpus={}", site.ranks_per_node * site.cpus_per_rank),
                           "cores on each node; srun below says how many ranks"});
    }
    if (site.gpus_per_node > 0) {
        options.push_back(
            {"--gres=" +
                 (site.gres.empty() ? fmt::format("gpu:{}", site.gpus_per_node) : site.gres),
             "on each node"});
    }
    options.push_back({"--time=" + site.time, ""});
    options.push_back({fmt::format("--signal=B:USR1@{}", kWarning.count()),
                       "warn this script before the time is over"});
    options.push_back({"--requeue", "a node that fails or a preemption is no reason to give up"});
    options.push_back({"--open-mode=append", "the same log after a requeue"});
    options.push_back({"--output=" + log_of(job), ""});
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

// Variables in it ($USER, $SLURM_JOB_ID) are expanded on each node, by the ranks.
std::string scratch_option(const SiteProfile& profile) {
    return profile.scratch.empty() ? "" : " --scratch " + quoted(profile.scratch);
}

// Everything below the options. The script's own state is one word: whether it was cancelled.
constexpr const char* kBody = R"(# Older versions of Slurm do not tell a job when it ends.
: "${{SLURM_JOB_END_TIME:=$(($(date +%s) + {seconds}))}}"
export SLURM_JOB_END_TIME

campaign={campaign}
programs={programs}

# One step, and the whole campaign in it: the supervisor starts the ranks by the words after --, and starts them again when they die
# while the nodes live. What was submitted must be what runs: it compares sweep, programs and data with submission.json first.
"$programs"/dagan supervise "$campaign" --data {data} --device {device}{scratch}{lease} -- \
    {starter} &
supervisor=$!

# Warned (time nearly over, or preempted): checkpoints are written, and the job goes back into the queue. Cancelled: Slurm sends TERM to
# this script too; checkpoints are written, and the job must not come back.
cancelled=
trap 'kill -USR1 "$supervisor" 2>/dev/null' USR1
trap 'cancelled=yes; kill -USR1 "$supervisor" 2>/dev/null' TERM
while kill -0 "$supervisor" 2>/dev/null; do wait "$supervisor"; done # a signal ends a wait early
wait "$supervisor"
code=$?

# 75: stopped early, with checkpoints, and there is more to do. The supervisor knows this from the campaign's own record; srun's code
# means too many things. At a preemption some sites signal the ranks alone, and a job that then ends by itself is not queued again.
[ "$code" = 75 ] && sleep 1 # a cancel reaches the ranks and this script at the same time, within moments
if [ "$code" = 75 ] && [ -z "$cancelled" ]; then
    echo "going back into the queue"
    # A requeue ends this script and all it started, scontrol among them, unless that turns a deaf ear to TERM.
    if ! (trap '' TERM; exec scontrol requeue "$SLURM_JOB_ID") && [ -z "$cancelled" ]; then
        # Where jobs may not requeue themselves, the next one waits for the end of this one.
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
    const std::string per_node = std::to_string(profile.ranks_per_node);
    if (profile.uses_mpirun()) {
        return {"mpirun",
                "--map-by",
                fmt::format("ppr:{}:node", per_node),
                "--bind-to",
                "none",
                "--mca",
                "mpi_yield_when_idle",
                "1"};
    }
    return {"srun",
            "--mpi=" + profile.mpi,
            "--kill-on-bad-exit=1",
            "--quit-on-interrupt",
            "--ntasks-per-node=" + per_node,
            fmt::format("--cpus-per-task={}", profile.cpus_per_rank)};
}

std::string batch_script(const BatchJob& job) {
    std::vector<std::string> starter = rank_starter(job.profile);
    for (std::string& word : starter) word = shell_word(word);
    std::string text = fmt::format(
        "#!/bin/bash\n# Campaign '{}' with the site profile {}; written by {}.\n"
        "# Runs as it stands: sbatch {}\n",
        job.name, job.profile_path, job.created_by, shell_word(job.campaign + "/job.sh"));
    text += lines_of(options_of(job)) + "\n" + set_up(job);
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
