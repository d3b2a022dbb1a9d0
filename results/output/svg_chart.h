// Draws a line chart as one SVG element: no script, no external reference. Internal to results.
//
// Fixed size of 480 x 310 units. Series take a colour-blind-safe palette of four colours (Okabe and
// Ito). On a page, its CSS variables --series-1 to --series-4 override them, and lines and text
// take the page's text colour, so the chart reads on light and dark pages. Title and description
// serve screen readers. Equal charts give equal bytes.
//
//     Chart chart;
//     chart.title = "omniglot: score";
//     chart.series.push_back({"score", {{0, 0.1, {}, {}}, {1000, 0.6, {}, {}}}});
//     write_atomically("score.svg", render_svg(chart, ChartStyle::file));
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace dagan::results {

struct ChartPoint {
    // y may be NaN or infinite: a gap in the line.
    double x = 0, y = 0;
    // An interval around y, drawn as a vertical bar if both ends are given and the series has
    // markers.
    std::optional<double> low, high;
};

struct ChartSeries {
    // Empty: not in the legend.
    std::string label;
    // By ascending x.
    std::vector<ChartPoint> points;
    // A dot at each point.
    bool markers = true;
    bool dashed = false;
    // Index into the palette, modulo 4; default: the series' position in the chart.
    std::optional<size_t> colour = std::nullopt;
};

// All texts are plain text: render_svg() escapes them.
struct Chart {
    std::string title, description;
    std::string x_label, y_label;
    // Shown at the upper right, e.g. "2 runs are missing.".
    std::string note;
    // A legend is drawn if there are two or more.
    std::vector<ChartSeries> series;
    // Natural limits of y (accuracies: 0 and 1). The axis does not extend beyond the tick that
    // contains them.
    std::optional<double> y_floor, y_ceiling;
    // x is a count: ticks at integers only.
    bool whole_x = false;
    // A dotted vertical line at this x, labelled `mark_label`.
    std::optional<double> marked_x;
    std::string mark_label;
};

// page: scales with the HTML page and takes its colours (print and dark mode included).
// file: black on white with fixed size and colours, for papers and programs without CSS variables.
enum class ChartStyle { page, file };

// Returns the chart as an <svg> element. A chart without finite values has axes from 0 to 1.
std::string render_svg(const Chart& chart, ChartStyle style = ChartStyle::page);

// Returns ascending round numbers (1, 2 or 5 times a power of ten apart) that divide [low, high]
// into at most about `count` steps. `cover`: includes the tick at or below `low` and the one at or
// above `high`. Needs low < high and count >= 1.
std::vector<double> axis_ticks(double low, double high, int count, bool cover);

} // namespace dagan::results
