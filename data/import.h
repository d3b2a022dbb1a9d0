// Importers: turn collections in other formats into a Dataset, to be saved with save_dataset().
//
// Every importer reads and checks its whole source. It throws Blame::input naming the file, and the
// entry in an archive, if something is missing, damaged or given twice. The only files it skips
// are those that its description names.
#pragma once

#include "data/dataset.h"
#include "spec/fields.h"

#include <filesystem>
#include <string>
#include <vector>

namespace dagan::data {

// bilinear: half-pixel centres, no antialiasing (docs/reference/model.md, eq. (37)).
// area: mean over the source area that the target pixel covers.
DAGAN_ENUM(Resampling, bilinear, area)

struct OmniglotOptions {
    // Height and width of the result; at least 1.
    int size = 28;
    Resampling resampling = Resampling::bilinear;
};

// Imports Omniglot from its two zips, the unpacked folders, or a mixture, in any order. Takes the
// files .../<Alphabet>/characterNN/IIII_DD.png and skips all others. Classes are ordered by IIII
// (class index = IIII - 1), images of a class by DD. Every class from 0001 on must be complete with
// its 20 drawers. Returns 1 channel, ink_is_low.
Dataset import_omniglot(const std::vector<std::filesystem::path>& sources,
                        const OmniglotOptions& options = {});

// Idx files, gzipped or not.
struct EmnistFiles {
    std::filesystem::path train_images, train_labels, test_images, test_labels;
};

// Imports EMNIST Balanced or ByMerge: 47 classes, 0-9, A-Z, a b d e f g h n q r t, 28 x 28. Images
// are turned upright and inverted to ink 0 on 255 (ink_is_low). In each class, train images precede
// test images, and official_split() tells them apart.
Dataset import_emnist(const EmnistFiles& files);

struct FolderOptions {
    // Height and width of the result; at least 1.
    int size = 64;
    // 1 grey, 3 RGB.
    int channels = 3;
    Resampling resampling = Resampling::area;
    // As DatasetInfo::polarity.
    std::string polarity = "colour";
    std::string licence = "not stated";
};

// Imports a folder or an archive (zip, tar) with one folder of PNG and JPEG files per class. Scales
// the central square of each image to size x size. Classes are sorted by folder, images by file
// name. Skips other extensions, names that begin with a dot, and __MACOSX.
Dataset import_folder(const std::filesystem::path& source, const FolderOptions& options = {});

// Imports PNG and JPEG files in the given order, each as a class named by its path, scaled as by
// import_folder().
Dataset import_pictures(const std::vector<std::filesystem::path>& files,
                        const FolderOptions& options = {});

struct ArrayOptions {
    // As DatasetInfo::polarity.
    std::string polarity = "colour";
    std::string licence = "not stated";
};

// Imports a NumPy file [classes, samples, H, W, C] in C order: uint8, or little-endian float32 or
// float64 in [0, 1]; H = W, C 1 or 3. Keeps the images' size. Refuses a file whose length does not
// fit its header, such as an incomplete download.
Dataset import_npy(const std::filesystem::path& file, const ArrayOptions& options = {});

} // namespace dagan::data
