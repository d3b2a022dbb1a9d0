#include "data/hdf5_file.h"

#include "base/file.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

namespace dagan::data {

namespace fs = std::filesystem;

namespace {
// Returns the innermost message of HDF5's error stack, e.g. "Data error detected by Fletcher32
// checksum", and clears the stack.
std::string h5_reason() {
    std::string reason;
    const auto visit = [](unsigned, const H5E_error2_t* error, void* out) -> herr_t {
        if (error->desc != nullptr && *error->desc != '\0')
            *static_cast<std::string*>(out) = error->desc;
        return 0;
    };
    H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, visit, &reason);
    H5Eclear2(H5E_DEFAULT);
    return reason.empty() ? "no reason given" : reason;
}

// Stops HDF5 from printing its error stack, which our exceptions report. The setting is per thread.
void silence_h5() { H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr); }

// UTF-8 of a fixed number of bytes, padded with zeros. Not variable-length: HDF5 stores such text
// without a checksum, and version 1.10 crashes on reading it when it is damaged.
H5Id text_type(size_t bytes) {
    H5Id type(H5Tcopy(H5T_C_S1), H5Tclose);
    require(type >= 0 && H5Tset_size(type, std::max<size_t>(bytes, 1)) >= 0 &&
                H5Tset_cset(type, H5T_CSET_UTF8) >= 0 && H5Tset_strpad(type, H5T_STR_NULLPAD) >= 0,
            "HDF5 can describe fixed-length UTF-8");
    return type;
}

const char* name_of(H5Element element) {
    switch (element) {
    case H5Element::uint8: return "unsigned 8-bit integers";
    case H5Element::int32: return "signed 32-bit integers";
    case H5Element::text: return "fixed-length text";
    }
    return "";
}

bool is(hid_t type, H5Element element) {
    const H5T_class_t kind = H5Tget_class(type);
    switch (element) {
    case H5Element::uint8:
        return kind == H5T_INTEGER && H5Tget_size(type) == 1 && H5Tget_sign(type) == H5T_SGN_NONE;
    case H5Element::int32:
        return kind == H5T_INTEGER && H5Tget_size(type) == 4 && H5Tget_sign(type) == H5T_SGN_2;
    case H5Element::text: return kind == H5T_STRING && H5Tis_variable_str(type) == 0;
    }
    return false;
}

std::string without_padding(std::string text) {
    text.resize(std::min(text.find('\0'), text.size()));
    return text;
}
} // namespace

// ---- reading

template <class Value>
Value H5Reader::check(Value value, const std::string& field, const char* call) const {
    if (value < 0) throw fail(field, std::string(call) + " failed: " + h5_reason());
    return value;
}

Error H5Reader::fail(const std::string& field, const std::string& why) const {
    return input_error(path_.string() + ": " + field + ": " + why);
}

H5Reader::H5Reader(const fs::path& path) : path_(path) {
    silence_h5();
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
        throw input_error(path.string() +
                          ": no such file; hint: make one with `dagan data import` or `dagan data "
                          "make`");
    }
    if (!fs::is_regular_file(path, ignored)) throw input_error(path.string() + ": is not a file");
    if (H5Fis_hdf5(path.c_str()) <= 0) {
        H5Eclear2(H5E_DEFAULT);
        throw input_error(path.string() +
                          ": not an HDF5 file, or its header is damaged or unreadable");
    }
    H5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    check<hid_t>(access, "file", "H5Pcreate");
    check(H5Pset_file_locking(access, false, true), "file", "H5Pset_file_locking");
    check(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "file", "H5Pset_fclose_degree");
    file_ = H5Id(H5Fopen(path.c_str(), H5F_ACC_RDONLY, access), H5Fclose);
    check<hid_t>(file_, "file", "H5Fopen");
}

bool H5Reader::has(const std::string& field) const {
    return check(H5Lexists(file_, field.c_str(), H5P_DEFAULT), "/" + field, "H5Lexists") > 0;
}

bool H5Reader::has_attribute(const std::string& name) const {
    return check(H5Aexists(file_, name.c_str()), "attribute " + name, "H5Aexists") > 0;
}

H5Id H5Reader::attribute(const std::string& name, H5T_class_t kind, const char* kind_name) const {
    const std::string field = "attribute " + name;
    if (!has_attribute(name)) throw fail(field, "missing");
    H5Id id(H5Aopen(file_, name.c_str(), H5P_DEFAULT), H5Aclose);
    check<hid_t>(id, field, "H5Aopen");
    const H5Id space(H5Aget_space(id), H5Sclose);
    const H5Id type(H5Aget_type(id), H5Tclose);
    if (H5Sget_simple_extent_npoints(space) != 1 || H5Tget_class(type) != kind) {
        throw fail(field, std::string("must be one ") + kind_name);
    }
    return id;
}

