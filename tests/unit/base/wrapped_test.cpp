#include "vxlanctl/base/wrapped.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("wrapped: lines of at most that width, whose later ones are indented") {
    CHECK(wrapped("", 0, 0) == "");
    CHECK(wrapped("aa bb cc", 0, 0, 8) == "aa bb cc");
    CHECK(wrapped("aa bb cc", 0, 0, 7) == "aa bb\ncc");
    CHECK(wrapped("aa bb cc", 4, 2, 8) == "aa\n  bb cc");
    CHECK(wrapped("aa longer-than-that bb", 0, 0, 5) == "aa\nlonger-than-that\nbb");
}
