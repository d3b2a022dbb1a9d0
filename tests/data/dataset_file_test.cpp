#include "base/random.h"
#include "data/class_counts.h"
#include "data/support.h"

#include <fmt/format.h>
#include <hdf5.h>
#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <functional>

// HDF5 1.10 itself leaks when it reads damaged headers, as AnAlteredByte... makes it do by the
// hundred.
extern "C" const char* __lsan_default_suppressions();
extern "C" const char* __lsan_default_suppressions() { return "leak:libhdf5"; }

namespace dagan::data::test {

namespace fs = std::filesystem;

namespace {
void expect_equal(const Dataset& a, const Dataset& b) {
    EXPECT_TRUE(std::ranges::equal(a.pixels(), b.pixels()));
    EXPECT_TRUE(std::ranges::equal(a.labels(), b.labels()));
    EXPECT_TRUE(std::ranges::equal(a.official_split(), b.official_split()));
    for (int label = 0; label < a.info().classes; ++label)
        EXPECT_EQ(a.class_name(label), b.class_name(label));
    EXPECT_EQ(a.info().sha256, b.info().sha256);
    EXPECT_EQ(a.info().source, b.info().source);
    EXPECT_EQ(a.info().licence, b.info().licence);
    EXPECT_EQ(a.info().polarity, b.info().polarity);
}

// Opens a file read-write with plain HDF5, lets `change` alter it, and closes it.
void alter(const fs::path& path, const std::function<void(hid_t)>& change) {
    const hid_t file = H5Fopen(path.c_str(), H5F_ACC_RDWR, H5P_DEFAULT);
    ASSERT_GE(file, 0);
    change(file);
    ASSERT_GE(H5Fclose(file), 0);
}

void set_text(hid_t file, const char* name, const std::string& text) {
    if (H5Aexists(file, name) > 0) H5Adelete(file, name);
    const hid_t type = H5Tcopy(H5T_C_S1);
    H5Tset_size(type, text.size() + 5); // longer than necessary
    const hid_t space = H5Screate(H5S_SCALAR);
    const hid_t attribute = H5Acreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT);
    std::string padded = text;
    padded.resize(text.size() + 5, '\0');
    H5Awrite(attribute, type, padded.c_str());
    H5Aclose(attribute);
    H5Sclose(space);
    H5Tclose(type);
}

void set_version(hid_t file, int version) {
    const hid_t attribute = H5Aopen(file, "version", H5P_DEFAULT);
    H5Awrite(attribute, H5T_NATIVE_INT, &version);
    H5Aclose(attribute);
}

// Replaces a field by one of this type and shape, with these values.
void replace(hid_t file, const char* name, hid_t type, const std::vector<hsize_t>& shape,
             hid_t memory_type, const void* values) {
    if (H5Lexists(file, name, H5P_DEFAULT) > 0) H5Ldelete(file, name, H5P_DEFAULT);
    const hid_t space = H5Screate_simple(static_cast<int>(shape.size()), shape.data(), nullptr);
    const hid_t field = H5Dcreate2(file, name, type, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT);
    H5Dwrite(field, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values);
    H5Dclose(field);
    H5Sclose(space);
}

class DatasetFileTest : public ::testing::Test {
  protected:
    TemporaryFolder folder_;
    Dataset data_ = random_dataset({4, 3, 5}, 1, 6, 1, true); // 12 images
    fs::path path_ = save_dataset(folder_ / "set.h5", data_);

    // Expects that after `change`, reading the header and reading the whole set both fail with the
    // file name and all `parts`.
    void expect_refused_after(const std::function<void(hid_t)>& change,
                              std::vector<std::string> parts) {
        alter(path_, change);
        parts.push_back("set.h5");
        expect_refused([&] { read_dataset_info(path_); }, parts);
        expect_refused([&] { Dataset::open(path_); }, parts);
    }
};
} // namespace

