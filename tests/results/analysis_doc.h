// A fixture that runs the examples of docs/guide/analysis.md on a synthetic campaign of Table 1's
// size.
#pragma once

#include "base/file.h"
#include "base/temporary_folder.h"
#include "results/query/queries.h"
#include "support/process.h"
#include "synthetic_campaign.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace dagan::results {

// Returns the first code block of `language`. The TensorBoard example is tagged `py`, so that
// `python` skips it.
inline std::string example(const std::string& language) {
    const std::filesystem::path page = "docs/guide/analysis.md";
    const auto text = read_file(std::filesystem::path(DAGAN_SOURCE_DIR) / page);
    const auto fence = "```" + language + "\n";
    const auto begin = text.find(fence);
    if (begin == std::string::npos) {
        throw std::runtime_error(page.string() + " has no example in " + language);
    }
    const auto from = begin + fence.size();
    return text.substr(from, text.find("```", from) - from);
}

class AnalysisDocTest : public ::testing::Test {
  protected:
    void make_campaign() { testing::make_synthetic_campaign(folder_ / "campaigns/table1"); }
    Finished run(const std::vector<std::string>& words) {
        Process::Setting setting;
        setting.folder = folder_.path();
        return run_program(words, setting);
    }
    std::filesystem::path database() const { return folder_ / "campaigns/table1/results.sqlite"; }
    TemporaryFolder folder_;
};

} // namespace dagan::results
