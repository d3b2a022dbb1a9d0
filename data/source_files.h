// The files of a folder or an archive, one after the other; private to this module. Reading faults are Blame::input, naming
// the archive and the entry.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace dagan::data {

// Calls `accepts` with the path (relative to the source, with '/') of each regular file of a folder, zip or tar, and, where it
// says true, `use` with path and bytes. Order: sorted for folders, as stored for archives.
void for_each_file(const std::filesystem::path& source,
                   const std::function<bool(std::string_view name)>& accepts,
                   const std::function<void(std::string_view name, const std::string& bytes)>& use);

// The contents of a file, gunzipped when it is gzip.
std::string read_maybe_gzip(const std::filesystem::path& path);

} // namespace dagan::data
