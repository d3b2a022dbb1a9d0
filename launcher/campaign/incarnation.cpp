#include "launcher/campaign/incarnation.h"

#include "base/error.h"
#include "base/file.h"

#include <fmt/format.h>

#include <sstream>

namespace dagan::launcher {

Incarnation present_incarnation(const CampaignFolder& folder) {
    if (!std::filesystem::exists(folder.incarnation())) return {};
    Incarnation present;
    std::string state;
    std::istringstream text(read_file(folder.incarnation()));
    if (!(text >> present.number) || present.number < 1) {
        throw system_error(folder.incarnation().string() +
                           ": holds no number; hint: only this program may write it");
    }
    present.ended = static_cast<bool>(text >> state) && state == "ended";
    return present;
}

int64_t begin_incarnation(const CampaignFolder& folder) {
    const int64_t number = present_incarnation(folder).number + 1;
    write_atomically(folder.incarnation(), fmt::format("{}\n", number));
    return number;
}

void end_incarnation(const CampaignFolder& folder, int64_t number) {
    if (present_incarnation(folder).number == number)
        write_atomically(folder.incarnation(), fmt::format("{} ended\n", number));
}

bool IncarnationWatch::superseded() {
    const auto now = std::chrono::steady_clock::now();
    if (now - checked_ < kIncarnationCheckPeriod) return false;
    checked_ = now;
    return superseded_now();
}

bool IncarnationWatch::superseded_now() {
    if (mine_ == 0) return false;
    try {
        return present_incarnation(folder_).number > mine_;
    } catch (const Error&) {
        return false;
    }
}

} // namespace dagan::launcher
