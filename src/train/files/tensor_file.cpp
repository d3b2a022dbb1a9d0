#include "train/files/tensor_file.h"

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "spec/json.h"

#include <array>
#include <bit>
#include <cstring>
#include <set>

namespace dagan::train {

static_assert(std::endian::native == std::endian::little,
              "tensors are written with their bytes in memory order");

namespace {
constexpr const char* kMetadata = "__metadata__";
constexpr const char* kChecksum = "checksum";
constexpr size_t kAlignment = 64; // of the data in the file

struct DtypeName {
    torch::ScalarType type;
    const char* name;
};
constexpr std::array<DtypeName, 5> kDtypes{{{torch::kFloat, "F32"},
                                            {torch::kDouble, "F64"},
                                            {torch::kLong, "I64"},
                                            {torch::kInt, "I32"},
                                            {torch::kByte, "U8"}}};

const char* name_of(torch::ScalarType type) {
    for (const auto& dtype : kDtypes) {
        if (dtype.type == type) return dtype.name;
    }
    throw Error(Blame::bug,
                std::string("tensor file: no name for the type ") + torch::toString(type));
}

Error corrupt(const std::string& source, const std::string& what) {
    return input_error(source + ": not a valid tensor file: " + what);
}

// Covers the header without the checksum itself, and the data.
std::string checksum_of(const Json& header_without, std::string_view data) {
    return hash128_hex(header_without.dump()) + hash128_hex(data);
}

std::string with_length(const Json& header) {
    std::string text = header.dump();
    text.append((kAlignment - (text.size() + 8) % kAlignment) % kAlignment, ' ');
    const uint64_t length = text.size();
    std::string bytes(8, '\0');
    std::memcpy(bytes.data(), &length, 8);
    return bytes + text;
}

struct Entry {
    torch::ScalarType type;
    std::vector<int64_t> shape;
    size_t begin, end;
};

Entry read_entry(const Json& json, const std::string& name, size_t data_size,
                 const std::string& source) {
    Entry entry{};
    const auto dtype = json.at("dtype").get<std::string>();
    const auto* known = std::find_if(kDtypes.begin(), kDtypes.end(),
                                     [&](const DtypeName& d) { return dtype == d.name; });
    if (known == kDtypes.end())
        throw corrupt(source, "tensor '" + name + "' has the unknown type " + dtype);
    entry.type = known->type;
    entry.shape = json.at("shape").get<std::vector<int64_t>>();
    const auto offsets = json.at("data_offsets").get<std::array<size_t, 2>>();
    entry.begin = offsets[0];
    entry.end = offsets[1];
    if (entry.begin > entry.end || entry.end > data_size)
        throw corrupt(source, "tensor '" + name + "' lies outside of the data");
    size_t bytes = torch::elementSize(entry.type);
    for (const int64_t size : entry.shape) {
        if (size < 0 || (size > 0 && bytes > data_size / static_cast<size_t>(size)))
            throw corrupt(source, "tensor '" + name + "' is larger than the file");
        bytes *= static_cast<size_t>(size);
    }
    if (bytes != entry.end - entry.begin)
        throw corrupt(source, "tensor '" + name + "' has another length than its shape");
    return entry;
}

// Throws unless every byte of the data belongs to exactly one tensor.
void check_cover(const std::map<std::string, Entry>& entries, size_t data_size,
                 const std::string& source) {
    std::map<size_t, size_t> ranges; // begin -> end
    for (const auto& [name, entry] : entries) {
        if (entry.begin == entry.end) continue;
        if (!ranges.emplace(entry.begin, entry.end).second)
            throw corrupt(source, "tensor '" + name + "' overlaps another");
    }
    size_t reached = 0;
    for (const auto& [begin, end] : ranges) {
        if (begin != reached)
            throw corrupt(source,
                          begin < reached ? "tensors overlap" : "there is a gap between tensors");
        reached = end;
    }
    if (reached != data_size) throw corrupt(source, "there is data beyond the last tensor");
}

TensorFile decode_checked(std::string_view bytes, const std::string& source) {
    uint64_t length = 0;
    if (bytes.size() < 8) throw corrupt(source, "it is shorter than 8 bytes");
    std::memcpy(&length, bytes.data(), 8);
    if (length > bytes.size() - 8) throw corrupt(source, "the header is truncated");
    Json header = Json::parse(bytes.substr(8, length));
    const std::string_view data = bytes.substr(8 + length);

    TensorFile file;
    file.metadata = header.at(kMetadata).get<std::map<std::string, std::string>>();
    const auto checksum = file.metadata.extract(kChecksum);
    header[kMetadata].erase(kChecksum);
    if (checksum.empty() || checksum.mapped() != checksum_of(header, data))
        throw corrupt(source, "its checksum does not match");

    std::map<std::string, Entry> entries;
    for (const auto& [name, json] : header.items()) {
        if (name != kMetadata) entries.emplace(name, read_entry(json, name, data.size(), source));
    }
    check_cover(entries, data.size(), source);
    for (const auto& [name, entry] : entries) {
        torch::Tensor tensor = torch::empty(entry.shape, entry.type);
        if (entry.end > entry.begin)
            std::memcpy(tensor.data_ptr(), data.data() + entry.begin, entry.end - entry.begin);
        file.tensors.emplace(name, std::move(tensor));
    }
    return file;
}

void copy_in_place(torch::Tensor target, const std::string& name, const TensorFile& file,
                   const std::string& source) {
    const torch::Tensor& stored = file.tensor(name, source);
    if (stored.sizes() != target.sizes() || stored.scalar_type() != target.scalar_type()) {
        throw input_error(source + ": tensor '" + name +
                          "' has another shape or type than the network");
    }
    target.copy_(stored);
}
} // namespace

const torch::Tensor& TensorFile::tensor(const std::string& name, const std::string& source) const {
    const auto found = tensors.find(name);
    if (found == tensors.end()) throw input_error(source + ": has no tensor '" + name + "'");
    return found->second;
}

const std::string& TensorFile::text(const std::string& name, const std::string& source) const {
    const auto found = metadata.find(name);
    if (found == metadata.end()) throw input_error(source + ": has no metadata '" + name + "'");
    return found->second;
}

std::string encode_tensor_file(const TensorFile& file) {
    Json header = Json::object();
    header[kMetadata] = file.metadata;
    std::string data;
    size_t total = 0;
    for (const auto& [name, tensor] : file.tensors) total += tensor.nbytes();
    data.reserve(total);
    for (const auto& [name, tensor] : file.tensors) {
        require(name != kMetadata, "no tensor has the name __metadata__");
        const torch::Tensor packed = tensor.detach().cpu().contiguous();
        const size_t begin = data.size();
        data.append(static_cast<const char*>(packed.data_ptr()), packed.nbytes());
        header[name] = {{"dtype", name_of(packed.scalar_type())},
                        {"shape", packed.sizes().vec()},
                        {"data_offsets", {begin, data.size()}}};
    }
    const std::string checksum = checksum_of(header, data);
    header[kMetadata][kChecksum] = checksum;
    return with_length(header) + data;
}

TensorFile decode_tensor_file(std::string_view bytes, const std::string& source) {
    try {
        return decode_checked(bytes, source);
    } catch (const Json::exception& error) {
        throw corrupt(source, std::string("its header is unreadable: ") + error.what());
    }
}

void write_tensor_file(const std::filesystem::path& path, const TensorFile& file) {
    write_atomically(path, encode_tensor_file(file));
}

TensorFile read_tensor_file(const std::filesystem::path& path) {
    return decode_tensor_file(read_file(path), path.string());
}

void store_module(const torch::nn::Module& module, const std::string& prefix, TensorFile& file) {
    for (const auto& item : module.named_parameters())
        file.tensors[prefix + item.key()] = item.value().detach().clone();
    for (const auto& item : module.named_buffers())
        file.tensors[prefix + item.key()] = item.value().detach().clone();
}

void restore_module(torch::nn::Module& module, const std::string& prefix, const TensorFile& file,
                    const std::string& source) {
    const torch::NoGradGuard no_grad;
    for (const auto& item : module.named_parameters())
        copy_in_place(item.value(), prefix + item.key(), file, source);
    for (const auto& item : module.named_buffers())
        copy_in_place(item.value(), prefix + item.key(), file, source);
}

} // namespace dagan::train
