// Tables as text: aligned for people, CSV and JSON for programs (headers: interfaces, "Machine-readable output"), LaTeX for
// papers. Equal input gives equal bytes.
#pragma once

#include "results/query/diff.h"
#include "results/query/queries.h"
#include "spec/fields.h"

#include <string>
#include <vector>

namespace dagan::results {

DAGAN_ENUM(TableFormat, table, csv, json, latex)

// CSV: RFC 4180 quoting, LF; NULL is empty. JSON: an array of objects. Fractions have `decimals` digits after the point (people's
// formats: 4 at most), or the fewest that read back the same when it is negative.
std::string render(const Table& table, TableFormat format, int decimals = -1);

// In people's formats, published numbers carry their label and `reduced` (reductions.h) is said below the table.
// `missing`: how many planned trials have no row, said below the table.
std::string render_rows(const std::vector<TrialRow>& rows, TableFormat format, int missing = 0);
std::string render_cells(const std::vector<CellRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced = {});
std::string render_table1(const std::vector<Table1Row>& rows, TableFormat format,
                          const std::vector<std::string>& reduced = {});
std::string render_gains(const std::vector<GainRow>& rows, TableFormat format,
                         const std::vector<std::string>& reduced = {});
std::string render_choices(const std::vector<ChoiceRow>& rows, TableFormat format,
                           const std::vector<std::string>& reduced = {});

// For people: the cells that differ (all with `all`), and a line that sums up. For programs every cell.
std::string render_diff(const Diff& diff, TableFormat format, bool all);

} // namespace dagan::results
