#include "base/fault.h"

#include "base/error.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <csignal>
#include <cstdlib>

namespace dagan {

namespace {
std::string_view variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

const FaultPointInfo& info_of(FaultPoint point) {
    const auto& points = fault_points();
    return *std::find_if(points.begin(), points.end(),
                         [&](const FaultPointInfo& info) { return info.point == point; });
}

FaultPoint point_named(std::string_view name) {
    std::vector<std::string> names;
    for (const FaultPointInfo& info : fault_points()) {
        if (info.name == name) return info.point;
        names.emplace_back(info.name);
    }
    const std::string meant = nearest(name, names);
    throw input_error("DAGAN_FAULT: unknown fault point '" + std::string(name) + "'" +
                      (meant.empty() ? "" : "; did you mean '" + meant + "'?"));
}

// Cuts `text` before its last `mark` and returns the part after the mark; "" if there is no mark.
std::string_view cut_suffix(std::string_view& text, char mark) {
    const size_t at = text.rfind(mark);
    if (at == std::string_view::npos) return "";
    const std::string_view suffix = text.substr(at + 1);
    text = text.substr(0, at);
    return suffix;
}

FaultSpec parse_fault(std::string_view text) {
    const std::string whole(text);
    FaultSpec spec;
    const std::string_view action = cut_suffix(text, '=');
    if (action == "stop")
        spec.action = FaultSpec::Action::stop;
    else if (action == "error")
        spec.action = FaultSpec::Action::error;
    else if (!action.empty() && action != "kill")
        throw input_error("DAGAN_FAULT: " + whole + ": the action must be kill, stop or error");
    if (const std::string_view number = cut_suffix(text, ':'); !number.empty()) {
        const auto [end, failed] =
            std::from_chars(number.data(), number.data() + number.size(), spec.passage);
        if (failed != std::errc{} || end != number.data() + number.size() || spec.passage < 1) {
            throw input_error("DAGAN_FAULT: " + whole + ": the passage must be a number from 1");
        }
    }
    spec.point = point_named(text);
    return spec;
}

// PMIX_RANK is set by mpirun or srun and inherited by trainers.
bool applies_to_this_process() {
    const std::string_view program = variable("DAGAN_FAULT_PROGRAM");
    const std::string_view rank = variable("DAGAN_FAULT_RANK");
    return (program.empty() || program == program_invocation_short_name) &&
           (rank.empty() || rank == variable("PMIX_RANK"));
}

// Returns false if DAGAN_FAULT_ONCE names a file that exists, which another process created.
bool claim_marker() {
    const std::string marker(variable("DAGAN_FAULT_ONCE"));
    if (marker.empty()) return true;
    const int fd = ::open(marker.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

void inject(const FaultSpec& spec) {
    if (spec.action == FaultSpec::Action::error)
        throw system_error("injected fault at " + std::string(info_of(spec.point).name));
    ::raise(spec.action == FaultSpec::Action::kill ? SIGKILL : SIGSTOP);
}

// The specs that apply to this process, and how often it has passed the point of each.
class Faults {
  public:
    Faults() {
        if (!applies_to_this_process()) return;
        specs_ = parse_faults(variable("DAGAN_FAULT"));
        passages_ = std::vector<std::atomic<long>>(specs_.size());
    }
    void pass(FaultPoint point) {
        // Every spec counts every passage, so the loop ends before inject(), which may throw.
        const FaultSpec* due = nullptr;
        for (size_t i = 0; i < specs_.size(); ++i) {
            if (specs_[i].point == point && ++passages_[i] == specs_[i].passage) due = &specs_[i];
        }
        if (due != nullptr && claim_marker()) inject(*due);
    }

  private:
    std::vector<FaultSpec> specs_;
    std::vector<std::atomic<long>> passages_;
};
} // namespace

const std::vector<FaultPointInfo>& fault_points() {
    static const std::vector<FaultPointInfo> points{
        {FaultPoint::before_write, "before_write", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::after_write, "after_write", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::before_fsync, "before_fsync", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::after_fsync, "after_fsync", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::before_rename, "before_rename", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::after_rename, "after_rename", {"dagan", "dagan-worker", "dagan-train"}},
        {FaultPoint::attempt, "attempt", {"dagan-worker"}},
        {FaultPoint::before_commit, "before_commit", {"dagan-worker"}},
        {FaultPoint::after_commit, "after_commit", {"dagan-worker"}},
        {FaultPoint::send, "send", {"dagan-worker", "dagan-train"}},
        {FaultPoint::receive, "receive", {"dagan-worker", "dagan-train"}},
        {FaultPoint::mail_send, "mail_send", {"dagan-worker"}},
        {FaultPoint::mail_receive, "mail_receive", {"dagan-worker"}},
        {FaultPoint::before_reduce, "before_reduce", {"dagan-worker"}},
        {FaultPoint::amid_reduce, "amid_reduce", {"dagan-worker"}},
        {FaultPoint::after_reduce, "after_reduce", {"dagan-worker"}},
        {FaultPoint::spawn, "spawn", {"dagan-worker"}},
        {FaultPoint::task_begin, "task_begin", {"dagan-train"}},
        {FaultPoint::task_end, "task_end", {"dagan-train"}},
        {FaultPoint::status_written, "status_written", {"dagan-worker"}},
        {FaultPoint::ending_written, "ending_written", {"dagan-worker"}},
    };
    return points;
}

std::vector<FaultSpec> parse_faults(std::string_view text) {
    std::vector<FaultSpec> specs;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        specs.push_back(parse_fault(text.substr(0, comma)));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return specs;
}

void fault_point(FaultPoint point) {
    static const bool enabled = !variable("DAGAN_FAULT").empty();
    if (!enabled) return;
    static Faults faults;
    faults.pass(point);
}

} // namespace dagan
