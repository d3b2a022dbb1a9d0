// Exports, read back by readers that share no code with the writers. TensorBoard and MLflow themselves opened the same files
// (docs/analysis.md).
#include "results/output/export.h"

#include "base/error.h"
#include "base/file.h"
#include "results/campaign_support.h"
#include "results/output/event_file.h"
#include "results/output/table_text.h"
#include "results/query/runs.h"
#include "results/synthetic_campaign.h"
#include "spec/json.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <set>
#include <sstream>

namespace dagan::results {
namespace {

namespace fs = std::filesystem;
using namespace testing;

// CRC-32C bit by bit, as RFC 3720 defines it.
uint32_t slow_crc32c(std::string_view bytes) {
    uint32_t crc = 0xffffffff;
    for (const unsigned char byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (0x82f63b78 & (0u - (crc & 1)));
    }
    return ~crc;
}

template <class T> T number_at(std::string_view bytes, size_t at) {
    T value;
    std::memcpy(&value, bytes.data() + at, sizeof value);
    return value;
}

// The records of a TFRecord file; each checksum is checked.
std::vector<std::string> records_of(const std::string& bytes) {
    const auto unmasked = [](uint32_t masked) {
        const uint32_t rotated = masked - 0xa282ead8;
        return (rotated >> 17) | (rotated << 15);
    };
    std::vector<std::string> records;
    for (size_t at = 0; at < bytes.size();) {
        const auto length = number_at<uint64_t>(bytes, at);
        EXPECT_EQ(unmasked(number_at<uint32_t>(bytes, at + 8)),
                  slow_crc32c(std::string_view(bytes).substr(at, 8)));
        records.push_back(bytes.substr(at + 12, length));
        EXPECT_EQ(unmasked(number_at<uint32_t>(bytes, at + 12 + length)),
                  slow_crc32c(records.back()));
        at += 16 + length;
    }
    return records;
}

// A protocol buffer as number of field -> raw contents.
std::multimap<int, std::string> fields_of(const std::string& bytes) {
    std::multimap<int, std::string> fields;
    size_t at = 0;
    const auto varint = [&] {
        uint64_t value = 0;
        for (int shift = 0;; shift += 7) {
            const auto byte = static_cast<unsigned char>(bytes.at(at++));
            value |= static_cast<uint64_t>(byte & 0x7f) << shift;
            if (byte < 0x80) return value;
        }
    };
    while (at < bytes.size()) {
        const auto key = varint();
        const int number = static_cast<int>(key >> 3);
        size_t length = 0;
        switch (key & 7) {
        case 0: fields.emplace(number, std::to_string(varint())); continue;
        case 1: length = 8; break;
        case 2: length = varint(); break;
        case 5: length = 4; break;
        default: throw std::runtime_error("wire type");
        }
        fields.emplace(number, bytes.substr(at, length));
        at += length;
    }
    return fields;
}

std::string only(const std::multimap<int, std::string>& fields, int number) {
    EXPECT_EQ(fields.count(number), 1u) << number;
    return fields.find(number)->second;
}

class ExportTest : public ::testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        make_synthetic_campaign(campaign_folder(), {.epochs = 4, .seeds = 1});
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static fs::path campaign_folder() { return *folder_ / "campaign"; }
    static fs::path database() { return campaign_folder() / "results.sqlite"; }
    fs::path exported(ExportFormat format) {
        const auto out =
            *folder_ / ("out-" + to_string(format) + "-" +
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
        export_results(database(), campaign_folder(), format, out);
        return out;
    }
    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> ExportTest::folder_;

TEST(Crc32cTest, IsThatOfTheStandard) {
    EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
    EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau); // RFC 3720, B.4
}

TEST_F(ExportTest, CsvHoldsWhatTheCommandsPrintAndEveryTable) {
    const auto out = exported(ExportFormat::csv);
    EXPECT_EQ(read_file(out / "rows.csv"), render_rows(trial_rows(database()), TableFormat::csv));
    EXPECT_EQ(read_file(out / "cells.csv"), render_cells(cell_rows(database()), TableFormat::csv));
    EXPECT_EQ(read_file(out / "gains.csv"), render_gains(gain_rows(database()), TableFormat::csv));
    for (const auto& [name, table] : std::map<std::string, std::string>{{"task", "task"},
                                                                        {"attempt", "attempt"},
                                                                        {"epoch", "epoch"},
                                                                        {"curve", "curve"},
                                                                        {"result", "result"},
                                                                        {"artifact", "artifact"},
                                                                        {"missing", "missing"},
                                                                        {"blame", "blame"},
                                                                        {"cost", "cost"},
                                                                        {"campaign", "campaign"}}) {
        const auto rows = run_query(database(), "SELECT count(*) FROM " + table).rows.at(0).at(0);
        const auto text = read_file(out / (name + ".csv"));
        EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), std::get<int64_t>(rows) + 1) << name;
    }
}

