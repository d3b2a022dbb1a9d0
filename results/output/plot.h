// The plots of a campaign as SVG: test accuracy against generated images per real one, and a DAGAN's curves.
#pragma once

#include "results/output/svg_chart.h"
#include "results/query/queries.h"

#include <cmath>
#include <string>
#include <utility>
#include <vector>

namespace dagan::results {

struct NamedPlot {
    std::string name; // for a file, without extension, e.g. "omniglot-n5"
    std::string svg;
};

// One for each (dataset, n) of `cells` (in their order): test means with 95 % intervals, the validation means by which m* is
// chosen (marked), and as a dashed line the baselines of as many steps as the run with m, where there are any. `reduced` puts the
// word into the title.
std::vector<NamedPlot> accuracy_plots(const std::vector<CellRow>& cells, bool reduced,
                                      ChartStyle style = ChartStyle::page);

// One for each data set: what the m of Table 1 (of `choices`) gained against the baselines of as many epochs and of as many
// steps, over n, with 95 % intervals of the differences paired by seed. Only where some gain is known.
std::vector<NamedPlot> gain_plots(const std::vector<GainRow>& gains,
                                  const std::vector<ChoiceRow>& choices, bool reduced,
                                  ChartStyle style = ChartStyle::page);

// One curve over training; at most some hundred of its points are drawn. NaN leaves a gap. `chosen`: the iteration whose weights
// were taken, marked by a line.
std::string curve_plot(const std::string& title, const std::string& x_label,
                       const std::string& quantity,
                       const std::vector<std::pair<int64_t, double>>& points,
                       std::optional<int64_t> chosen = std::nullopt);

// A quantity of the DAGANs of several campaigns in one plot, by iteration. Curves of one group (seeds of one setting, say) share
// a colour and a word in the legend. Colours of more than kMostGroups groups repeat.
inline constexpr size_t kMostGroups = 4;
struct GroupedCurve {
    std::string group;
    std::vector<std::pair<int64_t, double>> points;
};
std::string overlay_plot(const std::string& quantity, const std::vector<GroupedCurve>& curves,
                         ChartStyle style = ChartStyle::file);

// The curves of that quantity of a campaign's DAGANs; none where none was logged.
std::vector<std::vector<std::pair<int64_t, double>>> gan_curves(const Location& database,
                                                                const std::string& quantity);

} // namespace dagan::results
