#include "launcher/messages.h"

#include "base/error.h"
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
    const Json json = std::visit([](const auto& value) { return Json::array({value.kType, encode_json(value)}); }, message);
    return json.dump(-1, ' ', false, Json::error_handler_t::replace); // a library's error text need not be UTF-8
}

Message decode_message(std::string_view text) {
    const Json json = Json::parse(text, nullptr, false);
    require(json.is_array() && json.size() == 2 && json[0].is_string(), "a message is a type and its fields");
    try {
        auto message = decode_any(json[0].get<std::string>(), json[1], static_cast<Message*>(nullptr));
        require(message.has_value(), "a message's type is known");
        return std::move(*message);
    } catch (const Json::exception& error) {
        throw Error(Blame::bug, std::string("a message's field has another type: ") + error.what());
    }
}

} // namespace dagan
