#include "spec/campaign_paths.h"

#include "base/file.h"

namespace dagan {

bool CampaignPaths::is_temporary(const Path& file) {
    return file.filename().string().find(kTemporaryMark) != std::string::npos;
}

bool CampaignPaths::is_temporary_manifest(const Path& file) const {
    return file.filename().string().starts_with(manifest().filename().string() +
                                                std::string(kTemporaryMark));
}

bool CampaignPaths::is_checkpoint(const Path& file) {
    return file.filename().string().find(kCheckpointEnding) != std::string::npos;
}

bool CampaignPaths::is_sample_of(const std::string& task, const Path& file) {
    return file.filename().string().starts_with(task + ".");
}

} // namespace dagan
