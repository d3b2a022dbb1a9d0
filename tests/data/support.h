// What the tests of data/ share: a folder that cleans up after itself, small data sets, archives, and a check of refusals.
#pragma once

#include "base/error.h"
#include "data/dataset.h"
#include "spec/task.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

namespace dagan::data::test {

class TemporaryFolder {
  public:
    TemporaryFolder();
    ~TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
    const std::filesystem::path& path() const { return path_; }

  private:
    std::filesystem::path path_;
};

// Random pixels; class k has counts[k] images. No two images are equal.
Dataset random_dataset(const std::vector<int>& counts, int channels, int size, uint64_t seed,
                       bool official_split = false);

// A reference to it with all classes in every domain.
DatasetRef reference_to(const Dataset& data);

void write_file(const std::filesystem::path& path, const std::string& bytes);
using Files = std::map<std::string, std::string>; // name to contents
void write_zip(const std::filesystem::path& path, const Files& files);
void write_folder(const std::filesystem::path& path, const Files& files);
void write_gzip(const std::filesystem::path& path, const std::string& bytes);
std::string encode_jpeg(int width, int height, const std::vector<uint8_t>& rgb);

// Expects `call` to throw Error with Blame::input and a message that has all these parts.
template <class Call> void expect_refused(const Call& call, const std::vector<std::string>& parts) {
    try {
        call();
        ADD_FAILURE() << "nothing was refused; expected a message with '" << parts.front() << "'";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input) << error.what();
        for (const std::string& part : parts) {
            EXPECT_NE(std::string(error.what()).find(part), std::string::npos)
                << "no '" << part << "' in: " << error.what();
        }
    }
}

} // namespace dagan::data::test
