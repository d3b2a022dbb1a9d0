// Reads and writes HDF5 files with every call checked. Internal to data; the only header that
// includes hdf5.h.
//
// Readers throw Blame::input naming the file and the field, writers throw Blame::system. Readers
// take no locks, because network file systems may refuse them. Fields are data sets of the root
// group. The caller checks what sizes mean; these classes check types, ranks and checksums.
#pragma once

#include "base/error.h"

#include <hdf5.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dagan::data {

// Owns an HDF5 id of any kind and closes it. Move-only.
class H5Id {
  public:
    using Close = herr_t (*)(hid_t);
    H5Id() = default;
    H5Id(hid_t id, Close close) : id_(id), close_(close) {}
    H5Id(H5Id&& other) noexcept { swap(other); }
    H5Id& operator=(H5Id&& other) noexcept {
        swap(other);
        return *this;
    }
    ~H5Id() {
        if (id_ >= 0) close_(id_);
    }
    operator hid_t() const { return id_; }
    // Returns the id without closing it.
    hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

  private:
    void swap(H5Id& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
    }
    hid_t id_ = H5I_INVALID_HID;
    Close close_ = nullptr;
};

// The required type of a field: integers of exactly this width and sign, in any byte order, or
// fixed-length text.
enum class H5Element { uint8, int32, text };

class H5Reader {
  public:
    // Opens the file. Throws if it does not exist or is not an HDF5 file.
    explicit H5Reader(const std::filesystem::path& path);

    bool has(const std::string& field) const;
    bool has_attribute(const std::string& name) const;
    // Attributes of the root group with exactly one element. Throw if missing or of another type.
    std::string text_attribute(const std::string& name) const;
    int64_t integer_attribute(const std::string& name) const;

    // Returns the `rank` dimensions of a field. Throws unless it exists with this type and rank.
    std::vector<int64_t> shape(const std::string& field, H5Element element, int rank) const;

    // Reads a whole field, checking its Fletcher32. The caller must have checked with shape() that
    // it has out.size() elements of this type.
    void read(const std::string& field, std::span<uint8_t> out) const;
    void read(const std::string& field, std::span<int32_t> out) const;
    // Reads a one-dimensional field of texts, without their padding.
    std::vector<std::string> read_texts(const std::string& field) const;

    // Returns a Blame::input error, "path: field: why", to be thrown.
    Error fail(const std::string& field, const std::string& why) const;

  private:
    H5Id dataset(const std::string& field) const;
    H5Id attribute(const std::string& name, H5T_class_t kind, const char* kind_name) const;
    void read_all(const std::string& field, hid_t memory_type, void* out) const;
    template <class Value>
    Value check(Value value, const std::string& field, const char* call) const;

    std::filesystem::path path_;
    H5Id file_;
};

// Writes a new file. It is built in memory and written atomically by save(), because HDF5 1.10
// crashes if the disk runs full while it writes.
class H5Writer {
  public:
    explicit H5Writer(const std::filesystem::path& path);
    ~H5Writer();

    void attribute(const std::string& name, const std::string& text);
    void attribute(const std::string& name, int64_t value);
    // `shape`: [N, C, H, W]. One chunk per image, Fletcher32.
    void write_images(const std::string& field, const std::vector<int64_t>& shape,
                      std::span<const uint8_t> bytes);
    // One dimension, one chunk, Fletcher32. Texts are padded with zeros to the longest.
    void write(const std::string& field, std::span<const int32_t> values);
    void write(const std::string& field, std::span<const uint8_t> values);
    void write(const std::string& field, const std::vector<std::string>& texts);
    // Writes the file; must be the last call. Throws Blame::system if the disk is full or the
    // folder is not writable.
    void save();

  private:
    void write_chunked(const std::string& field, hid_t file_type, hid_t memory_type,
                       const std::vector<hsize_t>& shape, const std::vector<hsize_t>& chunk,
                       const void* values);
    template <class Value> Value check(Value value, const char* call) const;

    struct Memory; // holds the bytes of the file until save()
    std::filesystem::path path_;
    std::unique_ptr<Memory> memory_;
    H5Id file_;
};

} // namespace dagan::data
