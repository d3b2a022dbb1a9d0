#include "launcher/messages.h"

#include "spec/json.h"

#include <optional>

namespace dagan {

namespace {
template <class T> bool decode_as(const std::string& type, const Json& json, std::optional<Message>& message) {
    if (type != T::kType) return false;
    T value;
    decode_json(json, value);
    message = std::move(value);
    return true;
}

template <class... Types> std::optional<Message> decode_any(const std::string& type, const Json& json, std::variant<Types...>*) {
    std::optional<Message> message;
    (decode_as<Types>(type, json, message) || ...);
    return message;
}
} // namespace

std::string encode(const Message& message) {
    return std::visit([](const auto& value) { return Json::array({value.kType, encode_json(value)}).dump(); }, message);
}

Message decode_message(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    require(json.is_array() && json.size() == 2, "a message is a type and its fields");
    auto message = decode_any(json[0].get<std::string>(), json[1], static_cast<Message*>(nullptr));
    require(message.has_value(), "a message's type is known");
    return std::move(*message);
}

} // namespace dagan
