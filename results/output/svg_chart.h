// A line chart as one SVG element: no script, no outside reference. Colours are CSS variables (--series-1 ...) with a
// colour-blind-safe default (Okabe and Ito), lines and text take the page's text colour, so it reads on light and dark pages;
// title and description speak to screen readers.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

struct ChartPoint {
    double x = 0, y = 0;
    std::optional<double> low, high; // an interval, drawn as a bar through the point
};

struct ChartSeries {
    std::string label;              // "": not in the legend
    std::vector<ChartPoint> points; // by ascending x
    bool markers = true;            // a dot at each point
    bool dashed = false;
    std::optional<size_t> colour = std::nullopt; // 0 .. 3; without one: its place among the series
};

struct Chart {
    std::string title, description;
    std::string x_label, y_label;
    std::string note; // at the upper right, e.g. what is missing
    std::vector<ChartSeries> series;
    // Limits of the y axis where values have natural ones (accuracies: 0 and 1); it never reaches beyond them.
    std::optional<double> y_floor, y_ceiling;
    bool whole_x = false; // x counts things: ticks at whole numbers only
    // A dotted vertical line at this x, with its label.
    std::optional<double> marked_x;
    std::string mark_label;
};

// page: for HTML, sized and coloured by it (prints and dark mode included). file: black on white with fixed size and colours, as
// papers and programs that know no CSS variables want it.
enum class ChartStyle { page, file };
std::string render_svg(const Chart& chart, ChartStyle style = ChartStyle::page);

// Round numbers that divide [low, high] into about `count` steps; includes those just outside when `cover`.
std::vector<double> axis_ticks(double low, double high, int count, bool cover);

} // namespace dagan::results
