// HDF5 files behind two small classes, private to this module (the only header that includes hdf5.h). Every call is checked;
// a file that is not what it should be is Blame::input, naming file and field; one that cannot be written is Blame::system.
// Readers do not lock (network file systems refuse it); ids close themselves, and closing a file closes all of it.
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

// Owns an HDF5 id of any kind. Move-only.
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
    hid_t release() { return std::exchange(id_, H5I_INVALID_HID); }

  private:
    void swap(H5Id& other) noexcept {
        std::swap(id_, other.id_);
        std::swap(close_, other.close_);
    }
    hid_t id_ = H5I_INVALID_HID;
    Close close_ = nullptr;
};

// What a field must hold: fixed-length text, or integers of exactly this width and sign (any byte order).
enum class H5Element { uint8, int32, text };

class H5Reader {
  public:
    explicit H5Reader(const std::filesystem::path& path);

    bool has(const std::string& field) const; // a data set of the root group
    bool has_attribute(const std::string& name) const;
    std::string text_attribute(const std::string& name) const;
    int64_t integer_attribute(const std::string& name) const;

    // The dimensions of a field after checking that it exists and has this element type and rank.
    std::vector<int64_t> shape(const std::string& field, H5Element element, int rank) const;

    // The whole field, whose shape has been checked to have out.size() elements.
    void read(const std::string& field, std::span<uint8_t> out) const;
    void read(const std::string& field, std::span<int32_t> out) const;
    std::vector<std::string> read_texts(const std::string& field) const;

    // An input error about one field of this file: `path: field: why`.
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

// A new file, put together in memory and written whole by save(). Not on disk: HDF5 1.10 crashes when the disk runs full under
// it.
class H5Writer {
  public:
    explicit H5Writer(const std::filesystem::path& path);
    ~H5Writer();

    void attribute(const std::string& name, const std::string& text);
    void attribute(const std::string& name, int64_t value);
    // [N, C, H, W] with one chunk per image and Fletcher32.
    void write_images(const std::string& field, const std::vector<int64_t>& shape,
                      std::span<const uint8_t> bytes);
    // [N], one chunk, Fletcher32.
    void write(const std::string& field, std::span<const int32_t> values);
    void write(const std::string& field, std::span<const uint8_t> values);
    void write(const std::string& field, const std::vector<std::string>& texts);
    void
    save(); // atomically; the last call. Throws Blame::system when the disk is full or the folder not writable

  private:
    void write_chunked(const std::string& field, hid_t file_type, hid_t memory_type,
                       const std::vector<hsize_t>& shape, const std::vector<hsize_t>& chunk,
                       const void* values);
    template <class Value> Value check(Value value, const char* call) const;

    struct Memory; // where the file is kept until it is saved
    std::filesystem::path path_;
    std::unique_ptr<Memory> memory_;
    H5Id file_;
};

} // namespace dagan::data
