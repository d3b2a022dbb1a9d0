// A check of the PostgreSQL server that is to hold a campaign's results, before the campaign
// begins.
//
// Changes nothing on the server.
#pragma once

#include "results/database/location.h"
#include "spec/fields.h"

#include <string>

namespace dagan::results {

// foreign: the schema holds tables of another program.
DAGAN_ENUM(SchemaState, empty, campaign, foreign)

struct ServerSurvey {
    std::string version; // of the server, e.g. "15.6"
    std::string schema;  // the connection's current schema; "" if it has none
    SchemaState state = SchemaState::empty;
    bool may_create = false; // this user may create tables in the schema
    int free_connections = 0;
};

// Connects to `server` and reports what a campaign would find there. Throws Blame::system if the
// server cannot be reached, Blame::input if the tables are of another version of this program.
ServerSurvey survey_server(const Location& server);

} // namespace dagan::results
