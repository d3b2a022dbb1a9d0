// Renders tables as text: aligned columns for people, CSV and JSON for programs, LaTeX for papers.
// docs/reference/results.md defines every column. Equal input gives equal bytes. Reads no database.
#pragma once

#include "results/query/diff.h"
#include "results/query/queries.h"
#include "spec/fields.h"

#include <string>
#include <vector>

namespace dagan::results {

// table and latex are for people, csv and json for programs.
DAGAN_ENUM(TableFormat, table, csv, json, latex)

// Renders any table. csv: a header, RFC 4180 quoting, LF line ends, NULL as an empty field.
// json: an array of objects; bytes that are not UTF-8 become U+FFFD. table and latex: NULL as a
// dash. `decimals`: digits after the point of a fraction (table and latex: at most 4; json: as many
// as needed); negative: the fewest that read back as the same double.
std::string render(const Table& table, TableFormat format, int decimals = -1);

// The functions below render one command's table, with 9 decimals in csv and 4 for people.
// For people, notes below the table explain columns, label published numbers (published.h) and list
// how the sweep is reduced (`reduced`, from reductions.h; empty: it is not). csv and json hold the
// rows only, so that equal campaigns give equal files.

// `missing`: the number of planned trials without a row, stated below the table.
std::string render_rows(const std::vector<TrialRow>& rows, TableFormat format, int missing = 0);
std::string render_cells(const std::vector<CellRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced = {});
std::string render_table1(const std::vector<Table1Row>& rows, TableFormat format,
                          const std::vector<std::string>& reduced = {});
std::string render_gains(const std::vector<GainRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced = {});
std::string render_choices(const std::vector<ChoiceRow>& rows, TableFormat format,
                           const std::vector<std::string>& reduced = {});

// For people: the cells that differ (`all`: every cell) and a summary. For programs: every cell.
std::string render_diff(const Diff& diff, TableFormat format, bool all);

} // namespace dagan::results
