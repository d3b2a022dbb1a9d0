#include "cluster/transport/trainer_link.h"

#include "base/error.h"

#include <array>
#include <cstring>
#include <utility>

namespace dagan::cluster {

namespace {
// The first byte of a frame.
constexpr char kControl = 'c'; // the rest is the launcher's text
constexpr char kReduce = 'r';  // the rest is a ReduceRequest, or a ReduceAnswer in one byte

std::string control_frame(std::string_view control) {
    std::string frame;
    frame.reserve(control.size() + 1);
    frame += kControl;
    frame += control;
    return frame;
}

bool is_control(const std::string& frame) { return !frame.empty() && frame[0] == kControl; }
bool is_reduce(const std::string& frame, size_t bytes) {
    return frame.size() == bytes + 1 && frame[0] == kReduce;
}

std::string strip_kind(std::string frame) {
    frame.erase(0, 1);
    return frame;
}

// Returns the text of a control frame. An answer without a request is a bug of the agent.
std::optional<std::string> control_of(std::optional<std::string> frame) {
    if (!frame) return std::nullopt;
    require(is_control(*frame), "the agent answers a reduction only if it was requested");
    return strip_kind(std::move(*frame));
}
} // namespace

void TrainerLink::send(std::string_view control) { channel_.send(control_frame(control)); }

std::optional<std::string> TrainerLink::take_kept() {
    if (kept_.empty()) return std::nullopt;
    std::string control = std::move(kept_.front());
    kept_.pop_front();
    return control;
}

std::optional<std::string> TrainerLink::receive() {
    if (auto kept = take_kept()) return kept;
    return control_of(channel_.receive());
}

std::optional<std::string> TrainerLink::receive_within(std::chrono::milliseconds timeout) {
    if (auto kept = take_kept()) return kept;
    return control_of(channel_.receive_within(timeout));
}

ReduceAnswer TrainerLink::reduce(ReduceRequest request) {
    std::array<char, 1 + sizeof request> frame{kReduce};
    std::memcpy(frame.data() + 1, &request, sizeof request);
    channel_.send({frame.data(), frame.size()});
    const auto began = std::chrono::steady_clock::now();
    while (!channel_.closed()) {
        auto reply = channel_.receive_within(std::chrono::hours(1));
        if (!reply) continue; // a signal handler has run
        if (is_control(*reply)) {
            kept_.push_back(strip_kind(std::move(*reply)));
            continue;
        }
        require(is_reduce(*reply, 1), "the agent answers a reduction with one byte");
        time_reducing_ += std::chrono::steady_clock::now() - began;
        const auto answer = static_cast<ReduceAnswer>((*reply)[1]);
        require(answer == ReduceAnswer::done || answer == ReduceAnswer::broken,
                "an answer is 'done' or 'broken'");
        return answer;
    }
    throw system_error("trainer: the agent is gone during a reduction");
}

void AgentLink::send(std::string_view control) { channel_.send(control_frame(control)); }

void AgentLink::answer(ReduceAnswer answer) {
    const std::array<char, 2> frame{kReduce, static_cast<char>(answer)};
    channel_.send({frame.data(), frame.size()});
}

std::optional<FromTrainer> AgentLink::receive() {
    auto frame = channel_.receive();
    if (!frame) return std::nullopt;
    if (is_control(*frame)) return FromTrainer(strip_kind(std::move(*frame)));
    ReduceRequest request;
    if (!is_reduce(*frame, sizeof request)) {
        throw system_error(
            "agent: the trainer sent a frame of " + std::to_string(frame->size()) +
            " bytes of an unknown kind; hint: install programs of one build together");
    }
    std::memcpy(&request, frame->data() + 1, sizeof request);
    return FromTrainer(request);
}

} // namespace dagan::cluster
