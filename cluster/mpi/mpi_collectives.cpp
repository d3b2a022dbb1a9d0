#include "base/error.h"
#include "base/log.h"
#include "cluster/mpi/mpi_check.h"
#include "cluster/mpi/mpi_mean.h"
#include "cluster/mpi/mpi_world.h"
#include "cluster/transport/memory_address.h"

#include <algorithm>

namespace dagan::cluster {

namespace {
// The mean of a gang whose members have mapped each other's memory: each member adds its slice of
// all members' arrays and writes the mean to all of them, in place. Each float is read once and
// written once.
class MeanInPlace {
  public:
    void start(std::vector<float*> arrays, Slice slice) {
        arrays_ = std::move(arrays);
        remaining_ = slice;
    }
    // Adds a piece. Returns true if nothing remained; the other members may still be adding.
    bool advance() {
        // Takes about half a millisecond. Not less: between two calls the agent yields its core.
        constexpr size_t kFloats = (size_t{8} << 20) / sizeof(float);
        if (remaining_.count == 0) return true;
        const size_t count =
            std::min(remaining_.count, std::max(size_t{1}, kFloats / arrays_.size()));
        std::vector<float*> parts;
        for (float* array : arrays_) parts.push_back(array + remaining_.begin);
        write_mean(std::vector<const float*>(parts.begin(), parts.end()), parts, count);
        remaining_ = {remaining_.begin + count, remaining_.count - count};
        return false;
    }

  private:
    std::vector<float*> arrays_; // by position
    Slice remaining_;            // of this member's slice
};

class MpiCollectives final : public GangCollectives {
  public:
    MpiCollectives(MPI_Comm comm, int position, int size, MapOthers map_others)
        : comm_(comm), position_(position), size_(size), map_others_(map_others),
          by_messages_(comm, position, size) {}

    int size() const override { return size_; }

    void start_gather(std::span<const int64_t> mine, std::span<int64_t> all) override {
        require(step_ == Step::none, "one collective at a time");
        require(all.size() == mine.size() * static_cast<size_t>(size_),
                "a gather has room for all members' integers");
        gather(mine, all);
        step_ = Step::finishing;
    }

    void start_mean(const SharedMemory& memory, std::span<const uint64_t> offsets,
                    size_t count) override {
        require(step_ == Step::none, "one collective at a time");
        memory_ = &memory;
        offsets_ = offsets;
        count_ = count;
        if (mapping_decided_) return start_adding();
        own_address_ = address_of(memory);
        addresses_.resize(own_address_.size() * static_cast<size_t>(size_));
        gather(own_address_, addresses_);
        step_ = Step::addresses;
    }

    bool done() override {
        if (!all_complete(requests_)) return false;
        switch (step_) {
        case Step::addresses: map_others(); break;
        case Step::mapped: on_all_mapped(); break;
        case Step::in_place:
            if (in_place_.advance()) start_barrier();
            break;
        case Step::by_messages:
            if (by_messages_.advance()) step_ = Step::none;
            break;
        case Step::finishing:
        case Step::none: step_ = Step::none;
        }
        return step_ == Step::none;
    }

    void release() override {
        require(step_ == Step::none, "collectives are released when no operation is in progress");
        others_.clear();
        check_mpi(MPI_Comm_free(&comm_), "MPI_Comm_free");
    }

  private:
    // The step of the operation in progress:
    //   addresses     first mean: gathers the addresses of the members' memories
    //   mapped        first mean: all members agree whether each has mapped all others
    //   in_place, by_messages   adds the floats, in one of the two ways
    //   finishing     completes the gather; after in_place, a barrier, because the others read and
    //                 write this member's memory
    enum class Step { none, addresses, mapped, in_place, by_messages, finishing };

    void gather(std::span<const int64_t> mine, std::span<int64_t> all) {
        const int count = mpi_count(mine.size());
        check_mpi(MPI_Iallgather(mine.data(), count, MPI_INT64_T, all.data(), count, MPI_INT64_T,
                                 comm_, new_request()),
                  "MPI_Iallgather");
    }

