// A process that the MPI job cannot do without is gone or frozen. Nobody's input and no lasting fault of the system: the job is to be ended
// and started again, unlike after any other Error, whose cause would be met again.
#pragma once

#include "base/error.h"

namespace dagan {

class JobBroken : public Error {
  public:
    explicit JobBroken(const std::string& message) : Error(Blame::system, message) {}
};

} // namespace dagan
