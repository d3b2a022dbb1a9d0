#include "results/plot.h"

#include "results/svg_chart.h"
#include "results/trials.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan {

namespace {

constexpr size_t kDrawnPoints = 400;

void add_point(ChartSeries& series, double m, const CellRow& cell) {
    if (cell.test_mean) series.points.push_back({m, *cell.test_mean, cell.test_low, cell.test_high});
}

std::string describe(const ChartSeries& series) {
    std::string text = series.label + ":";
    for (const auto& point : series.points) text += fmt::format(" {} at m = {},", fmt::format("{:.4f}", point.y), point.x);
    text.back() = '.';
    return text;
}

NamedPlot accuracy_plot(const CellRow* begin, const CellRow* end, bool reduced) {
    ChartSeries trained{"equal epochs", {}, true, false}, matched{"m = 0 with as many steps", {}, true, true};
    int missing = 0;
    for (const CellRow* cell = begin; cell != end; ++cell) {
        const int steps_of = matched_steps_of(cell->budget);
        if (steps_of == 0)
            add_point(trained, cell->generated_per_real, *cell);
        else
            add_point(matched, steps_of, *cell);
        missing += cell->missing;
    }
    Chart chart;
    chart.title = fmt::format("{}, {} images per class{}", begin->dataset, begin->samples_per_class, reduced ? " (reduced)" : "");
    chart.description = "Mean test accuracy at the best validation epoch against generated images per real one. " +
                        (trained.points.empty() ? std::string("No result yet.") : describe(trained));
    if (!matched.points.empty()) chart.description += " " + describe(matched);
    if (missing > 0) chart.description += missing == 1 ? " 1 run is missing." : fmt::format(" {} runs are missing.", missing);
    chart.x_label = "generated images per real one (m)";
    chart.y_label = "test accuracy";
    chart.y_floor = 0;
    chart.y_ceiling = 1;
    chart.whole_x = true;
    chart.series.push_back(std::move(trained));
    if (!matched.points.empty()) chart.series.push_back(std::move(matched));
    return {fmt::format("{}-n{}", begin->dataset, begin->samples_per_class), render_svg(chart)};
}

} // namespace

std::vector<NamedPlot> accuracy_plots(const std::vector<CellRow>& cells, bool reduced) {
    std::vector<NamedPlot> plots;
    for (size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
        while (end < cells.size() && cells[end].dataset == cells[begin].dataset &&
               cells[end].samples_per_class == cells[begin].samples_per_class)
            ++end;
        plots.push_back(accuracy_plot(&cells[begin], &cells[begin] + (end - begin), reduced));
    }
    return plots;
}

std::string curve_plot(const std::string& title, const std::string& x_label, const std::string& quantity,
                       const std::vector<std::pair<int64_t, double>>& points, std::optional<int64_t> chosen) {
    ChartSeries series{quantity, {}, points.size() <= 40, false};
    const size_t stride = (points.size() + kDrawnPoints - 1) / kDrawnPoints;
    for (size_t i = 0; i < points.size(); ++i) {
        const bool drawn = i % stride == 0 || i + 1 == points.size() || std::isnan(points[i].second);
        if (drawn) series.points.push_back({static_cast<double>(points[i].first), points[i].second, {}, {}});
    }
    Chart chart;
    chart.title = title;
    chart.description = points.empty() ? "No values yet."
                                       : fmt::format("{} from {:.4g} at {} to {:.4g} at {}.", quantity, points.front().second,
                                                     points.front().first, points.back().second, points.back().first);
    chart.x_label = x_label;
    chart.y_label = quantity;
    chart.series.push_back(std::move(series));
    if (chosen) {
        chart.marked_x = static_cast<double>(*chosen);
        chart.mark_label = "chosen";
        chart.description += fmt::format(" Chosen: {}.", *chosen);
    }
    return render_svg(chart);
}

} // namespace dagan
