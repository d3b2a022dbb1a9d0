#include "base/hash.h"

#include "base/error.h"
#include "base/file.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <string>

namespace dagan {
namespace {

std::string sha256_of(std::string_view text) {
    Sha256 sha;
    sha.update(text);
    return sha.hex();
}

// FIPS 180-2, appendix B.
TEST(Sha256Test, KnownAnswers) {
    EXPECT_EQ(sha256_of(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    EXPECT_EQ(sha256_of("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    EXPECT_EQ(sha256_of("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
              "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    EXPECT_EQ(sha256_of(std::string(1000000, 'a')),
              "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, PartsHaveTheHashOfTheWhole) {
    Sha256 sha;
    for (const char letter : std::string("abc")) sha.update(std::string_view(&letter, 1));
    EXPECT_EQ(sha.hex(), sha256_of("abc"));
}

TEST(Sha256Test, HashesAFileLargerThanOneBlock) {
    const auto path =
        std::filesystem::temp_directory_path() / ("hash_test." + std::to_string(::getpid()));
    const std::string bytes((1 << 20) + 12345, 'x');
    write_atomically(path, bytes);
    EXPECT_EQ(sha256_of_file(path), sha256_of(bytes));
    std::filesystem::remove(path);
    EXPECT_THROW(sha256_of_file(path), Error);
}

// xxHash's own test vectors for the empty input. Keys of existing campaigns depend on them.
TEST(XxHashTest, KnownAnswers) {
    EXPECT_EQ(hash64(""), 0x2D06800538D394C2U);
    EXPECT_EQ(hash128_hex(""), "99aa06d3014798d86001c324468d497f");
}

TEST(XxHashTest, HasThirtyTwoHexDigitsAndDiffersForSimilarTexts) {
    EXPECT_EQ(hash128_hex("seed=1").size(), 32U);
    EXPECT_NE(hash128_hex("seed=1"), hash128_hex("seed=2"));
    EXPECT_NE(hash64("omniglot"), hash64("omniglo"));
}

} // namespace
} // namespace dagan
