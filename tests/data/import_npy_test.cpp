#include "data/import.h"
#include "data/support.h"

#include <cmath>
#include <cstring>

namespace dagan::data::test {

namespace {
std::string npy_header(const std::string& descr, const std::string& shape,
                       const char* order = "False") {
    std::string header =
        "{'descr': '" + descr + "', 'fortran_order': " + order + ", 'shape': (" + shape + "), }";
    header.resize((header.size() + 10 + 1 + 63) / 64 * 64 - 10 - 1, ' ');
    header += '\n';
    const auto length = static_cast<uint16_t>(header.size());
    return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(length & 0xFF) +
           static_cast<char>(length >> 8) + header;
}

template <class T> std::string raw(const std::vector<T>& values) {
    std::string bytes(values.size() * sizeof(T), '\0');
    std::memcpy(bytes.data(), values.data(), bytes.size());
    return bytes;
}

class ImportNpyTest : public ::testing::Test {
  protected:
    TemporaryFolder folder_;
    std::filesystem::path file_ = folder_ / "faces.npy";
    void expect_file_refused(const std::string& bytes, std::vector<std::string> parts) {
        write_file(file_, bytes);
        parts.push_back("faces.npy");
        expect_refused([&] { import_npy(file_); }, parts);
    }
};
} // namespace

TEST_F(ImportNpyTest, ReadsClassesSamplesHeightWidthChannels) {
    std::vector<uint8_t> values(2 * 3 * 2 * 2 * 3);
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<uint8_t>(i);
    write_file(file_, npy_header("|u1", "2, 3, 2, 2, 3") + raw(values));
    const Dataset data = import_npy(file_);
    EXPECT_EQ(data.info().classes, 2);
    EXPECT_EQ(data.info().images, 6);
    EXPECT_EQ(data.info().channels, 3);
    EXPECT_EQ(data.info().height, 2);
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(data.label(i), i / 3);
        for (size_t c = 0; c < 3; ++c) {
            for (size_t p = 0; p < 4; ++p)
                EXPECT_EQ(data.image(i)[c * 4 + p],
                          static_cast<size_t>(i) * 12 + p * 3 + c); // channels last
        }
    }
}

TEST_F(ImportNpyTest, FloatsInTheUnitIntervalBecomeBytes) {
    write_file(file_, npy_header("<f4", "1, 1, 2, 2, 1") + raw<float>({0.0F, 1.0F, 0.5F, 0.1F}));
    const Dataset single = import_npy(file_);
    EXPECT_EQ(std::vector<uint8_t>(single.image(0).begin(), single.image(0).end()),
              (std::vector<uint8_t>{0, 255, 128, 26}));
    write_file(file_, npy_header("<f8", "1, 1, 2, 2, 1") + raw<double>({0.0, 1.0, 0.5, 0.1}));
    EXPECT_EQ(import_npy(file_).info().sha256, single.info().sha256);
}

TEST_F(ImportNpyTest, FloatsOutsideTheUnitIntervalAreRefused) {
    expect_file_refused(npy_header("<f4", "1, 1, 1, 1, 1") + raw<float>({255.0F}),
                        {"image 0", "255", "outside [0, 1]"});
    expect_file_refused(npy_header("<f4", "1, 1, 1, 1, 1") + raw<float>({std::nanf("")}),
                        {"outside [0, 1]"});
}

TEST_F(ImportNpyTest, ALengthThatDoesNotFitTheHeaderIsRefused) {
    const std::string whole = npy_header("|u1", "2, 3, 2, 2, 1") + std::string(24, 'x');
    write_file(file_, whole);
    EXPECT_NO_THROW(import_npy(file_));
    expect_file_refused(whole.substr(0, whole.size() - 1), {"length", "truncated"});
    expect_file_refused(whole + "x", {"length", "extra bytes"});
}

TEST_F(ImportNpyTest, ForeignHeadersAreRefusedByField) {
    const std::string data(24, 'x');
    expect_file_refused("not numpy at all", {"magic string"});
    expect_file_refused("", {"magic string"});
    expect_file_refused(npy_header("|u1", "2, 3, 2, 2, 1").substr(0, 40), {"header"});
    expect_file_refused(npy_header("<i4", "2, 3, 2, 2, 1") + data, {"descr", "<i4"});
    expect_file_refused(npy_header("|O", "2, 3, 2, 2, 1") + data, {"descr"});
    expect_file_refused(npy_header("|u1", "2, 3, 2, 2, 1", "True") + data, {"fortran_order"});
    expect_file_refused(npy_header("|u1", "6, 2, 2, 1") + data, {"shape", "five dimensions"});
    expect_file_refused(npy_header("|u1", "2, 3, 4, 1, 1") + data, {"shape", "square"});
    expect_file_refused(npy_header("|u1", "2, 3, 1, 1, 4") + data, {"shape", "1 or 3 channels"});
    expect_file_refused(npy_header("|u1", "0, 3, 2, 2, 1"), {"shape", "no image"});
    expect_file_refused(npy_header("|u1", "99999999999999999999, 3, 2, 2, 1"),
                        {"shape", "too large"});
    expect_file_refused(npy_header("|u1", "999999999, 999999999, 2, 2, 1"), {"shape", "too large"});
}

} // namespace dagan::data::test
