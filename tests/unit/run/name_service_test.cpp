#include "vxlanctl/run/name_service.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

TEST_CASE("name service: what getent prints is addresses of the family, each once") {
    const std::string printed = "::ffff:100.64.1.4 STREAM both.example.net\n"
                                "2001:db8::5     STREAM\n2001:db8::5     DGRAM\n"
                                "fe80::1%eth0    RAW\n100.64.1.4\nnonsense\n\n";
    const auto texts = [&](Family family) { return texts_of(addresses_in(printed, family)); };
    CHECK(texts(Family::ipv6) == std::vector<std::string>{"2001:db8::5", "fe80::1"});
    CHECK(texts(Family::ipv4) == std::vector<std::string>{"100.64.1.4"});
}
