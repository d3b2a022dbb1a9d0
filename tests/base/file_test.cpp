#include "base/file.h"

#include "base/error.h"
#include "base/temporary_folder.h"

#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <string>
#include <vector>

namespace dagan {
namespace {

namespace fs = std::filesystem;

class FileTest : public ::testing::Test {
  protected:
    size_t files() const {
        return static_cast<size_t>(
            std::distance(fs::directory_iterator(folder_), fs::directory_iterator()));
    }

    TemporaryFolder temporary_;
    const fs::path folder_ = temporary_.path();
};

// Returns the Error that `act` throws; fails the test if it throws none.
template <class Act> Error error_of(Act&& act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return Error(Blame::bug, "nothing was thrown");
}

TEST_F(FileTest, WrittenBytesAreReadBackAndMissingDirectoriesAreCreated) {
    const std::string bytes("a\0b\nc", 5);
    write_atomically(folder_ / "new" / "deep" / "x.bin", bytes);
    EXPECT_EQ(read_file(folder_ / "new" / "deep" / "x.bin"), bytes);
    write_atomically(folder_ / "new" / "deep" / "x.bin", std::string_view("shorter"));
    EXPECT_EQ(read_file(folder_ / "new" / "deep" / "x.bin"), "shorter");
}

TEST_F(FileTest, ARelativePathIsWrittenInTheWorkingDirectory) {
    const fs::path before = fs::current_path();
    fs::current_path(folder_);
    write_atomically("plain.txt", std::string_view("x"));
    fs::current_path(before);
    EXPECT_EQ(read_file(folder_ / "plain.txt"), "x");
}

TEST_F(FileTest, OneOfManyWritersCreatesTheFileAndItIsComplete) {
    for (int round = 0; round < 20; ++round) {
        const fs::path path = folder_ / std::to_string(round);
        std::vector<pid_t> writers;
        for (int i = 0; i < 4; ++i) {
            writers.push_back(::fork());
            if (writers.back() == 0)
                ::_exit(create_atomically(path, std::string(9999, static_cast<char>('a' + i))) ? 1
                                                                                               : 0);
        }
        int created = 0;
        char writer = 0;
        for (size_t i = 0; i < writers.size(); ++i) {
            int status = 0;
            ::waitpid(writers[i], &status, 0);
            if (WEXITSTATUS(status) == 1) writer = static_cast<char>('a' + i);
            created += WEXITSTATUS(status);
        }
        EXPECT_EQ(created, 1);
        EXPECT_EQ(read_file(path), std::string(9999, writer));
    }
    EXPECT_EQ(files(), 20U) << "temporary files are left";
}

TEST_F(FileTest, AFailureWhileFillingKeepsTheOldFileAndLeavesNoTemporaryFile) {
    write_atomically(folder_ / "x", std::string_view("old"));
    const Error error = error_of([&] {
        write_atomically(folder_ / "x", [](const fs::path& temporary) {
            std::ofstream(temporary) << "half of the new";
            throw system_error("the writer gave up");
        });
    });
    EXPECT_STREQ(error.what(), "the writer gave up");
    EXPECT_EQ(read_file(folder_ / "x"), "old");
    EXPECT_EQ(files(), 1U);
}

TEST_F(FileTest, TheNewFileIsNotVisibleBeforeItIsComplete) {
    write_atomically(folder_ / "x", std::string_view("old"));
    write_atomically(folder_ / "x", [&](const fs::path& temporary) {
        std::ofstream(temporary) << "new";
        EXPECT_EQ(read_file(folder_ / "x"), "old");
        EXPECT_EQ(temporary.parent_path(), folder_)
            << "a rename is atomic only within one file system";
    });
    EXPECT_EQ(read_file(folder_ / "x"), "new");
}

TEST_F(FileTest, AnErrorNamesTheDirectoryThatCannotBeCreated) {
    write_atomically(folder_ / "file", std::string_view("x"));
    const Error error = error_of(
        [&] { write_atomically(folder_ / "file" / "below" / "y", std::string_view("z")); });
    EXPECT_EQ(error.blame(), Blame::system);
    EXPECT_NE(std::string(error.what()).find((folder_ / "file").string()), std::string::npos)
        << error.what();
    EXPECT_EQ(read_file(folder_ / "file"), "x");
}

TEST_F(FileTest, AnErrorNamesTheUnwritableDirectory) {
    if (::geteuid() == 0) { // root may write everywhere except in a kernel file system
        const Error error = error_of([] { write_atomically("/proc/x", std::string_view("z")); });
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_NE(std::string(error.what()).find("/proc/x"), std::string::npos) << error.what();
        return;
    }
    fs::permissions(folder_, fs::perms::owner_read | fs::perms::owner_exec);
    const Error error = error_of([&] { write_atomically(folder_ / "x", std::string_view("z")); });
    fs::permissions(folder_, fs::perms::owner_all);
    EXPECT_EQ(error.blame(), Blame::system);
    EXPECT_NE(std::string(error.what()).find("Permission denied"), std::string::npos)
        << error.what();
}

TEST_F(FileTest, ADirectoryOfThatNameIsAnErrorAndLeavesNoTemporaryFile) {
    fs::create_directory(folder_ / "x");
    const Error error = error_of([&] { write_atomically(folder_ / "x", std::string_view("z")); });
    EXPECT_EQ(error.blame(), Blame::system);
    EXPECT_EQ(files(), 1U);
}

// Uses a file system of 64 KiB if mount(2) is allowed, else /dev/full, which refuses every byte as
// a full disk does.
TEST_F(FileTest, AFullDiskKeepsTheOldFile) {
    const bool mounted = ::mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=64k") == 0;
    if (!mounted) {
        const Error error = error_of([&] {
            write_atomically(folder_ / "x", [](const fs::path& temporary) {
                fs::create_symlink("/dev/full", temporary);
                std::ofstream full(temporary);
                full << "x" << std::flush;
                if (!full)
                    throw system_error(temporary.string() +
                                       ": cannot be written: " + errno_text(ENOSPC));
            });
        });
        EXPECT_EQ(error.blame(), Blame::system);
        EXPECT_EQ(files(), 0U);
        return;
    }
    write_atomically(folder_ / "x", std::string_view("old"));
    const Error error =
        error_of([&] { write_atomically(folder_ / "x", std::string(1 << 20, 'x')); });
    EXPECT_EQ(error.blame(), Blame::system);
    EXPECT_NE(std::string(error.what()).find("No space left on device"), std::string::npos)
        << error.what();
    EXPECT_EQ(read_file(folder_ / "x"), "old");
    EXPECT_EQ(files(), 1U);
    ::umount(folder_.c_str());
}

TEST_F(FileTest, AnErrorNamesTheMissingFile) {
    const Error error = error_of([&] { read_file(folder_ / "absent"); });
    EXPECT_EQ(error.blame(), Blame::system);
    EXPECT_NE(std::string(error.what()).find("absent: cannot be read: No such file"),
              std::string::npos)
        << error.what();
}

} // namespace
} // namespace dagan
