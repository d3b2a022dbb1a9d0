// A gather out of Group's one collective, the mean, for the few bytes that members must tell each other: exact, and the same on
// all.
#pragma once

#include "gang/group.h"

#include <cstddef>
#include <span>

namespace dagan::gang {

// `all` becomes every member's `mine`, in the order of their ranks. Collective: all give equally many bytes. `field` is host
// memory of the group with a float for each byte of `all`. Throws GangBroken.
void gather_bytes(Group& group, std::span<float> field, std::span<const std::byte> mine,
                  std::span<std::byte> all);

} // namespace dagan::gang
