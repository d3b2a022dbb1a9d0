// Files that are either complete or absent. A file is written under a temporary name in the same
// directory, synced, renamed to its final name, and the directory is synced.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace dagan {

// Part of the name of a temporary file. A process that is killed leaves its temporary file behind.
inline constexpr std::string_view kTemporaryMark = ".tmp-";

// Writes `bytes` to `path`. A reader, or the next process after a crash, sees either the old file
// or the complete new one. Creates missing parent directories. Throws Blame::system (disk full, no
// permission) and then leaves the old file in place.
void write_atomically(const std::filesystem::path& path, std::string_view bytes);

// Writes a new file. Returns false, and changes nothing, if `path` already exists. Of several
// simultaneous writers, also on different machines that share the file system, exactly one
// succeeds. Throws Blame::system.
bool create_atomically(const std::filesystem::path& path, std::string_view bytes);

// Same as the first overload, for libraries that write to a file name (HDF5, PNG): `fill` writes
// the temporary file whose path it gets.
void write_atomically(const std::filesystem::path& path,
                      const std::function<void(const std::filesystem::path&)>& fill);

// Returns the content of a file. Throws Blame::system if it cannot be read.
std::string read_file(const std::filesystem::path& path);

} // namespace dagan
