#include "vxlanctl/plan/awaited.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using Lines = std::vector<std::string>;

namespace {

Prefix prefix(const char* text) {
    return parse_prefix(text).value();
}

/// A tunnel on eth0 that waits for its local address, and one on the first one.
Config config() {
    Tunnel lower;
    lower.name = "vxlan0";
    lower.tunnel.dev = "eth0";
    lower.tunnel.local = parse_address("172.21.0.100").value();
    lower.addresses = {prefix("10.225.194.171/9")};
    lower.forward_from = {"eth1", "vxlan1"};
    Tunnel upper;
    upper.name = "vxlan1";
    upper.tunnel.dev = "vxlan0";
    upper.tunnel.local = parse_address("10.225.194.171").value();
    return {Origin::file, {lower, upper}};
}

} // namespace

TEST_CASE("await: what the config makes is not waited for") {
    const Awaited awaited(config());
    CHECK(awaited.missing() ==
          Lines{"interface 'eth0'", "interface 'eth1'", "address 172.21.0.100"});
    CHECK(awaited.links() == Lines{"eth0", "eth1"});
    CHECK(Awaited(Config{}).is_complete());
}

TEST_CASE("await: links and addresses come, and go again") {
    Awaited awaited(config());
    awaited.add_link(2, "eth0", 1500);
    awaited.add_link(3, "eth1", 1500);
    awaited.add_link(4, "eth2", 1500);
    awaited.add_address(prefix("172.21.0.100/24"), 2);
    awaited.add_address(prefix("172.21.0.101/24"), 2);
    CHECK(awaited.is_complete());
    awaited.add_link(2, "eth0", 1500); // an event of the same link
    awaited.remove_link(4);
    CHECK(awaited.is_complete());
    awaited.remove_link(3);
    CHECK(awaited.missing() == Lines{"interface 'eth1'"});
    awaited.clear();
    CHECK(awaited.missing().size() == 3);
}

TEST_CASE("await: an address is there as long as one link has it, with any prefix length") {
    Awaited awaited(config());
    awaited.add_address(prefix("172.21.0.100/24"), 2);
    awaited.add_address(prefix("172.21.0.100/32"), 2);
    awaited.add_address(prefix("172.21.0.100/24"), 5);
    awaited.remove_address(prefix("172.21.0.100/24"), 2);
    awaited.remove_address(prefix("172.21.0.100/24"), 5);
    CHECK(awaited.missing() == Lines{"interface 'eth0'", "interface 'eth1'"});
    awaited.remove_address(prefix("172.21.0.100/32"), 2);
    CHECK(awaited.missing().size() == 3);
}

TEST_CASE("await: a link that gets another name is not the one that was awaited") {
    Awaited awaited(config());
    awaited.add_link(2, "eth0", 1500);
    awaited.add_link(2, "wan", 1500);
    CHECK(awaited.missing().front() == "interface 'eth0'");
    awaited.add_link(2, "eth0", 1500);
    awaited.add_link(2, "eth1", 1500);
    CHECK(awaited.missing() == Lines{"interface 'eth0'", "address 172.21.0.100"});
}

TEST_CASE("await: an MTU that is set is waited for, unless the tunnel has it already") {
    Config wish = config();
    wish.tunnels[0].link.mtu = 8951;
    Awaited awaited(wish);
    CHECK(awaited.missing().front() == "interface 'eth0'"); // and no word of its MTU
    awaited.add_address(prefix("172.21.0.100/24"), 2);
    awaited.add_link(3, "eth1", 1500);
    awaited.add_link(2, "eth0", 1500);
    CHECK(awaited.missing() == Lines{"MTU 9001 of interface 'eth0'"});
    awaited.add_link(2, "eth0", 9001);
    CHECK(awaited.is_complete());
    awaited.add_link(2, "eth0", 1500);
    CHECK_FALSE(awaited.is_complete());
    awaited.add_link(7, "vxlan0", 8951);
    CHECK(awaited.is_complete());
    awaited.remove_link(7);
    CHECK_FALSE(awaited.is_complete());
}