TEST_F(ExportTest, JsonIsOneArrayForEachTable) {
    const auto out = exported(ExportFormat::json);
    EXPECT_EQ(Json::parse(read_file(out / "rows.json")).size(), trial_rows(database()).size());
    EXPECT_GT(Json::parse(read_file(out / "missing.json")).size(), 0u);
    EXPECT_GT(Json::parse(read_file(out / "curve.json")).size(), 1000u);
}

TEST_F(ExportTest, EventFilesHoldTheCurvesOfTheDatabase) {
    const auto out = exported(ExportFormat::tensorboard);
    const auto folder = out / "omniglot-n5-m3-seed0";
    ASSERT_TRUE(fs::is_directory(folder));
    const auto file = *fs::directory_iterator(folder);
    EXPECT_TRUE(file.path().filename().string().starts_with("events.out.tfevents."));
    const auto records = records_of(read_file(file.path()));
    EXPECT_EQ(only(fields_of(records.at(0)), 3), "brain.Event:2");
    std::map<std::pair<std::string, std::string>, float> scalars; // (tag, step)
    for (size_t i = 1; i < records.size(); ++i) {
        const auto event = fields_of(records[i]);
        EXPECT_GT(number_at<double>(only(event, 1), 0), 1.7e9);
        const auto value = fields_of(only(fields_of(only(event, 5)), 1));
        scalars[{only(value, 1), only(event, 2)}] = number_at<float>(only(value, 2), 0);
    }
    const auto epochs = run_query(
        database(), "SELECT e.epoch, e.validation_correct * 1.0 / e.validation_total FROM epoch e "
                    "JOIN task t ON "
                    "t.key = e.task WHERE t.dataset = 'omniglot' AND samples_per_class = 5 AND "
                    "generated_per_real = 3 AND seed = 0");
    ASSERT_EQ(epochs.rows.size(), 4u);
    for (const auto& row : epochs.rows) {
        const std::pair<std::string, std::string> key{"validation_accuracy",
                                                      std::to_string(std::get<int64_t>(row[0]))};
        EXPECT_EQ(scalars.at(key), static_cast<float>(std::get<double>(row[1])));
    }
    EXPECT_EQ(std::count_if(scalars.begin(), scalars.end(),
                            [](const auto& s) { return s.first.first == "score/test_accuracy"; }),
              1);
}

TEST_F(ExportTest, EventFilesHoldTheSampleSheets) {
    const auto folder = exported(ExportFormat::tensorboard) / "gan-omniglot";
    int sheets = 0;
    for (const auto& record : records_of(read_file((*fs::directory_iterator(folder)).path()))) {
        const auto event = fields_of(record);
        if (event.count(5) == 0) continue;
        const auto value = fields_of(only(fields_of(only(event, 5)), 1));
        if (only(value, 1) != "samples") continue;
        const auto image = fields_of(only(value, 4));
        EXPECT_EQ(only(image, 1), "1");
        EXPECT_EQ(only(image, 2), "1");
        EXPECT_TRUE(only(image, 4).starts_with("\x89PNG"));
        ++sheets;
    }
    EXPECT_EQ(sheets, 10);
}

