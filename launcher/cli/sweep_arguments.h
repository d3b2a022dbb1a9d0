// Loading a sweep with the data sets it names: the link between sweeps (which checks) and data (which reads headers).
#pragma once

#include "launcher/cli/commands.h"
#include "sweeps/load_sweep.h"

namespace dagan::launcher {

sweeps::LoadedSweep load(const SweepArguments& arguments, sweeps::MissingData missing);

} // namespace dagan::launcher
