#include "launcher/slurm/submission.h"

#include "base/error.h"
#include "base/file.h"
#include "base/temporary_folder.h"
#include "data/dataset.h"
#include "launcher/slurm/submit.h"
#include "launcher/worker/small_dataset.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dagan::launcher {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SubmissionTest : public testing::Test {
  protected:
    SubmissionTest() {
        for (const char* name : {"dagan", "dagan-worker", "dagan-train"})
            write_atomically(programs() / name, name);
        manifest_.sweep.datasets["small"].file = "small.h5";
        manifest_.known["small"] = {};
        write_data(1);
        write_submission(folder_, now());
    }
    void write_data(uint8_t grey) {
        data::save_dataset(data() / "small.h5", small_dataset(grey, 2));
    }
    Submission now() const { return submission_of(manifest_, programs(), data()); }
    std::string refusal() const {
        try {
            require_as_submitted(folder_, manifest_, programs(), data());
        } catch (const Error& error) {
            EXPECT_EQ(error.blame(), Blame::input);
            return error.what();
        }
        return "";
    }
    fs::path programs() const { return temporary_ / "bin"; }
    fs::path data() const { return temporary_ / "sets"; }

    TemporaryFolder temporary_;
    CampaignFolder folder_{temporary_ / "campaign"};
    Manifest manifest_;
};

TEST_F(SubmissionTest, AnUnchangedSubmissionIsAccepted) {
    EXPECT_EQ(read_submission(folder_), now());
    EXPECT_THAT(changes_since(read_submission(folder_), now()), IsEmpty());
    EXPECT_EQ(refusal(), "");
}

TEST_F(SubmissionTest, WithoutASubmissionNothingIsCompared) {
    fs::remove(folder_.submission());
    write_atomically(programs() / "dagan-train", "another");
    EXPECT_EQ(refusal(), "");
    EXPECT_THROW(read_submission(folder_), Error);
}

TEST_F(SubmissionTest, AChangedProgramIsRefusedByName) {
    write_atomically(programs() / "dagan-train", "another");
    EXPECT_THAT(refusal(), AllOf(HasSubstr("dagan-train: sha256 "), HasSubstr("when submitted"),
                                 HasSubstr("hint: restore what changed")));
}

TEST_F(SubmissionTest, ChangedDataIsRefusedByName) {
    write_data(2);
    EXPECT_THAT(refusal(), HasSubstr("data set small: sha256 "));
}

TEST_F(SubmissionTest, AChangedSweepIsRefusedWithTheValue) {
    manifest_.sweep.classifier.epochs = 7;
    EXPECT_THAT(refusal(), HasSubstr("sweep: classifier.epochs: 200 there, 7 here"));
}

TEST_F(SubmissionTest, AllChangesAreReportedTogether) {
    const Submission then = now();
    write_atomically(programs() / "dagan", "another");
    write_atomically(programs() / "libdagan_cuda.so", "new");
    write_data(2);
    EXPECT_THAT(changes_since(then, now()),
                ElementsAre(HasSubstr("dagan: sha256"),
                            HasSubstr("libdagan_cuda.so: sha256 none when submitted"),
                            HasSubstr("data set small")));
}

TEST(SubmitTest, TheNumberOfJobsAllowsForTheWarning) {
    using namespace std::chrono_literals;
    EXPECT_EQ(expected_jobs(0, 1h), 1);
    EXPECT_EQ(expected_jobs(3480, 1h), 1) << "an hour less the two minutes of the warning";
    EXPECT_EQ(expected_jobs(3481, 1h), 2);
    EXPECT_EQ(expected_jobs(36000, 1h), 11);
}

} // namespace
} // namespace dagan::launcher
