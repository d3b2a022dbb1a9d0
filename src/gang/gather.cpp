#include "gang/gather.h"

#include "base/error.h"

#include <algorithm>
#include <cmath>

namespace dagan::gang {

// Each member writes its bytes, multiplied by the group's size, as floats into its own part of a
// field of zeros. Sum and division of such small integers are exact in any order.
void gather_bytes(Group& group, std::span<float> field, std::span<const std::byte> mine,
                  std::span<std::byte> all) {
    const auto size = static_cast<size_t>(group.size());
    require(all.size() == size * mine.size() && field.size() == all.size(),
            "a gather has room for every member's bytes");
    std::ranges::fill(field, 0.0F);
    for (size_t i = 0; i < mine.size(); ++i) {
        field[static_cast<size_t>(group.rank()) * mine.size() + i] =
            static_cast<float>(std::to_integer<size_t>(mine[i]) * size);
    }
    group.all_reduce_mean(field);
    group.wait();
    for (size_t i = 0; i < all.size(); ++i) all[i] = static_cast<std::byte>(std::lround(field[i]));
}

} // namespace dagan::gang
