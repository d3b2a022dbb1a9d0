#include "data/source_files.h"

#include "base/error.h"
#include "base/file.h"

#include <archive.h>
#include <archive_entry.h>

#include <algorithm>
#include <memory>
#include <vector>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
// An archive opened for reading. Checks every call.
class Archive {
  public:
    // `raw`: the file is not an archive but a single file, which may be compressed by gzip.
    Archive(const fs::path& path, bool raw) : path_(path), archive_(archive_read_new()) {
        require(archive_ != nullptr, "libarchive has memory");
        check(archive_read_support_filter_gzip(archive_.get()));
        if (raw) {
            check(archive_read_support_format_raw(archive_.get()));
            check(archive_read_support_format_empty(archive_.get()));
        } else {
            check(archive_read_support_format_zip(archive_.get()));
            check(archive_read_support_format_tar(archive_.get()));
        }
        check(archive_read_open_filename(archive_.get(), path.c_str(), 1 << 18));
    }

    // Returns the next entry; nullptr at the end.
    archive_entry* next() {
        archive_entry* entry = nullptr;
        const int code = archive_read_next_header(archive_.get(), &entry);
        if (code == ARCHIVE_EOF) return nullptr;
        check(code);
        const char* name = archive_entry_pathname(entry);
        entry_ = name == nullptr ? "" : name;
        return entry;
    }

    std::string read_entry() {
        std::string bytes;
        std::vector<char> buffer(1 << 16);
        for (;;) {
            const la_ssize_t count =
                archive_read_data(archive_.get(), buffer.data(), buffer.size());
            if (count == 0) return bytes;
            check(static_cast<int>(std::min<la_ssize_t>(count, 0)));
            bytes.append(buffer.data(), static_cast<size_t>(count));
        }
    }

    const std::string& entry() const { return entry_; }

  private:
    struct Free {
        void operator()(archive* handle) const { archive_read_free(handle); }
    };

    // A warning counts as an error: a damaged archive must not become a smaller data set.
    void check(int code) const {
        if (code == ARCHIVE_OK) return;
        const char* reason = archive_error_string(archive_.get());
        throw input_error(path_.string() + (entry_.empty() ? "" : ": " + entry_) +
                          ": cannot be read: " + (reason == nullptr ? "damaged" : reason));
    }

    fs::path path_;
    std::unique_ptr<archive, Free> archive_;
    std::string entry_;
};

void check_exists(const fs::path& path) {
    std::error_code ignored;
    if (!fs::exists(path, ignored)) throw input_error(path.string() + ": no such file or folder");
}

void for_each_in_folder(const fs::path& folder,
                        const std::function<bool(std::string_view)>& accepts,
                        const std::function<void(std::string_view, const std::string&)>& use) {
    std::vector<std::string> names;
    try {
        for (const auto& entry : fs::recursive_directory_iterator(folder)) {
            if (entry.is_regular_file())
                names.push_back(entry.path().lexically_relative(folder).generic_string());
        }
    } catch (const fs::filesystem_error& error) {
        throw input_error(folder.string() + ": cannot be read: " + error.code().message());
    }
    std::ranges::sort(names);
    for (const std::string& name : names) {
        if (accepts(name)) use(name, read_file(folder / name));
    }
}
} // namespace

void for_each_file(const fs::path& source, const std::function<bool(std::string_view)>& accepts,
                   const std::function<void(std::string_view, const std::string&)>& use) {
    check_exists(source);
    if (fs::is_directory(source)) return for_each_in_folder(source, accepts, use);
    Archive archive(source, false);
    while (archive_entry* entry = archive.next()) {
        if (archive_entry_filetype(entry) == AE_IFREG && accepts(archive.entry()))
            use(archive.entry(), archive.read_entry());
    }
}

std::string read_maybe_gzip(const fs::path& path) {
    check_exists(path);
    Archive archive(path, true);
    return archive.next() == nullptr ? std::string() : archive.read_entry();
}

} // namespace dagan::data
