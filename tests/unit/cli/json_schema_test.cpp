// docs/json.schema.json itself. What commands print is held against it in tests/netns/world.cpp.
#include "json_schema.h"
#include "text_files.h"
#include "vxlanctl/cli/command.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/kinds/kinds.h"

#include <catch2/catch.hpp>
#include <set>
#include <sstream>

using namespace vxlanctl;
using text_files::text_of;

namespace {

const nlohmann::json good = nlohmann::json::parse(R"({
    "schema": 2, "changed": true, "dry_run": false, "errors": [], "unnamed": [], "kept": [],
    "summary": {"tunnels": 1, "changed": 1},
    "tunnels": [{"name": "vxlan0", "result": "changed", "warnings": [], "errors": [], "steps": [
        {"operation": "add_peers", "link": "vxlan0", "disruption": "none", "changes": [],
         "peers": [{"dst": "192.0.2.1"}]}]}]})");

bool is_good(const std::string& pointer, const nlohmann::json& value) {
    auto document = good;
    document[nlohmann::json::json_pointer(pointer)] = value;
    return json_schema::faults(document, "apply").empty();
}

/// The names of all properties and the words of all enumerations in the schema.
void collect_words(const nlohmann::json& schema, std::set<std::string>& words) {
    if (!schema.is_structured()) return;
    if (schema.is_object()) {
        if (schema.contains("properties"))
            for (const auto& [name, ignored] : schema.at("properties").items())
                words.insert(name);
        if (schema.contains("enum"))
            for (const auto& word : schema.at("enum"))
                words.insert(word.get<std::string>());
        if (schema.contains("const") && schema.at("const").is_string())
            words.insert(schema.at("const").get<std::string>());
    }
    for (const auto& part : schema)
        collect_words(part, words);
}

template<class Attributes>
void check_rows(std::span<const AttributeRow<Attributes>> rows, const nlohmann::json& properties) {
    for (const auto& row : rows) {
        INFO(row.name);
        const auto found = properties.find(std::string(row.name));
        REQUIRE(found != properties.end());
        const bool is_flag = std::visit(
            [](auto member) {
                using Member = std::decay_t<decltype(std::declval<Attributes>().*member)>;
                return std::is_same_v<typename Member::value_type, bool>;
            },
            row.member);
        CHECK((found->value("type", "") == "boolean") == is_flag);
    }
}

} // namespace

TEST_CASE("JSON schema: takes what is documented, and nothing else") {
    CHECK(json_schema::faults(good, "apply") == "");
    CHECK(json_schema::faults(good, "") == "");
    auto failure = failure_document({Error(Code::command_missing)});
    CHECK(json_schema::faults(failure, "apply") == "");
    failure["errors"][0]["message"] = "";
    CHECK(json_schema::faults(failure, "apply").find("message") != std::string::npos);
    CHECK(json_schema::faults(good, "show") != "");
    for (const std::string where :
         {"/extra", "/tunnels/0/extra", "/tunnels/0/steps/0/extra",
          "/tunnels/0/steps/0/peers/0/extra", "/summary/extra", "/tunnels/0/steps/0/routers"})
        CHECK_FALSE(is_good(where, 1));
    CHECK_FALSE(is_good("/schema", 1));
    CHECK_FALSE(is_good("/tunnels/0/result", "done"));
    CHECK_FALSE(is_good("/tunnels/0/steps/0/operation", "add_macs"));
    CHECK_FALSE(is_good("/tunnels/0/steps/0/peers/0", nlohmann::json::object()));
    CHECK(is_good("/tunnels/0/steps/0/peers/0/port", 4790));
    CHECK_FALSE(is_good("/tunnels/0/steps/0/peers/0/port", "4790"));
    for (const auto& [name, ignored] : good.items()) {
        auto less = good;
        less.erase(name);
        INFO(name);
        CHECK(json_schema::faults(less, "apply") != "");
    }
}

TEST_CASE("JSON schema: has a definition for each command, and each attribute") {
    CHECK(json_schema::command_of({"vxlanctl", "--netns", "a", "isatap", "up", "--json"}) ==
          "isatap up");
    CHECK(json_schema::command_of({"vxlanctl", "--json"}) == "");
    for (const auto& command : commands()) {
        INFO(command.name);
        CHECK(json_schema::command_of({"vxlanctl", command.name}) == command.name);
    }
    const auto& properties =
        json_schema::schema().at("definitions").at("attributes").at("properties");
    check_rows(link_attributes(), properties);
    for (const auto kind : {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl})
        check_rows(tunnel_attributes(kind), properties);
}

TEST_CASE("JSON schema: docs/json.md has every word of it, and its examples are as it says") {
    const std::string text = text_of(SOURCE_DIRECTORY "/docs/json.md");
    std::set<std::string> words;
    collect_words(json_schema::schema(), words);
    CHECK(words.size() > 150);
    for (const auto& word : words) {
        INFO(word);
        CHECK(text.find("`" + word + "`") != std::string::npos);
    }
    std::size_t examples = 0;
    const std::string begin = "```json\n", end = "```";
    for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1)) {
        const auto start = at + begin.size();
        const auto example =
            nlohmann::json::parse(text.substr(start, text.find(end, start) - start));
        CHECK(json_schema::faults(example, "") == "");
        ++examples;
    }
    CHECK(examples == 4);
}

TEST_CASE("JSON: names are without what a terminal would interpret") {
    TunnelPlan plan;
    plan.name = "v\033[2J";
    Step step;
    step.operation = DeleteLink{plan.name};
    plan.steps.push_back(step);
    const auto json = outcome_json(plan, Outcome::removed);
    CHECK(json.at("name") == "v\\x1b[2J");
    CHECK(json.at("steps").at(0).at("link") == json.at("name"));
}
