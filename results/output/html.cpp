#include "results/output/html.h"

#include "base/file.h"

#include <fmt/format.h>

namespace dagan::results {

namespace {

std::string base64(std::string_view bytes) {
    constexpr std::string_view kDigits =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    text.reserve((bytes.size() + 2) / 3 * 4);
    for (size_t i = 0; i < bytes.size(); i += 3) {
        const auto byte = [&](size_t k) {
            return i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0u;
        };
        const unsigned group = byte(0) << 16 | byte(1) << 8 | byte(2);
        text += kDigits[group >> 18 & 63];
        text += kDigits[group >> 12 & 63];
        text += i + 1 < bytes.size() ? kDigits[group >> 6 & 63] : '=';
        text += i + 2 < bytes.size() ? kDigits[group & 63] : '=';
    }
    return text;
}

} // namespace

std::string html_escaped(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
        case '&': out += "&amp;"; break;
        case '<': out += "&lt;"; break;
        case '>': out += "&gt;"; break;
        case '"': out += "&quot;"; break;
        case '\'': out += "&#39;"; break;
        default: out += c;
        }
    }
    return out;
}

std::string png_data_uri(const std::filesystem::path& png) {
    return "data:image/png;base64," + base64(read_file(png));
}

std::string html_table(const std::string& id, const std::string& caption,
                       const std::vector<HtmlColumn>& columns,
                       const std::vector<std::vector<std::string>>& rows) {
    const auto css = [&](size_t column) {
        return columns[column].numeric ? " class=\"number\"" : "";
    };
    std::string out =
        fmt::format("<div class=\"scroll\" role=\"region\" aria-labelledby=\"{0}-caption\" "
                    "tabindex=\"0\">\n<table id=\"{0}-table\">\n"
                    "<caption><span id=\"{0}-caption\">{1}</span></caption>\n<thead><tr>",
                    id, caption);
    for (size_t i = 0; i < columns.size(); ++i)
        out += fmt::format("<th scope=\"col\"{}>{}</th>", css(i), columns[i].heading);
    out += "</tr></thead>\n<tbody>\n";
    for (const auto& row : rows) {
        out += "<tr>";
        for (size_t i = 0; i < row.size(); ++i) {
            out += i == 0 ? fmt::format("<th scope=\"row\"{}>{}</th>", css(i), row[i])
                          : fmt::format("<td{}>{}</td>", css(i), row[i]);
        }
        out += "</tr>\n";
    }
    return out + "</tbody>\n</table>\n</div>\n";
}

} // namespace dagan::results
