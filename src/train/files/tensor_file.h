// Named tensors and text in one file, in the safetensors layout: 8 bytes little-endian length of the header, the header as JSON
// ("__metadata__": text by name; each tensor's dtype, shape and data_offsets), then the data. Any safetensors reader opens it.
// Ours also carries a checksum in its metadata, so that a file cut short, altered or written in part is never believed.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace dagan::train {

struct TensorFile {
    std::map<std::string, torch::Tensor> tensors; // CPU: float, double, int64, int32, uint8
    std::map<std::string, std::string> metadata;

    // The tensor or text of this name. Throws Blame::input naming `place` when there is none.
    const torch::Tensor& tensor(const std::string& name, const std::string& place) const;
    const std::string& text(const std::string& name, const std::string& place) const;
};

std::string encode_tensor_file(const TensorFile& file);
// Checks lengths, types, shapes, that the tensors cover the data without gap or overlap, and the checksum; throws Blame::input
// naming `place` and what is wrong. The tensors own their memory.
TensorFile decode_tensor_file(std::string_view bytes, const std::string& place);

void write_tensor_file(const std::filesystem::path& path,
                       const TensorFile& file); // atomically; throws Blame::system
TensorFile read_tensor_file(
    const std::filesystem::path& path); // throws Blame::system or, as above, Blame::input

// Parameters and buffers of a module as `prefix` + name. Storing copies.
void store_module(const torch::nn::Module& module, const std::string& prefix, TensorFile& file);
// In place; names, types and shapes must be the module's. Throws Blame::input naming `place`.
void restore_module(torch::nn::Module& module, const std::string& prefix, const TensorFile& file,
                    const std::string& place);

} // namespace dagan::train