TEST_F(DatasetFileTest, RoundTrips) {
    expect_equal(Dataset::open(path_), data_);
    const Dataset colour = random_dataset({2, 2}, 3, 5, 2);
    expect_equal(Dataset::open(save_dataset(folder_ / "colour.h5", colour)), colour);
}

TEST_F(DatasetFileTest, TheHeaderAloneYieldsSizesAndCounts) {
    const DatasetInfo info = read_dataset_info(path_);
    EXPECT_EQ(info.classes, 3);
    EXPECT_EQ(info.images, 12);
    EXPECT_EQ(info.channels, 1);
    EXPECT_EQ(info.height, 6);
    EXPECT_EQ(info.smallest_class, 3);
    EXPECT_EQ(info.largest_class, 5);
    EXPECT_EQ(info.shards, 1);
    EXPECT_EQ(info.sha256, data_.info().sha256);
}

TEST_F(DatasetFileTest, TheSmallestClassIsFoundByName) {
    const std::vector<ClassCount> counts = read_class_counts(path_);
    ASSERT_EQ(counts.size(), 3U);
    size_t smallest = 0;
    for (size_t label = 0; label < counts.size(); ++label) {
        EXPECT_EQ(counts[label].name, data_.class_name(static_cast<int>(label)));
        EXPECT_EQ(counts[label].images, data_.count_of(static_cast<int>(label)));
        if (counts[label].images < counts[smallest].images) smallest = label;
    }
    EXPECT_EQ(smallest_class_name(path_), counts[smallest].name);
}

TEST_F(DatasetFileTest, ShardsOpenAsOneSetWithTheSameHash) {
    for (const int shards : {2, 5, 12}) {
        const fs::path first =
            save_dataset(folder_ / fmt::format("cut{}.h5", shards), data_, shards);
        EXPECT_EQ(first.filename(), fmt::format("cut{0}-00000-of-{0:05}.h5", shards));
        const Dataset opened = Dataset::open(first);
        expect_equal(opened, data_);
        EXPECT_EQ(opened.info().shards, shards);
        EXPECT_EQ(read_dataset_info(first).images, 12);
    }
    expect_refused([&] { save_dataset(folder_ / "x.h5", data_, 13); },
                   {"12 images into 13 shards"});
}

TEST_F(DatasetFileTest, AMissingForeignOrLaterShardIsNamed) {
    const fs::path first = save_dataset(folder_ / "cut.h5", data_, 3);
    expect_refused([&] { Dataset::open(folder_ / "cut-00001-of-00003.h5"); },
                   {"not the first shard", "cut-00000-of-00003.h5"});
    save_dataset(folder_ / "other.h5", random_dataset({4, 3, 5}, 1, 6, 9, true), 3);
    fs::rename(folder_ / "other-00002-of-00003.h5", folder_ / "cut-00002-of-00003.h5");
    expect_refused([&] { Dataset::open(first); },
                   {"cut-00002-of-00003.h5", "sha256", "another set"});
    fs::remove(folder_ / "cut-00002-of-00003.h5");
    expect_refused([&] { read_dataset_info(first); }, {"cut-00002-of-00003.h5", "missing shard"});
}

TEST_F(DatasetFileTest, SwappedShardsAreRefusedByTheirLabels) {
    const fs::path first = save_dataset(folder_ / "cut.h5", data_, 3);
    fs::rename(folder_ / "cut-00001-of-00003.h5", folder_ / "t");
    fs::rename(folder_ / "cut-00002-of-00003.h5", folder_ / "cut-00001-of-00003.h5");
    fs::rename(folder_ / "t", folder_ / "cut-00002-of-00003.h5");
    expect_refused([&] { Dataset::open(first); }, {"/labels", "cut-00001-of-00003.h5"});
}

