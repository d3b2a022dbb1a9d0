#include "results/output/curve_table.h"

#include "results/query/queries.h"
#include "results/store/trial_record.h"

#include <algorithm>
#include <utility>

namespace dagan::results {

Table curve_table(const Location& database, const std::string& quantity) {
    Table table;
    table.columns = {"task", "quantity", "step", "value"};
    const auto add = [&](Value task, Value name, Value step, Value value) {
        if (!quantity.empty() && as_text(name) != quantity) return;
        table.rows.push_back({std::move(task), std::move(name), std::move(step), std::move(value)});
    };
    for (const auto& row :
         run_query(database, "SELECT task, quantity, step, value FROM curve").rows)
        add(row[0], row[1], row[2], row[3]);
    // The store keeps validation accuracy as counts, in the table `epoch`.
    for (const auto& row :
         run_query(database, "SELECT task, epoch, validation_correct, validation_total FROM epoch "
                             "WHERE validation_total > 0")
             .rows)
        add(row[0], std::string(kValidationAccuracy), row[1],
            as_number(row[2]) / as_number(row[3]));
    // Not by ORDER BY: a server sorts text by its own collation.
    std::ranges::sort(table.rows);
    return table;
}

} // namespace dagan::results
