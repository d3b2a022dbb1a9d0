#include "model/networks.h"

#include "model/layer.h"

#include <map>
#include <string>
#include <utility>

namespace dagan::model {

Network::Network(NetworkTable table, const LayerOptions& options, uint64_t stream)
    : table_(std::move(table)) {
    // Module names cannot contain dots, so "E1.conv3" is conv3 in E1.
    std::map<std::string, std::shared_ptr<torch::nn::Module>> blocks;
    for (const LayerRow& row : table_.layers) {
        auto layer =
            std::make_shared<Layer>(row, static_cast<uint32_t>(layers_.size()), options, stream);
        const size_t dot = row.name.find('.');
        if (dot == std::string::npos) {
            register_module(row.name, layer);
        } else {
            const std::string name = row.name.substr(0, dot);
            auto& block = blocks[name];
            if (!block) block = register_module(name, std::make_shared<torch::nn::Module>(name));
            block->register_module(row.name.substr(dot + 1), layer);
        }
        layers_.push_back(std::move(layer));
    }
}

} // namespace dagan::model
