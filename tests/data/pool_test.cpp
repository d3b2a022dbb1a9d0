#include "data/pool.h"

#include "base/random.h"
#include "data/support.h"

#include <algorithm>
#include <fstream>

namespace dagan::data::test {

namespace fs = std::filesystem;

namespace {
Pool small_pool() {
    Random random(8);
    std::vector<uint8_t> images(3 * 4 * 2 * 2 * 3); // 3 sources, 4 images each, 3 channels of 2 x 2
    for (uint8_t& v : images) v = static_cast<uint8_t>(random.below(256));
    return {3, 2, 4, {5, 9, 10}, std::move(images), std::string(64, 'b')};
}
} // namespace

TEST(PoolTest, ReturnsTheImagesOfASource) {
    std::vector<uint8_t> images;
    for (uint8_t i = 0; i < 6; ++i)
        images.insert(images.end(), 4, i); // 2 sources, 3 images each, 2 x 2
    const Pool pool(1, 2, 3, {7, 20}, images, "hash");
    EXPECT_EQ(pool.image(7, 2)[0], 2);
    EXPECT_EQ(pool.image(20, 0)[3], 3);
    EXPECT_EQ(pool.image(20, 2).size(), 4U);
    EXPECT_TRUE(pool.holds(7));
    EXPECT_FALSE(pool.holds(8));
    EXPECT_THROW(pool.image(8, 0), Error);
    EXPECT_THROW(pool.image(7, 3), Error);
}

TEST(PoolTest, RoundTrips) {
    const TemporaryFolder folder;
    const Pool pool = small_pool();
    pool.save(folder / "pools/p.h5");
    const Pool back = Pool::open(folder / "pools/p.h5");
    EXPECT_EQ(back.per_image(), 4);
    EXPECT_EQ(back.channels(), 3);
    EXPECT_EQ(back.size(), 2);
    EXPECT_EQ(back.gan_sha256(), pool.gan_sha256());
    EXPECT_TRUE(std::ranges::equal(back.sources(), pool.sources()));
    for (const int source : pool.sources()) {
        for (int k = 0; k < 4; ++k)
            EXPECT_TRUE(std::ranges::equal(back.image(source, k), pool.image(source, k)));
    }
}

TEST(PoolTest, DamagedAndForeignFilesAreRefused) {
    const TemporaryFolder folder;
    small_pool().save(folder / "p.h5");
    fs::copy_file(folder / "p.h5", folder / "cut.h5");
    fs::resize_file(folder / "cut.h5", fs::file_size(folder / "cut.h5") - 64);
    expect_refused([&] { Pool::open(folder / "cut.h5"); }, {"cut.h5"});
    expect_refused([&] { Pool::open(folder / "none.h5"); }, {"none.h5", "no such file"});
    save_dataset(folder / "set.h5", random_dataset({2}, 1, 2, 1));
    expect_refused([&] { Pool::open(folder / "set.h5"); },
                   {"set.h5", "attribute format", "dagan-dataset"});
    expect_refused([&] { Dataset::open(folder / "p.h5"); },
                   {"p.h5", "attribute format", "dagan-pool"});
}

TEST(PoolTest, SourcesMustAscendAndFitTheImages) {
    const std::vector<uint8_t> images(2 * 4);
    EXPECT_NO_THROW(Pool(1, 2, 1, {1, 2}, images, ""));
    EXPECT_THROW(Pool(1, 2, 1, {2, 1}, images, ""), Error);
    EXPECT_THROW(Pool(1, 2, 1, {1, 1}, images, ""), Error);
    EXPECT_THROW(Pool(1, 2, 2, {1, 2}, images, ""), Error);
    EXPECT_THROW(Pool(1, 2, 1, {}, {}, ""), Error);
}

} // namespace dagan::data::test
