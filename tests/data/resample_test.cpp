#include "data/resample.h"

#include "base/random.h"
#include "data/support.h"

#include <cmath>

namespace dagan::data::test {

namespace {
std::vector<uint8_t> random_image(Random& random, int channels, int height, int width) {
    std::vector<uint8_t> image(static_cast<size_t>(channels * height * width));
    for (uint8_t& v : image) v = static_cast<uint8_t>(random.below(256));
    return image;
}

// Slow references on one plane, in double: the plain definitions, without taps or separability.
double bilinear_at(const std::vector<uint8_t>& image, int height, int width, int size, int y,
                   int x) {
    const double sy = (y + 0.5) * height / size - 0.5, sx = (x + 0.5) * width / size - 0.5;
    double sum = 0;
    // A hat function on each pixel; the border is repeated once outside.
    for (int r = -1; r <= height; ++r) {
        for (int c = -1; c <= width; ++c) {
            const double weight =
                std::max(0.0, 1 - std::abs(sy - r)) * std::max(0.0, 1 - std::abs(sx - c));
            const int row = std::min(std::max(r, 0), height - 1),
                      column = std::min(std::max(c, 0), width - 1);
            sum += weight * image[static_cast<size_t>(row * width + column)];
        }
    }
    return sum;
}

double area_at(const std::vector<uint8_t>& image, int height, int width, int size, int y, int x) {
    double sum = 0, weights = 0;
    for (int r = 0; r < height; ++r) {
        for (int c = 0; c < width; ++c) {
            const double down = std::min((y + 1.0) * height / size, r + 1.0) -
                                std::max(1.0 * y * height / size, 1.0 * r);
            const double across = std::min((x + 1.0) * width / size, c + 1.0) -
                                  std::max(1.0 * x * width / size, 1.0 * c);
            const double weight = std::max(0.0, down) * std::max(0.0, across);
            weights += weight;
            sum += weight * image[static_cast<size_t>(r * width + c)];
        }
    }
    return sum / weights;
}
} // namespace

TEST(ResampleTest, AgreesWithTheDefinitionsInDouble) {
    constexpr uint64_t kSeed = 3;
    Random random(kSeed);
    for (const auto [height, width, size] :
         {std::array{105, 105, 28}, {9, 13, 5}, {28, 28, 28}, {4, 3, 11}, {1, 1, 3}, {7, 7, 1}}) {
        const std::vector<uint8_t> image = random_image(random, 1, height, width);
        const auto bilinear = resample(image, 1, height, width, size, Resampling::bilinear);
        const auto area = resample(image, 1, height, width, size, Resampling::area);
        for (int y = 0; y < size; ++y) {
            for (int x = 0; x < size; ++x) {
                const auto at = static_cast<size_t>(y * size + x);
                SCOPED_TRACE(testing::Message()
                             << "seed " << kSeed << ", " << height << " x " << width << " to "
                             << size << ", " << y << ", " << x);
                // Rounding to bytes leaves an error of half a step; ties may round either way.
                EXPECT_NEAR(bilinear[at], bilinear_at(image, height, width, size, y, x),
                            0.5 + 1e-9);
                EXPECT_NEAR(area[at], area_at(image, height, width, size, y, x), 0.5 + 1e-9);
            }
        }
    }
}

TEST(ResampleTest, OmniglotSizesReadTheSourceAt375Steps) {
    // A ramp shows the source position: (target + 0.5) * 3.75 - 0.5, which begins with 1.375.
    std::vector<uint8_t> ramp;
    for (int y = 0; y < 105; ++y) {
        for (int x = 0; x < 105; ++x) ramp.push_back(static_cast<uint8_t>(2 * x));
    }
    const auto out = resample(ramp, 1, 105, 105, 28, Resampling::bilinear);
    for (int x = 0; x < 28; ++x)
        EXPECT_NEAR(out[static_cast<size_t>(x)], 2 * ((x + 0.5) * 3.75 - 0.5), 0.5 + 1e-9);
}

TEST(ResampleTest, SameSizeIsTheImageItselfAndPlanesStayApart) {
    Random random(4);
    const auto image = random_image(random, 3, 6, 6);
    EXPECT_EQ(resample(image, 3, 6, 6, 6, Resampling::bilinear), image);
    EXPECT_EQ(resample(image, 3, 6, 6, 6, Resampling::area), image);
    const auto small = resample(image, 3, 6, 6, 2, Resampling::area);
    const std::vector<uint8_t> second(image.begin() + 36, image.begin() + 72);
    EXPECT_EQ(std::vector<uint8_t>(small.begin() + 4, small.begin() + 8),
              resample(second, 1, 6, 6, 2, Resampling::area));
}

TEST(ResampleTest, CentreSquareCutsBothSidesAlike) {
    const std::vector<uint8_t> wide{0, 1, 2, 3, 4, 10, 11, 12, 13, 14}; // 2 x 5
    EXPECT_EQ(centre_square(wide, 1, 2, 5), (std::vector<uint8_t>{1, 2, 11, 12}));
    EXPECT_EQ(centre_square(wide, 1, 5, 2), (std::vector<uint8_t>{2, 3, 4, 10}));
}

} // namespace dagan::data::test
