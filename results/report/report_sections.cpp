#include "results/report/report_sections.h"

#include <fmt/format.h>

namespace dagan::results {

std::string section(const std::string& id, const std::string& heading, const std::string& body) {
    return fmt::format("<section id=\"{0}\" aria-labelledby=\"{0}-heading\">\n<h2 "
                       "id=\"{0}-heading\">{1}</h2>\n{2}</section>\n",
                       id, heading, body);
}

std::string paragraph(const std::string& html, const std::string& css) {
    return fmt::format("<p{}>{}</p>\n", css.empty() ? "" : " class=\"" + css + "\"", html);
}

std::string fraction(const std::optional<double>& value) {
    return value ? fmt::format("{:.4f}", *value) : kDash;
}

std::string interval(const std::optional<double>& low, const std::optional<double>& high) {
    return low && high ? fmt::format("{:.4f} to {:.4f}", *low, *high) : kDash;
}

std::string seeds_text(int seeds, int missing) {
    if (missing == 0) return std::to_string(seeds);
    return fmt::format("<span class=\"missing\">{} of {}</span>", seeds, seeds + missing);
}

std::string reduced_mark(const ReportData& data) {
    return !data.reduced || data.reduced->empty() ? "" : " <span class=\"reduced\">reduced</span>";
}

std::string p_text(const std::optional<double>& p) {
    if (!p) return kDash;
    return *p < 0.001 ? "&lt; 0.001" : fmt::format("= {:.{}f}", *p, *p < 0.1 ? 3 : 2);
}

} // namespace dagan::results
