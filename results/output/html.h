// Small pieces of HTML. Internal to results.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dagan::results {

// Text as it may stand between tags and in quoted attributes, of HTML and of SVG.
std::string html_escaped(std::string_view text);

// A PNG file as a data: URI.
std::string png_data_uri(const std::filesystem::path& png);

struct HtmlColumn {
    std::string heading;
    bool numeric = false;
};

// A table with caption and column headings; the first cell of each row is its heading. Cells are HTML already. Scrolls sideways
// by itself where the page is narrow, by keyboard too.
std::string html_table(const std::string& id, const std::string& caption,
                       const std::vector<HtmlColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows);

} // namespace dagan::results
