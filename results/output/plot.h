// Draws the figures of a campaign as SVG: test accuracy against m (generated images per real
// image), gains against n (real images per class), and training curves. Pure functions of their
// rows, except gan_curves().
#pragma once

#include "results/output/svg_chart.h"
#include "results/query/queries.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace dagan::results {

struct NamedPlot {
    // A file name without extension, e.g. "omniglot-n5".
    std::string name;
    std::string svg;
};

// Returns one plot for each (data set, n) of `cells`, which must be sorted as cell_rows() returns
// them: mean test accuracies with 95 % intervals, the validation means by which m* is chosen, m*
// marked, and the step-matched baselines, if any, as a dashed line.
// `reduced`: the title says that the sweep is reduced.
std::vector<NamedPlot> accuracy_plots(const std::vector<CellRow>& cells, bool reduced,
                                      ChartStyle style = ChartStyle::page);

// Returns one plot for each data set: the gains of the chosen m (`choices`) over the baselines of
// equal epochs and of equal steps, against n, with 95 % intervals of the differences paired by
// seed. Leaves out data sets without a known gain. `gains` must be sorted by data set.
std::vector<NamedPlot> gain_plots(const std::vector<GainRow>& gains,
                                  const std::vector<ChoiceRow>& choices, bool reduced,
                                  ChartStyle style = ChartStyle::page);

// Returns a plot of one curve over training: (step, value) by ascending step, thinned to about 400
// points. NaN leaves a gap. `chosen`: the step whose weights were taken, marked by a line.
std::string curve_plot(const std::string& title, const std::string& x_label,
                       const std::string& quantity,
                       const std::vector<std::pair<int64_t, double>>& points,
                       std::optional<int64_t> chosen = std::nullopt);

// Colours repeat from group kMostGroups + 1 on.
inline constexpr size_t kMostGroups = 4;

struct GroupedCurve {
    std::string group;
    // (iteration, value), by ascending iteration.
    std::vector<std::pair<int64_t, double>> points;
};

// Returns one plot of `quantity` of several campaigns' DAGANs. Curves of one group (the seeds of a
// setting, say) share a colour and a legend entry. Skips empty curves.
std::string overlay_plot(const std::string& quantity, const std::vector<GroupedCurve>& curves,
                         ChartStyle style = ChartStyle::file);

// Reads the curves of `quantity`, one for each DAGAN of the campaign that logged it.
// Throws Blame::input if `database` holds no results.
std::vector<std::vector<std::pair<int64_t, double>>> gan_curves(const Location& database,
                                                                const std::string& quantity);

} // namespace dagan::results
