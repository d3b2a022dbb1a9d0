// Hashes: xxHash for keys inside a campaign (fast, not cryptographic), SHA-256 for files and data sets.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dagan {

uint64_t hash64(std::string_view bytes);
std::string hash128_hex(std::string_view bytes); // 32 lower-case hex digits

// SHA-256 of what was fed so far, as 64 lower-case hex digits.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
    std::string hex(); // ends the computation

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

std::string
sha256_of_file(const std::filesystem::path& path); // throws Blame::system when it cannot be read

} // namespace dagan
