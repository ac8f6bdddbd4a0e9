// What a screen has room for.
#include "vxlanctl/cli/redraw.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("redraw: what is longer than the screen is cut, and counted") {
    const std::string text = "one\ntwo\nthree\nfour\n";
    CHECK(fitted(text, {24, 80}) == text);
    CHECK(fitted(text, {5, 80}) == text); // and the cursor below
    CHECK(fitted(text, {4, 80}) == "one\ntwo\n... 2 more lines\n");
    CHECK(fitted(text, {2, 80}) == "... 4 more lines\n");
    CHECK(fitted(text, {1, 80}) == "... 4 more lines\n");
    CHECK(fitted(text, {0, 80}) == "... 4 more lines\n");
    CHECK(fitted("one\ntwo\n", {2, 80}) == "... 2 more lines\n");
    CHECK(fitted("", {24, 80}).empty());
}

TEST_CASE("redraw: lines are cut at the right edge, by columns and not by bytes") {
    CHECK(fitted("0123456789\nabc\n", {24, 4}) == "0123\nabc\n");
    CHECK(fitted("東京-a\n", {24, 5}) == "東京-\n");
    CHECK(fitted("東京-a\n", {24, 3}) == "東\n");
    CHECK(fitted("one\ntwo\nthree\n", {3, 6}) == "one\n... 2 \n");
    // Colours take no room, and end where the line is cut.
    CHECK(fitted("a \033[32mup\033[0m!\n", {24, 5}) == "a \033[32mup\033[0m!\n");
    CHECK(fitted("a \033[32mup\033[0m!\n", {24, 3}) == "a \033[32mu\033[0m\n");
    CHECK(fitted("\033[33mproblem\n\033[0m", {24, 80}) == "\033[33mproblem\n");
}
