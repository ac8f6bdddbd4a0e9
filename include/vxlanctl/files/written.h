#pragma once

#include "vxlanctl/files/source_text.h"

/// Values as somebody wrote them, in a file or on a command line, before they mean anything.
namespace vxlanctl {

struct Written {
    enum class Type : std::uint8_t {
        word, ///< of a command line, where all types are written alike
        text,
        integer,
        fraction,
        boolean,
        list,
        table,
        time
    };
    Type type = Type::word;
    /// Of a word or text what it says, of an integer its digits, of a boolean `yes` or `no`.
    std::string text = {};
    TextPosition position = {};
    std::string name = {}; ///< what a command line calls it, `LOCAL` or `--mtu`; empty in a file
    std::string key = {};  ///< that it is the value of, in a table
    TextPosition key_position = {};
    std::vector<Written> elements = {}; ///< of a list, or the values of a table
};

/// The value of a key of a table, or null.
const Written* find_key(const Written& table, std::string_view key);

/// `a list`, and so on.
std::string_view type_name(Written::Type type);

} // namespace vxlanctl