TEST_F(DatasetFileTest, AMissingFileAFolderAndAForeignFileAreRefused) {
    expect_refused([&] { Dataset::open(folder_ / "none.h5"); }, {"none.h5", "no such file"});
    expect_refused([&] { Dataset::open(folder_.path()); }, {"is not a file"});
    write_file(folder_ / "text.h5", "this is no HDF5 file at all, however long it may be");
    expect_refused([&] { Dataset::open(folder_ / "text.h5"); }, {"text.h5", "not an HDF5 file"});
    write_file(folder_ / "empty.h5", "");
    expect_refused([&] { Dataset::open(folder_ / "empty.h5"); }, {"empty.h5", "not an HDF5 file"});
}

TEST_F(DatasetFileTest, AFileCutAnywhereIsRefusedByName) {
    const auto size = static_cast<uint64_t>(fs::file_size(path_));
    for (const uint64_t kept :
         {size - 1, size - 100, size / 2, size / 4, uint64_t{600}, uint64_t{100}}) {
        fs::copy_file(path_, folder_ / "cut.h5", fs::copy_options::overwrite_existing);
        fs::resize_file(folder_ / "cut.h5", kept);
        expect_refused([&] { Dataset::open(folder_ / "cut.h5"); }, {"cut.h5"});
    }
}

// After any byte is altered, either the content is unchanged or the file is refused as
// Blame::input.
TEST_F(DatasetFileTest, AnAlteredByteNeverYieldsOtherPixelsOrLabels) {
    const auto size = static_cast<uint64_t>(fs::file_size(path_));
    constexpr uint64_t kSeed = 5;
    Random random(kSeed);
    int refused = 0;
    for (int trial = 0; trial < 300; ++trial) {
        const uint64_t at = random.below(size);
        fs::copy_file(path_, folder_ / "bad.h5", fs::copy_options::overwrite_existing);
        std::fstream file(folder_ / "bad.h5", std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(static_cast<std::streamoff>(at));
        const int before = file.get();
        file.seekp(static_cast<std::streamoff>(at));
        file.put(static_cast<char>(before ^ static_cast<int>(1 + random.below(255))));
        file.close();
        SCOPED_TRACE(fmt::format("seed {} trial {} byte {}", kSeed, trial, at));
        try {
            const Dataset opened = Dataset::open(folder_ / "bad.h5");
            EXPECT_TRUE(std::ranges::equal(opened.pixels(), data_.pixels()));
            EXPECT_TRUE(std::ranges::equal(opened.labels(), data_.labels()));
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input) << error.what();
            EXPECT_NE(std::string(error.what()).find("bad.h5"), std::string::npos) << error.what();
            ++refused;
        }
    }
    EXPECT_GT(refused, 30) << "most of this small file is padding, but not all";
}

TEST_F(DatasetFileTest, AnAlteredPixelFailsItsChecksum) {
    std::string bytes(fs::file_size(path_), '\0');
    std::ifstream(path_, std::ios::binary)
        .read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    const auto image = data_.image(7);
    const size_t at = bytes.find(std::string(image.begin(), image.end()));
    ASSERT_NE(at, std::string::npos);
    bytes[at + 3] ^= 1;
    write_file(path_, bytes);
    EXPECT_NO_THROW(read_dataset_info(path_)) << "the header is unchanged";
    expect_refused([&] { verify_dataset(path_); }, {"set.h5", "/images", "reading"});
}

TEST_F(DatasetFileTest, WrongAttributesAreNamed) {
    const auto refused = [&](const std::function<void(hid_t)>& change,
                             const std::vector<std::string>& parts) {
        save_dataset(path_, data_);
        expect_refused_after(change, parts);
    };
    refused([](hid_t file) { set_text(file, "polarity", "inverted"); },
            {"attribute polarity", "inverted"});
    refused([](hid_t file) { set_text(file, "sha256", "abc"); }, {"attribute sha256", "64"});
    refused([](hid_t file) { set_text(file, "format", "something-else"); },
            {"attribute format", "something-else"});
    refused([](hid_t file) { set_text(file, "version", "1"); },
            {"attribute version", "one integer"});
    refused([](hid_t file) { set_version(file, 2); }, {"attribute version", "is 2"});
}

