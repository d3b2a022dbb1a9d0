// The numbers of the paper's Table 1, as recalled from its arXiv version.
//
// Nobody has verified them (docs/reference/model.md, "Published numbers"): wherever one is shown to
// people, kPublishedLabel must stand beside it.
#pragma once

#include <optional>
#include <string_view>

namespace dagan::results {

inline constexpr std::string_view kPublishedLabel =
    "published (arXiv version, as recalled), not verified";

// Returns the test accuracy for a data set (omniglot, emnist, faces or vggface) and n, with or
// without augmentation; nullopt if the paper has none.
std::optional<double> published_accuracy(std::string_view dataset, int samples_per_class,
                                         bool augmented);

} // namespace dagan::results
