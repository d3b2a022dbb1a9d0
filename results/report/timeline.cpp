#include "results/report/timeline.h"

#include "base/duration.h"
#include "results/output/html.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

namespace dagan::results {

namespace {

constexpr double kWidth = 1000, kLeft = 120, kRight = 12, kTop = 22, kBar = 9, kRowGap = 5,
                 kBottom = 24;
// If there are more bars than this, they have no tooltips.
constexpr size_t kTooltips = 1500;
// A pause is drawn as at most this share of the busy time.
constexpr double kShownPause = 0.04;
// Minimum, in pixels.
constexpr double kTickDistance = 70;
// Minimum width of a bar, in pixels: a failure must be visible.
constexpr double kNarrowest = 0.4, kNarrowestFailure = 3;

// Maps time to pixels, with long pauses shortened.
class Clock {
  public:
    struct Pause {
        double x;
        int64_t ms;
    };

    // `attempts`: by ascending start.
    explicit Clock(const std::vector<TimedAttempt>& attempts) {
        for (const auto& attempt : attempts) {
            if (spans_.empty() || attempt.started_ms > spans_.back().to)
                spans_.push_back({attempt.started_ms, attempt.ended_ms, 0});
            else
                spans_.back().to = std::max(spans_.back().to, attempt.ended_ms);
        }
        double busy = 0;
        for (const auto& span : spans_) busy += static_cast<double>(span.to - span.from);
        const double longest = std::max(1.0, kShownPause * busy);
        double shown = 0;
        for (size_t i = 0; i < spans_.size(); ++i) {
            if (i > 0)
                shown += std::min(longest, static_cast<double>(spans_[i].from - spans_[i - 1].to));
            spans_[i].shown_from = shown;
            shown += static_cast<double>(spans_[i].to - spans_[i].from);
        }
        scale_ = (kWidth - kLeft - kRight) / std::max(1.0, shown);
        for (size_t i = 1; i < spans_.size(); ++i) {
            const int64_t pause = spans_[i].from - spans_[i - 1].to;
            if (static_cast<double>(pause) > longest)
                pauses_.push_back({(x(spans_[i - 1].to) + x(spans_[i].from)) / 2, pause});
        }
    }

    // `ms` must be within a busy span or at its ends.
    double x(int64_t ms) const {
        auto span = std::upper_bound(spans_.begin(), spans_.end(), ms,
                                     [](int64_t at, const Span& s) { return at < s.from; });
        if (span != spans_.begin()) --span;
        const int64_t within = std::clamp(ms, span->from, span->to) - span->from;
        return kLeft + scale_ * (span->shown_from + static_cast<double>(within));
    }
    bool busy(int64_t ms) const {
        return std::any_of(spans_.begin(), spans_.end(),
                           [&](const Span& span) { return span.from <= ms && ms <= span.to; });
    }
    const std::vector<Pause>& pauses() const { return pauses_; }
    int64_t begin() const { return spans_.front().from; }
    int64_t end() const { return spans_.back().to; }

