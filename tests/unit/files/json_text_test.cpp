// Tunnels out of JSON: the same as out of TOML, and where what is wrong stands.
#include "told.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/json_text.h"
#include "vxlanctl/files/toml_text.h"
#include "vxlanctl/files/tunnel_file.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;

namespace {

ParsedFiles parse(const std::string& text, const std::string& path = "a.json") {
    const SourceText file{path, text};
    return parse_files(std::span(&file, 1), [](std::size_t, const std::string&) {
        return Result<std::string>("100.64.1.9\n");
    });
}

/// All errors of the text.
std::string errors_of(const std::string& text, const std::string& path = "a.json") {
    std::string all;
    for (const auto& error : parse(text, path).errors)
        all += (all.empty() ? "" : "\n") + told(error);
    return all;
}

/// The same in JSON. `toml` has no error.
std::string as_json(const std::string& toml) {
    const SourceText source{"a.toml", toml};
    SourceErrors errors(source);
    return json_text(parse_toml(source, errors).value());
}

/// `{"vxlan": {"v": {"local": "10.0.0.1", ` and so on.
std::string with_key(const std::string& key) {
    return "{\"vxlan\": {\"v\": {\"local\": \"10.0.0.1\",\n" + key + "}}}";
}

} // namespace

TEST_CASE("json: the same document as TOML is the same tunnels") {
    const std::string toml =
        "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\nvni = 20\nlearning = false\nttl = \"inherit\"\n"
        "addresses = [\"10.0.0.1/9\"]\npeers_file = \"p\"\n"
        "peers = [\"100.64.1.1\", { dst = \"100.64.1.2\", port = 4790, via = \"eth1\" }]\n"
        "routes = [{ to = \"10.128.0.0/9\", table = 101 }, { to = \"default\", table = \"main\" "
        "}]\nrules = []\n"
        "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n"
        "routers = [{ address = \"192.168.1.1\", prl_default = false }]\n"
        "[ipip6.\"a b\"]\nlocal = \"2001:db8::1\"\nremote = \"2001:db8::2\"\n";
    const auto from_toml = parse(toml, "a.toml"), from_json = parse(as_json(toml));
    CHECK(told(from_json.errors) ==
          std::vector<std::string>{"a.json:3:5: 'a b': interface-name-has-bad-characters"});
    const std::string good = toml.substr(0, toml.find("[ipip6"));
    const auto tunnels = parse(good, "a.toml").tunnels, same = parse(as_json(good)).tunnels;
    REQUIRE(tunnels.size() == 2);
    REQUIRE(same.size() == 2);
    for (const auto& defined : tunnels) // JSON's are in the order of names
        CHECK(std::any_of(same.begin(), same.end(), [&](const DefinedTunnel& other) {
            return other.tunnel == defined.tunnel;
        }));
    CHECK(parse("{}").errors.empty());
    CHECK(parse(" \r\n\t{ \"vxlan\" : { } }\n").errors.empty());
}

TEST_CASE("json: a name or the first character says which language it is") {
    for (const auto& [path, text, json] : std::vector<std::tuple<std::string, std::string, bool>>{
             {"a.json", "", true},
             {"a.json", "[vxlan.a]", true},
             {"a.toml", "{}", false},
             {"standard input", "{}", true},
             {"standard input", "\xef\xbb\xbf \n\t{", true},
             {"standard input", "# {\n", false},
             {"standard input", "", false},
             {"/dev/fd/63", " {", true},
             {"a.json.toml", "{", false}}) {
        INFO(path << ": " << text);
        CHECK(is_json({path, text}) == json);
    }
}

