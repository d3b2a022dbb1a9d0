// Loading a sweep with the data sets it names: the link between sweeps (which checks) and data (which reads headers).
#pragma once

#include "launcher/cli/commands.h"
#include "sweeps/load_sweep.h"

namespace dagan {

LoadedSweep load(const SweepArguments& arguments, MissingData missing);

} // namespace dagan
