#include "results/output/svg_chart.h"

#include "results/output/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace dagan::results {

namespace {

constexpr double kWidth = 480, kHeight = 310;
constexpr double kLeft = 62, kRight = 14, kTop = 34, kBottom = 60;
constexpr std::array<const char*, 4> kColours{"#0072b2", "#d55e00", "#009e73", "#cc79a7"};

// Returns the attribute that colours a series.
std::string coloured(size_t index, ChartStyle style) {
    const size_t colour = index % kColours.size();
    if (style == ChartStyle::file) return fmt::format("color=\"{}\"", kColours[colour]);
    return fmt::format("style=\"color: var(--series-{}, {})\"", colour + 1, kColours[colour]);
}

struct Range {
    double low = INFINITY, high = -INFINITY;
    void include(double value) {
        if (!std::isfinite(value)) return;
        low = std::min(low, value);
        high = std::max(high, value);
    }
    bool empty() const { return low > high; }
};

// Maps values linearly to pixels.
struct Axis {
    std::vector<double> ticks;
    double low, high, from, to;
    double operator()(double value) const {
        return from + (std::clamp(value, low, high) - low) / (high - low) * (to - from);
    }
};

Axis x_axis(const Chart& chart) {
    Range range;
    for (const auto& series : chart.series) {
        for (const auto& point : series.points) range.include(point.x);
    }
    if (range.empty()) range = {0, 1};
    if (range.low == range.high) range = {range.low - 0.5, range.high + 0.5};
    auto ticks = axis_ticks(range.low, range.high, 10, false);
    if (chart.whole_x) std::erase_if(ticks, [](double tick) { return tick != std::floor(tick); });
    const double margin = (range.high - range.low) * 0.03;
    return {ticks, range.low - margin, range.high + margin, kLeft, kWidth - kRight};
}

Axis y_axis(const Chart& chart) {
    Range range;
    for (const auto& series : chart.series) {
        for (const auto& point : series.points) {
            range.include(point.y);
            if (point.low) range.include(*point.low);
            if (point.high) range.include(*point.high);
        }
    }
    if (range.empty()) range = {0, 1};
    if (chart.y_floor) range.low = std::max(range.low, *chart.y_floor);
    if (chart.y_ceiling) range.high = std::min(range.high, *chart.y_ceiling);
    if (range.high - range.low < 1e-9) range = {range.low - 0.05, range.high + 0.05};
    const auto ticks = axis_ticks(range.low, range.high, 6, true);
    return {ticks, ticks.front(), ticks.back(), kHeight - kBottom, kTop};
}

std::string tick_text(double tick) {
    return fmt::format("{:.4g}", std::abs(tick) < 1e-12 ? 0.0 : tick);
}

std::string draw_axes(const Chart& chart, const Axis& x, const Axis& y) {
    std::string out;
    for (const double tick : y.ticks) {
        out += fmt::format("<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\" "
                           "stroke=\"currentColor\" stroke-opacity=\"{}\"/>"
                           "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>\n",
                           kLeft, kWidth - kRight, y(tick), y(tick),
                           tick == 0 && y.low < 0 ? 0.6 : 0.15, kLeft - 6, y(tick) + 4,
                           tick_text(tick));
    }
    for (const double tick : x.ticks) {
        out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                           x(tick), kHeight - kBottom + 16, tick_text(tick));
    }
    out += fmt::format(
        "<path d=\"M{:.1f} {:.1f}V{:.1f}H{:.1f}\" fill=\"none\" stroke=\"currentColor\"/>\n", kLeft,
        kTop, kHeight - kBottom, kWidth - kRight);
    out += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                       (kLeft + kWidth - kRight) / 2, kHeight - kBottom + 32,
                       html_escaped(chart.x_label));
    out += fmt::format(
        "<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>\n",
        (kTop + kHeight - kBottom) / 2, html_escaped(chart.y_label));
    return out;
}

std::string draw_point(const ChartPoint& point, const Axis& x, const Axis& y) {
    std::string out = fmt::format(
        "<circle cx=\"{0:.1f}\" cy=\"{1:.1f}\" r=\"3\" fill=\"currentColor\" stroke=\"none\"/>",
        x(point.x), y(point.y));
    if (!point.low || !point.high) return out;
    return out + fmt::format("<path d=\"M{0:.1f} {1:.1f}V{2:.1f}M{3:.1f} {1:.1f}h6M{3:.1f} "
                             "{2:.1f}h6\" fill=\"none\"/>",
                             x(point.x), y(*point.low), y(*point.high), x(point.x) - 3);
}

