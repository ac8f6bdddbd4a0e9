// The guest itself: that its kernel is what the other tests take it for.
#include "world.h"

#include <catch2/catch.hpp>
#include <sys/utsname.h>

using namespace world;

TEST_CASE("guest: it is Linux 6.1, with the kinds of links that hosts may lack") {
    utsname name{};
    REQUIRE(uname(&name) == 0);
    CHECK(std::string(name.release).starts_with("6.1."));
    const Host host;
    sh(host.space, "ip tunnel add sit1 mode isatap local 172.21.0.100\n"
                   "ip tunnel prl dev sit1 prl-default 192.0.2.1\n"
                   "ip -6 tunnel add t6 mode ip4ip6 local 2001:db8:21::100 remote 2001:db8::2\n"
                   "ip link add vrf1 type vrf table 100");
    CHECK(link(host.space, "sit1").at("linkinfo").at("info_kind") == "sit");
    CHECK(link(host.space, "t6").at("linkinfo").at("info_kind") == "ip6tnl");
    CHECK(link(host.space, "vrf1").at("linkinfo").at("info_kind") == "vrf");
}
