#include "vxlanctl/runtime/moved_links.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("moved links: what is written is read back") {
    const MovedLinks moved{1234567, {{7, 0}, {9, 42}}};
    CHECK(parse_moved_links(moved_links_text(moved)) == moved);
}

TEST_CASE("moved links: a text that is none is none") {
    for (const char* text :
         {"", "{", "[]", "null", "{}", R"({"version":1,"group":0,"links":[]})",
          R"({"version":2,"group":5,"links":[]})", R"({"version":1,"group":5,"links":{}})",
          R"({"version":1,"group":5})", R"({"version":1,"group":"5","links":[]})"}) {
        INFO(text);
        CHECK(!parse_moved_links(text));
    }
}

TEST_CASE("moved links: what is no link is left out") {
    const auto moved = parse_moved_links(
        R"({"version":1,"group":5,"links":[7,{"index":-1},{"index":"8"},{"index":9}]})");
    REQUIRE(moved);
    CHECK(moved->links == std::vector<MovedLinks::Link>{{9, 0}});
}
