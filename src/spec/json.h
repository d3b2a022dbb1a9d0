// JSON for every struct that lists its fields (spec/fields.h) and for the types of their members.
//
//     const std::string text = encode_json(value).dump();
//     const auto copy = from_json_text<Value>(text);
//
// Reading is strict: an unknown or missing key throws Blame::bug, because this program wrote the
// text. The exception are the fields that a struct names in kAddedLater, an array of names: they
// were added when campaigns existed, so their default is not written, and a missing key means the
// default. This keeps the keys of existing tasks. Infinity and NaN are written ".inf", "-.inf" and
// ".nan", as in the sweep file.
// Include it in .cpp files only: public headers do not name nlohmann's types.
#pragma once

#include "base/error.h"
#include "spec/fields.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

namespace dagan {

using Json = nlohmann::json;

// Specialisations have static members `Json encode(const T&)` and `void decode(const Json&, T&)`.
template <class T> struct JsonCodec;

template <class T> Json encode_json(const T& value) { return JsonCodec<T>::encode(value); }
template <class T> void decode_json(const Json& json, T& value) {
    JsonCodec<T>::decode(json, value);
}

template <class T>
requires std::is_arithmetic_v<T> || std::is_same_v<T, std::string>
struct JsonCodec<T> {
    static Json encode(const T& value) {
        if constexpr (std::is_floating_point_v<T>) {
            if (std::isinf(value)) return value > 0 ? ".inf" : "-.inf";
            if (std::isnan(value)) return ".nan";
        }
        return value;
    }
    static void decode(const Json& json, T& value) {
        if constexpr (std::is_floating_point_v<T>) {
            if (json.is_string()) {
                value = json == ".nan" ? std::nan("") : json == ".inf" ? INFINITY : -INFINITY;
                return;
            }
        }
        value = json.get<T>();
    }
};

template <NamedEnum T> struct JsonCodec<T> {
    static Json encode(const T& value) { return to_string(value); }
    static void decode(const Json& json, T& value) {
        const auto found = enum_from<T>(json.get<std::string>());
        require(found.has_value(), "a known enumerator, not '" + json.get<std::string>() + "'");
        value = *found;
    }
};

template <class T>
concept HasLaterFields = requires {
    T::kAddedLater;
};

template <HasFields T> struct JsonCodec<T> {
    static Json encode(const T& value) {
        Json json = encode_all(value);
        if constexpr (HasLaterFields<T>) {
            const Json defaults = encode_all(T{});
            for (const char* name : T::kAddedLater) {
                if (json.at(name) == defaults.at(name)) json.erase(name);
            }
        }
        return json;
    }
    static void decode(const Json& json, T& value) {
        if constexpr (HasLaterFields<T>) value = T{};
        size_t known = 0;
        T::fields(value, [&](const char* name, auto& field, const char*) {
            if (!json.contains(name) && added_later(name)) return;
            require(json.contains(name), std::string("JSON has the key '") + name + "'");
            decode_json(json.at(name), field);
            ++known;
        });
        require(json.size() == known, "JSON has no key beyond those of the struct");
    }

  private:
    static Json encode_all(const T& value) {
        Json json = Json::object();
        T::fields(value, [&](const char* name, const auto& field, const char*) {
            json[name] = encode_json(field);
        });
        return json;
    }
    static bool added_later(std::string_view name) {
        if constexpr (HasLaterFields<T>)
            return std::ranges::find(T::kAddedLater, name) != T::kAddedLater.end();
        return false;
    }
};

template <class T> struct JsonCodec<std::vector<T>> {
    static Json encode(const std::vector<T>& values) {
        Json json = Json::array();
        for (const auto& value : values) json.push_back(encode_json(value));
        return json;
    }
    static void decode(const Json& json, std::vector<T>& values) {
        values.clear();
        for (const auto& item : json) decode_json(item, values.emplace_back());
    }
};

template <class T, size_t N> struct JsonCodec<std::array<T, N>> {
    static Json encode(const std::array<T, N>& values) {
        return encode_json(std::vector<T>(values.begin(), values.end()));
    }
    static void decode(const Json& json, std::array<T, N>& values) {
        require(json.size() == N, "JSON array of the right length");
        for (size_t i = 0; i < N; ++i) decode_json(json[i], values[i]);
    }
};

template <class T> struct JsonCodec<std::optional<T>> {
    static Json encode(const std::optional<T>& value) {
        return value ? encode_json(*value) : Json(nullptr);
    }
    static void decode(const Json& json, std::optional<T>& value) {
        value.reset();
        if (!json.is_null()) decode_json(json, value.emplace());
    }
};

template <class T> struct JsonCodec<std::map<std::string, T>> {
    static Json encode(const std::map<std::string, T>& values) {
        Json json = Json::object();
        for (const auto& [name, value] : values) json[name] = encode_json(value);
        return json;
    }
    static void decode(const Json& json, std::map<std::string, T>& values) {
        values.clear();
        for (const auto& [name, value] : json.items()) decode_json(value, values[name]);
    }
};

// Parses a text that this program wrote. Throws Blame::bug if it is not JSON of a T.
template <class T> T from_json_text(const std::string& text) {
    try {
        T value{};
        decode_json(Json::parse(text), value);
        return value;
    } catch (const Json::exception& error) {
        throw Error(Blame::bug, std::string("unreadable JSON: ") + error.what());
    }
}

} // namespace dagan