    MemoryAddress address_of_member(int i) const {
        MemoryAddress address{};
        std::copy_n(addresses_.begin() + i * static_cast<ptrdiff_t>(address.size()), address.size(),
                    address.begin());
        return address;
    }

    // A failure is not an error: the agreement that follows tells all members to use messages.
    void map_others() {
        all_mapped_ = map_others_ == MapOthers::if_possible;
        for (int i = 0; i < size_ && all_mapped_ != 0; ++i) {
            others_.push_back(i == position_ ? std::nullopt : open_memory(address_of_member(i)));
            if (i == position_ || others_.back()) continue;
            all_mapped_ = 0;
            log_info(
                "gang: the memory of the member at position {} cannot be mapped: the gang uses "
                "messages",
                i);
        }
        check_mpi(
            MPI_Iallreduce(MPI_IN_PLACE, &all_mapped_, 1, MPI_INT, MPI_MIN, comm_, new_request()),
            "MPI_Iallreduce");
        step_ = Step::mapped;
    }

    void on_all_mapped() {
        mapping_decided_ = true;
        if (all_mapped_ == 0) others_.clear();
        start_adding();
    }

    void start_adding() {
        if (all_mapped_ == 0) {
            by_messages_.start(memory_->floats(offsets_[static_cast<size_t>(position_)], count_));
            step_ = Step::by_messages;
            return;
        }
        std::vector<float*> arrays;
        for (size_t i = 0; i < others_.size(); ++i) {
            const SharedMemory& memory = others_[i] ? *others_[i] : *memory_;
            arrays.push_back(memory.floats(offsets_[i], count_).data());
        }
        in_place_.start(std::move(arrays), slice_of(count_, position_, size_));
        step_ = Step::in_place;
    }

    void start_barrier() {
        check_mpi(MPI_Ibarrier(comm_, new_request()), "MPI_Ibarrier");
        step_ = Step::finishing;
    }

    MPI_Request* new_request() { return &requests_.emplace_back(MPI_REQUEST_NULL); }

    MPI_Comm comm_;
    int position_, size_;
    MapOthers map_others_;
    Step step_ = Step::none;
    Requests requests_; // of the current step, except those of by_messages_

    // Of the current mean.
    const SharedMemory* memory_ = nullptr;
    std::span<const uint64_t> offsets_;
    size_t count_ = 0;
    MeanInPlace in_place_;
    MeanByMessages by_messages_;

    // Of the gang, since its first mean.
    MemoryAddress own_address_{};
    std::vector<int64_t> addresses_;
    bool mapping_decided_ = false;
    int all_mapped_ = 0; // 1 if every member has mapped all others
    // By position; nullopt at this member's own. Empty if the gang uses messages.
    std::vector<std::optional<SharedMemory>> others_;
};

MPI_Comm make_communicator(const std::vector<int>& members, int tag) {
    MPI_Comm comm = MPI_COMM_NULL;
    MPI_Group world = MPI_GROUP_NULL, gang = MPI_GROUP_NULL;
    check_mpi(MPI_Comm_group(MPI_COMM_WORLD, &world), "MPI_Comm_group");
    check_mpi(MPI_Group_incl(world, mpi_count(members.size()), members.data(), &gang),
              "MPI_Group_incl");
    check_mpi(MPI_Comm_create_group(MPI_COMM_WORLD, gang, tag, &comm), "MPI_Comm_create_group");
    check_mpi(MPI_Comm_set_errhandler(comm, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Group_free(&gang), "MPI_Group_free");
    check_mpi(MPI_Group_free(&world), "MPI_Group_free");
    return comm;
}
} // namespace

std::unique_ptr<GangCollectives> make_mpi_collectives(const MpiWorld& world,
                                                      const std::vector<int>& members, int tag,
                                                      MapOthers map_others) {
    const auto self = std::ranges::find(members, world.rank());
    require(std::ranges::count(members, world.rank()) == 1,
            "a rank makes collectives of gangs to which it belongs");
    require(0 <= tag && tag <= 32767, "a gang's tag is 0..32767");
    return std::make_unique<MpiCollectives>(make_communicator(members, tag),
                                            static_cast<int>(self - members.begin()),
                                            mpi_count(members.size()), map_others);
}

} // namespace dagan::cluster