TEST_F(DatasetFileTest, EachMissingPartIsNamed) {
    for (const char* attribute : {"format", "version", "source", "licence", "polarity", "sha256"}) {
        save_dataset(path_, data_);
        expect_refused_after([&](hid_t file) { H5Adelete(file, attribute); },
                             {std::string("attribute ") + attribute, "missing"});
    }
    for (const char* field : {"images", "labels", "class_names"}) {
        save_dataset(path_, data_);
        expect_refused_after([&](hid_t file) { H5Ldelete(file, field, H5P_DEFAULT); },
                             {std::string("/") + field, "missing"});
    }
}

TEST_F(DatasetFileTest, AWrongSha256IsDetectedWhenEverythingIsRead) {
    alter(path_, [](hid_t file) { set_text(file, "sha256", std::string(64, 'a')); });
    expect_refused([&] { Dataset::open(path_); }, {"set.h5", "attribute sha256", "altered"});
}

// HDF5 1.10 stores such text without a checksum and crashes on reading it when it is damaged.
TEST_F(DatasetFileTest, VariableLengthTextIsRefused) {
    const hid_t text = H5Tcopy(H5T_C_S1);
    H5Tset_size(text, H5T_VARIABLE);
    const std::vector<const char*> names{"a", "b", "c"};
    expect_refused_after(
        [&](hid_t file) { replace(file, "class_names", text, {3}, text, names.data()); },
        {"/class_names", "fixed-length text"});
    H5Tclose(text);
}

TEST_F(DatasetFileTest, TextAttributesOfOtherProgramsAreRead) {
    alter(path_, [](hid_t file) { set_text(file, "source", "another program"); });
    EXPECT_EQ(Dataset::open(path_).info().source, "another program");
}

TEST_F(DatasetFileTest, WrongTypesAndRanksAreNamed) {
    const std::vector<int> zeros(12 * 36, 0);
    const auto refused = [&](const char* field, hid_t type, const std::vector<hsize_t>& shape,
                             const std::vector<std::string>& parts) {
        save_dataset(path_, data_);
        expect_refused_after(
            [&](hid_t file) { replace(file, field, type, shape, H5T_NATIVE_INT, zeros.data()); },
            parts);
    };
    refused("images", H5T_STD_I16LE, {12, 1, 6, 6}, {"/images", "unsigned 8-bit"});
    refused("images", H5T_STD_I8LE, {12, 1, 6, 6}, {"/images", "unsigned 8-bit"});
    refused("images", H5T_IEEE_F32LE, {12, 1, 6, 6}, {"/images", "unsigned 8-bit"});
    refused("images", H5T_STD_U8LE, {12, 36}, {"/images", "4 dimensions", "has 2"});
    refused("images", H5T_STD_U8LE, {12, 2, 6, 3}, {"/images", "1 or 3 channels"});
    refused("images", H5T_STD_U8LE, {12, 1, 4, 9}, {"/images", "square", "4 x 9"});
    refused("images", H5T_STD_U8LE, {11, 1, 6, 6}, {"/labels", "12 entries for 11 images"});
    refused("labels", H5T_STD_I64LE, {12}, {"/labels", "signed 32-bit"});
    refused("labels", H5T_STD_U32LE, {12}, {"/labels", "signed 32-bit"});
    refused("labels", H5T_STD_I32LE, {12, 1}, {"/labels", "1 dimensions"});
    refused("labels", H5T_STD_I32LE, {11}, {"/labels", "11 entries for 12 images"});
    refused("class_names", H5T_STD_I32LE, {3}, {"/class_names", "text"});
    refused("official_split", H5T_STD_U8LE, {11}, {"/official_split", "12 entries"});
}

