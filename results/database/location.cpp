#include "results/database/location.h"

namespace dagan::results {

Location Location::parse(const std::string& text) {
    Location location{std::filesystem::path(text)};
    if (text.starts_with("postgresql://") || text.starts_with("postgres://")) {
        location.url_ = text;
        location.file_.clear();
    }
    return location;
}

std::string Location::name() const {
    if (!is_server()) return file_.string();
    // The password may be in user:password@host, or in the parameter password=...
    std::string name = url_;
    const auto host = name.find("://") + 3;
    const auto at = name.find('@', host), colon = name.find(':', host);
    if (at != std::string::npos && colon < at && at < name.find('/', host))
        name.erase(colon, at - colon);
    for (size_t found; (found = name.find("password=")) != std::string::npos;) {
        const auto end = name.find('&', found);
        name.erase(found, end == std::string::npos ? std::string::npos : end - found + 1);
    }
    return name;
}

} // namespace dagan::results
