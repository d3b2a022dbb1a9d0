// Other people's formats to data sets: every importer reads everything, checks it and returns a Dataset to be saved, or throws
// Blame::input naming the file (and the entry in it) that is wrong. Nothing is skipped in silence but what data/README.md says.
#pragma once

#include "data/dataset.h"
#include "spec/fields.h"

#include <filesystem>
#include <string>
#include <vector>

namespace dagan::data {

// bilinear: half-pixel centres, no antialiasing, source = (dst + 0.5) * in / out - 0.5 (dagan.md section 8). area: mean over the
// source pixels that the target pixel covers.
DAGAN_ENUM(Resampling, bilinear, area)

struct OmniglotOptions {
    int size = 28;
    Resampling resampling = Resampling::bilinear;
};

// Omniglot from its two zips, unpacked folders, or a mixture, in any order: files .../<Alphabet>/characterNN/IIII_DD.png. Class
// order is IIII (class index = IIII - 1), within a class DD; every class from 0001 on must be there, with its 20 drawers.
Dataset import_omniglot(const std::vector<std::filesystem::path>& sources,
                        const OmniglotOptions& options = {});

// EMNIST (Balanced, ByMerge) from idx or idx.gz files. Images are turned upright and inverted to ink 0 on 255; the official
// split is stored; classes are 0-9, A-Z, a b d e f g h n q r t.
struct EmnistFiles {
    std::filesystem::path train_images, train_labels, test_images, test_labels;
};
Dataset import_emnist(const EmnistFiles& files);

struct FolderOptions {
    int size = 64;
    int channels = 3;
    Resampling resampling = Resampling::area;
    std::string polarity =
        "colour"; // ink_is_low, ink_is_high, or colour: pictures without a background value, grey ones too
    std::string licence = "not stated";
};

// A folder or an archive (zip, tar) with one folder per class of PNG and JPEG files. Each image's central square is scaled to
// size x size. Classes are sorted by name, images by file name.
Dataset import_folder(const std::filesystem::path& source, const FolderOptions& options = {});

// PNG and JPEG files in the order given, each a class of its own named by its path; scaled like those of a folder.
Dataset import_pictures(const std::vector<std::filesystem::path>& files,
                        const FolderOptions& options = {});

struct ArrayOptions {
    std::string polarity = "colour";
    std::string licence = "not stated";
};

// A NumPy file [classes, samples, H, W, C], uint8 or float in [0, 1], H = W, C 1 or 3, kept at its size. A file whose length does
// not fit its header (a broken download) is refused.
Dataset import_npy(const std::filesystem::path& file, const ArrayOptions& options = {});

} // namespace dagan::data
