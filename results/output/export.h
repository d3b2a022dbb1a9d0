// A campaign's results in the formats of other tools, as a folder.
#pragma once

#include "results/database/location.h"
#include "spec/fields.h"

#include <filesystem>

namespace dagan::results {

// csv, json: a file for each table and view of the database and for what `dagan results rows|cells|table1|gains|choices` print.
// tensorboard: an event file for each task, with its curves and sample sheets. mlflow: a folder for `mlflow --backend-store-uri`,
// a run for each task with parameters, curves and scores.
DAGAN_ENUM(ExportFormat, csv, json, tensorboard, mlflow)

// Writes `folder`, which must not exist yet; it appears whole or not at all. `campaign` is the folder that sample sheets are
// relative to. Throws Blame::input when there is no campaign or the folder exists, Blame::system when it cannot be written.
void export_results(const Location& database, const std::filesystem::path& campaign,
                    ExportFormat format, const std::filesystem::path& folder);

} // namespace dagan::results
