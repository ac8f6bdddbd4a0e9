// ISATAP and IPv4-in-IPv6 tunnels, routes and rules out of words.
#include "told.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/plan/operation.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;
using Words = std::vector<std::string>;

namespace {

const Words example{"sit1", "10.216.0.101", "2001:db8::/64", "192.168.103.254"};

std::string error_of(const Words& words, const OptionValues& options = {}) {
    const auto tunnel = isatap_from_words(words, options);
    return tunnel ? "none" : told(tunnel.error());
}

std::string error_of_ipip6(const Words& words, const OptionValues& options = {}) {
    const auto tunnel = ipip6_from_words(words, options);
    return tunnel ? "none" : told(tunnel.error());
}

Words with(std::size_t position, const std::string& word) {
    Words words = example;
    words[position] = word;
    return words;
}

std::string identifier_of(const char* ipv4, std::optional<bool> global = {}) {
    return to_string(
        isatap_address(parse_prefix("2001:db8::/64").value(), parse_address(ipv4).value(), global));
}

std::string route_error(const char* text) {
    const auto route = parse_route(text);
    return route ? "none" : told(route.error());
}

std::string rule_error(const char* text) {
    const auto rule = parse_rule(text);
    return rule ? "none" : told(rule.error());
}

} // namespace

TEST_CASE("isatap words: address, next hop and default route follow from prefix and router") {
    const auto tunnel = isatap_from_words(example, {}).value();
    CHECK(tunnel.name == "sit1");
    CHECK(tunnel.tunnel.kind == TunnelKind::sit);
    CHECK(tunnel.tunnel.isatap == true);
    CHECK_FALSE(tunnel.tunnel.ttl);
    REQUIRE(tunnel.addresses->size() == 1);
    CHECK(to_string(tunnel.addresses->at(0)) == "2001:db8::5efe:ad8:65/64");
    REQUIRE(tunnel.routers->size() == 1);
    CHECK(tunnel.routers->at(0).is_default);
    REQUIRE(tunnel.routes->size() == 1);
    const Route& route = tunnel.routes->at(0);
    CHECK(to_string(route.to) == "::/0");
    CHECK(to_string(*route.via) == "2001:db8::5efe:c0a8:67fe");
    CHECK(route.metric == 1);
    CHECK_FALSE(tunnel.overrides_default_route);
}

TEST_CASE("isatap words: the identifier's universal bit is that of the kernel") {
    for (const char* local :
         {"10.216.0.101", "0.0.0.0", "127.0.0.1", "169.254.1.1", "172.16.0.1", "172.31.255.255",
          "192.0.2.1", "192.88.99.1", "192.168.0.1", "198.18.0.1", "198.19.255.255"})
        CHECK(identifier_of(local).find("2001:db8::5efe:") == 0);
    for (const char* global : {"100.64.0.1", "8.8.8.8", "172.32.0.1", "172.15.0.1", "198.20.0.1",
                               "192.0.3.1", "203.0.113.1", "198.51.100.1", "0.1.2.3", "0.0.0.1"})
        CHECK(identifier_of(global).find("2001:db8::200:5efe:") == 0);
    CHECK(identifier_of("10.0.0.1", true) == "2001:db8::200:5efe:a00:1");
    CHECK(identifier_of("100.64.0.1", false) == "2001:db8::5efe:6440:1");
    const auto tunnel = isatap_from_words(with(1, "100.64.0.1"), {{"no-global-id", {""}}}).value();
    CHECK(to_string(tunnel.addresses->at(0)) == "2001:db8::5efe:6440:1/64");
}

TEST_CASE("isatap words: only the first router has a default route, unless metrics differ") {
    Words words = example;
    words.emplace_back("192.168.103.253");
    const auto one = isatap_from_words(words, {{"router", {"192.168.103.9"}}}).value();
    CHECK(one.routers->size() == 3);
    CHECK(to_string(one.routers->at(0).router) == "192.168.103.9");
    CHECK_FALSE(one.routers->at(0).is_default);
    REQUIRE(one.routes->size() == 1);
    CHECK(to_string(*one.routes->at(0).via) == "2001:db8::5efe:c0a8:67fe");
    const auto two = isatap_from_words(words, {{"metric", {"5", "6"}}}).value();
    REQUIRE(two.routes->size() == 2);
    CHECK(two.routes->at(1).metric == 6);
    CHECK(isatap_from_words(words, {{"no-default-route", {""}}})->routes->empty());
    CHECK(error_of(words, {{"metric", {"5", "5"}}}).find("metrics-must-differ") !=
          std::string::npos);
    CHECK(error_of(words, {{"metric", {"5", "6", "7"}}}).find("more-metrics-than-routers") !=
          std::string::npos);
    CHECK(error_of(words, {{"metric", {"0"}}}).find("not-in-range") != std::string::npos);
    CHECK(error_of(words, {{"metric", {"5"}}, {"no-default-route", {""}}})
              .find("--metric: metric-without-default-route") == 0);
}

