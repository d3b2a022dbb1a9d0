#include "launcher/slurm/site_profile.h"

#include "base/duration.h"
#include "base/error.h"
#include "sweeps/findings.h"
#include "sweeps/read_fields.h"
#include "sweeps/yaml_node.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <regex>
#include <set>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
constexpr int kMaxCount = 1000000;

struct NodeRange {
    int fewest = 0, most = 0;
};

std::optional<int> parse_count(std::string_view text) {
    int value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() || value < 1 ||
        value > kMaxCount)
        return std::nullopt;
    return value;
}

std::optional<NodeRange> parse_nodes(const std::string& text) {
    const size_t dash = text.find('-');
    const auto fewest = parse_count(std::string_view(text).substr(0, dash));
    const auto most =
        dash == std::string::npos ? fewest : parse_count(std::string_view(text).substr(dash + 1));
    if (!fewest || !most || *fewest > *most) return std::nullopt;
    return NodeRange{*fewest, *most};
}

bool has_line_break(const std::string& text) { return text.find('\n') != std::string::npos; }

// Whether `text` is safe in an #SBATCH line: it must not end the line or begin another option.
bool is_word(const std::string& text) {
    static const std::regex kWord("[A-Za-z0-9_.,:+@=/*-]*");
    return std::regex_match(text, kWord);
}

void check_counts(const SiteProfile& profile, sweeps::Findings& findings) {
    if (!parse_nodes(profile.nodes)) {
        findings.report(
            "nodes",
            fmt::format("got '{}', wanted a number from 1 such as 4, or a range such as 2-4",
                        profile.nodes));
    }
    const auto check = [&](const char* name, int value, int least) {
        if (value < least || value > kMaxCount)
            findings.report(name, fmt::format("{} is not in {}..{}", value, least, kMaxCount));
    };
    check("ranks_per_node", profile.ranks_per_node, 1);
    check("cpus_per_rank", profile.cpus_per_rank, 1);
    check("gpus_per_node", profile.gpus_per_node, 0);
    if (profile.gpus_per_node > 0 && profile.ranks_per_node > profile.gpus_per_node) {
        findings.report(
            "ranks_per_node",
            fmt::format("{} ranks would share {} GPUs; start at most one rank per GPU, and run "
                        "more trainers on each GPU with the sweep's resources.trainers_per_rank",
                        profile.ranks_per_node, profile.gpus_per_node));
    }
    if (!profile.gres.empty() && profile.gpus_per_node == 0) {
        findings.report("gres",
                        "requests GPUs, but gpus_per_node is 0; set it to the GPUs of each node");
    }
}

void check_texts(const SiteProfile& profile, sweeps::Findings& findings) {
    const std::map<std::string, std::string> words{{"partition", profile.partition},
                                                   {"account", profile.account},
                                                   {"gres", profile.gres},
                                                   {"mpi", profile.mpi}};
    for (const auto& [name, text] : words) {
        if (!is_word(text)) findings.report(name, fmt::format("'{}' is not one plain word", text));
    }
    if (!parse_wall_time(profile.time)) {
        findings.report(
            "time",
            fmt::format(
                "got '{}', wanted a time as Slurm writes it: 01:30:00, 2-00:00:00, or minutes",
                profile.time));
    }
    if (has_line_break(profile.scratch)) findings.report("scratch", "is more than one line");
    for (size_t i = 0; i < profile.extra.size(); ++i) {
        const std::string& option = profile.extra[i];
        const std::string path = fmt::format("extra.{}", i);
        if (!option.starts_with("-") || has_line_break(option)) {
            findings.report(
                path, fmt::format("'{}' is not an option of sbatch such as --qos=long", option));
        }
        // A later option would override those that the script relies on.
        for (const char* reserved : {"--requeue", "--no-requeue", "--signal", "--output",
                                     "--open-mode", "--ntasks-per-node", "--nodes"}) {
            if (option.substr(0, option.find_first_of("= ")) == reserved) {
                findings.report(path, fmt::format("{} is set by `dagan submit` itself", reserved));
            }
        }
    }
}

// Replaces the file's value by that of a command-line option, which then passes the same checks.
void replace(sweeps::YamlNode& root, const std::string& key, const std::string& value) {
    if (value.empty()) return;
    const auto found = std::find(root.keys.begin(), root.keys.end(), key);
    sweeps::YamlNode node;
    node.kind = sweeps::YamlNode::Kind::scalar;
    node.place = "--" + key;
    node.text = value;
    if (found != root.keys.end()) {
        root.items[static_cast<size_t>(found - root.keys.begin())] = node;
    } else {
        root.keys.push_back(key);
        root.items.push_back(node);
    }
}

[[noreturn]] void refuse(const sweeps::Problems& problems) {
    throw input_error(fmt::format("{}", fmt::join(problems.lines(), "\n")));
}

// Returns the names of the profiles in a folder, without ".yaml".
std::set<std::string> profiles_in(const fs::path& folder) {
    std::set<std::string> names;
    std::error_code missing;
    for (fs::directory_iterator entry(folder, missing), end; !missing && entry != end;
         entry.increment(missing)) {
        if (entry->path().extension() == ".yaml") names.insert(entry->path().stem().string());
    }
    return names;
}
} // namespace

int SiteProfile::fewest_nodes() const {
    return parse_nodes(nodes).value_or(NodeRange{1, 1}).fewest;
}
int SiteProfile::most_nodes() const { return parse_nodes(nodes).value_or(NodeRange{1, 1}).most; }
std::chrono::seconds SiteProfile::wall_time() const {
    return parse_wall_time(time).value_or(std::chrono::hours(1));
}

SiteProfile load_site_profile(const fs::path& path,
                              const std::map<std::string, std::string>& replacements) {
    std::error_code failed;
    if (!fs::is_regular_file(path, failed))
        throw input_error(path.string() + ": no such site profile");
    sweeps::Problems problems;
    sweeps::YamlNode root = sweeps::read_yaml(path, problems);
    if (!problems.empty()) refuse(problems);
    for (const auto& [key, value] : replacements) replace(root, key, value);
    SiteProfile profile;
    sweeps::FieldReader(problems).read(root, "", profile);
    sweeps::Findings findings(root, problems);
    check_counts(profile, findings);
    check_texts(profile, findings);
    if (!problems.empty()) refuse(problems);
    return profile;
}

fs::path find_site_profile(const std::string& text, const fs::path& program_folder) {
    if (text.ends_with(".yaml") || text.find('/') != std::string::npos) return text;
    const std::array folders{fs::path("cluster/profiles"),
                             program_folder / "../../cluster/profiles",
                             program_folder / "../share/dagan/profiles"};
    std::set<std::string> known;
    for (const fs::path& folder : folders) {
        const auto names = profiles_in(folder);
        if (names.contains(text)) return folder / (text + ".yaml");
        known.insert(names.begin(), names.end());
    }
    const std::string meant = nearest(text, {known.begin(), known.end()});
    throw input_error(
        fmt::format("--profile {}: no such site profile{}; known are: {}; hint: copy "
                    "cluster/profiles/example.yaml to cluster/profiles/{}.yaml and fill it in",
                    text, meant.empty() ? "" : fmt::format("; did you mean '{}'?", meant),
                    fmt::join(known, ", "), text));
}

} // namespace dagan::launcher
