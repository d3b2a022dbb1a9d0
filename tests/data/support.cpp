#include "data/support.h"

#include "base/random.h"

#include <archive.h>
#include <archive_entry.h>
#include <turbojpeg.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <memory>

namespace dagan::data::test {

namespace fs = std::filesystem;

TemporaryFolder::TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "dagan-data-XXXXXX").string();
    require(mkdtemp(pattern.data()) != nullptr, "mkdtemp makes a temporary folder");
    path_ = pattern;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

Dataset random_dataset(const std::vector<int>& counts, int channels, int size, uint64_t seed,
                       bool official_split) {
    Random random(seed);
    DatasetInfo info;
    info.channels = channels;
    info.height = info.width = size;
    info.source = "random pixels, seed " + std::to_string(seed);
    info.licence = "none";
    info.polarity = channels == 1 ? "ink_is_low" : "colour";
    std::vector<int32_t> labels;
    std::vector<std::string> names;
    std::vector<uint8_t> split;
    for (const int count : counts) {
        labels.insert(labels.end(), static_cast<size_t>(count), static_cast<int32_t>(names.size()));
        for (int i = 0; official_split && i < count; ++i)
            split.push_back(i < count * 2 / 3 ? 0 : 1);
        names.push_back("klasse " + std::string(1, static_cast<char>('a' + names.size() % 26)) +
                        "\xc3\xa9"); // a non-ASCII name
    }
    std::vector<uint8_t> images(labels.size() * static_cast<size_t>(channels * size * size));
    for (uint8_t& pixel : images) pixel = static_cast<uint8_t>(random.below(256));
    return {info, std::move(images), std::move(labels), std::move(names), std::move(split)};
}

DatasetRef reference_to(const Dataset& data) {
    DatasetRef ref;
    ref.name = "tiny";
    ref.channels = data.info().channels;
    ref.size = data.info().height;
    ref.sha256 = data.info().sha256;
    ref.split_stream = 77;
    return ref;
}

void write_file(const fs::path& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

namespace {
struct FreeWriter {
    void operator()(archive* handle) const { archive_write_free(handle); }
};
using Writer = std::unique_ptr<archive, FreeWriter>;

void add_entry(archive* writer, const std::string& name, const std::string& bytes) {
    const std::unique_ptr<archive_entry, decltype(&archive_entry_free)> entry(archive_entry_new(),
                                                                              archive_entry_free);
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    archive_entry_set_filetype(entry.get(), AE_IFREG);
    archive_entry_set_perm(entry.get(), 0644);
    require(archive_write_header(writer, entry.get()) == ARCHIVE_OK, "an entry can be begun");
    require(archive_write_data(writer, bytes.data(), bytes.size()) ==
                static_cast<la_ssize_t>(bytes.size()),
            "and written");
}
} // namespace

void write_zip(const fs::path& path, const Files& files) {
    const Writer writer(archive_write_new());
    archive_write_set_format_zip(writer.get());
    require(archive_write_open_filename(writer.get(), path.c_str()) == ARCHIVE_OK,
            "a zip can be begun");
    for (const auto& [name, bytes] : files) add_entry(writer.get(), name, bytes);
    require(archive_write_close(writer.get()) == ARCHIVE_OK, "a zip can be finished");
}

void write_gzip(const fs::path& path, const std::string& bytes) {
    const Writer writer(archive_write_new());
    archive_write_set_format_raw(writer.get());
    archive_write_add_filter_gzip(writer.get());
    require(archive_write_open_filename(writer.get(), path.c_str()) == ARCHIVE_OK,
            "a gzip can be begun");
    add_entry(writer.get(), "data", bytes);
    require(archive_write_close(writer.get()) == ARCHIVE_OK, "a gzip can be finished");
}

void write_folder(const fs::path& path, const Files& files) {
    for (const auto& [name, bytes] : files) {
        fs::create_directories((path / name).parent_path());
        write_file(path / name, bytes);
    }
}

std::string encode_jpeg(int width, int height, const std::vector<uint8_t>& rgb) {
    const std::unique_ptr<void, decltype(&tjDestroy)> handle(tjInitCompress(), tjDestroy);
    unsigned char* buffer = nullptr;
    unsigned long size = 0;
    require(tjCompress2(handle.get(), rgb.data(), width, 0, height, TJPF_RGB, &buffer, &size,
                        TJSAMP_444, 95, 0) == 0,
            "JPEG encodes");
    const std::string bytes(reinterpret_cast<const char*>(buffer), size);
    tjFree(buffer);
    return bytes;
}

} // namespace dagan::data::test