std::string draw_series(const ChartSeries& series, size_t index, const Axis& x, const Axis& y,
                        ChartStyle style) {
    std::string path, marks;
    bool pen_down = false;
    for (const auto& point : series.points) {
        if (!std::isfinite(point.y)) {
            pen_down = false; // leaves a gap
            continue;
        }
        path += fmt::format("{}{:.1f} {:.1f}", pen_down ? 'L' : 'M', x(point.x), y(point.y));
        pen_down = true;
        if (series.markers) marks += draw_point(point, x, y);
    }
    return fmt::format("<g {} stroke=\"currentColor\" stroke-width=\"1.75\"><path d=\"{}\" "
                       "fill=\"none\"{}/>{}</g>\n",
                       coloured(series.colour.value_or(index), style), path,
                       series.dashed ? " stroke-dasharray=\"6 4\"" : "", marks);
}

std::string draw_mark(const Chart& chart, const Axis& x) {
    if (!chart.marked_x) return "";
    const double at = x(*chart.marked_x);
    // In the right half, the label is left of the line.
    const bool right = at > (kLeft + kWidth - kRight) / 2;
    return fmt::format(
        "<path class=\"mark\" d=\"M{0:.1f} {1:.1f}V{2:.1f}\" fill=\"none\" stroke=\"currentColor\" "
        "stroke-opacity=\"0.6\" stroke-dasharray=\"2 3\"/><text x=\"{3:.1f}\" "
        "y=\"{4:.1f}\"{5}>{6}</text>\n",
        at, kTop, kHeight - kBottom, at + (right ? -4 : 4), kTop + 10,
        right ? " text-anchor=\"end\"" : "", html_escaped(chart.mark_label));
}

std::string draw_legend(const Chart& chart, ChartStyle style) {
    if (chart.series.size() < 2) return "";
    std::string out;
    double left = kLeft;
    for (size_t i = 0; i < chart.series.size(); ++i) {
        const auto& series = chart.series[i];
        if (series.label.empty()) continue;
        out += fmt::format(
            "<g {}><line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\" stroke=\"currentColor\" "
            "stroke-width=\"1.75\"{}/></g>"
            "<text x=\"{:.1f}\" y=\"{}\">{}</text>\n",
            coloured(series.colour.value_or(i), style), left, left + 22, kHeight - 9, kHeight - 9,
            series.dashed ? " stroke-dasharray=\"6 4\"" : "", left + 27, kHeight - 5,
            html_escaped(series.label));
        left += 44 + 6.2 * static_cast<double>(series.label.size());
    }
    return out;
}

} // namespace

std::vector<double> axis_ticks(double low, double high, int count, bool cover) {
    const double raw = (high - low) / count;
    const double power = std::pow(10.0, std::floor(std::log10(raw)));
    const double fraction = raw / power;
    const double step = power * (fraction <= 1 ? 1 : fraction <= 2 ? 2 : fraction <= 5 ? 5 : 10);
    // In steps: a limit this close to a tick counts as on it, despite rounding.
    constexpr double kSlack = 1e-9;
    const auto first = static_cast<int64_t>(cover ? std::floor(low / step + kSlack)
                                                  : std::ceil(low / step - kSlack));
    const auto last = static_cast<int64_t>(cover ? std::ceil(high / step - kSlack)
                                                 : std::floor(high / step + kSlack));
    std::vector<double> ticks;
    for (int64_t i = first; i <= last; ++i) ticks.push_back(static_cast<double>(i) * step);
    return ticks;
}

std::string render_svg(const Chart& chart, ChartStyle style) {
    const bool file = style == ChartStyle::file;
    const Axis x = x_axis(chart), y = y_axis(chart);
    std::string out = fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"chart\" {0}viewBox=\"0 0 {1} {2}\" "
        "role=\"img\" "
        "font-family=\"{3}\" font-size=\"12\" {4}>\n<title>{5}</title>\n<desc>{6}</desc>\n",
        file ? fmt::format("width=\"{}\" height=\"{}\" ", kWidth, kHeight) : "", kWidth, kHeight,
        file ? "DejaVu Sans, Helvetica, Arial, sans-serif" : "system-ui, sans-serif",
        file ? "color=\"#000000\" fill=\"#000000\"" : "fill=\"currentColor\"",
        html_escaped(chart.title), html_escaped(chart.description));
    if (file)
        out +=
            fmt::format("<rect width=\"{}\" height=\"{}\" fill=\"#ffffff\"/>\n", kWidth, kHeight);
    out +=
        fmt::format("<text x=\"{:.1f}\" y=\"18\" font-size=\"14\" font-weight=\"600\">{}</text>\n",
                    kLeft, html_escaped(chart.title));
    if (!chart.note.empty()) {
        out += fmt::format(
            "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\" font-style=\"italic\">{}</text>\n",
            kWidth - kRight, kTop - 4, html_escaped(chart.note));
    }
    out += draw_axes(chart, x, y) + draw_mark(chart, x);
    for (size_t i = 0; i < chart.series.size(); ++i)
        out += draw_series(chart.series[i], i, x, y, style);
    return out + draw_legend(chart, style) + "</svg>\n";
}

} // namespace dagan::results
