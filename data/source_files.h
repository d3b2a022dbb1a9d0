// Reads the files of a folder or an archive one by one. Internal to data. Throws Blame::input
// naming the source and the entry if something cannot be read, so that a damaged archive never
// becomes a smaller data set.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace dagan::data {

// Calls `accepts` with the path of each regular file of a folder, zip or tar, relative to `source`
// and with '/'. If it returns true, calls `use` with the path and the file's bytes. Order: sorted
// for folders, as stored for archives.
void for_each_file(const std::filesystem::path& source,
                   const std::function<bool(std::string_view name)>& accepts,
                   const std::function<void(std::string_view name, const std::string& bytes)>& use);

// Returns the contents of a file, decompressed if it is gzip.
std::string read_maybe_gzip(const std::filesystem::path& path);

} // namespace dagan::data
