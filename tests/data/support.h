// Shared by the tests of data/: a temporary folder, small data sets, archives, and a check of
// refusals.
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

// Returns a set of random pixels, in which class k has counts[k] images. `official_split`: the
// first two thirds of each class are train images.
Dataset random_dataset(const std::vector<int>& counts, int channels, int size, uint64_t seed,
                       bool official_split = false);

// Returns a reference to `data` with all its classes in every domain.
DatasetRef reference_to(const Dataset& data);

void write_file(const std::filesystem::path& path, const std::string& bytes);
using Files = std::map<std::string, std::string>; // name to contents
void write_zip(const std::filesystem::path& path, const Files& files);
void write_folder(const std::filesystem::path& path, const Files& files);
void write_gzip(const std::filesystem::path& path, const std::string& bytes);
std::string encode_jpeg(int width, int height, const std::vector<uint8_t>& rgb);

// Expects `call` to throw Error with Blame::input and a message that contains all `parts`.
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