TEST_CASE("json: every error has its line and column") {
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {with_key("\"mtu\": 1"), "2:8: mtu '1': not-in-range {low=68, high=65535, or=}"},
             {with_key("\"mtu\":\n\t \"x\""),
              "3:3: mtu: wrong-type {expected=an integer, found=a string}"},
             {with_key("\"mtu\": 1.5"), "2:8: mtu: wrong-type {expected=an integer, "
                                        "found=a number with a fraction or exponent}"},
             {with_key("\"mtu\": 1e3"), "2:8: mtu: wrong-type {expected=an integer, "
                                        "found=a number with a fraction or exponent}"},
             {with_key("\"mtu\": null"), "2:8: mtu: wrong-type {expected=an integer, found=null}"},
             {with_key("\"mtu\": 99999999999999999999"),
              "2:8: mtu '99999999999999999999': not-in-range {low=68, high=65535, or=}"},
             {with_key("\"mtu\": -18446744073709551616"),
              "2:8: mtu '-18446744073709551616': not-in-range {low=68, high=65535, or=}"},
             {with_key("\"mtu\": 1e999"),
              "2:8: json-number-too-large {problem=number overflow parsing '1e999'}"},
             {with_key("\"µ\": {}, \"peeers\": []"), "2:1: unknown-key {key=µ} + see-manual\n"
                                                     "a.json:2:10: unknown-key {key=peeers} + "
                                                     "did-you-mean {word=peers}"},
             {with_key("\"peers\": [\"100.64.1.1\", 7,\n{\"dst\": \"x\"}, [], {}]"),
              "2:25: peer: wrong-type {expected=a string or a table, found=an integer}\n"
              "a.json:3:9: dst 'x': not-an-ip-address + host-name-needs-dot\n"
              "a.json:3:15: peer: wrong-type {expected=a string or a table, found=a list}\n"
              "a.json:3:19: peer: key-missing {key=dst}"},
             {with_key("\"mtu\": 1400, \"mtu\": 1500"), "2:14: mtu: set-twice"},
             {with_key("\"routes\": [{\"to\": \"10.0.0.0/8\", \"to\": 1}]"), "2:33: to: set-twice"},
             {"{\"vxlan\": {\"v\": {},\n \"v\": {}}}",
              "2:2: v: defined-twice {place=a.json:1:12, as=}"},
             {"{\"vxlan\": {}, \"vxlan\": {}}", "1:15: vxlan: set-twice"},
             {"{\"vxlan\": {\"v\": {}}}", "1:17: v: key-missing {key=local}"},
             {"{\"vxlan\": {\"v\": 3}}", "1:12: v: not-a-section {section=vxlan}"},
             {"{\"vxlan\": null}", "1:2: vxlan: not-a-section {section=vxlan}"},
             {"{\"wlan\": {}}", "1:2: unknown-section {section=wlan} + did-you-mean {word=vxlan}"},
             {"[]", "1:1: wrong-type {expected=an object, found=a list}"},
             {"\"x\"", "1:1: wrong-type {expected=an object, found=a string}"},
             {"", "1:1: not-json {problem=unexpected end of input}"},
             {"{\"vxlan\": {\n", "1:12: not-json {problem=unexpected end of input; "},
             {"{} {}", "1:4: not-json {problem=unexpected '{'; expected end of input}"},
             {"{\"vxlan\": \"\xff\"}",
              "1:12: not-json {problem=invalid string: ill-formed UTF-8 byte}"},
             {"{\"vxlan\": \"\\ud800\"}", "1:18: not-json {problem=invalid string: surrogate"},
             {"// x\n{}", "1:1: not-json {problem=invalid literal}"},
             {std::string("{\"vxlan\":\n \0}", 13), "2:2: json-nul-byte"}}) {
        INFO(text);
        const auto all = errors_of(text);
        CHECK(all.substr(0, 7 + message.size()) == "a.json:" + message);
        CHECK(parse(text).tunnels.empty());
    }
    const auto error = parse("\xef\xbb\xbf" + with_key("\"é\": \"é\", \"mtu\": true")).errors.at(1);
    CHECK(told(error) == "a.json:2:18: mtu: wrong-type {expected=an integer, found=a boolean}");
    CHECK(excerpt(error) == "    \"é\": \"é\", \"mtu\": true}}}\n                     ^\n");
}

TEST_CASE("json: hostile texts end soon, with one error, and without a crash") {
    std::string keys = "{\"vxlan\": {\"v\": {", objects = "{";
    for (int i = 0; i < 100'000; ++i)
        keys += fmt::format("\"k{}\":[{}],", i, i);
    for (int i = 0; i < 1'000'000; ++i)
        objects += "\"a\":{";
    std::string lists(1'000'000, '[');
    const auto nested = errors_of("{\"vxlan\": " + lists);
    CHECK(nested == "a.json:1:26: json-too-deep {most=16}");
    CHECK(errors_of(objects) == "a.json:1:81: json-too-deep {most=16}");
    CHECK(parse(keys + "\"x\":1}}}").errors.size() == 101);
    CHECK(errors_of(std::string(longest_text + 1, ' ')) ==
          "a.json:1:1: text-too-large {mib=8} + peers-file-may-be-larger");
    const auto whole =
        with_key("\"peers\": [\"100.64.1.1\", {\"dst\": \"a.example\"}], \"vni\": 7");
    REQUIRE(parse(whole).errors.empty());
    for (std::size_t i = 0; i < whole.size(); ++i) { // any end, and any byte that is another one
        CHECK(parse(whole.substr(0, i)).errors.size() == 1);
        for (const char byte : {'\0', '"', '{', '}', '[', ',', '\x80', '\n', '9'}) {
            auto damaged = whole;
            damaged[i] = byte;
            for (const auto& error : parse(damaged).errors) {
                REQUIRE(error.place);
                CHECK((error.place->line == 1 || error.place->line <= 3));
            }
        }
    }
}

TEST_CASE("json: what is written reads back as the same tunnels") {
    CHECK(as_json("") == "{}\n");
    const std::string toml = "[vxlan.\"v\\\"\\u00e9\"]\nlocal = \"10.0.0.1\"\nudp_csum = false\n"
                             "vni = 16777215\naddresses = []\n";
    const std::string json = as_json(toml);
    CHECK(json == "{\n  \"vxlan\": {\n    \"v\\\"é\": {\n      \"addresses\": [],\n"
                  "      \"local\": \"10.0.0.1\",\n      \"udp_csum\": false,\n"
                  "      \"vni\": 16777215\n    }\n  }\n}\n");
    CHECK(parse(json).tunnels.at(0).tunnel == parse(toml, "a.toml").tunnels.at(0).tunnel);
}