TEST_CASE("isatap words: what cannot be is one clear error") {
    CHECK(error_of(with(0, "sit0")) == "IFNAME 'sit0': interface-is-fallback {example=sit1}");
    CHECK(error_of(with(1, "2001:db8::1")) == "LOCAL '2001:db8::1': isatap-needs-ipv4");
    CHECK(error_of(with(2, "2001:db8::/48")).find("isatap-prefix-length") != std::string::npos);
    CHECK(error_of(with(2, "2001:db8::1/64")) ==
          "PREFIX '2001:db8::1/64': host-bits-set {network=2001:db8::/64}");
    CHECK(error_of(with(2, "10.0.0.0/24")).find("not-an-ipv6-prefix") != std::string::npos);
    CHECK(error_of(with(2, "fe80::/64")).find("prefix-not-for-addresses") != std::string::npos);
    CHECK(error_of(with(3, "10.216.0.101")).find("address-is-local") != std::string::npos);
    CHECK(error_of(with(3, "2001:db8::2")).find("isatap-needs-ipv4") != std::string::npos);
    CHECK(error_of(with(3, "224.0.0.1")).find("address-not-unicast {role=router") !=
          std::string::npos);
    CHECK(error_of(example, {{"router", {"192.168.103.254"}}}).find("named-twice") !=
          std::string::npos);
    CHECK(error_of({"sit1", "10.216.0.101", "2001:db8::/64"}).find("no-router-named") == 0);
    CHECK(error_of(example, {{"route", {"10.9.0.0/24"}}}) ==
          "--route '10.9.0.0/24': destination-not-carried {family=IPv6}");
    CHECK(error_of(example, {{"route", {"10.9.0.0/24,dev eth0"}}}) == "none");
    for (const char* ttl : {"0", "256"})
        CHECK(error_of(example, {{"ttl", {ttl}}}) ==
              fmt::format("--ttl '{}': not-in-range {{low=1, high=255, or= or inherit}}", ttl));
    CHECK(error_of(example, {{"ttl", {"inherit"}}}) == "none");
    for (const char* mtu : {"65536", "65516", "1279", "0", "big"})
        CHECK(error_of(example, {{"mtu", {mtu}}}) ==
              fmt::format("--mtu '{}': not-in-range {{low=1280, high=65515, or=}}", mtu));
    CHECK(error_of(example, {{"mtu", {"1280"}}}) == "none");
    CHECK(error_of({"sit1", "10.216.0.101"}).find("wrong-words {") == 0);
}

TEST_CASE("ipip6 words: ends, inner address and options") {
    const auto tunnel = ipip6_from_words(Words{"site1", "2001:db8::5efe:10.216.0.101",
                                               "2001:db8:1::1", "192.0.2.1/30"},
                                         {{"route", {"192.168.10.0/24"}}, {"encaplimit", {"4"}}})
                            .value();
    CHECK(tunnel.tunnel.kind == TunnelKind::ip6tnl);
    CHECK(tunnel.tunnel.proto == 4);
    CHECK(tunnel.tunnel.encaplimit == 4);
    CHECK(tunnel.routes->size() == 1);
    CHECK(to_string(tunnel.addresses->at(0)) == "192.0.2.1/30");
    CHECK_FALSE(ipip6_from_words(Words{"t", "2001:db8::1", "2001:db8::2"}, {})->addresses);
    CHECK(ipip6_from_words(Words{"t", "2001:db8::1", "2001:db8::2", "-"}, {})->addresses->empty());
    CHECK(error_of_ipip6({"t", "192.0.2.1", "2001:db8::2"}).find("ipip6-needs-ipv6") !=
          std::string::npos);
    CHECK(error_of_ipip6({"t", "2001:db8::1", "192.0.2.2"}).find("ipip6-needs-ipv6") !=
          std::string::npos);
    CHECK(error_of_ipip6({"t", "2001:db8::1", "2001:db8::1"}).find("address-is-local") !=
          std::string::npos);
    CHECK(error_of_ipip6({"t", "2001:db8::1", "2001:db8::2", "2001:db8:9::1/64"})
              .find("inner-needs-ipv4") != std::string::npos);
    CHECK(error_of_ipip6({"ip6tnl0", "2001:db8::1", "2001:db8::2"}).find("interface-is-fallback") !=
          std::string::npos);
    CHECK(error_of_ipip6({"t", "2001:db8::1", "2001:db8::2"}, {{"encaplimit", {"256"}}}) ==
          "--encaplimit '256': not-in-range {low=0, high=255, or= or none}");
    const Words site{"t", "2001:db8::1", "2001:db8::2"};
    CHECK(error_of_ipip6(site, {{"ttl", {"0"}}}) ==
          "--ttl '0': not-in-range {low=1, high=255, or= or inherit}");
    CHECK(error_of_ipip6(site, {{"route", {"2001:db8:5::/48"}}}) ==
          "--route '2001:db8:5::/48': destination-not-carried {family=IPv4}");
    CHECK(error_of_ipip6(site, {{"route", {"2001:db8:5::/48,dev t"}}})
              .find("destination-not-carried {family=IPv4}") != std::string::npos);
    CHECK(error_of_ipip6(site, {{"route", {"2001:db8:5::/48,dev eth0"}}}) == "none");
    CHECK(error_of_ipip6(site, {{"mtu", {"1279"}}}) == "none"); // for IPv4, that is enough
    CHECK(error_of_ipip6({"t", "::1", "2001:db8::2"}) == "LOCAL6 '::1': local-is-loopback");
    CHECK(error_of_ipip6({"t", "fe80::1", "2001:db8::2"}) ==
          "LOCAL6 'fe80::1': link-local-needs-dev");
    CHECK(error_of_ipip6({"t", "2001:db8::1", "fe80::2"}, {{"dev", {"-"}}})
              .find("REMOTE6 'fe80::2': link-local-needs-dev") == 0);
    CHECK(error_of_ipip6({"t", "fe80::1", "fe80::2"}, {{"dev", {"eth0"}}}) == "none");
    CHECK(ipip6_from_words(Words{"t", "2001:db8::1", "2001:db8::2"}, {{"tclass", {"0x20"}}})
              ->tunnel.tclass == 32);
}

