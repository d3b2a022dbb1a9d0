#include "launcher/protocol/messages.h"

#include "base/error.h"
#include "spec/fields.h"

#include <cereal/archives/binary.hpp>
#include <cereal/types/array.hpp>
#include <cereal/types/optional.hpp>
#include <cereal/types/string.hpp>
#include <cereal/types/variant.hpp>
#include <cereal/types/vector.hpp>

#include <sstream>

namespace dagan {

// cereal finds this function by the namespace of the struct. A struct is its fields, in order.
template <class Archive, HasFields T> void serialize(Archive& archive, T& value) {
    T::fields(value, [&](const char*, auto& field, const char*) { archive(field); });
}

namespace launcher {

using dagan::serialize;

std::string encode(const Message& message) {
    std::ostringstream bytes;
    cereal::BinaryOutputArchive{bytes}(message);
    return std::move(bytes).str();
}

Message decode_message(std::string_view bytes) {
    std::istringstream stream{std::string(bytes)};
    try {
        Message message;
        cereal::BinaryInputArchive{stream}(message);
        require(stream.peek() == std::istringstream::traits_type::eof(),
                "a message ends with its last field");
        return message;
    } catch (const std::exception& error) {
        throw Error(Blame::bug,
                    std::string("a message that no program of this build writes: ") + error.what());
    }
}

} // namespace launcher
} // namespace dagan
