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
    throw input_error("DAGAN_FAULT: '" + std::string(name) +
                      "' is no fault point; the nearest is '" + nearest(std::string(name), names) +
                      "'");
}

// Splits `text` at the last `mark`; what is behind it is "" without one.
std::string_view take_behind(std::string_view& text, char mark) {
    const size_t at = text.rfind(mark);
    if (at == std::string_view::npos) return "";
    const std::string_view behind = text.substr(at + 1);
    text = text.substr(0, at);
    return behind;
}

FaultSpec parse_wish(std::string_view text) {
    const std::string whole(text);
    FaultSpec wish;
    const std::string_view action = take_behind(text, '=');
    if (action == "stop")
        wish.action = FaultSpec::Action::stop;
    else if (action == "error")
        wish.action = FaultSpec::Action::error;
    else if (!action.empty() && action != "kill")
        throw input_error("DAGAN_FAULT: " + whole + ": the action is kill, stop or error");
    if (const std::string_view number = take_behind(text, ':'); !number.empty()) {
        const auto [end, failed] =
            std::from_chars(number.data(), number.data() + number.size(), wish.passage);
        if (failed != std::errc{} || end != number.data() + number.size() || wish.passage < 1) {
            throw input_error("DAGAN_FAULT: " + whole + ": the passage is a number from 1");
        }
    }
    wish.point = point_named(text);
    return wish;
}

// Is this process meant at all? The rank is that of mpirun or srun, which trainers inherit.
bool concerns_this_process() {
    const std::string_view program = variable("DAGAN_FAULT_PROGRAM"),
                           rank = variable("DAGAN_FAULT_RANK");
    return (program.empty() || program == program_invocation_short_name) &&
           (rank.empty() || rank == variable("PMIX_RANK"));
}

bool is_the_once() {
    const std::string marker(variable("DAGAN_FAULT_ONCE"));
    if (marker.empty()) return true;
    const int fd = ::open(marker.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd >= 0) ::close(fd);
    return fd >= 0;
}

void inject(const FaultSpec& wish) {
    if (wish.action == FaultSpec::Action::error)
        throw system_error("injected fault at " + std::string(info_of(wish.point).name));
    ::raise(wish.action == FaultSpec::Action::kill ? SIGKILL : SIGSTOP);
}

// What the environment wishes for this process, and how often it has passed each of those points.
class Faults {
  public:
    Faults() {
        if (!concerns_this_process()) return;
        wishes_ = parse_faults(variable("DAGAN_FAULT"));
        passages_ = std::vector<std::atomic<long>>(wishes_.size());
    }
    void pass(FaultPoint point) {
        const FaultSpec* due =
            nullptr; // found first, since a strike may throw and every wish counts every passage
        for (size_t i = 0; i < wishes_.size(); ++i) {
            if (wishes_[i].point == point && ++passages_[i] == wishes_[i].passage)
                due = &wishes_[i];
        }
        if (due != nullptr && is_the_once()) inject(*due);
    }

  private:
    std::vector<FaultSpec> wishes_;
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
    std::vector<FaultSpec> wishes;
    while (!text.empty()) {
        const size_t comma = std::min(text.find(','), text.size());
        wishes.push_back(parse_wish(text.substr(0, comma)));
        text.remove_prefix(std::min(comma + 1, text.size()));
    }
    return wishes;
}

void fault_point(FaultPoint point) {
    static const bool wished = !variable("DAGAN_FAULT").empty();
    if (!wished) return;
    static Faults faults;
    faults.pass(point);
}

} // namespace dagan
