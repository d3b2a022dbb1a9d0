#include "train/tensors/tensors.h"

#include "base/error.h"
#include "base/random.h"

namespace dagan::train {

ImageShape shape_of(const data::Dataset& data) {
    const data::DatasetInfo& info = data.info();
    if (info.height != info.width) {
        throw input_error("data set " + info.source + ": images are " +
                          std::to_string(info.height) + "x" + std::to_string(info.width) +
                          ": the networks need square ones; import with --size");
    }
    return {info.channels, info.height};
}

torch::Tensor copied_tensor(std::span<const float> values, torch::IntArrayRef sizes) {
    torch::Tensor tensor = torch::empty(sizes, torch::kFloat);
    require(tensor.numel() == static_cast<int64_t>(values.size()),
            "the number of values fits the shape");
    std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
    return tensor;
}

std::span<float> floats_of(const torch::Tensor& tensor) {
    require(tensor.is_contiguous() && tensor.scalar_type() == torch::kFloat,
            "the tensor is contiguous and float");
    return {tensor.data_ptr<float>(), static_cast<size_t>(tensor.numel())};
}

torch::Tensor image_tensor(const data::Dataset& data, std::span<const int> images,
                           ImageShape shape) {
    torch::Tensor tensor =
        torch::empty({static_cast<int64_t>(images.size()), shape.channels, shape.size, shape.size},
                     torch::kFloat);
    const std::span<float> values = floats_of(tensor);
    const auto per_image = static_cast<size_t>(shape.values());
    for (size_t i = 0; i < images.size(); ++i)
        data::to_network_range(data.image(images[i]), values.subspan(i * per_image, per_image));
    return tensor;
}

torch::Device device_of(const torch::nn::Module& module) {
    return module.parameters().front().device();
}

torch::Tensor noise_tensor(uint64_t key, uint32_t step, uint32_t first, int64_t count, int z_dim) {
    torch::Tensor tensor = torch::empty({count, z_dim}, torch::kFloat);
    const std::span<float> values = floats_of(tensor);
    const auto row = static_cast<size_t>(z_dim);
    for (size_t i = 0; i < static_cast<size_t>(count); ++i) {
        fill_normal(values.subspan(i * row, row), key, step, first + static_cast<uint32_t>(i));
    }
    return tensor;
}

} // namespace dagan::train
