#pragma once

#include "vxlanctl/files/written.h"

#include <map>
#include <span>

/// Flat objects out of a JSON text that nobody vouches for, with the places of their values.
namespace vxlanctl {

enum class JsonType : std::uint8_t { null, boolean, number, string, list, object };

/// `a list`, and so on.
std::string_view type_name(JsonType type);

struct JsonValue {
    JsonType type = JsonType::null;
    /// Of a string what it says, of a number or a boolean how it is written; empty otherwise. A
    /// long one is cut, and says so with dots.
    std::string text;
    std::size_t offset = 0; ///< bytes from the front of the text
};

struct JsonObject {
    std::size_t offset = 0;
    std::map<std::string, JsonValue, std::less<>> values;
};

/// The object that the text is, or the objects of the list that it is, with the values of `keys`
/// alone. Whatever else is in them only has to be JSON. Errors, all of kind usage, have a place:
/// for what is not JSON, nested too deep, larger than 8 MiB or too many, and for a key of `keys`
/// that comes twice.
Result<std::vector<JsonObject>> parse_objects(const SourceText& source,
                                              std::span<const std::string_view> keys);

/// The line and column, and the line itself, as far as it is UTF-8 and not too long.
Place place_of(const SourceText& source, std::size_t offset);

} // namespace vxlanctl
