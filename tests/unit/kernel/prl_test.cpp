// What the potential router list refuses without asking the kernel.
#include "vxlanctl/kernel/prl.h"

#include <catch2/catch.hpp>
#include <cerrno>

using namespace vxlanctl;

TEST_CASE("prl: 0.0.0.0, which would wipe the whole list, is never sent") {
    RouterList list(-1);
    // The kernel would not know this link.
    CHECK(list.remove("no-such-link", {parse_address("0.0.0.0").value(), false}) == ENXIO);
    CHECK(list.remove("no-such-link", {parse_address("0.0.0.0").value(), true}) == ENXIO);
    CHECK(list.remove("no-such-link", {parse_address("192.0.2.1").value(), false}) != ENXIO);
}
