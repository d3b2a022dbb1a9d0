#include "cluster/gang/gang_reducer.h"

#include "base/error.h"
#include "base/fault.h"

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace dagan::cluster {

namespace {
// The fields of a vote.
enum VoteField { kIntent, kOffset, kCount };

bool lies_within(const ReduceRequest& request, const SharedMemory& memory) {
    const uint64_t floats = memory.size_bytes() / sizeof(float);
    return request.offset <= floats && request.count <= floats - request.offset;
}
} // namespace

GangReducer::GangReducer(std::unique_ptr<GangCollectives> collectives,
                         std::shared_ptr<SharedMemory> memory)
    : collectives_(std::move(collectives)), memory_(std::move(memory)) {
    const auto size = static_cast<size_t>(collectives_->size());
    votes_.resize(size * vote_.size());
    offsets_.resize(size);
}

void GangReducer::reduce(ReduceRequest request) {
    require(!waiting_, "a trainer requests one reduction at a time");
    require(intent_ != Intent::finish || over(),
            "a trainer that ended its task requests no reduction");
    waiting_ = true;
    if (over() || intent_ == Intent::fail) {
        // This member may already have voted "failed" in a round that is not complete.
        answer_ = ReduceAnswer::broken;
        return;
    }
    request_ = request;
    if (!lies_within(request, *memory_)) fail();
    advance();
}

void GangReducer::finish() {
    require(!waiting_, "a trainer that waits for a reduction cannot end its task");
    if (intent_ == Intent::none) intent_ = Intent::finish;
    advance();
}

void GangReducer::fail() {
    // A finished member stays finished even if its trainer dies: its part of the work is done.
    if (intent_ == Intent::none) intent_ = Intent::fail;
    advance();
}

std::optional<ReduceAnswer> GangReducer::poll() {
    advance();
    if (answer_) waiting_ = false;
    return std::exchange(answer_, std::nullopt);
}

void GangReducer::advance() {
    if (over()) return;
    if (phase_ == Phase::idle) {
        if (answer_ || (!waiting_ && intent_ == Intent::none)) return;
        enter_round();
    }
    if (!collectives_->done()) return;
    if (phase_ == Phase::agreeing) {
        on_agreement();
    } else {
        on_reduced();
    }
}

void GangReducer::enter_round() {
    vote_[kIntent] = static_cast<int64_t>(intent_);
    vote_[kOffset] = static_cast<int64_t>(request_.offset);
    vote_[kCount] = static_cast<int64_t>(request_.count);
    fault_point(FaultPoint::before_reduce);
    phase_ = Phase::agreeing;
    collectives_->start_gather(vote_, votes_);
}

void GangReducer::on_agreement() {
    bool failed = false, finished = false, reducing = false;
    int64_t smallest = std::numeric_limits<int64_t>::max(), largest = 0;
    for (size_t i = 0; i < offsets_.size(); ++i) {
        const auto vote = std::span(votes_).subspan(i * vote_.size(), vote_.size());
        const auto intent = static_cast<Intent>(vote[kIntent]);
        failed |= intent == Intent::fail;
        finished |= intent == Intent::finish;
        if (intent != Intent::none) continue;
        reducing = true;
        smallest = std::min(smallest, vote[kCount]);
        largest = std::max(largest, vote[kCount]);
        offsets_[i] = static_cast<uint64_t>(vote[kOffset]);
    }
    if (failed) return end(State::broken, "a member died or was stopped");
    if (finished && reducing)
        return end(State::broken, "a member ended its task before the others");
    if (finished) return end(State::finished, "");
    if (largest != smallest) {
        return end(State::broken, "members reduce " + std::to_string(smallest) + " and " +
                                      std::to_string(largest) + " floats in the same round");
    }
    start_mean();
}

void GangReducer::start_mean() {
    fault_point(FaultPoint::amid_reduce);
    phase_ = Phase::reducing;
    collectives_->start_mean(*memory_, offsets_, request_.count);
}

void GangReducer::on_reduced() {
    phase_ = Phase::idle;
    answer_ = ReduceAnswer::done;
    fault_point(FaultPoint::after_reduce);
}

void GangReducer::end(State state, const std::string& why) {
    state_ = state;
    why_broken_ = why;
    phase_ = Phase::idle;
    collectives_->release();
    collectives_.reset();
    if (waiting_) answer_ = ReduceAnswer::broken;
}

} // namespace dagan::cluster
