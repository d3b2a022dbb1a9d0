#include "results/output/table_text.h"

#include "results/query/published.h"
#include "spec/json.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace dagan::results {

namespace {

// Resolves one image in a million.
constexpr int kProgramDecimals = 9;
constexpr int kPeopleDecimals = 4;

Value optional_value(const std::optional<double>& value) {
    return value ? Value(*value) : Value(std::monostate{});
}
Value integer(int64_t value) { return value; }

std::string text_of(const Value& value, int decimals) {
    if (std::holds_alternative<std::monostate>(value)) return "";
    if (const auto* text = std::get_if<std::string>(&value)) return *text;
    if (const auto* whole = std::get_if<int64_t>(&value)) return std::to_string(*whole);
    const double number = std::get<double>(value);
    return decimals < 0 ? fmt::format("{}", number) : fmt::format("{:.{}f}", number, decimals);
}

std::string csv_field(std::string text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
    for (size_t i = 0; (i = text.find('"', i)) != std::string::npos; i += 2) text.insert(i, "\"");
    return '"' + text + '"';
}

std::string to_csv(const Table& table, int decimals) {
    const auto line = [](const std::vector<std::string>& fields) {
        return fmt::format("{}\n", fmt::join(fields, ","));
    };
    std::vector<std::string> fields;
    for (const auto& column : table.columns) fields.push_back(csv_field(column));
    std::string text = line(fields);
    for (const auto& row : table.rows) {
        fields.clear();
        for (const auto& value : row) fields.push_back(csv_field(text_of(value, decimals)));
        text += line(fields);
    }
    return text;
}

std::string to_json(const Table& table) {
    auto rows = nlohmann::ordered_json::array();
    for (const auto& row : table.rows) {
        auto object = nlohmann::ordered_json::object();
        for (size_t i = 0; i < row.size(); ++i) {
            auto& member = object[table.columns[i]];
            std::visit(
                [&](const auto& value) {
                    if constexpr (!std::is_same_v<std::decay_t<decltype(value)>, std::monostate>)
                        member = value;
                },
                row[i]);
        }
        rows.push_back(std::move(object));
    }
    // A task's error message may hold bytes that are not UTF-8; by default dump() throws on them.
    return rows.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

// Width in characters: continuation bytes of UTF-8 do not count.
size_t width_of(const std::string& text) {
    return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
    }));
}

bool is_number(const Value& value) {
    return std::holds_alternative<int64_t>(value) || std::holds_alternative<double>(value);
}

std::string to_aligned(const Table& table, int decimals) {
    std::vector<std::vector<std::string>> lines{table.columns};
    for (const auto& row : table.rows) {
        auto& line = lines.emplace_back();
        for (const auto& value : row)
            line.push_back(
                std::holds_alternative<std::monostate>(value) ? "-" : text_of(value, decimals));
    }
    std::vector<size_t> widths(table.columns.size());
    std::vector<bool> numeric(table.columns.size(), false);
    for (const auto& line : lines) {
        for (size_t i = 0; i < line.size(); ++i) widths[i] = std::max(widths[i], width_of(line[i]));
    }
    for (const auto& row : table.rows) {
        for (size_t i = 0; i < row.size(); ++i) numeric[i] = numeric[i] || is_number(row[i]);
    }
    std::string text;
    for (const auto& line : lines) {
        std::string out;
        for (size_t i = 0; i < line.size(); ++i) {
            const std::string room(widths[i] - width_of(line[i]), ' ');
            out += (i == 0 ? "" : "  ") + (numeric[i] ? room + line[i] : line[i] + room);
        }
        text += out.substr(0, out.find_last_not_of(' ') + 1) + "\n";
    }
    return text;
}

std::string latex_escaped(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c == '\\') {
            out += "\\textbackslash{}";
        } else if (c == '~' || c == '^') {
            out += std::string("\\") + c + "{}";
        } else {
            if (std::string_view("&%$#_{}").find(c) != std::string_view::npos) out += '\\';
            out += c;
        }
    }
    return out;
}

// Notes are the last rows of the tabular, so that they are printed with it.
std::string to_latex(const Table& table, int decimals, const std::vector<std::string>& notes = {}) {
    std::string alignment;
    for (size_t i = 0; i < table.columns.size(); ++i)
        alignment +=
            std::ranges::any_of(table.rows, [i](const auto& row) { return is_number(row[i]); })
                ? 'r'
                : 'l';
    std::string text = "\\begin{tabular}{" + alignment + "}\n\\hline\n";
    const auto line = [](const std::vector<std::string>& fields) {
        return fmt::format("{} \\\\\n", fmt::join(fields, " & "));
    };
    std::vector<std::string> fields;
    for (const auto& column : table.columns) fields.push_back(latex_escaped(column));
    text += line(fields) + "\\hline\n";
    for (const auto& row : table.rows) {
        fields.clear();
        for (const auto& value : row)
            fields.push_back(std::holds_alternative<std::monostate>(value)
                                 ? "--"
                                 : latex_escaped(text_of(value, decimals)));
        text += line(fields);
    }
    text += "\\hline\n";
    for (const auto& note : notes)
        text += fmt::format("\\multicolumn{{{}}}{{p{{\\linewidth}}}}{{\\footnotesize {}}} \\\\\n",
                            table.columns.size(), latex_escaped(note));
    return text + "\\end{tabular}\n";
}

