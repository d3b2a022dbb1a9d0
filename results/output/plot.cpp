#include "results/output/plot.h"

#include "results/query/cells.h"
#include "results/query/runs.h"

#include <fmt/format.h>

#include <algorithm>

namespace dagan::results {

namespace {

constexpr size_t kDrawnPoints = 400;

void add_point(ChartSeries& series, double m, const CellRow& cell) {
    if (cell.test_mean)
        series.points.push_back({m, *cell.test_mean, cell.test_low, cell.test_high});
}

// Returns m*; nullopt if no augmented trial has finished.
std::optional<int> chosen_m(const CellRow* begin, const CellRow* end) {
    for (const auto& row : table1_of({begin, end})) {
        if (row.augmented) return row.generated_per_real;
    }
    return std::nullopt;
}

std::string missing_text(int missing) {
    if (missing == 0) return "";
    return missing == 1 ? "1 run is missing." : fmt::format("{} runs are missing.", missing);
}

std::string describe(const ChartSeries& series) {
    std::string text = series.label + ":";
    for (const auto& point : series.points)
        text += fmt::format(" {} at m = {},", fmt::format("{:.4f}", point.y), point.x);
    text.back() = '.';
    return text;
}

NamedPlot accuracy_plot(const CellRow* begin, const CellRow* end, bool reduced, ChartStyle style) {
    ChartSeries trained{"test", {}, true, false}, matched{"m = 0, equal steps", {}, true, true};
    ChartSeries validation{"validation", {}, false, false};
    int missing = 0;
    for (const CellRow* cell = begin; cell != end; ++cell) {
        const int steps_of = matched_steps_of(cell->budget);
        if (steps_of == 0)
            add_point(trained, cell->generated_per_real, *cell);
        else
            add_point(matched, steps_of, *cell);
        if (steps_of == 0 && cell->validation_mean)
            validation.points.push_back(
                {static_cast<double>(cell->generated_per_real), *cell->validation_mean, {}, {}});
        missing += cell->missing;
    }
    Chart chart;
    chart.title = fmt::format("{}, {} images per class{}", begin->dataset, begin->samples_per_class,
                              reduced ? " (reduced)" : "");
    chart.description =
        "Mean test accuracy at the best validation epoch against generated images per real "
        "image. " +
        (trained.points.empty() ? std::string("No result yet.") : describe(trained));
    if (!matched.points.empty()) chart.description += " " + describe(matched);
    chart.note = missing_text(missing);
    if (missing > 0) chart.description += " " + chart.note;
    if (const auto chosen = chosen_m(begin, end)) {
        chart.marked_x = *chosen;
        chart.mark_label = "chosen";
        chart.description += fmt::format(" Chosen by validation accuracy: m = {}.", *chosen);
    }
    chart.x_label = "generated images per real image (m)";
    chart.y_label = "accuracy";
    chart.y_floor = 0;
    chart.y_ceiling = 1;
    chart.whole_x = true;
    chart.series.push_back(std::move(trained));
    if (!matched.points.empty()) chart.series.push_back(std::move(matched));
    if (!validation.points.empty()) {
        validation.colour = 2;
        chart.series.push_back(std::move(validation));
    }
    return {file_name_of(fmt::format("{}-n{}", begin->dataset, begin->samples_per_class)),
            render_svg(chart, style)};
}

NamedPlot gain_plot(const std::string& dataset, const std::vector<const GainRow*>& gains,
                    bool reduced, ChartStyle style) {
    ChartSeries epochs{"against equal epochs", {}, true, false},
        steps{"against equal steps", {}, true, true};
    Chart chart;
    int missing = 0;
    const double first = gains.front()->samples_per_class, last = gains.back()->samples_per_class;
    // Separates the two intervals of one n.
    const double aside = 0.012 * (last - first);
    for (const GainRow* gain : gains) {
        missing += gain->missing;
        if (!gain->mean) continue;
        const bool matched = matched_steps_of(gain->against) > 0;
        (matched ? steps : epochs)
            .points.push_back({gain->samples_per_class + (matched ? aside : -aside), *gain->mean,
                               gain->low, gain->high});
        chart.description += fmt::format(
            " n = {}, m = {}, against {}: {:+.4f}{}.", gain->samples_per_class,
            gain->generated_per_real, gain->against, *gain->mean,
            gain->low ? fmt::format(" ({:+.4f} to {:+.4f})", *gain->low, *gain->high) : "");
    }
    chart.title =
        fmt::format("{}: gain from generated images{}", dataset, reduced ? " (reduced)" : "");
    chart.description = "Gain in test accuracy over the run without generated images, at the m "
                        "chosen by validation accuracy, paired by seed." +
                        chart.description;
    chart.note = missing_text(missing);
    chart.x_label = "real images per class (n)";
    chart.y_label = "gain in test accuracy";
    chart.whole_x = true;
    for (ChartSeries* series : {&epochs, &steps}) {
        if (!series->points.empty()) chart.series.push_back(std::move(*series));
    }
    return {file_name_of(dataset + "-gains"), render_svg(chart, style)};
}

// About kDrawnPoints of the points. Keeps the last one, and every NaN as a gap.
std::vector<ChartPoint> thinned(const Curve& points) {
    std::vector<ChartPoint> drawn;
    const size_t stride = (points.size() + kDrawnPoints - 1) / kDrawnPoints;
    for (size_t i = 0; i < points.size(); ++i) {
        if (i % stride == 0 || i + 1 == points.size() || std::isnan(points[i].second))
            drawn.push_back({static_cast<double>(points[i].first), points[i].second, {}, {}});
    }
    return drawn;
}

std::string from_to(const std::string& name, const Curve& points) {
    return fmt::format("{} from {:.4g} at {} to {:.4g} at {}.", name, points.front().second,
                       points.front().first, points.back().second, points.back().first);
}

} // namespace

std::vector<NamedPlot> gain_plots(const std::vector<GainRow>& gains,
                                  const std::vector<ChoiceRow>& choices, bool reduced,
                                  ChartStyle style) {
    std::vector<NamedPlot> plots;
    const auto is_chosen = [&](const GainRow& gain) {
        return std::ranges::any_of(choices, [&](const ChoiceRow& choice) {
            return choice.chosen && choice.dataset == gain.dataset &&
                   choice.samples_per_class == gain.samples_per_class &&
                   choice.generated_per_real == gain.generated_per_real;
        });
    };
    for (size_t begin = 0, end = 0; begin < gains.size(); begin = end) {
        std::vector<const GainRow*> chosen;
        for (; end < gains.size() && gains[end].dataset == gains[begin].dataset; ++end) {
            if (is_chosen(gains[end])) chosen.push_back(&gains[end]);
        }
        const bool known =
            std::ranges::any_of(chosen, [](const GainRow* gain) { return gain->mean.has_value(); });
        if (known) plots.push_back(gain_plot(gains[begin].dataset, chosen, reduced, style));
    }
    return plots;
}

std::vector<NamedPlot> accuracy_plots(const std::vector<CellRow>& cells, bool reduced,
                                      ChartStyle style) {
    std::vector<NamedPlot> plots;
    for (size_t begin = 0, end = 0; begin < cells.size(); begin = end) {
        while (end < cells.size() && cells[end].dataset == cells[begin].dataset &&
               cells[end].samples_per_class == cells[begin].samples_per_class)
            ++end;
        plots.push_back(
            accuracy_plot(&cells[begin], &cells[begin] + (end - begin), reduced, style));
    }
    return plots;
}

std::string overlay_plot(const std::string& quantity, const std::vector<GroupedCurve>& curves,
                         ChartStyle style) {
    Chart chart;
    chart.title = quantity;
    chart.x_label = "iteration";
    chart.y_label = quantity;
    std::vector<std::string> groups;
    for (const GroupedCurve& curve : curves) {
        if (curve.points.empty()) continue;
        const auto known = std::ranges::find(groups, curve.group);
        const bool named = known != groups.end();
        ChartSeries series{named ? "" : curve.group, thinned(curve.points), false, false};
        series.colour = static_cast<size_t>(known - groups.begin());
        if (!named) groups.push_back(curve.group);
        chart.series.push_back(std::move(series));
        chart.description += from_to(curve.group + ":", curve.points) + " ";
    }
    return render_svg(chart, style);
}

std::vector<Curve> gan_curves(const Location& database, const std::string& quantity) {
    std::vector<Curve> curves;
    for (Run& run : read_runs(database)) {
        const auto found = run.curves.find(quantity);
        if (run.parameters["kind"] == "gan" && found != run.curves.end())
            curves.push_back(found->second);
    }
    return curves;
}

std::string curve_plot(const std::string& title, const std::string& x_label,
                       const std::string& quantity,
                       const std::vector<std::pair<int64_t, double>>& points,
                       std::optional<int64_t> chosen) {
    ChartSeries series{quantity, thinned(points), points.size() <= 40, false};
    Chart chart;
    chart.title = title;
    chart.description = points.empty() ? "No values yet." : from_to(quantity, points);
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

} // namespace dagan::results
