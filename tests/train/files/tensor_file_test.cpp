#include "train/files/tensor_file.h"

#include "base/error.h"
#include "base/file.h"
#include "train/tiny.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <torch/torch.h>

#include <cstring>

namespace dagan::train {
namespace {

TensorFile example() {
    TensorFile file;
    file.tensors["a.weight"] = torch::arange(6, torch::kFloat).view({2, 3});
    file.tensors["scalar"] = torch::full({}, 2.5, torch::kDouble);
    file.tensors["count"] = torch::tensor({1, -2, 3}, torch::kLong);
    file.tensors["small"] = torch::tensor({4, 5}, torch::kInt);
    file.tensors["bytes"] = torch::tensor({0, 255, 7}, torch::kByte);
    file.tensors["nothing"] = torch::empty({0, 4}, torch::kFloat);
    file.metadata["title"] = "a \"quoted\" text\nof two lines";
    return file;
}

// Writes the layout by hand, so that the reader is not only tested with the writer.
std::string by_hand(const nlohmann::json& header, const std::string& data) {
    const std::string text = header.dump();
    const uint64_t length = text.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + text + data;
}

void expect_refused(const std::string& bytes, const std::string& what) {
    try {
        decode_tensor_file(bytes, "place.safetensors");
        FAIL() << "believed: " << what;
    } catch (const Error& error) {
        EXPECT_EQ(error.blame(), Blame::input) << what << ": " << error.what();
        EXPECT_NE(std::string(error.what()).find("place.safetensors"), std::string::npos);
    }
}

TEST(TensorFileTest, ReadsTheWrittenTensorsAndText) {
    const TensorFile file = example();
    const TensorFile back = decode_tensor_file(encode_tensor_file(file), "here");
    EXPECT_EQ(back.metadata, file.metadata);
    ASSERT_EQ(back.tensors.size(), file.tensors.size());
    for (const auto& [name, tensor] : file.tensors) {
        const torch::Tensor& other = back.tensor(name, "here");
        EXPECT_EQ(other.scalar_type(), tensor.scalar_type()) << name;
        EXPECT_TRUE(torch::equal(other, tensor)) << name;
    }
}

TEST(TensorFileTest, KeepsTheBitsOfSpecialFloats) {
    TensorFile file;
    file.tensors["x"] = torch::tensor({-0.0F, INFINITY, 1e-45F, NAN});
    const TensorFile back = decode_tensor_file(encode_tensor_file(file), "here");
    EXPECT_EQ(0, std::memcmp(back.tensors.at("x").data_ptr(), file.tensors.at("x").data_ptr(), 16));
}

TEST(TensorFileTest, FollowsThePublishedLayout) {
    const std::string bytes = encode_tensor_file(example());
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    EXPECT_EQ((8 + length) % 8, 0U);
    const auto header = nlohmann::json::parse(bytes.substr(8, length));
    const auto entry = header.at("a.weight");
    EXPECT_EQ(entry.at("dtype"), "F32");
    EXPECT_EQ(entry.at("shape"), (std::vector<int>{2, 3}));
    const size_t begin = entry.at("data_offsets")[0];
    float fourth = 0;
    std::memcpy(&fourth, bytes.data() + 8 + length + begin + 3 * sizeof(float), sizeof fourth);
    EXPECT_EQ(fourth, 3.0F);
}

TEST(TensorFileTest, RefusesEveryTruncation) {
    const std::string bytes = encode_tensor_file(example());
    for (size_t length = 0; length < bytes.size(); ++length)
        expect_refused(bytes.substr(0, length), "cut to " + std::to_string(length));
}

TEST(TensorFileTest, RefusesEveryAlteredByte) {
    const std::string bytes = encode_tensor_file(example());
    uint64_t length = 0;
    std::memcpy(&length, bytes.data(), 8);
    const size_t text_end = bytes.find_last_not_of(' ', 8 + length - 1); // padding after the JSON
    for (size_t i = 0; i < bytes.size(); ++i) {
        if (i > text_end && i < 8 + length) continue;
        std::string altered = bytes;
        altered[i] = static_cast<char>(altered[i] ^ 1);
        expect_refused(altered, "byte " + std::to_string(i));
    }
}

TEST(TensorFileTest, RefusesTensorsThatOverlapLeaveGapsOrExceedTheData) {
    const std::string good(16, 'x');
    const auto header = [](size_t begin_a, size_t end_a, size_t begin_b, size_t end_b) {
        const auto count = [](size_t begin, size_t end) { return (end - begin) / 4; };
        return nlohmann::json{{"__metadata__", nlohmann::json::object()},
                              {"a",
                               {{"dtype", "F32"},
                                {"shape", {count(begin_a, end_a)}},
                                {"data_offsets", {begin_a, end_a}}}},
                              {"b",
                               {{"dtype", "F32"},
                                {"shape", {count(begin_b, end_b)}},
                                {"data_offsets", {begin_b, end_b}}}}};
    };
    expect_refused(by_hand(header(0, 8, 4, 16), good), "overlap");
    expect_refused(by_hand(header(0, 4, 8, 16), good), "gap");
    expect_refused(by_hand(header(0, 8, 8, 12), good), "data beyond");
    expect_refused(by_hand(header(0, 8, 8, 32), good), "beyond the data");
    expect_refused(by_hand(header(0, 8, 8, 16), good), "no checksum");
}

TEST(TensorFileTest, NamesAMissingTensorOrText) {
    const TensorFile file = example();
    EXPECT_THROW(static_cast<void>(file.tensor("absent", "here")), Error);
    EXPECT_THROW(static_cast<void>(file.text("absent", "here")), Error);
}

TEST(TensorFileTest, AModuleRestoresItsWeightsAndRefusesThoseOfAnother) {
    torch::nn::Linear one(3, 2), two(3, 2), wider(4, 2);
    TensorFile file;
    store_module(*one, "w.", file);
    restore_module(*two, "w.", file, "here");
    EXPECT_TRUE(torch::equal(one->weight, two->weight));
    EXPECT_TRUE(torch::equal(one->bias, two->bias));
    EXPECT_THROW(restore_module(*wider, "w.", file, "here"), Error);
    EXPECT_THROW(restore_module(*two, "v.", file, "here"), Error);
}

} // namespace
} // namespace dagan::train
