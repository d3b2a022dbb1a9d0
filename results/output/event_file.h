// A TensorBoard event file, made in memory: records of protocol buffers (tensorflow.Event), each with its length and masked
// CRC-32C. Only what curves and pictures need. Internal to results.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace dagan::results {

class EventFile {
  public:
    explicit EventFile(double wall_time); // seconds since 1970, of the file's opening record

    void scalar(double wall_time, int64_t step, std::string_view tag, float value);
    // A whole PNG file; its size is read from its header. Returns false, adding nothing, when it is no PNG.
    bool picture(double wall_time, int64_t step, std::string_view tag, std::string_view png);

    const std::string& bytes() const { return bytes_; }

  private:
    void summary(double wall_time, int64_t step, std::string_view value);
    void record(std::string_view event);

    std::string bytes_;
};

// CRC-32C (Castagnoli), as of RFC 3720; "123456789" has 0xe3069283.
uint32_t crc32c(std::string_view bytes);

} // namespace dagan::results
