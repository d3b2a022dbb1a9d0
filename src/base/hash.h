// Hashes: xxHash (XXH3) for keys within a campaign, which is fast and not cryptographic; SHA-256
// for files and data sets. Both are stable: existing campaigns depend on their values.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace dagan {

uint64_t hash64(std::string_view bytes);
// Returns 32 lower-case hexadecimal digits.
std::string hash128_hex(std::string_view bytes);

// Computes a SHA-256 incrementally: call update() for each part, then hex() once.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(std::span<const std::byte> bytes);
    void update(std::string_view text) { update(std::as_bytes(std::span(text))); }
    // Returns the hash as 64 lower-case hexadecimal digits and ends the computation: no call may
    // follow.
    std::string hex();

  private:
    struct Context;
    std::unique_ptr<Context> context_;
};

// Returns the SHA-256 of a file as 64 hexadecimal digits. Throws Blame::system if it cannot be
// read.
std::string sha256_of_file(const std::filesystem::path& path);

} // namespace dagan
