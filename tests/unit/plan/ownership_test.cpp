#include "vxlanctl/plan/ownership.h"

#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/runtime/record_codec.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

Record record_of_file() {
    Record record;
    record.values = {{"vni", "20"}, {"port", "4789"}, {"mtu", "1400"}, {"up", "yes"}};
    for (const auto& [name, value] : record.values)
        record.keys.insert(name);
    record.addresses = {parse_prefix("10.0.0.1/24").value()};
    record.source = "/etc/vxlanctl/gate.toml";
    record.interface = {"vxlan0", "vxlan", 7};
    return record;
}

Link link_of_file() {
    Link link;
    link.index = 7;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.tunnel.vni = 20;
    link.tunnel.port = 4789;
    link.attributes.mtu = 1400;
    return link;
}

} // namespace

TEST_CASE("ownership: a source is one that is named, or below a directory that is") {
    CHECK(is_below("/etc/vxlanctl/a.toml", {"/etc/vxlanctl"}));
    CHECK(is_below("/etc/vxlanctl/a.toml", {"/srv", "/etc/vxlanctl/a.toml"}));
    CHECK(is_below("/a.toml", {"/"}));
    CHECK(is_below("site", {"site"}));
    CHECK_FALSE(is_below("/etc/vxlanctl-old/a.toml", {"/etc/vxlanctl"}));
    CHECK_FALSE(is_below("/etc/vxlanctl/a.toml", {"/etc/vxlanctl/a"}));
    CHECK_FALSE(is_below("/etc/vxlanctl", {"/etc/vxlanctl/a.toml"}));
    CHECK_FALSE(is_below("site-2", {"site"}));
    CHECK_FALSE(is_below("/etc/vxlanctl/a.toml", {}));
}

TEST_CASE("ownership: a record is of the interface whose name, kind, number and values it has") {
    const Record record = record_of_file();
    CHECK(is_of(record, link_of_file()));
    CHECK(is_of(Record{}, link_of_file())); // of 0.1
    Link other = link_of_file();
    SECTION("name") {
        other.name = "vxlan1";
    }
    SECTION("kind") {
        other.kind = "geneve";
    }
    SECTION("number") {
        other.index = 8;
    }
    SECTION("what the kernel cannot change") {
        other.tunnel.port = 8472;
    }
    CHECK_FALSE(is_of(record, other));
}

TEST_CASE("ownership: what is changed in place leaves the interface the same") {
    Link link = link_of_file();
    link.attributes.mtu = 1300;
    CHECK(is_of(record_of_file(), link));
}

TEST_CASE("ownership: the command line is laid over what the file says") {
    Tunnel words = blank_tunnel(TunnelKind::vxlan);
    words.implied = {"port", "up", "vni"}; // 4789 and 10, but nobody said so
    words.name = "vxlan0";
    const auto laid = over_file(words, record_of_file(), link_of_file());
    CHECK(laid.differing.empty());
    CHECK(laid.tunnel.tunnel.vni == 20);
    CHECK(laid.tunnel.link.mtu == 1400);
    CHECK(laid.tunnel.addresses == record_of_file().addresses);
    CHECK(laid.tunnel.source == "/etc/vxlanctl/gate.toml");

    words.implied.erase("vni"); // now somebody did
    words.tunnel.ttl = 9;
    words.addresses = {parse_prefix("10.0.0.2/24").value()};
    const auto other = over_file(words, record_of_file(), link_of_file());
    CHECK(other.differing == std::vector<std::string>{"vni: 20 -> 10", "ttl: 9", "addresses"});
    CHECK(other.tunnel.tunnel.vni == 10);
    CHECK(other.tunnel.addresses->size() == 2);
}

TEST_CASE("ownership: a record keeps source, values and interface, and 0.1 had none of them") {
    const Record record = record_of_file();
    CHECK(parse_record(record_text(record)) == record);
    const auto old = parse_record(R"({"version":1,"keys":["mtu"],"addresses":[]})");
    REQUIRE(old);
    CHECK(old->source.empty());
    CHECK(old->interface == RecordedInterface{});
    CHECK_FALSE(parse_record(R"({"version":1,"keys":["mt)"));
}
