// What a campaign would find on the PostgreSQL server that its results are to go to. Changes nothing there.
#pragma once

#include "results/database/location.h"
#include "spec/fields.h"

#include <string>

namespace dagan::results {

DAGAN_ENUM(SchemaState, empty, campaign, foreign) // foreign: other tables than ours

struct ServerSurvey {
    std::string version, schema; // "15.6", the connection's current schema; "" when there is none
    SchemaState state = SchemaState::empty;
    bool may_create = false; // tables in that schema
    int free_connections = 0;
};

// Throws Blame::system when the server cannot be reached, Blame::input when its tables are of another version of this program.
ServerSurvey survey_server(const Location& server);

} // namespace dagan::results
