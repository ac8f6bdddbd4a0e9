// JSON that nobody vouches for: the places of values and of what is no JSON.
#include "told.h"
#include "vxlanctl/files/json_objects.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("json objects: the values of the keys that are wanted, each with its place") {
    const SourceText source{"a.json", "[ {\"k\" :\t\"v\\u0041\", \"x\": {\"k\": 1}},\n"
                                      "{\"k\":-17},{\"k\":1.5 } , {\"k\":[1,{}]},{\"k\":true},{}]"};
    const std::string_view keys[] = {"k", "l"};
    const auto objects = parse_objects(source, keys).value();
    REQUIRE(objects.size() == 6);
    const auto value = [&](std::size_t i) { return objects[i].values.at("k"); };
    CHECK(objects[5].values.empty());
    CHECK(objects[0].values.size() == 1);
    CHECK(value(0).text == "vA");
    CHECK(value(1).text == "-17");
    CHECK(value(2).text == "1.5");
    CHECK(value(3).type == JsonType::list);
    CHECK(value(4).type == JsonType::boolean);
    for (const auto& [i, token] : std::vector<std::pair<std::size_t, std::string>>{
             {0, "\"v"}, {1, "-17"}, {2, "1.5"}, {3, "[1,"}, {4, "true"}})
        CHECK(source.text.compare(value(i).offset, token.size(), token) == 0);
    for (const auto& object : objects)
        CHECK(source.text[object.offset] == '{');
    CHECK(place_of(source, value(1).offset).line == 2);
    CHECK(place_of(source, value(1).offset).column == 6);
}

TEST_CASE("json objects: what is not JSON is told with its place") {
    for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
             {"", "1:1: not-json {problem=unexpected end of input"},
             {"[\n{\"a\": nul}]", "2:10: not-json {problem=invalid literal}"},
             {"[{\"a\":1,}]\n", "1:9: not-json {problem=unexpected '}'; expected string literal}"},
             {"[{\"a\":\"\xff\"}]",
              "1:8: not-json {problem=invalid string: ill-formed UTF-8 byte}"},
             {"[{\"x\":1e999}]",
              "1:11: json-number-too-large {problem=number overflow parsing '1e999'"},
             {"[{}]\n\n", "none"},
             {"[{}\n\n", "1:4: not-json {problem=unexpected end of input; expected ']'}"},
             {"[{}] x", "1:6: not-json {problem=invalid literal}"},
             {"[{\"a\":\"\x1b[2J\"}]", "1:8: not-json {problem=invalid string: control character"},
             {std::string("[{}]\0x", 6), "1:5: json-nul-byte"},
             {"7", "1:1: wrong-type {expected=an object or a list of objects, found=a number}"},
             {"null", "1:1: wrong-type {expected=an object or a list of objects, found=null}"},
             {"[{}, [1]]", "1:6: wrong-type {expected=an object, found=a list}"},
             {"[{}, \"x\"]", "1:6: wrong-type {expected=an object, found=a string}"},
             {"\xef\xbb\xbf[true]", "1:2: wrong-type {expected=an object, found=a boolean}"},
             {"{\"k\":1, \"k\":2}", "1:9: key-twice {key=k}"},
             {"{\"x\":1, \"x\":2}", "none"},
             {"{\"x\":{\"k\":1}, \"k\":[{\"k\":2}]}", "none"}}) {
        INFO(text);
        const SourceText source{"a.json", text};
        const std::string_view keys[] = {"k"};
        const auto parsed = parse_objects(source, keys);
        CHECK((parsed ? "none" : told(parsed.error()))
                  .find(message == "none" ? "none" : "a.json:" + message) == 0);
    }
}
