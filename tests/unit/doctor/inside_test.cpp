#include "vxlanctl/doctor/inside.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;
using Strings = std::vector<std::string>;

namespace {

Link tunnel(TunnelKind kind) {
    Link link;
    link.tunnel.kind = kind;
    return link;
}

void add_address(Link& link, const char* prefix) {
    link.addresses.emplace_back().prefix = parse_prefix(prefix).value();
}

Strings inside(const Link& link, const char* end) {
    return texts_of(inside_addresses(link, parse_address(end).value()));
}

} // namespace

TEST_CASE("inside: an ISATAP router has addresses of two forms in each prefix") {
    Link link = tunnel(TunnelKind::sit);
    link.tunnel.isatap = true;
    add_address(link, "fe80::5efe:ad8:65/64"); // made by the kernel
    CHECK(inside(link, "192.168.103.254") ==
          Strings{"fe80::5efe:c0a8:67fe", "fe80::200:5efe:c0a8:67fe"});
    add_address(link, "2001:db8::5efe:ad8:65/64");
    Route route;
    route.via = parse_address("2001:db8:7::5efe:c0a8:67fe").value();
    link.routes.push_back(route);
    CHECK(inside(link, "192.168.103.254") ==
          Strings{"2001:db8:7::5efe:c0a8:67fe", "fe80::5efe:c0a8:67fe", "fe80::200:5efe:c0a8:67fe",
                  "2001:db8::5efe:c0a8:67fe", "2001:db8::200:5efe:c0a8:67fe"});
    CHECK(inside(link, "192.168.103.1").front() == "fe80::5efe:c0a8:6701"); // not that route's
}

TEST_CASE("inside: the one other host of a network, and a gateway") {
    const auto of = [](const char* prefix) {
        Link link = tunnel(TunnelKind::ip6tnl);
        add_address(link, prefix);
        return inside(link, "2001:db8::1");
    };
    CHECK(of("192.0.2.1/30") == Strings{"192.0.2.2"});
    CHECK(of("192.0.2.2/30") == Strings{"192.0.2.1"});
    CHECK(of("192.0.2.0/31") == Strings{"192.0.2.1"});
    CHECK(of("192.0.0.2/29") == Strings{"192.0.0.1"}); // DS-Lite
    CHECK(of("192.0.0.1/29").empty());
    CHECK(of("192.0.2.1/29").empty());
    CHECK(of("192.0.2.1/32").empty());
    Link link = tunnel(TunnelKind::ip6tnl);
    Route route;
    route.via = parse_address("192.0.2.9").value();
    link.routes.push_back(route);
    add_address(link, "192.0.2.1/32");
    link.addresses.back().peer = parse_address("192.0.2.7").value();
    CHECK(inside(link, "2001:db8::1") == Strings{"192.0.2.9", "192.0.2.7"});
}
