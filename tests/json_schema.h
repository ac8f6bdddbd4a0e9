#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

/// What docs/json.schema.json says about a document.
namespace json_schema {

/// The command that the words of a call name, as the schema's definition is called; empty where
/// they name none.
std::string command_of(const std::vector<std::string>& words);

/// What is wrong with what a command printed with --json, a line each; empty where nothing is.
/// Without a command it has to be what any of them prints.
std::string faults(const nlohmann::json& document, const std::string& command);

/// The schema itself.
const nlohmann::json& schema();

} // namespace json_schema