std::string H5Reader::text_attribute(const std::string& name) const {
    const std::string field = "attribute " + name;
    const H5Id id = attribute(name, H5T_STRING, "text");
    const H5Id type(H5Aget_type(id), H5Tclose);
    if (H5Tis_variable_str(type) != 0) throw fail(field, "must be fixed-length text");
    std::string value(H5Tget_size(type), '\0');
    check(H5Aread(id, type, value.data()), field, "H5Aread");
    return without_padding(value);
}

int64_t H5Reader::integer_attribute(const std::string& name) const {
    const H5Id id = attribute(name, H5T_INTEGER, "integer");
    int64_t value = 0;
    check(H5Aread(id, H5T_NATIVE_INT64, &value), "attribute " + name, "H5Aread");
    return value;
}

H5Id H5Reader::dataset(const std::string& field) const {
    if (!has(field)) throw fail("/" + field, "missing");
    H5Id id(H5Dopen2(file_, field.c_str(), H5P_DEFAULT), H5Dclose);
    check<hid_t>(id, "/" + field, "H5Dopen2");
    return id;
}

std::vector<int64_t> H5Reader::shape(const std::string& field, H5Element element, int rank) const {
    const H5Id id = dataset(field);
    const H5Id type(H5Dget_type(id), H5Tclose);
    check<hid_t>(type, "/" + field, "H5Dget_type");
    if (!is(type, element)) throw fail("/" + field, std::string("must hold ") + name_of(element));
    const H5Id space(H5Dget_space(id), H5Sclose);
    check<hid_t>(space, "/" + field, "H5Dget_space");
    const int found =
        check(H5Sget_simple_extent_ndims(space), "/" + field, "H5Sget_simple_extent_ndims");
    if (found != rank) {
        throw fail("/" + field, "must have " + std::to_string(rank) + " dimensions, has " +
                                    std::to_string(found));
    }
    std::vector<hsize_t> sizes(static_cast<size_t>(rank));
    check(H5Sget_simple_extent_dims(space, sizes.data(), nullptr), "/" + field,
          "H5Sget_simple_extent_dims");
    return {sizes.begin(), sizes.end()};
}

void H5Reader::read_all(const std::string& field, hid_t memory_type, void* out) const {
    check(H5Dread(dataset(field), memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, out), "/" + field,
          "reading");
}

void H5Reader::read(const std::string& field, std::span<uint8_t> out) const {
    read_all(field, H5T_NATIVE_UINT8, out.data());
}

void H5Reader::read(const std::string& field, std::span<int32_t> out) const {
    read_all(field, H5T_NATIVE_INT32, out.data());
}

std::vector<std::string> H5Reader::read_texts(const std::string& field) const {
    const auto count = static_cast<size_t>(shape(field, H5Element::text, 1)[0]);
    std::vector<std::string> texts(count);
    const H5Id id = dataset(field);
    const H5Id type(H5Dget_type(id), H5Tclose);
    const size_t width = H5Tget_size(type);
    std::string all(count * width, '\0');
    check(H5Dread(id, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, all.data()), "/" + field, "reading");
    for (size_t i = 0; i < count; ++i) texts[i] = without_padding(all.substr(i * width, width));
    return texts;
}

// ---- writing

// Takes the bytes of a file of HDF5's in-memory driver, which passes them to these callbacks when
// the file is closed. H5Fget_file_image is no alternative: on an open file, version 1.10 gives it a
// superblock with a wrong checksum.
struct H5Writer::Memory {
    void* bytes = nullptr;

    Memory() = default;
    ~Memory() { std::free(bytes); }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    H5FD_file_image_callbacks_t callbacks() {
        H5FD_file_image_callbacks_t all{};
        all.image_malloc = [](size_t size, H5FD_file_image_op_t, void*) {
            return std::malloc(size);
        };
        all.image_memcpy = [](void* to, const void* from, size_t size, H5FD_file_image_op_t,
                              void*) { return std::memcpy(to, from, size); };
        all.image_realloc = [](void* old, size_t size, H5FD_file_image_op_t, void*) {
            return std::realloc(old, size);
        };
        all.image_free = [](void* old, H5FD_file_image_op_t why, void* self) {
            if (why == H5FD_FILE_IMAGE_OP_FILE_CLOSE) {
                std::swap(static_cast<Memory*>(self)->bytes, old);
                // Null, or the bytes of a file of this name that HDF5 tried to open first.
                std::free(old);
            } else {
                std::free(old);
            }
            return herr_t{0};
        };
        all.udata_copy = [](void* self) { return self; };
        all.udata_free = [](void*) { return herr_t{0}; };
        all.udata = this;
        return all;
    }
};

template <class Value> Value H5Writer::check(Value value, const char* call) const {
    if (value < 0)
        throw system_error(path_.string() + ": cannot be written: " + call +
                           " failed: " + h5_reason());
    return value;
}

H5Writer::~H5Writer() = default;