  private:
    struct Span {
        int64_t from, to;
        double shown_from;
    };
    std::vector<Span> spans_;
    std::vector<Pause> pauses_;
    double scale_ = 1;
};

// Returns a customary unit of time that divides the span into at most about ten steps.
int64_t tick_step(int64_t span_ms) {
    constexpr int64_t kSteps[] = {1,   2,    5,    10,   20,   30,       60,       120,      300,
                                  600, 1200, 1800, 3600, 7200, 3 * 3600, 6 * 3600, 12 * 3600};
    for (const int64_t step : kSteps) {
        if (span_ms / (step * 1000) <= 10) return step * 1000;
    }
    int64_t days = 1;
    while (span_ms / (days * 86'400'000) > 10) days *= 2;
    return days * 86'400'000;
}

struct Bar {
    const TimedAttempt* attempt;
    RankName rank;
    // Within the rank's row.
    size_t line;
};

// The lines of a rank's row are its trainers: each bar takes the first free line.
struct Rows {
    std::vector<Bar> bars;
    // By rank: the end of the last bar of each line.
    std::map<RankName, std::vector<int64_t>> busy_until;
    std::map<RankName, std::set<std::string>> hosts;
};

Rows rows_of(const std::vector<TimedAttempt>& attempts) {
    Rows rows;
    for (const auto& attempt : attempts) {
        for (const RankName& rank : attempt.ranks) {
            auto& lines = rows.busy_until[rank];
            size_t line = 0;
            while (line < lines.size() && lines[line] > attempt.started_ms) ++line;
            if (line == lines.size()) lines.push_back(0);
            lines[line] = attempt.ended_ms;
            rows.bars.push_back({&attempt, rank, line});
        }
        if (!attempt.ranks.empty()) rows.hosts[attempt.ranks.front()].insert(attempt.host);
    }
    return rows;
}

bool failed(const TimedAttempt& attempt) {
    static const std::set<std::string> kNotFailures{"", "done", "diverged", "interrupted"};
    return !kNotFailures.contains(attempt.outcome);
}

// Returns a class of report.css: t-classifier, t-gan, ..., t-failed.
std::string style_of(const TimedAttempt& attempt) {
    return failed(attempt) ? "t-failed" : "t-" + html_escaped(attempt.kind);
}

std::string draw_bars(const Rows& rows, const Clock& clock,
                      const std::map<RankName, double>& tops) {
    const bool tooltips = rows.bars.size() <= kTooltips;
    std::map<std::string, std::string> shapes; // by style
    for (const auto& bar : rows.bars) {
        const auto& attempt = *bar.attempt;
        const double from = clock.x(attempt.started_ms);
        const double width = std::max(failed(attempt) ? kNarrowestFailure : kNarrowest,
                                      clock.x(attempt.ended_ms) - from);
        const double y = tops.at(bar.rank) + static_cast<double>(bar.line) * kBar;
        auto& shape = shapes[style_of(attempt)];
        if (tooltips) {
            shape += fmt::format(
                "<rect x=\"{:.1f}\" y=\"{:.0f}\" width=\"{:.1f}\" height=\"{:.0f}\"><title>{}{}: "
                "{}, {}</title></rect>\n",
                from, y, width, kBar - 1, html_escaped(attempt.label),
                attempt.ranks.size() > 1 ? fmt::format(" ({} ranks)", attempt.ranks.size()) : "",
                attempt.outcome.empty() ? "running" : html_escaped(attempt.outcome),
                duration_in_one_unit(attempt.ended_ms - attempt.started_ms));
        } else {
            shape += fmt::format("M{:.1f} {:.0f}h{:.1f}v{:.0f}h-{:.1f}z", from, y, width, kBar - 1,
                                 width);
        }
    }
    std::string out;
    // Failures last, so that nothing covers them.
    for (const bool failures : {false, true}) {
        for (const auto& [style, shape] : shapes) {
            if ((style == "t-failed") != failures) continue;
            out += tooltips ? fmt::format("<g class=\"{}\">\n{}</g>\n", style, shape)
                            : fmt::format("<path class=\"{}\" d=\"{}\"/>\n", style, shape);
        }
    }
    return out;
}

std::string draw_time_axis(const Clock& clock, double bottom) {
    std::string out;
    const int64_t step = tick_step(clock.end() - clock.begin());
    double last = -kTickDistance;
    for (int64_t at = clock.begin(); at <= clock.end(); at += step) {
        const double x = clock.x(at);
        if (!clock.busy(at) || x - last < kTickDistance) continue;
        last = x;
        out += fmt::format("<path class=\"t-grid\" d=\"M{0:.1f} {1:.0f}V{2:.0f}\"/><text "
                           "x=\"{0:.1f}\" y=\"{3:.0f}\" "
                           "text-anchor=\"middle\">{4}</text>\n",
                           x, kTop, bottom, bottom + 16,
                           at == clock.begin() ? "0" : duration_in_one_unit(at - clock.begin()));
    }
    for (const auto& pause : clock.pauses()) {
        out += fmt::format("<path class=\"t-pause\" d=\"M{0:.1f} {1:.0f}V{2:.0f}\"/><text "
                           "x=\"{0:.1f}\" y=\"{3:.0f}\" "
                           "text-anchor=\"middle\">{4} idle</text>\n",
                           pause.x, kTop, bottom, kTop - 6, duration_in_one_unit(pause.ms));
    }
    return out;
}

} // namespace

std::string timeline_svg(std::vector<TimedAttempt> attempts) {
    std::erase_if(attempts, [](const TimedAttempt& attempt) {
        return attempt.ended_ms < attempt.started_ms;
    });
    if (attempts.empty()) return "";
    std::stable_sort(attempts.begin(), attempts.end(),
                     [](const auto& a, const auto& b) { return a.started_ms < b.started_ms; });
    const Clock clock(attempts);
    const Rows rows = rows_of(attempts);
    std::map<RankName, double> tops;
    std::string labels;
    double top = kTop;
    for (const auto& [rank, lines] : rows.busy_until) {
        tops[rank] = top;
        const double height = static_cast<double>(lines.size()) * kBar;
        const auto hosts = rows.hosts.find(rank);
        const auto host = hosts == rows.hosts.end() ? ""
                                                    : ", " + *hosts->second.begin() +
                                                          (hosts->second.size() > 1 ? " …" : "");
        labels +=
            fmt::format("<text x=\"{:.0f}\" y=\"{:.1f}\" text-anchor=\"end\">rank {}{}</text>\n",
                        kLeft - 8, top + height / 2 + 4, to_text(rank),
                        html_escaped(host.size() > 14 ? host.substr(0, 12) + "…" : host));
        top += height + kRowGap;
    }
    const auto failures = std::count_if(attempts.begin(), attempts.end(), failed);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"timeline\" viewBox=\"0 0 {:.0f} "
               "{:.0f}\" role=\"img\" "
               "font-family=\"system-ui, sans-serif\" font-size=\"11\" fill=\"currentColor\">\n"
               "<title>Timeline of the attempts</title>\n"
               "<desc>{} attempts on {} ranks over {}, {} of them failed.</desc>\n",
               kWidth, top + kBottom, attempts.size(), rows.busy_until.size(),
               duration_in_one_unit(clock.end() - clock.begin()), failures) +
           draw_time_axis(clock, top) + labels + draw_bars(rows, clock, tops) + "</svg>\n";
}

} // namespace dagan::results
