// An exact gather of a few bytes of each member, built from the mean, which is Group's only
// collective.
#pragma once

#include "gang/group.h"

#include <cstddef>
#include <span>

namespace dagan::gang {

// Copies the bytes `mine` of every member into `all`, in the order of their ranks, on all members.
// Collective: all members pass equally many bytes. `field` is scratch memory that the group
// allocated on the host, with one float per byte of `all`. Throws GangBroken.
void gather_bytes(Group& group, std::span<float> field, std::span<const std::byte> mine,
                  std::span<std::byte> all);

} // namespace dagan::gang
