// The numbers of the paper's Table 1 as recalled from its arXiv version (dagan.md section 11). Nobody has verified them: wherever
// one is shown to people, kPublishedLabel stands beside it.
#pragma once

#include <optional>
#include <string_view>

namespace dagan::results {

inline constexpr std::string_view kPublishedLabel =
    "published (arXiv version, as recalled), not verified";

// Test accuracy for a data set by name (omniglot, emnist, faces or vggface) and n, without or with DAGAN; nothing where there is
// none.
std::optional<double> published_accuracy(std::string_view dataset, int samples_per_class,
                                         bool augmented);

} // namespace dagan::results
