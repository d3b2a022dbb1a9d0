#include "train/files/checkpoint_file.h"

#include "base/error.h"
#include "base/file.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

namespace dagan::train {
namespace {

namespace fs = std::filesystem;

TensorFile numbered(float number) {
    TensorFile file;
    file.tensors["number"] = torch::full({3}, number);
    return file;
}

float number_of(const std::optional<TensorFile>& file) {
    return file ? file->tensors.at("number")[0].item<float>() : -1;
}

struct CheckpointFileTest : testing::Test {
    CheckpointFile file(ResumeFacts under) {
        return {campaign.paths().checkpoint("task"), std::move(under)};
    }
    CheckpointFile file() { return file(facts); }
    void cut(const fs::path& path) { fs::resize_file(path, fs::file_size(path) / 2); }

    tiny::Campaign campaign;
    ResumeFacts facts = ResumeFacts::here("task", 1);
};

TEST_F(CheckpointFileTest, ReturnsNoCheckpointAtFirst) { EXPECT_FALSE(file().load()); }

TEST_F(CheckpointFileTest, LoadsTheLastCheckpoint) {
    for (int i = 1; i <= 4; ++i) file().save(numbered(static_cast<float>(i)));
    EXPECT_EQ(number_of(file().load()), 4);
}

TEST_F(CheckpointFileTest, LoadsThePreviousCheckpointIfTheLastIsDamaged) {
    for (int i = 1; i <= 3; ++i) file().save(numbered(static_cast<float>(i)));
    cut(file().path());
    EXPECT_EQ(number_of(file().load()), 2);
}

TEST_F(CheckpointFileTest, ADamagedCheckpointNeverReplacesTheValidOneBeforeIt) {
    for (int i = 1; i <= 3; ++i) file().save(numbered(static_cast<float>(i)));
    cut(file().path());
    CheckpointFile resumed = file();
    resumed.load();
    resumed.save(numbered(4));
    cut(file().path());
    EXPECT_EQ(number_of(file().load()), 2);
}

TEST_F(CheckpointFileTest, ReturnsNoCheckpointIfBothAreDamaged) {
    for (int i = 1; i <= 2; ++i) file().save(numbered(static_cast<float>(i)));
    cut(file().path());
    write_atomically(file().previous(), "");
    EXPECT_FALSE(file().load());
}

TEST_F(CheckpointFileTest, ACrashBetweenTheTwoRenamesLosesAtMostOneCheckpoint) {
    file().save(numbered(1));
    fs::rename(file().path(), file().previous());
    EXPECT_EQ(number_of(file().load()), 1);
}

TEST_F(CheckpointFileTest, RefusesOtherFactsAndNamesThem) {
    file().save(numbered(1));
    const auto refuses = [&](ResumeFacts other, const std::string& name) {
        try {
            file(std::move(other)).load();
            FAIL() << "accepted another " << name;
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find("task.resume.safetensors"), std::string::npos)
                << error.what();
        }
    };
    ResumeFacts other = facts;
    other.threads += 1;
    refuses(other, "threads");
    other = facts;
    other.world_size = 2;
    refuses(other, "world_size");
    other = facts;
    other.device = "cuda";
    refuses(other, "device");
    other = facts;
    other.task = "another";
    refuses(other, "task");
}

TEST_F(CheckpointFileTest, RemovesBothCheckpoints) {
    for (int i = 1; i <= 2; ++i) file().save(numbered(static_cast<float>(i)));
    file().remove();
    EXPECT_TRUE(fs::is_empty(file().path().parent_path()));
}

} // namespace
} // namespace dagan::train
