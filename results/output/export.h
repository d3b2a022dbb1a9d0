// Exports a campaign's results to a new folder, in the formats of other tools.
#pragma once

#include "results/database/location.h"
#include "spec/fields.h"

#include <filesystem>

namespace dagan::results {

// csv, json: one file for each table and view of the database, and for each of the tables that
// `dagan results rows|cells|table1|gains|choices` print.
// mlflow: a folder for `mlflow --backend-store-uri`: one run for each task, with its parameters,
// curves, scores and contact sheets.
DAGAN_ENUM(ExportFormat, csv, json, mlflow)

// Writes `folder`, which must not exist; it appears complete or not at all. `campaign`: the folder
// that the database's file names are relative to; contact sheets are read from it.
// Throws Blame::input if there is no campaign or the folder exists, Blame::system if it cannot be
// written.
void export_results(const Location& database, const std::filesystem::path& campaign,
                    ExportFormat format, const std::filesystem::path& folder);

} // namespace dagan::results
