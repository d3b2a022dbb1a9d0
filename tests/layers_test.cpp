// Checks the layers of docs/internals/architecture.md: every #include of the project must agree
// with two tables, one of the project's modules and one of third-party headers. A third-party
// header also counts when it is included through a project header.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

namespace dagan {
namespace {

namespace fs = std::filesystem;

struct Include {
    std::string file; // relative to the source tree: "src/base/file.cpp"
    int line = 0;
    std::string header; // as written between the quotes or brackets
};

// Each module with the modules below it, whose headers it may include.
const std::map<std::string, std::set<std::string>> kLayers{
    {"base", {}},
    {"spec", {"base"}},
    {"gang", {"base"}},
    {"model", {"spec", "base"}},
    {"data", {"spec", "base"}},
    {"sweeps", {"spec", "base"}},
    {"cluster", {"gang", "base"}},
    {"results", {"spec", "base"}},
    {"train", {"model", "data", "gang", "spec", "base"}},
    // libdagan_cuda.so implements train/device/gpu.h and the table of gang/nccl_group.h.
    {"cuda", {"train", "gang", "base"}},
    {"launcher",
     {"results", "train", "model", "data", "sweeps", "cluster", "gang", "spec", "base"}},
};

// The folders of a module, bottom up: a folder may include those before it. "" is the module's top
// folder. A module that is not listed has no subfolders.
const std::map<std::string, std::vector<std::string>> kFolders{
    {"model", {"tensor", "winograd", "convolution", "norm", ""}},
    {"train", {"tensors", "files", "device", "", "gan", "classifier"}},
    {"cluster", {"transport", "host", "process", "gang", "mpi"}},
    {"results", {"statistics", "database", "store", "query", "output", "maintenance", "report"}},
    {"launcher",
     {"program", "scheduling", "protocol", "campaign", "coordinator", "worker", "trainer",
      "supervisor", "slurm", "doctor", "cli"}},
};

// Third-party headers by prefix, and the files (by prefix) that may include them, directly or
// through project headers.
struct ThirdParty {
    std::string library;
    std::vector<std::string> headers;
    std::vector<std::string> allowed;
};
const std::vector<ThirdParty> kThirdParty{
    {"NCCL and CUDA", {"nccl.h", "cuda_", "cuda.h", "ATen/cuda/", "c10/cuda/"}, {"src/cuda/"}},
    {"LibTorch",
     {"torch/", "ATen/", "c10/"},
     {"src/model/", "src/train/", "src/cuda/", "launcher/trainer/"}},
    {"MPI", {"mpi.h"}, {"cluster/mpi/"}},
    {"HDF5", {"hdf5", "H5"}, {"data/"}},
    {"archives and images", {"archive", "spng.h", "turbojpeg.h", "stb"}, {"data/"}},
    {"yaml-cpp", {"yaml-cpp/"}, {"sweeps/"}},
    {"SOCI and databases", {"soci/", "sqlite3.h", "libpq"}, {"results/"}},
    {"CLI11", {"CLI/"}, {"launcher/"}},
    {"hashes", {"xxhash.h", "openssl/"}, {"src/base/"}},
    {"spdlog", {"spdlog/"}, {"src/base/"}},
};

bool starts_with_any(const std::string& text, const std::vector<std::string>& prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](const std::string& prefix) { return text.starts_with(prefix); });
}

// Returns "base" for "src/base/file.h" and for "base/file.h"; "" if the path is in no module.
std::string module_of(std::string path) {
    if (path.starts_with("src/")) path.erase(0, 4);
    const std::string first = path.substr(0, path.find('/'));
    return kLayers.contains(first) && first != path ? first : "";
}

// Returns "winograd" for "src/model/winograd/winograd.h" and for "model/winograd/winograd.h"; ""
// for a file in the module's top folder.
std::string folder_of(std::string path) {
    if (path.starts_with("src/")) path.erase(0, 4);
    const size_t first = path.find('/'), last = path.rfind('/');
    return first == last ? "" : path.substr(first + 1, last - first - 1);
}

// Returns whether an include within one module goes up, or from or to a folder that is not in the
// table.
bool goes_up_in_module(const std::string& module, const std::string& from, const std::string& to) {
    const auto folders = kFolders.find(module);
    if (folders == kFolders.end() || from == to) return from != to;
    const auto at = [&](const std::string& folder) {
        return std::find(folders->second.begin(), folders->second.end(), folder);
    };
    return at(from) == folders->second.end() || at(to) >= at(from);
}

// Returns the file of a project header: src/base/file.h for "base/file.h", data/pool.h for
// "data/pool.h".
std::string file_of(const std::string& header) {
    static const std::set<std::string> kBelowSrc{"base", "spec", "gang", "model", "train", "cuda"};
    return (kBelowSrc.contains(module_of(header)) ? "src/" : "") + header;
}

const ThirdParty* third_party(const std::string& header) {
    const auto found =
        std::find_if(kThirdParty.begin(), kThirdParty.end(), [&](const ThirdParty& known) {
            return starts_with_any(header, known.headers);
        });
    return found == kThirdParty.end() ? nullptr : &*found;
}

