#include "json_schema.h"

#include <fmt/format.h>
#include <fstream>
#include <map>
#include <stdexcept>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validator.hpp>

namespace json_schema {
namespace {

using Adapter = valijson::adapters::NlohmannJsonAdapter;

const nlohmann::json& definitions() {
    return schema().at("definitions");
}

/// A command prints what it has a definition for, or why it could not begin.
const valijson::Schema& schema_of(const std::string& command) {
    static std::map<std::string, valijson::Schema> known;
    const auto [at, is_new] = known.try_emplace(command);
    if (is_new) {
        auto json = schema();
        if (!command.empty())
            json["anyOf"] = {{{"$ref", "#/definitions/" + command}},
                             {{"$ref", "#/definitions/failure"}}};
        valijson::SchemaParser(valijson::SchemaParser::kDraft7)
            .populateSchema(Adapter(json), at->second);
    }
    return at->second;
}

} // namespace

const nlohmann::json& schema() {
    static const auto json = [] {
        std::ifstream file(SOURCE_DIRECTORY "/docs/json.schema.json");
        return nlohmann::json::parse(file);
    }();
    return json;
}

std::string command_of(const std::vector<std::string>& words) {
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (i + 1 < words.size())
            if (const auto two = words[i] + " " + words[i + 1]; definitions().contains(two))
                return two;
        if (definitions().contains(words[i])) return words[i];
    }
    return "";
}

std::string faults(const nlohmann::json& document, const std::string& command) {
    valijson::Validator validator;
    valijson::ValidationResults results;
    if (validator.validate(schema_of(command), Adapter(document), &results)) return "";
    std::string text;
    valijson::ValidationResults::Error error;
    while (results.popError(error)) {
        for (const auto& part : error.context)
            text += part;
        text += fmt::format(": {}\n", error.description);
    }
    return text;
}

} // namespace json_schema
