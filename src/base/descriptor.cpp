#include "base/descriptor.h"

#include <unistd.h>

namespace dagan {

void Descriptor::close() {
    if (fd_ >= 0) ::close(fd_); // on Linux it is closed even if close() fails
    fd_ = -1;
}

} // namespace dagan
