// Files that are either whole or not there: temporary name, fsync, rename, fsync of the folder.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace dagan {

// In the name of a file that is not whole yet; a killed process leaves one behind.
inline constexpr std::string_view kTemporaryMark = ".tmp-";

// Writes `bytes` to `path` so that a reader, or a crash at any time, sees the old file or the whole new one.
// Creates missing parent folders. Throws Blame::system (disk full, not writable) and leaves the old file.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

// The same for a file that must not be there yet: false, changing nothing, when it is. Of several writers at the same time, also
// on different machines that share the file system, one succeeds.
bool create_atomically(const std::filesystem::path& path, std::string_view bytes);

// The same for writers that need a file name (HDF5, PNG): `fill` writes the temporary file, which is then synced and renamed.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& fill);

// The whole file. Throws Blame::system when it cannot be read.
std::string read_file(const std::filesystem::path& path);

} // namespace dagan
