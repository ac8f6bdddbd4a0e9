#include "vxlanctl/toml_text.h"

#include <catch2/catch.hpp>
#include <string>

using namespace vxlanctl;

TEST_CASE("toml text: what toml++ can be trusted with has no obstacle") {
    for (const char* text :
         {"", "a = 1\n", "# é\na = 'é' # ü", "\"é\" = \"ü\\n\"", "a = \"\"\"é\\\n  b\"\"\"",
          "\xef\xbb\xbf"
          "a = 1",
          "a = \"\"\"\\\n\"\"\"", "a = '''\\é'''", "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q = 1",
          "x = \"a", "x = \"\\"}) {
        INFO(text);
        CHECK_FALSE(find_toml_obstacle(text));
    }
}

TEST_CASE("toml text: characters outside of quotes have to be ASCII") {
    for (const char* text :
         {"x = \u00e9", "x = 1\"\u00e9\"\u00e9", "\u00e9 = 1", "x\u00e9 = 1", "x = 1 \u00e9",
          "x = [1\u00e9]", "x = 1-\u00e9", "[\u00e9]", "x = 1\u00a0", "x = 1\u2028"}) {
        INFO(text);
        REQUIRE(find_toml_obstacle(text));
        CHECK(find_toml_obstacle(text)->obstacle == TomlObstacle::not_ascii);
    }
    CHECK(find_toml_obstacle("a = \"\u00e9\u00e9\"\nb = '\u00e9' \u00e9\n") ==
          TomlObstaclePlace{TomlObstacle::not_ascii, 2, 9});
}

TEST_CASE("toml text: behind a backslash comes ASCII, also where it continues a line") {
    using enum TomlObstacle;
    CHECK(find_toml_obstacle("x = \"\"\"\\\u00e9\"\"\"") ==
          TomlObstaclePlace{not_ascii_behind_backslash, 1, 9});
    CHECK(find_toml_obstacle("x = \"\\\u00e9\"") ==
          TomlObstaclePlace{not_ascii_behind_backslash, 1, 7});
    CHECK(find_toml_obstacle("x = \"\"\"a\\\n \t\n \u00e9\"\"\"") ==
          TomlObstaclePlace{not_ascii_behind_backslash, 3, 2});
}

TEST_CASE("toml text: more dots than our keys need are counted by lines, outside of strings") {
    const std::string dots(17, '.');
    CHECK(find_toml_obstacle("a = '" + dots + "'\nb." + dots) ==
          TomlObstaclePlace{TomlObstacle::too_many_dots, 2, 18});
    CHECK_FALSE(find_toml_obstacle("a = 1.5\n" + dots.substr(1)));
}
