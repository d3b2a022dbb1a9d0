#include "launcher/campaign/campaign.h"

#include "base/error.h"
#include "base/file.h"
#include "base/version.h"
#include "spec/fields.h"
#include "spec/json.h"
#include "sweeps/expand.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <unistd.h>

#include <algorithm>
#include <ctime>

namespace dagan::launcher {

namespace fs = std::filesystem;

namespace {
// A KnownDataset as the manifest stores it.
struct FrozenDataset {
    DatasetShape shape;
    std::string sha256;

    DAGAN_FIELDS(shape, sha256)
};

Json encode_manifest(const Manifest& manifest) {
    std::map<std::string, FrozenDataset> datasets;
    for (const auto& [name, known] : manifest.known) datasets[name] = {known.shape, known.sha256};
    return Json{{"campaign", encode_json(manifest.campaign)},
                {"sweep", encode_json(manifest.sweep)},
                {"datasets", encode_json(datasets)},
                {"data_folder", manifest.data_folder},
                {"device", manifest.device},
                {"store", manifest.store}};
}

std::string first_difference(const Json& there, const Json& here, const std::string& path) {
    if (there.is_object() && here.is_object()) {
        Json keys = there;
        keys.update(here);
        for (const auto& [key, unused] : keys.items()) {
            const std::string inner = path.empty() ? key : path + "." + key;
            if (!there.contains(key) || !here.contains(key))
                return inner + (there.contains(key) ? ": only there" : ": only here");
            std::string difference = first_difference(there[key], here[key], inner);
            if (!difference.empty()) return difference;
        }
        return "";
    }
    return there == here ? ""
                         : fmt::format("{}: {} there, {} here", path, there.dump(), here.dump());
}

void check_same(const CampaignFolder& folder, const Manifest& there, const Manifest& here) {
    Json identity_there = encode_manifest(there), identity_here = encode_manifest(here);
    for (Json* identity : {&identity_there, &identity_here}) {
        identity->erase("campaign");
        identity->erase("data_folder");
        identity->erase("device"); // checked by choose_device()
        identity->erase("store");
    }
    const std::string difference = first_difference(identity_there, identity_here, "");
    if (!difference.empty()) {
        throw input_error(
            fmt::format("{}: holds another campaign ('{}'): {}; hint: name a new folder with -o",
                        folder.root().string(), there.campaign.name, difference));
    }
    if (!here.store.empty() && here.store != there.store) {
        throw input_error(fmt::format("{}: store: the results of this campaign are in {}, not in "
                                      "{}; hint: leave `store` out to continue, or name a new "
                                      "folder with -o",
                                      folder.root().string(), results_of(folder, there).name(),
                                      results_of(folder, here).name()));
    }
}

void make_folder(const fs::path& path) {
    std::error_code failed;
    fs::create_directories(path, failed);
    if (failed)
        throw system_error(
            fmt::format("{}: cannot be created: {}; hint: name a writable folder with -o",
                        path.string(), failed.message()));
}

// Also called when a campaign continues: its first run may have been killed before it made all.
void make_subfolders(const CampaignFolder& folder) {
    for (const fs::path& path : {folder.checkpoints_dir(), folder.pools_dir(), folder.samples_dir(),
                                 folder.report_dir(), folder.logs()})
        make_folder(path);
}

// Whether a campaign can begin here: the folder is missing or empty, or has only an unfinished
// manifest, whose writer was killed.
bool is_free(const CampaignFolder& folder) {
    if (!fs::exists(folder.root())) return true;
    return fs::is_directory(folder.root()) &&
           std::all_of(fs::directory_iterator(folder.root()), {},
                       [&](const fs::path& path) { return folder.is_temporary_manifest(path); });
}

// Writes the manifest. Returns false if another process has begun a campaign here meanwhile.
bool try_to_begin(const CampaignFolder& folder, const Manifest& manifest) {
    if (!is_free(folder)) {
        if (fs::exists(folder.manifest())) return false;
        throw input_error(
            fmt::format("{}: is not empty and not a campaign; hint: name a new folder with -o",
                        folder.root().string()));
    }
    make_folder(folder.root());
    if (::access(folder.root().c_str(), W_OK) != 0) {
        throw system_error(fmt::format(
            "{}: cannot be written; hint: name a writable folder with -o", folder.root().string()));
    }
    return create_atomically(folder.manifest(), encode_manifest(manifest).dump(2) + "\n");
}
} // namespace

// Allocations take their numbers in ascending order, so the first missing folder ends the list.
std::vector<CampaignFolder> CampaignFolder::allocations() const {
    std::vector<CampaignFolder> folders{of_allocation(1)};
    for (int number = 2; fs::exists(of_allocation(number).allocation_dir()); ++number)
        folders.push_back(of_allocation(number));
    return folders;
}

results::Location results_of(const CampaignFolder& folder, const Manifest& manifest) {
    return manifest.store.empty() ? results::Location(folder.database())
                                  : results::Location::parse(manifest.store);
}

std::string first_difference(const std::string& there, const std::string& here) {
    return first_difference(Json::parse(there), Json::parse(here), "");
}

Plan Manifest::plan() const { return sweeps::expand(sweeps::LoadedSweep{sweep, known}); }

Manifest read_manifest(const CampaignFolder& folder) {
    if (!fs::exists(folder.manifest())) {
        throw input_error(fmt::format("{}: is not a campaign: it has no campaign.json; hint: give "
                                      "the folder that `dagan run -o` made",
                                      folder.root().string()));
    }
    const Json json = Json::parse(read_file(folder.manifest()), nullptr, false);
    if (!json.is_object()) throw input_error(folder.manifest().string() + ": is not JSON");
    Manifest manifest;
    try {
        decode_json(json.at("campaign"), manifest.campaign);
        decode_json(json.at("sweep"), manifest.sweep);
        std::map<std::string, FrozenDataset> datasets;
        decode_json(json.at("datasets"), datasets);
        for (const auto& [name, known] : datasets)
            manifest.known[name] = {known.shape, known.sha256};
        manifest.data_folder = json.at("data_folder").get<std::string>();
        manifest.device = json.value("device", "cpu");
        manifest.store = json.value("store", "");
    } catch (const std::exception& error) {
        throw input_error(fmt::format("{}: was written by another version of this program: {}",
                                      folder.manifest().string(), error.what()));
    }
    return manifest;
}

Manifest begin_campaign(const CampaignFolder& folder, const sweeps::LoadedSweep& loaded,
                        const fs::path& data_folder, const std::string& device) {
    Manifest manifest;
    manifest.campaign.name = loaded.sweep.name;
    manifest.campaign.sweep = to_text(loaded.sweep);
    manifest.campaign.code_version = kVersion;
    manifest.campaign.created = fmt::format("{:%FT%TZ}", fmt::gmtime(std::time(nullptr)));
    manifest.sweep = loaded.sweep;
    manifest.known = loaded.known;
    manifest.data_folder = fs::absolute(data_folder).lexically_normal().string();
    manifest.device = device;
    manifest.store = loaded.store;

    if (fs::exists(folder.manifest()) || !try_to_begin(folder, manifest)) {
        Manifest there = read_manifest(folder);
        check_same(folder, there, manifest);
        manifest.campaign = there.campaign;
        manifest.store = there.store;
    }
    make_subfolders(folder);
    return manifest;
}

} // namespace dagan::launcher