TEST_F(ExportTest, TheMlflowFolderHasARunForEachTaskWithParametersMetricsAndState) {
    const auto out = exported(ExportFormat::mlflow);
    std::vector<fs::path> experiments(fs::directory_iterator(out), {});
    ASSERT_EQ(experiments.size(), 1u);
    EXPECT_NE(read_file(experiments[0] / "meta.yaml").find("name: \"synthetic\""),
              std::string::npos);
    size_t runs = 0, failed = 0;
    for (const auto& run : fs::directory_iterator(experiments[0])) {
        if (!run.is_directory()) continue;
        ++runs;
        const auto meta = read_file(run.path() / "meta.yaml");
        EXPECT_NE(
            meta.find("artifact_uri: \"" + fs::absolute(run.path()).string() + "/artifacts\""),
            std::string::npos)
            << meta;
        failed += meta.find("status: 4") != std::string::npos;
    }
    EXPECT_EQ(runs, synthetic_plan({.epochs = 4, .seeds = 1}).tasks.size());
    EXPECT_EQ(
        static_cast<int64_t>(failed),
        std::get<int64_t>(run_query(database(), "SELECT count(*) FROM attempt WHERE final = 1 AND "
                                                "outcome <> 'done'")
                              .rows.at(0)
                              .at(0)));
    const auto trial =
        run_query(database(), "SELECT task, best_epoch, test_correct * 1.0 / test_total FROM trial "
                              "WHERE dataset = 'faces' AND "
                              "samples_per_class = 25 AND generated_per_real = 7 AND seed = 0")
            .rows.at(0);
    const auto run = experiments[0] / std::get<std::string>(trial[0]);
    EXPECT_EQ(read_file(run / "params" / "generated_per_real"), "7");
    EXPECT_EQ(read_file(run / "tags" / "mlflow.runName"), "faces-n25-m7-seed0");
    std::istringstream line(read_file(run / "metrics" / "test_accuracy"));
    int64_t time = 0, step = 0;
    double value = 0;
    line >> time >> value >> step;
    EXPECT_GT(time, 1'700'000'000'000);
    EXPECT_EQ(value, std::get<double>(trial[2]));
    EXPECT_EQ(step, std::get<int64_t>(trial[1]));
}

TEST_F(ExportTest, WhatIsThereIsNotOverwritten) {
    const auto out = exported(ExportFormat::csv);
    try {
        export_results(database(), campaign_folder(), ExportFormat::json, out);
        FAIL() << "written over";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input);
        EXPECT_NE(std::string(error.what()).find("already there"), std::string::npos);
    }
    EXPECT_FALSE(fs::exists(out / "rows.json"));
}

TEST_F(ExportTest, AFolderThatCannotBeMadeIsTheSystemsFault) {
    std::ofstream(*folder_ / "file") << "x";
    try {
        export_results(database(), campaign_folder(), ExportFormat::csv, *folder_ / "file" / "out");
        FAIL() << "made";
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::system);
    }
}

// Names come from the sweep file: they must neither leave the folder nor meet each other in it.
TEST(ExportNamesTest, StayInTheirFolderAndApart) {
    EXPECT_EQ(file_name_of("../../etc/passwd"), "_._.._etc_passwd");
    EXPECT_EQ(file_name_of(".hidden"), "_hidden");
    EXPECT_EQ(file_name_of(""), "_");
    EXPECT_EQ(file_name_of("a b/ü"), "a_b___");
    TemporaryFolder folder;
    Plan plan{{planned(classifier("../x", 5, 0, 0)), planned(classifier("..?x", 5, 0, 0)),
               planned(classifier("plain", 5, 0, 0))}};
    {
        const auto store = open_sqlite_store(folder / "results.sqlite");
        store->enter(campaign(), plan);
        finish(*store, plan.tasks[0], 800, 700);
        finish(*store, plan.tasks[1], 800, 700);
        store->commit();
    }
    std::set<std::string> names;
    for (const auto& run : read_runs(folder / "results.sqlite")) {
        EXPECT_TRUE(names.insert(run.name).second) << run.name;
        EXPECT_EQ(run.name.find('/'), std::string::npos);
    }
    EXPECT_EQ(names.size(), 3u);
    EXPECT_TRUE(names.contains("plain-n5-m0-seed0"));
    export_results(folder / "results.sqlite", folder / "", ExportFormat::tensorboard,
                   folder / "out" / "tensorboard");
    const auto files = [](const fs::path& in) {
        return std::distance(fs::recursive_directory_iterator(in), {});
    };
    EXPECT_EQ(files(folder / "out"), 1 + 2 * 2)
        << "two started runs with a file each, nothing beside them";
    export_results(folder / "results.sqlite", folder / "", ExportFormat::mlflow,
                   folder / "out" / "mlflow");
    const auto experiment = (*fs::directory_iterator(folder / "out" / "mlflow")).path();
    EXPECT_NE(read_file(experiment / plan.tasks[2].key / "meta.yaml").find("status: 2"),
              std::string::npos)
        << "planned, not started";
}

} // namespace
} // namespace dagan::results
