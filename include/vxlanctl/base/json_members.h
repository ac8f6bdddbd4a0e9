#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

/// Members of JSON objects that others wrote: what is not as expected counts as missing.
namespace vxlanctl {

/// A member that is a string; empty where it is missing or anything else.
inline std::string string_in(const nlohmann::json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// A member that is a number and not negative; 0 where it is missing or anything else.
template<class Number = std::uint32_t>
Number number_in(const nlohmann::json& object, const char* member) {
    const auto found = object.find(member);
    return found != object.end() && found->is_number_unsigned() ? found->get<Number>() : Number{};
}

} // namespace vxlanctl
