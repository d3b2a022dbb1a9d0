#include "sweeps/read_fields.h"

#include <charconv>
#include <cmath>

namespace dagan::sweeps {

namespace {

constexpr int kMaxRangeLength = 1000;

template <class T> bool parse_number(std::string_view text, T& value) {
    if (text.starts_with('+')) text.remove_prefix(1);
    T parsed{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), parsed);
    if (error != std::errc() || end != text.data() + text.size()) return false;
    value = parsed;
    return true;
}

bool is_plain(const YamlNode& node) { return node.kind == YamlNode::Kind::scalar && !node.quoted; }

template <class T> std::string read_whole(const YamlNode& node, T& value) {
    const T example = value > 0 ? value : T{1};
    if (is_plain(node) && parse_number(node.text, value)) return "";
    return fmt::format("a whole number such as {}", example);
}

bool parse_double(std::string_view text, double& value) {
    if (text == ".inf" || text == ".Inf" || text == ".INF" || text == "+.inf") {
        value = kNoLimit;
        return true;
    }
    double parsed = 0; // from_chars also accepts "inf" and "nan", which YAML does not
    if (!parse_number(text, parsed) || !std::isfinite(parsed)) return false;
    value = parsed;
    return true;
}

// Appends the numbers of "7" or "0..10" (both ends included). Returns false if it is neither.
bool append_counts(const YamlNode& node, std::vector<int>& values) {
    if (!is_plain(node)) return false;
    int first = 0, last = 0;
    const size_t dots = node.text.find("..");
    if (!parse_number(std::string_view(node.text).substr(0, dots), first)) return false;
    if (dots == std::string::npos) {
        values.push_back(first);
        return true;
    }
    if (!parse_number(std::string_view(node.text).substr(dots + 2), last)) return false;
    if (first > last || static_cast<int64_t>(last) - first >= kMaxRangeLength) return false;
    for (int count = first; count <= last; ++count) values.push_back(count);
    return true;
}

} // namespace

std::string read_value(const YamlNode& node, int& value) { return read_whole(node, value); }
std::string read_value(const YamlNode& node, int64_t& value) { return read_whole(node, value); }
std::string read_value(const YamlNode& node, uint64_t& value) { return read_whole(node, value); }

std::string read_value(const YamlNode& node, double& value) {
    const double example = value;
    if (is_plain(node) && parse_double(node.text, value)) return "";
    return "a number such as " +
           (std::isinf(example) ? std::string("5, or .inf") : fmt::format("{}", example));
}

std::string read_value(const YamlNode& node, bool& value) {
    if (!is_plain(node) || (node.text != "true" && node.text != "false")) return "true or false";
    value = node.text == "true";
    return "";
}

std::string read_value(const YamlNode& node, std::string& value) {
    if (node.kind != YamlNode::Kind::scalar || node.text.empty()) return "a name";
    value = node.text;
    return "";
}

std::string read_value(const YamlNode& node, std::array<int, 4>& value) {
    const std::string wanted = fmt::format("a list of {} whole numbers such as [{}]", value.size(),
                                           fmt::join(value, ", "));
    if (node.kind != YamlNode::Kind::list || node.items.size() != value.size()) return wanted;
    for (size_t i = 0; i < value.size(); ++i) {
        if (!read_value(node.items[i], value[i]).empty()) return wanted;
    }
    return "";
}

std::string read_value(const YamlNode& node, std::vector<int>& value) {
    constexpr const char* kWanted =
        "a number, a list such as [5, 10, 15], or a range such as 0..10";
    value.clear();
    if (node.kind == YamlNode::Kind::scalar) return append_counts(node, value) ? "" : kWanted;
    if (node.kind != YamlNode::Kind::list || node.items.empty()) return kWanted;
    for (const auto& item : node.items) {
        if (!append_counts(item, value)) return kWanted;
    }
    return "";
}

std::string read_value(const YamlNode& node, std::vector<std::string>& value) {
    constexpr const char* kWanted = "a list of texts such as [\"module load openmpi\"]";
    value.clear();
    if (node.kind != YamlNode::Kind::list) return kWanted;
    for (const YamlNode& item : node.items) {
        if (item.kind != YamlNode::Kind::scalar) return kWanted;
        value.push_back(item.text);
    }
    return "";
}

std::string read_value(const YamlNode& node, ClassRange& value) {
    constexpr const char* kWanted = "a half-open range such as [0, 1200] or [2300, end]";
    if (node.kind != YamlNode::Kind::list || node.items.size() != 2) return kWanted;
    if (!read_value(node.items[0], value.begin).empty()) return kWanted;
    if (is_plain(node.items[1]) && node.items[1].text == "end") {
        value.end = ClassRange::kToTheEnd;
        return "";
    }
    const bool read = read_value(node.items[1], value.end).empty();
    return read && value.end != ClassRange::kToTheEnd ? "" : kWanted; // "end" is not written as -1
}

} // namespace dagan::sweeps