class LayerCheck {
  public:
    explicit LayerCheck(const std::vector<Include>& includes) : includes_(includes) {
        for (const auto& include : includes) of_file_[include.file].push_back(&include);
    }

    std::vector<std::string> violations() {
        for (const auto& include : includes_) check(include);
        return found_;
    }

  private:
    void check(const Include& include) {
        const std::string from = module_of(include.file), to = module_of(include.header);
        if (!to.empty() && to != from && !kLayers.at(from).contains(to))
            report(include, from + " may not include " + to);
        if (!to.empty() && to == from &&
            goes_up_in_module(from, folder_of(include.file), folder_of(include.header)))
            report(include, "\"" + folder_of(include.file) + "\" of " + from +
                                " may not include \"" + folder_of(include.header) + "\"");
        const bool header = include.file.ends_with(".h");
        if (header && include.file != "src/spec/json.h" &&
            (include.header == "spec/json.h" || include.header.starts_with("nlohmann/"))) {
            report(include,
                   "headers must not use nlohmann's types; include spec/json.h in a .cpp file");
        }
        for (const auto& [library, chain] : libraries_behind(include.header)) {
            if (!starts_with_any(include.file, library->allowed))
                report(include, library->library + " is not allowed in this file" + chain);
        }
    }

    // Returns the third-party libraries that a header includes, each with its path of includes,
    // such as " through base/file.h".
    std::map<const ThirdParty*, std::string> libraries_behind(const std::string& header) {
        if (module_of(header).empty()) {
            const ThirdParty* library = third_party(header);
            return library == nullptr ? std::map<const ThirdParty*, std::string>{}
                                      : std::map<const ThirdParty*, std::string>{{library, ""}};
        }
        const auto known = behind_.find(header);
        if (known != behind_.end()) return known->second;
        behind_[header]; // ends a cycle of includes
        std::map<const ThirdParty*, std::string> all;
        for (const Include* inner : of_file_[file_of(header)]) {
            for (const auto& [library, chain] : libraries_behind(inner->header))
                all.emplace(library, " through " + header + chain);
        }
        return behind_[header] = all;
    }

    void report(const Include& include, const std::string& what) {
        found_.push_back(include.file + ":" + std::to_string(include.line) + ": " + include.header +
                         ": " + what);
    }

    const std::vector<Include>& includes_;
    std::map<std::string, std::vector<const Include*>> of_file_;
    std::map<std::string, std::map<const ThirdParty*, std::string>> behind_;
    std::vector<std::string> found_;
};

std::vector<std::string> violations_in(const std::vector<Include>& includes) {
    return LayerCheck(includes).violations();
}

std::vector<Include> includes_of(std::istream& text, const std::string& file) {
    static const std::regex kInclude(R"re(^\s*#\s*include\s*[<"]([^>"]+)[>"])re");
    std::vector<Include> includes;
    std::string line;
    for (int number = 1; std::getline(text, line); ++number) {
        std::smatch match;
        if (std::regex_search(line, match, kInclude)) includes.push_back({file, number, match[1]});
    }
    return includes;
}

// Returns every #include of the modules. `files`: the number of files read, by module.
std::vector<Include> includes_of_project(std::map<std::string, int>& files) {
    static const std::set<std::string> kSources{".h",  ".hpp", ".in", ".c",
                                                ".cc", ".cpp", ".cu", ".cuh"};
    const fs::path root = DAGAN_SOURCE_DIR;
    std::vector<Include> all;
    for (const char* top : {"src", "data", "sweeps", "cluster", "results", "launcher"}) {
        for (const auto& entry : fs::recursive_directory_iterator(root / top)) {
            if (!entry.is_regular_file() || !kSources.contains(entry.path().extension())) continue;
            const std::string file = entry.path().lexically_relative(root).generic_string();
            ++files[module_of(file)];
            std::ifstream text(entry.path());
            const auto includes = includes_of(text, file);
            all.insert(all.end(), includes.begin(), includes.end());
        }
    }
    return all;
}

TEST(LayersTest, AllIncludesObeyTheLayers) {
    std::map<std::string, int> files;
    const auto includes = includes_of_project(files);
    for (const auto& [module, below] : kLayers)
        EXPECT_GT(files[module], 0) << "read no file of " << module;
    EXPECT_EQ(files[""], 0) << "a file is in no module";
    for (const auto& violation : violations_in(includes)) ADD_FAILURE() << violation;
}

// The tests below show that the check can fail.

// Returns the first violation of one include; "" if there is none.
std::string violation_of(const std::string& file, const std::string& header) {
    const auto found = violations_in({{file, 7, header}});
    return found.empty() ? "" : found.front();
}

