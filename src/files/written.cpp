#include "vxlanctl/files/written.h"

namespace vxlanctl {

const Written* find_key(const Written& table, std::string_view key) {
    for (const auto& value : table.elements)
        if (value.key == key) return &value;
    return nullptr;
}

std::string_view type_name(Written::Type type) {
    switch (type) {
    case Written::Type::word: return "a word";
    case Written::Type::text: return "a string";
    case Written::Type::integer: return "an integer";
    case Written::Type::fraction: return "a number with a fraction";
    case Written::Type::boolean: return "a boolean";
    case Written::Type::list: return "a list";
    case Written::Type::table: return "a table";
    case Written::Type::time: return "a date or a time";
    }
    return "";
}

} // namespace vxlanctl