bool for_people(TableFormat format) {
    return format == TableFormat::table || format == TableFormat::latex;
}

// The number of seeds with a result; for people "2 of 5" if some have none.
Value seeds_value(int seeds, int missing, TableFormat format) {
    if (missing == 0 || !for_people(format)) return integer(seeds);
    return fmt::format("{} of {}", seeds, seeds + missing);
}

std::string render_with_notes(const Table& table, TableFormat format,
                              const std::vector<std::string>& notes) {
    if (format == TableFormat::latex) return to_latex(table, kPeopleDecimals, notes);
    std::string text = render(table, format, kProgramDecimals);
    if (for_people(format)) {
        for (const auto& note : notes) text += note + "\n";
    }
    return text;
}

std::vector<std::string> reduced_notes(const std::vector<std::string>& reduced) {
    if (reduced.empty()) return {};
    return {fmt::format("reduced: {}", fmt::join(reduced, ", "))};
}

} // namespace

std::string render(const Table& table, TableFormat format, int decimals) {
    const int shown = for_people(format) && decimals > kPeopleDecimals ? kPeopleDecimals : decimals;
    switch (format) {
    case TableFormat::csv: return to_csv(table, decimals);
    case TableFormat::json: return to_json(table);
    case TableFormat::latex: return to_latex(table, shown);
    case TableFormat::table: break;
    }
    return to_aligned(table, shown);
}

std::string render_rows(const std::vector<TrialRow>& rows, TableFormat format, int missing) {
    Table table;
    table.columns = {"dataset",
                     "samples_per_class",
                     "generated_per_real",
                     "seed",
                     "budget",
                     "softmax",
                     "steps",
                     "best_epoch",
                     "validation_correct",
                     "validation_total",
                     "test_correct",
                     "test_total"};
    for (const auto& row : rows) {
        table.rows.push_back({row.dataset, integer(row.samples_per_class),
                              integer(row.generated_per_real), integer(row.seed), row.budget,
                              row.softmax, row.steps, integer(row.best_epoch),
                              integer(row.validation_correct), integer(row.validation_total),
                              integer(row.test_correct), integer(row.test_total)});
    }
    if (missing == 0) return render(table, format, kProgramDecimals);
    return render_with_notes(
        table, format, {fmt::format("missing: {} planned classifiers without a result", missing)});
}

std::string render_cells(const std::vector<CellRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced) {
    Table table;
    table.columns = {"dataset",   "samples_per_class", "generated_per_real", "budget",   "seeds",
                     "missing",   "validation_mean",   "test_mean",          "test_sd",  "test_low",
                     "test_high", "gain_mean",         "gain_low",           "gain_high"};
    for (const auto& row : rows) {
        table.rows.push_back({row.dataset, integer(row.samples_per_class),
                              integer(row.generated_per_real), row.budget, integer(row.seeds),
                              integer(row.missing), optional_value(row.validation_mean),
                              optional_value(row.test_mean), optional_value(row.test_sd),
                              optional_value(row.test_low), optional_value(row.test_high),
                              optional_value(row.gain_mean), optional_value(row.gain_low),
                              optional_value(row.gain_high)});
    }
    return render_with_notes(table, format, reduced_notes(reduced));
}

std::string render_table1(const std::vector<Table1Row>& rows, TableFormat format,
                          const std::vector<std::string>& reduced) {
    Table table;
    table.columns = {
        "dataset", "samples_per_class", "augmented", "generated_per_real", "budget",
        "seeds",   "test_mean",         "test_low",  "test_high",          "published"};
    if (!for_people(format)) table.columns.push_back("missing");
    if (format == TableFormat::latex) {
        table.columns = {
            "Data set", "Samples per class", "DAGAN",    "Generated per real", "Budget",
            "Seeds",    "Test accuracy",     "95 % low", "95 % high",          "Published"};
    }
    if (for_people(format)) table.columns.back() += "*";
    for (const auto& row : rows) {
        const Value augmented = format == TableFormat::latex
                                    ? Value(row.augmented ? "with" : "without")
                                    : integer(row.augmented);
        table.rows.push_back({row.dataset, integer(row.samples_per_class), augmented,
                              integer(row.generated_per_real), row.budget,
                              seeds_value(row.seeds, row.missing, format),
                              optional_value(row.test_mean), optional_value(row.test_low),
                              optional_value(row.test_high), optional_value(row.published)});
        if (!for_people(format)) table.rows.back().push_back(integer(row.missing));
    }
    std::vector<std::string> notes{"* " + std::string(kPublishedLabel)};
    std::ranges::copy(reduced_notes(reduced), std::back_inserter(notes));
    return render_with_notes(table, format, notes);
}

