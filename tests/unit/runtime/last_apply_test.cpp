#include "vxlanctl/runtime/last_apply.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

const Identity here{"0d5c6b2e", 4711, 4026531840};
const LastApply last{
    std::chrono::system_clock::time_point(std::chrono::milliseconds(1764460000123)), true};

} // namespace

TEST_CASE("last apply: what is written is read back") {
    CHECK(parse_last_apply(last_apply_text(last, here), here) == last);
    const LastApply failed{last.time, false};
    CHECK(parse_last_apply(last_apply_text(failed, here), here) == failed);
}

TEST_CASE("last apply: another namespace with the same number knows nothing of it") {
    const std::string text = last_apply_text(last, here);
    Identity other = here;
    other.cookie = 4712;
    CHECK(!parse_last_apply(text, other));
    other = here;
    other.boot = "another boot";
    CHECK(!parse_last_apply(text, other));
    other = here;
    other.boot.clear(); // which a service with ProcSubset=pid does not see
    CHECK(parse_last_apply(text, other) == last);
}

TEST_CASE("last apply: a text that is none is none") {
    for (const char* text :
         {"", "{", "[]", "null", "{}", R"({"milliseconds": 5, "succeeded": true})",
          R"({"milliseconds": -5, "succeeded": true, "namespace": {}})",
          R"({"milliseconds": "5", "succeeded": true, "namespace": {}})",
          R"({"milliseconds": 5, "succeeded": 1, "namespace": {}})",
          R"({"milliseconds": 5, "succeeded": true, "namespace": 7})"}) {
        INFO(text);
        CHECK(!parse_last_apply(text, here));
    }
    CHECK(parse_last_apply(R"({"milliseconds": 5, "succeeded": true, "namespace": {}})", here));
}
