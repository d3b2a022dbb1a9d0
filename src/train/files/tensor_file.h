// Named tensors and text in one file, in the safetensors layout: 8 bytes little-endian length of
// the header, the header as JSON ("__metadata__": text by name; each tensor's dtype, shape and
// data_offsets), then the data. Any safetensors reader opens it.
//
// The metadata also holds a checksum, so that a truncated, altered or partly written file is never
// accepted.
#pragma once

#include <torch/torch.h>

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace dagan::train {

// Functions below name `source`, the origin of the data, in their messages.
struct TensorFile {
    std::map<std::string, torch::Tensor> tensors; // CPU: float, double, int64, int32, uint8
    std::map<std::string, std::string> metadata;

    // Returns the tensor or text of this name. Throws Blame::input if there is none.
    const torch::Tensor& tensor(const std::string& name, const std::string& source) const;
    const std::string& text(const std::string& name, const std::string& source) const;
};

std::string encode_tensor_file(const TensorFile& file);
// Checks lengths, types, shapes, that the tensors cover the data without gap or overlap, and the
// checksum; throws Blame::input with the cause. The tensors own their memory.
TensorFile decode_tensor_file(std::string_view bytes, const std::string& source);

// Writes atomically. Throws Blame::system.
void write_tensor_file(const std::filesystem::path& path, const TensorFile& file);
// Throws Blame::system if the file cannot be read, Blame::input as decode_tensor_file.
TensorFile read_tensor_file(const std::filesystem::path& path);

// Copies the parameters and buffers of a module into `file`, named `prefix` + name.
void store_module(const torch::nn::Module& module, const std::string& prefix, TensorFile& file);
// Copies them back in place. Throws Blame::input if a name, type or shape differs from the
// module's.
void restore_module(torch::nn::Module& module, const std::string& prefix, const TensorFile& file,
                    const std::string& source);

} // namespace dagan::train