TEST_CASE("routes: destination first, then what is known of the way") {
    const auto route = parse_route("10.0.0.0/8,via 192.0.2.1,dev eth1,table 101,metric 7").value();
    CHECK(to_string(route.to) == "10.0.0.0/8");
    CHECK(to_string(*route.via) == "192.0.2.1");
    CHECK(route.dev == "eth1");
    CHECK(route.table == 101);
    CHECK(route.metric == 7);
    CHECK(parse_route("192.0.2.7")->to.length == 32);
    CHECK(parse_route("default,via 2001:db8::1")->to.address.family == Family::ipv6);
    CHECK(parse_route("2001:db8:9::/48")->metric == 1024); // as the kernel makes it
    CHECK(parse_route("10.0.0.0/8")->table == 0);
    CHECK(parse_route("10.0.0.0/8,table main")->table == main_table);
    CHECK(route_error("10.0.0.1/8") == "'10.0.0.1/8': host-bits-set {network=10.0.0.0/8}");
    CHECK(route_error("10.0.0.0/8 via 192.0.2.1").find("not-a-destination") != std::string::npos);
    CHECK(route_error("10.0.0.0/8,via 2001:db8::1").find("gateway-of-other-family") !=
          std::string::npos);
    CHECK(route_error("10.0.0.0/8,table 0").find("not-in-range") != std::string::npos);
    CHECK(route_error("10.0.0.0/8,nexthop x") ==
          "'nexthop': unknown-part {known=via, dev, table and metric}");
    CHECK(route_error("") == "'': not-an-ip-address");
    CHECK(route_error("224.0.0.0/4").find("destination-is-multicast") != std::string::npos);
    CHECK(route_error("10.0.0.0/8,via 192.0.2.1 dev eth1") ==
          "'via 192.0.2.1 dev eth1': more-than-one-part {whole=route}");
    CHECK(route_error("10.0.0.0/8,dev vx0,dev eth0") == "'dev': part-given-twice");
    CHECK_FALSE(check_routes({route, route}));
}

TEST_CASE("rules: from or to, and a table") {
    const auto rule = parse_rule("from 172.21.1.100,table 101").value();
    CHECK(to_string(*rule.from) == "172.21.1.100/32");
    CHECK(rule.table == 101);
    CHECK_FALSE(rule.priority);
    CHECK(to_string(parse_rule("to 10.0.0.0/8, from 2.0.0.0/8,priority 9,table 5").value()) ==
          "from 2.0.0.0/8 to 10.0.0.0/8 table 5 priority 9");
    CHECK(rule_error("table 101") == "rule-selects-nothing");
    CHECK(rule_error("from 10.0.0.1") == "rule-without-table");
    CHECK(rule_error("from 10.0.0.1,to ::1,table 5") == "rule-of-two-families");
    CHECK(rule_error("from 0.0.0.0/0,table 5").find("rule-for-everything") != std::string::npos);
    CHECK(rule_error("iif eth0,table 5") ==
          "'iif': unknown-part {known=from, to, table and priority}");
    CHECK(rule_error("from 10.1.1.0/24 to 10.2.0.0/16,table 70") ==
          "'from 10.1.1.0/24 to 10.2.0.0/16': more-than-one-part {whole=rule}");
    CHECK(rule_error("from 10.1.1.0/24,table 5,table 6") == "'table': part-given-twice");
    CHECK(error_of(example, {{"rule", {"table 5"}}}) == "--rule 'table 5': rule-selects-nothing");
    CHECK(error_of(example, {{"route", {"2001:db8:5::/200"}}}) ==
          "--route '2001:db8:5::/200': prefix-length-wrong {length=200, longest=128}");
    CHECK_FALSE(check_rules({rule, rule}));
}
