#include "data/contact_sheet.h"

#include "base/error.h"

#include <algorithm>

namespace dagan::data {

namespace {
// Draws one planar image with its top left corner at (left, top).
void draw(Picture& sheet, std::span<const uint8_t> image, int size, int left, int top, int scale) {
    const auto side = static_cast<size_t>(size), channels = static_cast<size_t>(sheet.channels);
    for (int y = 0; y < size * scale; ++y) {
        for (int x = 0; x < size * scale; ++x) {
            const size_t from =
                static_cast<size_t>(y / scale) * side + static_cast<size_t>(x / scale);
            const size_t to = static_cast<size_t>(top + y) * static_cast<size_t>(sheet.width) +
                              static_cast<size_t>(left + x);
            for (size_t c = 0; c < channels; ++c)
                sheet.pixels[to * channels + c] = image[c * side * side + from];
        }
    }
}

// Returns an empty sheet for rows x columns images.
Picture empty_grid(int rows, int columns, int channels, int size, const GridStyle& style) {
    const auto length = [&](int images) {
        return images * (size * style.scale + style.gap) + style.gap;
    };
    Picture sheet{length(columns), length(rows), channels, {}};
    sheet.pixels.assign(static_cast<size_t>(sheet.width) * static_cast<size_t>(sheet.height) *
                            static_cast<size_t>(channels),
                        style.gap_value);
    return sheet;
}

void draw_at(Picture& sheet, std::span<const uint8_t> image, int size, int row, int column,
             const GridStyle& style) {
    const int pitch = size * style.scale + style.gap;
    draw(sheet, image, size, style.gap + column * pitch, style.gap + row * pitch, style.scale);
}
} // namespace

Picture image_grid(std::span<const uint8_t> images, int channels, int size, int columns,
                   GridStyle style) {
    const size_t bytes =
        static_cast<size_t>(channels) * static_cast<size_t>(size) * static_cast<size_t>(size);
    require(columns > 0 && style.scale > 0 && style.gap >= 0,
            "a grid has columns, a scale above 0 and a gap not below 0");
    require(bytes > 0 && !images.empty() && images.size() % bytes == 0, "whole images");
    const auto count = static_cast<int>(images.size() / bytes);
    Picture sheet = empty_grid((count + columns - 1) / columns, columns, channels, size, style);
    for (int i = 0; i < count; ++i) {
        draw_at(sheet, images.subspan(static_cast<size_t>(i) * bytes, bytes), size, i / columns,
                i % columns, style);
    }
    return sheet;
}

Picture contact_sheet(const Dataset& data, int max_classes, int images_per_class, GridStyle style) {
    require(max_classes > 0 && images_per_class > 0, "a sheet shows something");
    const DatasetInfo& info = data.info();
    const int rows = std::min(max_classes, info.classes);
    const int columns = std::min(images_per_class, info.largest_class);
    Picture sheet = empty_grid(rows, columns, info.channels, info.height, style);
    for (int row = 0; row < rows; ++row) {
        const auto label = static_cast<int>(static_cast<int64_t>(row) * info.classes / rows);
        for (int column = 0; column < std::min(columns, data.count_of(label)); ++column) {
            draw_at(sheet, data.image(data.first_of(label) + column), info.height, row, column,
                    style);
        }
    }
    return sheet;
}

} // namespace dagan::data
