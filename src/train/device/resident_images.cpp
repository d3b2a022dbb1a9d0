#include "train/device/resident_images.h"

#include "base/error.h"

#include <algorithm>
#include <numeric>

namespace dagan::train {

namespace {
torch::Tensor values_of_bytes() {
    std::vector<uint8_t> bytes(256);
    std::iota(bytes.begin(), bytes.end(), uint8_t{0});
    torch::Tensor values = torch::empty({256}, torch::kFloat);
    data::to_network_range(bytes, floats_of(values));
    return values;
}

// The source of each pixel of a rotated image: rotate_image of data/transform.h as a table.
torch::Tensor rotation_table(int64_t n) {
    torch::Tensor table = torch::empty({4, n * n}, torch::kLong);
    auto sources = table.accessor<int64_t, 2>();
    for (int64_t y = 0; y < n; ++y) {
        for (int64_t x = 0; x < n; ++x) {
            const int64_t target = y * n + x;
            sources[0][target] = y * n + x;
            sources[1][target] = x * n + (n - 1 - y);
            sources[2][target] = (n - 1 - y) * n + (n - 1 - x);
            sources[3][target] = (n - 1 - x) * n + y;
        }
    }
    return table;
}
} // namespace

ResidentImages::ResidentImages(const torch::Tensor& images, torch::Device device)
    : images_(images.flatten(2).to(device)), values_(values_of_bytes().to(device)),
      rotations_(rotation_table(images.size(3)).to(device)), size_(images.size(3)) {
    require(images.dim() == 4 && images.scalar_type() == torch::kByte &&
                images.size(2) == images.size(3),
            "images are square and made of bytes");
}

void ResidentImages::replace(const torch::Tensor& images) {
    const torch::Tensor flat = images.flatten(2);
    require(flat.sizes() == images_.sizes(),
            "the new images have the number and size of the old ones");
    images_.copy_(flat);
}

torch::Tensor ResidentImages::gather_images(const torch::Tensor& indices,
                                            const torch::Tensor& sources) const {
    const torch::Tensor stored = images_.index_select(0, indices);
    const torch::Tensor bytes = stored.gather(2, sources.unsqueeze(1).expand(stored.sizes()));
    return values_.index_select(0, bytes.flatten().to(torch::kInt))
        .view({indices.size(0), images_.size(1), size_, size_});
}

torch::Tensor ResidentImages::rotation_sources(const torch::Tensor& quarter_turns) const {
    return rotations_.index_select(0, quarter_turns);
}

torch::Tensor image_bytes(const data::Dataset& data) {
    const data::DatasetInfo& info = data.info();
    torch::Tensor images =
        torch::empty({info.images, info.channels, info.height, info.width}, torch::kByte);
    auto* out = images.data_ptr<uint8_t>();
    for (int i = 0; i < info.images; ++i) out = std::ranges::copy(data.image(i), out).out;
    return images;
}

} // namespace dagan::train
