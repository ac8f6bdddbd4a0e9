#pragma once

#include "vxlanctl/files/written.h"

#include <map>
#include <optional>
#include <span>

/// Flat objects out of a JSON text that nobody vouches for, with the places of their values.
namespace vxlanctl {

enum class JsonType : std::uint8_t { null, boolean, number, string, list, object };

/// `a list`, and so on.
std::string_view type_name(JsonType type);

struct JsonValue {
    JsonType type = JsonType::null;
    /// Of a string what it says, of a number or a boolean how it is written, of a whole number that
    /// is written with a fraction or an exponent its digits; empty otherwise. A long one is cut,
    /// and says so with dots.
    std::string text;
    std::size_t offset = 0; ///< bytes from the front of the text
    std::size_t size = 0;   ///< of an object, in bytes
};

struct JsonObject {
    std::size_t offset = 0;
    std::map<std::string, JsonValue, std::less<>> values;
};

/// The object that the text is, or the objects of the list that it is, or those that stand one
/// behind the other (JSON Lines), with the values of `keys` alone; without keys, all values.
/// Whatever else is in them only has to be JSON. Errors, all of kind usage, have a place: for what
/// is not JSON, is UTF-16, nested too deep, larger than 8 MiB or too many, and for a key of `keys`
/// that comes twice.
Result<std::vector<JsonObject>> parse_objects(const SourceText& source,
                                              std::span<const std::string_view> keys);

/// All values of an object that is a value itself, with the text that it is; empty where the value
/// is none, or one in which a key comes twice.
struct NestedObject {
    SourceText source;
    JsonObject object;
};
std::optional<NestedObject> nested_object(const SourceText& source, const JsonValue& value);

/// The line and column, and the line itself, as far as it is UTF-8 and not too long.
Place place_of(const SourceText& source, std::size_t offset);

} // namespace vxlanctl
