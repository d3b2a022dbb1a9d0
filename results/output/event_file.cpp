#include "results/output/event_file.h"

#include <array>
#include <bit>
#include <cstring>

namespace dagan::results {

namespace {

// Little-endian bytes of a number.
template <class T> std::string fixed(T value) {
    static_assert(std::endian::native == std::endian::little);
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
}

std::string varint(uint64_t value) {
    std::string bytes;
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    return bytes + static_cast<char>(value);
}

// A field of a protocol buffer: its number and wire type, then its content.
enum class Wire { varint = 0, fixed64 = 1, bytes = 2, fixed32 = 5 };
std::string field(unsigned number, Wire wire, std::string_view content) {
    return varint(number << 3 | static_cast<unsigned>(wire)) + std::string(content);
}
std::string bytes_field(unsigned number, std::string_view content) {
    return field(number, Wire::bytes, varint(content.size()) + std::string(content));
}

// Numbers of fields: tensorflow/core/util/event.proto and framework/summary.proto.
std::string event(double wall_time, int64_t step, std::string_view what) {
    return field(1, Wire::fixed64, fixed(wall_time)) +
           field(2, Wire::varint, varint(static_cast<uint64_t>(step))) + std::string(what);
}

// TensorFlow stores the checksum rotated, so that a checksum of bytes that hold checksums stays a good one.
uint32_t masked_crc32c(std::string_view bytes) {
    const uint32_t crc = crc32c(bytes);
    return std::rotr(crc, 15) + 0xa282ead8u;
}

constexpr std::string_view kPngHead("\x89PNG\r\n\x1a\n\0\0\0\rIHDR", 16);

uint64_t big_endian(std::string_view bytes) {
    uint64_t value = 0;
    for (const char byte : bytes) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
}

} // namespace

uint32_t crc32c(std::string_view bytes) {
    static const auto kTable = [] {
        std::array<uint32_t, 256> table{};
        for (uint32_t i = 0; i < 256; ++i) {
            uint32_t value = i;
            for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0x82f63b78u : 0);
            table[i] = value;
        }
        return table;
    }();
    uint32_t crc = ~0u;
    for (const char byte : bytes)
        crc = crc >> 8 ^ kTable[(crc ^ static_cast<unsigned char>(byte)) & 0xff];
    return ~crc;
}

EventFile::EventFile(double wall_time) {
    record(event(wall_time, 0, bytes_field(3, "brain.Event:2")));
}

void EventFile::scalar(double wall_time, int64_t step, std::string_view tag, float value) {
    summary(wall_time, step, bytes_field(1, tag) + field(2, Wire::fixed32, fixed(value)));
}

bool EventFile::picture(double wall_time, int64_t step, std::string_view tag,
                        std::string_view png) {
    if (png.size() < 33 || !png.starts_with(kPngHead)) return false;
    const uint64_t width = big_endian(png.substr(16, 4)), height = big_endian(png.substr(20, 4));
    const auto colours =
        static_cast<unsigned char>(png[25]); // PNG: 2 and 3 RGB, 4 grey and alpha, 6 RGBA, 0 grey
    const uint64_t channels = colours == 0 ? 1 : colours == 4 ? 2 : colours == 6 ? 4 : 3;
    const auto image = field(1, Wire::varint, varint(height)) +
                       field(2, Wire::varint, varint(width)) +
                       field(3, Wire::varint, varint(channels)) + bytes_field(4, png);
    summary(wall_time, step, bytes_field(1, tag) + bytes_field(4, image));
    return true;
}

void EventFile::summary(double wall_time, int64_t step, std::string_view value) {
    record(event(wall_time, step, bytes_field(5, bytes_field(1, value))));
}

void EventFile::record(std::string_view event) {
    const auto length = fixed(static_cast<uint64_t>(event.size()));
    bytes_ += length + fixed(masked_crc32c(length));
    bytes_ += event;
    bytes_ += fixed(masked_crc32c(event));
}

} // namespace dagan::results
