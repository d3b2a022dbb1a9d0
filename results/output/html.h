// Builds the parts of an HTML page as text. Knows nothing about results. Internal to results.
//
// All functions return well-formed markup that ends with a line break where it is a block.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace dagan::results {

// Returns `text` with & < > " ' replaced by entities, so that it is safe between tags and in quoted
// attributes of HTML and SVG. Every text that comes from a database or a file must pass through it.
std::string html_escaped(std::string_view text);

// Returns the file as a data: URI for an <img>. Does not check that it is a PNG.
// Throws Blame::system if it cannot be read.
std::string png_data_uri(const std::filesystem::path& png);

struct HtmlColumn {
    std::string heading; // HTML
    // Right-aligned.
    bool numeric = false;
};

// Returns a <table> with the id "ID-table", a caption and column headings, in a region that scrolls
// sideways, by keyboard too, if the page is narrower. `id` must be unique on the page.
// `caption`, headings and cells are HTML: escape texts first. Each row has one cell per column; its
// first cell is the row's heading.
std::string html_table(const std::string& id, const std::string& caption,
                       const std::vector<HtmlColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows);

} // namespace dagan::results