TEST(LayersTest, FindsAnIncludeOfAModuleAbove) {
    EXPECT_EQ(violation_of("src/base/file.cpp", "spec/task.h"),
              "src/base/file.cpp:7: spec/task.h: base may not include spec");
    EXPECT_EQ(violation_of("src/train/pools.cpp", "results/store/store.h"),
              "src/train/pools.cpp:7: results/store/store.h: train may not include results");
    EXPECT_NE(violation_of("data/pool.cpp", "sweeps/expand.h"), "");
    EXPECT_NE(violation_of("results/store/store.cpp", "launcher/scheduling/schedule.h"), "");
    EXPECT_NE(violation_of("src/model/critic.cpp", "gang/group.h"), "");
}

TEST(LayersTest, FindsAnIncludeOfAFolderAboveInTheSameModule) {
    EXPECT_EQ(
        violation_of("launcher/scheduling/schedule.cpp", "launcher/coordinator/coordinator.h"),
        "launcher/scheduling/schedule.cpp:7: launcher/coordinator/coordinator.h: "
        "\"scheduling\" of launcher may not include \"coordinator\"");
    EXPECT_NE(violation_of("src/model/winograd/winograd.cpp", "model/layer.h"), "")
        << "the module's top folder has a place in the order too";
    EXPECT_NE(violation_of("results/database/sqlite.cpp", "results/nowhere/x.h"), "")
        << "a folder that is not in the table";
    EXPECT_EQ(
        violation_of("launcher/coordinator/coordinator.cpp", "launcher/scheduling/schedule.h"), "");
    EXPECT_EQ(violation_of("src/model/layer.cpp", "model/winograd/winograd.h"), "");
}

TEST(LayersTest, AllowsIncludesOfModulesBelowAndWithinAModule) {
    EXPECT_EQ(violation_of("src/base/file.cpp", "base/error.h"), "");
    EXPECT_EQ(violation_of("src/train/pools.cpp", "data/pool.h"), "");
    EXPECT_EQ(violation_of("launcher/coordinator/coordinator.cpp", "results/store/store.h"), "");
    EXPECT_EQ(violation_of("data/pool.cpp", "vector"), "");
    EXPECT_EQ(violation_of("data/pool.cpp", "fmt/format.h"), "");
}

TEST(LayersTest, FindsAThirdPartyHeaderWhereItIsNotAllowed) {
    EXPECT_EQ(violation_of("sweeps/expand.cpp", "torch/torch.h"),
              "sweeps/expand.cpp:7: torch/torch.h: LibTorch is not allowed in this file");
    EXPECT_NE(violation_of("launcher/worker/agent.cpp", "torch/torch.h"), "")
        << "in the launcher, only the trainer may use LibTorch";
    EXPECT_EQ(violation_of("launcher/trainer/trainer_main.cpp", "torch/torch.h"), "");
    EXPECT_NE(violation_of("launcher/worker/agent.cpp", "mpi.h"), "");
    EXPECT_NE(violation_of("src/train/pools.cpp", "hdf5.h"), "");
    EXPECT_NE(violation_of("data/pool.cpp", "yaml-cpp/yaml.h"), "");
    EXPECT_NE(violation_of("src/train/wgan_gp.cpp", "ATen/cuda/CUDAGraph.h"), "")
        << "only libdagan_cuda.so may use CUDA";
    EXPECT_NE(violation_of("src/gang/nccl_group.cpp", "nccl.h"), "");
    EXPECT_EQ(violation_of("src/cuda/gpu.cpp", "ATen/cuda/CUDAGraph.h"), "");
    EXPECT_NE(violation_of("src/train/device/gpu.h", "cuda/kernels.h"), "");
    EXPECT_NE(violation_of("launcher/campaign/status.cpp", "soci/soci.h"), "");
    EXPECT_NE(violation_of("results/store/store.h", "nlohmann/json.hpp"), "");
    EXPECT_NE(violation_of("results/store/store.h", "spec/json.h"), "");
    EXPECT_EQ(violation_of("results/store/store.cpp", "spec/json.h"), "");
}

TEST(LayersTest, FindsAThirdPartyHeaderThroughProjectHeaders) {
    const auto found = violations_in({{"data/hdf5_file.h", 3, "hdf5.h"},
                                      {"data/pool.h", 4, "data/hdf5_file.h"},
                                      {"data/pool.cpp", 1, "data/pool.h"},
                                      {"src/train/pools.cpp", 9, "data/pool.h"}});
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0],
              "src/train/pools.cpp:9: data/pool.h: HDF5 is not allowed in this file through "
              "data/pool.h through data/hdf5_file.h");
}

TEST(LayersTest, ReadsAllSpellingsOfAnInclude) {
    std::istringstream text("#include \"a.h\"\n  #  include <b/c.h> // why\n// #include "
                            "\"not.h\"\n#include<d>\nint include;\n");
    const auto includes = includes_of(text, "x.cpp");
    ASSERT_EQ(includes.size(), 3U);
    EXPECT_EQ(includes[0].header, "a.h");
    EXPECT_EQ(includes[1].header, "b/c.h");
    EXPECT_EQ(includes[1].line, 2);
    EXPECT_EQ(includes[2].header, "d");
}

} // namespace
} // namespace dagan