std::string render_gains(const std::vector<GainRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced) {
    Table table;
    table.columns = {"dataset",
                     "samples_per_class",
                     "generated_per_real",
                     "against",
                     "pairs",
                     "missing",
                     "gain_mean",
                     "gain_sd",
                     "gain_low",
                     "gain_high",
                     "bootstrap_low",
                     "bootstrap_high",
                     "p",
                     "p_holm"};
    for (const auto& row : rows) {
        table.rows.push_back(
            {row.dataset, integer(row.samples_per_class), integer(row.generated_per_real),
             row.against, integer(row.pairs), integer(row.missing), optional_value(row.mean),
             optional_value(row.sd), optional_value(row.low), optional_value(row.high),
             optional_value(row.bootstrap_low), optional_value(row.bootstrap_high),
             optional_value(row.p), optional_value(row.p_holm)});
    }
    std::vector<std::string> notes{
        "gain: test accuracy minus that of the baseline without generated images, paired by seed; "
        "low and high: 95 % t and BCa bootstrap intervals; p: paired t test; p_holm: p adjusted "
        "over all rows against the same kind of baseline"};
    std::ranges::copy(reduced_notes(reduced), std::back_inserter(notes));
    return render_with_notes(table, format, notes);
}

std::string render_choices(const std::vector<ChoiceRow>& rows, TableFormat format,
                           const std::vector<std::string>& reduced) {
    Table table;
    table.columns = {
        "dataset",         "samples_per_class", "generated_per_real", "seeds",           "missing",
        "validation_mean", "validation_sd",     "validation_low",     "validation_high", "chosen",
        "behind_mean",     "behind_low",        "behind_high"};
    for (const auto& row : rows) {
        table.rows.push_back(
            {row.dataset, integer(row.samples_per_class), integer(row.generated_per_real),
             integer(row.seeds), integer(row.missing), optional_value(row.mean),
             optional_value(row.sd), optional_value(row.low), optional_value(row.high),
             integer(row.chosen), optional_value(row.behind_mean), optional_value(row.behind_low),
             optional_value(row.behind_high)});
    }
    std::vector<std::string> notes{
        "chosen: highest mean validation accuracy, the smaller m on ties; behind: validation "
        "accuracy of the chosen m minus that of the row, paired by seed, with a 95 % t interval"};
    std::ranges::copy(reduced_notes(reduced), std::back_inserter(notes));
    return render_with_notes(table, format, notes);
}

std::string render_diff(const Diff& diff, TableFormat format, bool all) {
    Table table;
    table.columns = {"dataset",
                     "samples_per_class",
                     "generated_per_real",
                     "budget",
                     "seeds_a",
                     "seeds_b",
                     "mean_a",
                     "mean_b",
                     "difference",
                     "test",
                     "p",
                     "p_holm",
                     "differs",
                     "identical"};
    int differing = 0, identical = 0, untested = 0;
    for (const auto& row : diff.rows) {
        differing += row.differs;
        identical += row.identical;
        untested += !row.p;
        if (for_people(format) && !all && !row.differs) continue;
        table.rows.push_back({row.dataset, integer(row.samples_per_class),
                              integer(row.generated_per_real), row.budget, integer(row.seeds_a),
                              integer(row.seeds_b), optional_value(row.mean_a),
                              optional_value(row.mean_b), optional_value(row.difference), row.test,
                              optional_value(row.p), optional_value(row.p_holm),
                              integer(row.differs), integer(row.identical)});
    }
    if (!for_people(format)) return render(table, format, kProgramDecimals);
    const std::vector<std::string> notes{
        fmt::format("{} of {} cells differ beyond noise (p_holm < 0.05), {} have identical counts, "
                    "{} have too few seeds for a test",
                    differing, diff.rows.size(), identical, untested),
        diff.paired ? "paired by seed: both campaigns have the same sweep seed and data"
                    : "not paired: the campaigns do not have the same sweep seed and data"};
    if (table.rows.empty()) return fmt::format("{}\n{}\n", notes[0], notes[1]);
    return render_with_notes(table, format, notes);
}

} // namespace dagan::results