TEST_F(DatasetFileTest, LabelsThatDoNotAscendWithoutGapsAreNamed) {
    const auto refused = [&](const std::vector<int>& labels,
                             const std::vector<std::string>& parts) {
        save_dataset(path_, data_);
        expect_refused_after(
            [&](hid_t file) {
                replace(file, "labels", H5T_STD_I32LE, {12}, H5T_NATIVE_INT, labels.data());
            },
            parts);
    };
    refused({0, 0, 0, 0, 1, 0, 1, 2, 2, 2, 2, 2}, {"/labels", "entry 5 is 0 after 1"});
    refused({0, 0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2}, {"/labels", "entry 4 is 2 after 0"});
    refused({1, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2}, {"/labels", "entry 0 is 1"});
    refused({0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1}, {"/class_names", "3 names for 2 classes"});
}

TEST_F(DatasetFileTest, BigEndianLabelsAreRead) {
    alter(path_, [&](hid_t file) {
        replace(file, "labels", H5T_STD_I32BE, {12}, H5T_NATIVE_INT, data_.labels().data());
    });
    expect_equal(Dataset::open(path_), data_);
}

TEST_F(DatasetFileTest, SplitMarksOtherThanZeroAndOneAreRefused) {
    const std::vector<int> twos(12, 2);
    alter(path_, [&](hid_t file) {
        replace(file, "official_split", H5T_STD_U8LE, {12}, H5T_NATIVE_INT, twos.data());
    });
    expect_refused([&] { Dataset::open(path_); }, {"set.h5", "/official_split"});
}

TEST_F(DatasetFileTest, AFailedWriteKeepsTheOldFileAndLeavesNoOther) {
    const fs::path wall = folder_ / "wall";
    write_file(wall, "a file where a folder should be");
    try {
        save_dataset(wall / "set.h5", data_);
        FAIL() << "writing below a file succeeded";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system) << error.what();
    }
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 2);
    expect_equal(Dataset::open(path_), data_);
}

// A limit on file sizes simulates a full disk, on which HDF5 itself would crash.
TEST_F(DatasetFileTest, AFullDiskKeepsTheOldFileAndDoesNotCrash) {
    const Dataset large = random_dataset(std::vector<int>(20, 20), 1, 16, 3);
    rlimit before{};
    getrlimit(RLIMIT_FSIZE, &before);
    const rlimit small{50000, before.rlim_max};
    const auto old_handler = std::signal(SIGXFSZ, SIG_IGN); // the write fails with EFBIG instead
    setrlimit(RLIMIT_FSIZE, &small);
    Blame blame = Blame::bug;
    try {
        save_dataset(path_, large);
    } catch (const Error& error) {
        blame = error.blame();
    }
    setrlimit(RLIMIT_FSIZE, &before);
    std::signal(SIGXFSZ, old_handler);
    EXPECT_EQ(blame, Blame::system);
    EXPECT_EQ(std::distance(fs::directory_iterator(folder_.path()), fs::directory_iterator()), 1);
    expect_equal(Dataset::open(path_), data_);
}

TEST_F(DatasetFileTest, EachImageIsOneChunkWithFletcher32) {
    alter(path_, [](hid_t file) {
        const hid_t field = H5Dopen2(file, "images", H5P_DEFAULT);
        const hid_t layout = H5Dget_create_plist(field);
        std::array<hsize_t, 4> chunk{};
        EXPECT_EQ(H5Pget_chunk(layout, 4, chunk.data()), 4);
        EXPECT_EQ(chunk, (std::array<hsize_t, 4>{1, 1, 6, 6}));
        ASSERT_EQ(H5Pget_nfilters(layout), 1);
        unsigned flags = 0;
        size_t values = 0;
        EXPECT_EQ(H5Pget_filter2(layout, 0, &flags, &values, nullptr, 0, nullptr, nullptr),
                  H5Z_FILTER_FLETCHER32);
        H5Pclose(layout);
        H5Dclose(field);
    });
}

} // namespace dagan::data::test
