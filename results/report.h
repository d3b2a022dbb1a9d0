// The report: one HTML file with everything in it (no network, no script), for a screen of any width, paper, dark mode, keyboard
// and screen reader. May be made while the campaign runs; it then says what is missing.
#pragma once

#include <filesystem>

namespace dagan {

// Writes report/index.html in a campaign's folder (the one that holds results.sqlite) and returns its path. Pictures come from
// the files that the database names; one that is gone is said to be. Throws Blame::input when there is no campaign, Blame::system
// when it cannot write.
std::filesystem::path write_report(const std::filesystem::path& campaign);

} // namespace dagan
