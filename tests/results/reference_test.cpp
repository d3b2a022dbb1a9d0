// The committed reference results: their tables and figures are those that `dagan results` makes
// from their rows.
#include "base/file.h"
#include "base/temporary_folder.h"
#include "support/process.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;

const fs::path kReference = fs::path(DAGAN_SOURCE_DIR) / "results" / "reference";

std::vector<fs::path> references() {
    std::vector<fs::path> folders;
    for (const auto& entry : fs::directory_iterator(kReference)) {
        if (entry.is_directory()) folders.push_back(entry.path());
    }
    return folders;
}

std::string results(std::vector<std::string> words) {
    words.insert(words.begin(), {(fs::path(DAGAN_BIN_DIR) / "dagan").string(), "results"});
    const Finished finished = run_program(words, {});
    EXPECT_EQ(finished.exit_code, 0) << finished.text();
    return finished.out;
}

TEST(ReferenceTest, TablesMatchTheCommittedRows) {
    ASSERT_FALSE(references().empty());
    for (const fs::path& folder : references()) {
        for (const std::string name : {"rows", "cells", "table1", "gains", "choices"}) {
            EXPECT_EQ(results({name, folder, "--format", "csv"}),
                      read_file(folder / (name + ".csv")))
                << folder << " " << name;
        }
    }
}

TEST(ReferenceTest, FiguresMatchTheCommittedRows) {
    for (const fs::path& folder : references()) {
        TemporaryFolder scratch;
        results({"plot", folder, "-o", scratch.path()});
        int drawn = 0;
        for (const auto& entry : fs::directory_iterator(scratch.path())) {
            EXPECT_EQ(read_file(entry.path()), read_file(folder / entry.path().filename()))
                << entry.path().filename();
            ++drawn;
        }
        EXPECT_GE(drawn, 2) << folder;
    }
}

TEST(ReferenceTest, EveryCellHasItsSeeds) {
    for (const fs::path& folder : references()) {
        std::istringstream cells(read_file(folder / "cells.csv"));
        std::string line;
        std::getline(cells, line);
        while (std::getline(cells, line)) {
            std::istringstream fields(line);
            std::string field;
            for (int i = 0; i < 5; ++i) std::getline(fields, field, ',');
            EXPECT_GE(std::stoi(field), 5) << folder << " " << line;
            std::getline(fields, field, ',');
            EXPECT_EQ(field, "0") << folder << " " << line;
        }
    }
}

} // namespace
} // namespace dagan::results
