#include "spec/result.h"

namespace dagan {

namespace {
std::string sql_list_of(bool (*holds)(Outcome)) {
    std::string list;
    for (size_t i = 0; i < names_of<Outcome>().size(); ++i) {
        if (!holds(static_cast<Outcome>(i))) continue;
        list += (list.empty() ? "'" : ", '") + names_of<Outcome>()[i] + "'";
    }
    return list;
}
} // namespace

std::string finished_outcomes_sql() { return sql_list_of(is_finished); }
std::string node_outcomes_sql() { return sql_list_of(implicates_node); }

} // namespace dagan
