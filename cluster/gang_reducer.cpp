#include "cluster/gang_reducer.h"

#include "base/error.h"
#include "base/fault.h"

#include <limits>
#include <utility>

namespace dagan {

namespace {
// The places of the agreement, of each of which all members learn the maximum.
enum Place { kFailed, kFinished, kReducing, kCount, kNegativeCount };

bool lies_within(const ReduceRequest& request, const SharedMemory& memory) {
    const uint64_t there = memory.size_bytes() / sizeof(float);
    return request.offset <= there && request.count <= there - request.offset;
}
} // namespace

GangReducer::GangReducer(std::unique_ptr<GangCollectives> collectives, std::shared_ptr<SharedMemory> memory)
    : collectives_(std::move(collectives)), memory_(std::move(memory)) {}

void GangReducer::reduce(ReduceRequest request) {
    require(!waiting_, "a trainer asks for one reduction at a time");
    require(intent_ != Intent::finish || over(), "a trainer that ended its task reduces no more");
    waiting_ = true;
    if (over() || intent_ == Intent::fail) {
        // A round may be under way in which this member already failed; its outcome cannot be "done" any more.
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
    // A member that has finished keeps to it: its part of the work is done, whatever becomes of its trainer.
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
    const auto count = static_cast<int64_t>(request_.count);
    agreement_[kFailed] = intent_ == Intent::fail;
    agreement_[kFinished] = intent_ == Intent::finish;
    agreement_[kReducing] = intent_ == Intent::none;
    agreement_[kCount] = intent_ == Intent::none ? count : std::numeric_limits<int64_t>::min();
    agreement_[kNegativeCount] = intent_ == Intent::none ? -count : std::numeric_limits<int64_t>::min();
    fault_point(FaultPoint::before_reduce);
    phase_ = Phase::agreeing;
    collectives_->start_max(agreement_);
}

void GangReducer::on_agreement() {
    if (agreement_[kFailed] != 0) return end(State::broken, "a member died or was stopped");
    if (agreement_[kFinished] != 0 && agreement_[kReducing] != 0)
        return end(State::broken, "a member ended its task before the others");
    if (agreement_[kFinished] != 0) return end(State::finished, "");
    const int64_t most = agreement_[kCount], least = -agreement_[kNegativeCount];
    if (most != least) {
        return end(State::broken,
                   "members reduce " + std::to_string(least) + " and " + std::to_string(most) + " numbers at once");
    }
    fault_point(FaultPoint::amid_reduce);
    data_ = memory_->floats(request_.offset, request_.count);
    phase_ = Phase::reducing;
    collectives_->start_sum(data_);
}

void GangReducer::on_reduced() {
    const auto size = static_cast<float>(collectives_->size());
    for (float& value : data_) value /= size;
    data_ = {};
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

} // namespace dagan
