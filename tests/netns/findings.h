#pragma once

#include <catch2/catch.hpp>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// The `checks` of `doctor --json`.
namespace findings {

/// The names of those that fail, which a failed assertion tells in full.
inline std::vector<std::string> failed(const nlohmann::json& checks) {
    std::vector<std::string> names;
    for (const auto& check : checks)
        if (check.at("verdict") == "fail") {
            names.push_back(check.at("check"));
            UNSCOPED_INFO(check.dump());
        }
    return names;
}

/// Of several tunnels the one that fails, or else the first; of a check that was not made one with
/// the verdict `none`.
inline nlohmann::json find(const nlohmann::json& checks, const std::string& name) {
    for (const auto& check : checks)
        if (check.at("check") == name && check.at("verdict") == "fail") return check;
    for (const auto& check : checks)
        if (check.at("check") == name) return check;
    return {{"verdict", "none"}, {"messages", nlohmann::json::array()}, {"remedy", ""}};
}

} // namespace findings
