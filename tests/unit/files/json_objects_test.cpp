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
             {"{}\n{\"k\":}", "2:6: not-json {problem=unexpected '}'"},
             {"{}\n[{}]",
              "2:1: wrong-type {expected=an object or a list of objects, found=a list}"},
             {"{}\n7", "2:1: wrong-type {expected=an object or a list of objects, found=a number}"},
             {"{},{}", "1:3: not-json {problem=unexpected ','; expected "},
             {"[{}]\n{}", "2:1: not-json {problem=unexpected '{'; expected end of input}"},
             {"{\"k\":1}\n{\"k\":1, \"k\":2}", "2:9: key-twice {key=k}"},
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

TEST_CASE("json objects: one a line, with the places of their values") {
    const std::string_view keys[] = {"k"};
    for (const std::string between : {"\n", "\r\n", "\n\n  ", " "})
        for (const std::string bom : {"", "\xef\xbb\xbf"}) {
            const SourceText source{"a.json", bom + "{\"k\":1}" + between +
                                                  "{\"x\":{\"k\":2}, \"k\":\"v\"}" + between +
                                                  "{}\n"};
            const auto objects = parse_objects(source, keys).value();
            REQUIRE(objects.size() == 3);
            CHECK(objects[0].values.at("k").text == "1");
            const JsonValue& value = objects[1].values.at("k");
            CHECK(value.text == "v");
            CHECK(source.text.substr(value.offset, 3) == "\"v\"");
            CHECK(source.text[objects[2].offset] == '{');
        }
}

TEST_CASE("json objects: a whole number is one, however it is written") {
    const std::string_view keys[] = {"k"};
    const auto text_of = [&](const std::string& number) {
        const SourceText source{"a.json", "{\"k\":" + number + "}"};
        return parse_objects(source, keys)->at(0).values.at("k").text;
    };
    for (const auto& [written, text] : std::vector<std::pair<std::string, std::string>>{
             {"11", "11"},
             {"11.0", "11"},
             {"1.1e1", "11"},
             {"1e3", "1000"},
             {"-9.0", "-9"},
             {"11.5", "11.5"},
             {"1e-3", "1e-3"},
             {"9007199254740993.0", "9007199254740993.0"},
             {"1e300", "1e300"}})
        CHECK(text_of(written) == text);
}

TEST_CASE("json objects: UTF-16 is named, with and without a byte order mark") {
    const std::string text = "[{\"k\":1}]";
    std::string little, big;
    for (const char byte : text) {
        little += {byte, '\0'};
        big += {'\0', byte};
    }
    for (const auto& encoded : {little, big, "\xff\xfe" + little, "\xfe\xff" + big}) {
        const SourceText source{"a.json", encoded};
        const auto parsed = parse_objects(source, {});
        REQUIRE_FALSE(parsed);
        CHECK(told(parsed.error()) == "a.json:1:1: text-is-utf16");
        CHECK(excerpt(parsed.error()) == ""); // nothing of it would be legible
    }
}

TEST_CASE("json objects: an object in an object, with all of its values") {
    const SourceText source{"a.json", "[{\"k\": {\"a\":1, \"b\":{\"c\":\"}\"}, \"d\":[{}]},"
                                      "\"l\":[{}],\"m\":{\"a\":1,\"a\":2}, \"n\":{}}]"};
    const std::string_view keys[] = {"k", "l", "m", "n"};
    const auto values = parse_objects(source, keys)->at(0).values;
    const auto nested = nested_object(source, values.at("k"));
    REQUIRE(nested);
    CHECK(nested->source.text == "{\"a\":1, \"b\":{\"c\":\"}\"}, \"d\":[{}]}");
    CHECK(nested->object.values.size() == 3);
    CHECK(nested->object.values.at("a").text == "1");
    const auto inner = nested_object(nested->source, nested->object.values.at("b"));
    REQUIRE(inner);
    CHECK(inner->object.values.at("c").text == "}");
    CHECK_FALSE(nested_object(source, values.at("l")));
    CHECK_FALSE(nested_object(source, values.at("m"))); // one of the two would be a guess
    CHECK(nested_object(source, values.at("n"))->object.values.empty());
}