H5Writer::H5Writer(const fs::path& path) : path_(path), memory_(std::make_unique<Memory>()) {
    silence_h5();
    H5Id access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
    check<hid_t>(access, "H5Pcreate");
    check(H5Pset_fclose_degree(access, H5F_CLOSE_STRONG), "H5Pset_fclose_degree");
    constexpr size_t kGrowth = 16 << 20;
    check(H5Pset_fapl_core(access, kGrowth, false), "H5Pset_fapl_core");
    H5FD_file_image_callbacks_t callbacks = memory_->callbacks();
    check(H5Pset_file_image_callbacks(access, &callbacks), "H5Pset_file_image_callbacks");
    // The format of HDF5 1.10 indexes chunks by an array, which is smaller and faster than the
    // B-tree of 1.6.
    check(H5Pset_libver_bounds(access, H5F_LIBVER_V110, H5F_LIBVER_V110), "H5Pset_libver_bounds");
    // With its real name, HDF5 would first load an existing file.
    const std::string name = path.string() + " (in memory)";
    file_ = H5Id(H5Fcreate(name.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
    check<hid_t>(file_, "H5Fcreate");
}

void H5Writer::attribute(const std::string& name, const std::string& text) {
    const H5Id type = text_type(text.size());
    const H5Id space(H5Screate(H5S_SCALAR), H5Sclose);
    const H5Id id(H5Acreate2(file_, name.c_str(), type, space, H5P_DEFAULT, H5P_DEFAULT), H5Aclose);
    check<hid_t>(id, "H5Acreate2");
    check(H5Awrite(id, type, text.c_str()), "H5Awrite");
}

void H5Writer::attribute(const std::string& name, int64_t value) {
    const H5Id space(H5Screate(H5S_SCALAR), H5Sclose);
    const H5Id id(H5Acreate2(file_, name.c_str(), H5T_STD_I64LE, space, H5P_DEFAULT, H5P_DEFAULT),
                  H5Aclose);
    check<hid_t>(id, "H5Acreate2");
    check(H5Awrite(id, H5T_NATIVE_INT64, &value), "H5Awrite");
}

void H5Writer::write_chunked(const std::string& field, hid_t file_type, hid_t memory_type,
                             const std::vector<hsize_t>& shape, const std::vector<hsize_t>& chunk,
                             const void* values) {
    const int rank = static_cast<int>(shape.size());
    const H5Id space(H5Screate_simple(rank, shape.data(), nullptr), H5Sclose);
    check<hid_t>(space, "H5Screate_simple");
    const H5Id layout(H5Pcreate(H5P_DATASET_CREATE), H5Pclose);
    check(H5Pset_chunk(layout, rank, chunk.data()), "H5Pset_chunk");
    check(H5Pset_fletcher32(layout), "H5Pset_fletcher32");
    const H5Id id(
        H5Dcreate2(file_, field.c_str(), file_type, space, H5P_DEFAULT, layout, H5P_DEFAULT),
        H5Dclose);
    check<hid_t>(id, "H5Dcreate2");
    check(H5Dwrite(id, memory_type, H5S_ALL, H5S_ALL, H5P_DEFAULT, values), "H5Dwrite");
}

void H5Writer::write_images(const std::string& field, const std::vector<int64_t>& shape,
                            std::span<const uint8_t> bytes) {
    const std::vector<hsize_t> sizes(shape.begin(), shape.end());
    std::vector<hsize_t> one_image = sizes;
    one_image[0] = 1;
    write_chunked(field, H5T_STD_U8LE, H5T_NATIVE_UINT8, sizes, one_image, bytes.data());
}

void H5Writer::write(const std::string& field, std::span<const int32_t> values) {
    write_chunked(field, H5T_STD_I32LE, H5T_NATIVE_INT32, {values.size()}, {values.size()},
                  values.data());
}

void H5Writer::write(const std::string& field, std::span<const uint8_t> values) {
    write_chunked(field, H5T_STD_U8LE, H5T_NATIVE_UINT8, {values.size()}, {values.size()},
                  values.data());
}

void H5Writer::write(const std::string& field, const std::vector<std::string>& texts) {
    size_t width = 1;
    for (const std::string& text : texts) width = std::max(width, text.size());
    std::string all;
    for (std::string text : texts) {
        text.resize(width, '\0');
        all += text;
    }
    const H5Id type = text_type(width);
    write_chunked(field, type, type, {texts.size()}, {texts.size()}, all.data());
}

void H5Writer::save() {
    check(H5Fflush(file_, H5F_SCOPE_GLOBAL), "H5Fflush");
    const auto size =
        static_cast<size_t>(check(H5Fget_file_image(file_, nullptr, 0), "H5Fget_file_image"));
    check(H5Fclose(file_.release()), "H5Fclose");
    require(memory_->bytes != nullptr, "closing an HDF5 file in memory yields its bytes");
    write_atomically(path_, std::string_view(static_cast<const char*>(memory_->bytes), size));
}

} // namespace dagan::data
