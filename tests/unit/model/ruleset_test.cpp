#include "vxlanctl/model/ruleset.h"

#include "vxlanctl/run/nft.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace vxlanctl;

namespace {

Packet from_peer() {
    Packet packet;
    packet.link = "eth0";
    packet.source = parse_address("100.64.158.4").value();
    packet.destination = parse_address("172.21.0.100").value();
    packet.protocol = 17;
    packet.port = 4789;
    packet.is_new = true;
    return packet;
}

Packet isatap() {
    Packet packet = from_peer();
    packet.protocol = 41;
    packet.port.reset();
    packet.is_new = false;
    return packet;
}

/// A ruleset of one input chain with that policy and those rules, each the array of its statements.
Ruleset chain(const std::string& policy, const std::vector<std::string>& rules,
              const std::string& more = "") {
    std::string text = R"({"nftables": [{"metainfo": {"json_schema_version": 1}},
        {"chain": {"family": "inet", "table": "t", "name": "in", "type": "filter",
                   "hook": "input", "prio": 0, "policy": ")" +
                       policy + "\"}}" + more;
    std::size_t handle = 0;
    for (const auto& rule : rules)
        text += fmt::format(R"(, {{"rule": {{"family": "inet", "table": "t", "chain": "in",
                                  "handle": {}, "expr": [{}]}}}})",
                            ++handle, rule);
    return parse_ruleset(text + "]}").value();
}

Fate fate(const std::string& policy, const std::vector<std::string>& rules,
          const std::string& more = "", const Packet& packet = from_peer()) {
    return judge(chain(policy, rules, more), packet).fate;
}

const std::string port = R"({"match": {"op": "==", "left": {"payload": {"protocol": "udp",
    "field": "dport"}}, "right": 4789}})";
const std::string tcp_port = R"({"match": {"op": "==", "left": {"payload": {"protocol": "tcp",
    "field": "dport"}}, "right": 4789}})";
const std::string peers = R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip",
    "field": "saddr"}}, "right": {"set": ["1.2.3.4", {"prefix": {"addr": "100.64.0.0",
    "len": 10}}]}}})";
const std::string known = R"({"match": {"op": "in", "left": {"ct": {"key": "state"}},
    "right": ["established", "related"]}})";
const std::string accepting = R"({"accept": null})", drop = R"({"drop": null})";
const std::string count = R"({"counter": {"packets": 0, "bytes": 0}})";
const std::string limit = R"({"limit": {"rate": 10, "burst": 5, "per": "second"}})";

std::string link_is(const std::string& op, const std::string& name) {
    return fmt::format(R"({{"match": {{"op": "{}", "left": {{"meta": {{"key": "iifname"}}}},
                          "right": "{}"}}}})",
                       op, name);
}

} // namespace

TEST_CASE("ruleset: the policy counts where no rule decides") {
    CHECK(judge({}, from_peer()).fate == Fate::passes);
    CHECK(fate("accept", {}) == Fate::passes);
    CHECK(fate("drop", {}) == Fate::dropped);
    CHECK(fate("drop", {tcp_port + "," + accepting, known + "," + accepting}) == Fate::dropped);
    CHECK(fate("drop", {port + "," + count + "," + accepting}) == Fate::passes);
    CHECK(fate("drop", {peers + "," + port + "," + accepting}) == Fate::passes);
    const auto ruleset = chain("drop", {count});
    const auto judgement = judge(ruleset, from_peer());
    REQUIRE(judgement.blamed.size() == 1);
    CHECK(judgement.blamed[0].why == "policy drop");
    CHECK(judgement.blamed[0].chain->name == "in");
}

TEST_CASE("ruleset: the first rule that certainly matches decides") {
    CHECK(fate("accept", {port + "," + drop, accepting}) == Fate::dropped);
    CHECK(fate("accept", {accepting, port + "," + drop}) == Fate::passes);
    CHECK(fate("accept", {port + R"(, {"reject": {"type": "icmp"}})"}) == Fate::dropped);
    CHECK(fate("accept", {link_is("==", "eth1") + "," + drop}) == Fate::passes);
    CHECK(fate("accept", {link_is("!=", "eth1") + "," + drop}) == Fate::dropped);
    CHECK(fate("accept", {link_is("==", "eth*") + "," + drop}) == Fate::dropped);
    const auto ruleset = chain("accept", {count, port + "," + drop});
    const auto judgement = judge(ruleset, from_peer());
    REQUIRE(judgement.blamed.size() == 1);
    CHECK(judgement.blamed[0].why == "handle 2 of chain 'in'");
}

TEST_CASE("ruleset: what cannot be judged makes unsure, never sure") {
    CHECK(fate("accept", {limit + "," + drop}) == Fate::unsure);
    CHECK(fate("drop", {limit + "," + accepting}) == Fate::unsure);
    CHECK(fate("accept", {R"({"xt": null})"}) == Fate::unsure);
    CHECK(fate("accept", {limit + "," + drop, port + "," + drop}) == Fate::dropped);
    CHECK(fate("accept", {port + R"(, {"jump": {"target": "nowhere"}})"}) == Fate::unsure);
    CHECK(fate("accept", {R"({"match": {"op": "<", "left": {"payload": {"protocol": "udp",
        "field": "dport"}}, "right": 5000}}, {"drop": null})"}) == Fate::unsure);
    CHECK(fate("accept", {R"({"match": {"op": "==", "left": {"meta": {"key": "mark"}},
        "right": 1}}, {"drop": null})"}) == Fate::unsure);
}

TEST_CASE("ruleset: a VXLAN packet has a VNI, others may have the same bytes") {
    const auto vni = [](int offset, const std::string& right) {
        return fmt::format(R"({{"match": {{"op": "==", "left": {{"payload": {{"base": "th",
            "offset": {}, "len": 24}}}}, "right": {}}}}}, {{"drop": null}})",
                           offset, right);
    };
    Packet packet = from_peer();
    packet.vni = 10;
    CHECK(fate("accept", {vni(96, "10")}, "", packet) == Fate::dropped);
    CHECK(fate("accept", {vni(96, "11")}, "", packet) == Fate::passes);
    CHECK(fate("accept", {vni(96, R"({"range": [0, 16777215]})")}, "", packet) == Fate::dropped);
    CHECK(fate("accept", {vni(64, "11")}, "", packet) == Fate::unsure);
    CHECK(fate("accept", {vni(96, "10")}, "", isatap()) == Fate::unsure);
}

TEST_CASE("ruleset: a protocol without ports may be established by what was sent") {
    const std::string six = R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip",
        "field": "protocol"}}, "right": "ipv6"}})";
    CHECK(fate("accept", {six + "," + drop}, "", isatap()) == Fate::dropped);
    CHECK(fate("drop", {known + "," + accepting}, "", isatap()) == Fate::unsure);
    CHECK(fate("drop", {six + "," + accepting}, "", isatap()) == Fate::passes);
    CHECK(fate("accept", {port + "," + drop}, "", isatap()) == Fate::passes);
}

TEST_CASE("ruleset: sets, maps, jumps and their return") {
    const std::string set = R"(, {"set": {"family": "inet", "table": "t", "name": "s",
        "elem": [{"elem": {"val": "100.64.158.4", "timeout": 9}}, {"range": ["9.0.0.0",
        "9.0.0.9"]}]}})";
    const std::string in_set = R"({"match": {"op": "==", "left": {"payload": {"protocol": "ip",
        "field": "saddr"}}, "right": "@s"}})";
    CHECK(fate("drop", {in_set + "," + accepting}, set) == Fate::passes);
    CHECK(fate("drop", {in_set + "," + accepting}) == Fate::unsure); // the set is not told
    const std::string map = R"({"vmap": {"key": {"payload": {"protocol": "udp", "field": "dport"}},
        "data": {"set": [[80, {"accept": null}], [4789, {"drop": null}]]}}})";
    CHECK(fate("accept", {map}) == Fate::dropped);
    CHECK(fate("accept", {map}, "", isatap()) == Fate::passes);
    const auto other = [](const std::string& rules) {
        return R"(, {"chain": {"family": "inet", "table": "t", "name": "sub"}}, {"rule":
            {"family": "inet", "table": "t", "chain": "sub", "handle": 9, "expr": [)" +
               rules + "]}}";
    };
    const std::string jump = R"({"jump": {"target": "sub"}})",
                      go = R"({"goto": {"target": "sub"}})";
    CHECK(fate("drop", {jump, accepting}, other(tcp_port + "," + accepting)) == Fate::passes);
    CHECK(fate("drop", {go, accepting}, other(tcp_port + "," + accepting)) == Fate::dropped);
    CHECK(fate("accept", {jump}, other(port + "," + drop)) == Fate::dropped);
    CHECK(fate("drop", {jump, accepting}, other(R"({"return": null})")) == Fate::passes);
    CHECK(fate("accept", {jump}, other(jump)) == Fate::unsure); // in a circle
}

TEST_CASE("ruleset: only chains of the right family and hook count") {
    auto ruleset = chain("drop", {});
    for (const auto& [family, hook, type, expected] :
         {std::tuple{"ip", "input", "filter", Fate::dropped},
          std::tuple{"ip6", "input", "filter", Fate::passes},
          std::tuple{"inet", "forward", "filter", Fate::passes},
          std::tuple{"inet", "output", "filter", Fate::passes},
          std::tuple{"inet", "prerouting", "nat", Fate::passes},
          std::tuple{"netdev", "ingress", "filter", Fate::dropped}}) {
        ruleset.chains[0].family = family;
        ruleset.chains[0].hook = hook;
        ruleset.chains[0].type = type;
        CHECK(judge(ruleset, from_peer()).fate == expected);
    }
    ruleset.chains[0].device = "eth1";
    CHECK(judge(ruleset, from_peer()).fate == Fate::passes);
}

TEST_CASE("ruleset: a dormant table filters nothing, and unclear flags are said to be so") {
    const auto of = [](const std::string& flags) {
        return chain("drop", {},
                     R"(, {"table": {"family": "inet", "name": "t", "flags": )" + flags + "}}");
    };
    for (const char* flags : {R"("dormant")", R"(["dormant"])", R"(["owner", "dormant"])"}) {
        CHECK(judge(of(flags), from_peer()).fate == Fate::passes);
        CHECK(of(flags).unclear.empty());
    }
    for (const char* flags : {R"("owner")", R"(["owner", "persist"])"}) {
        CHECK(judge(of(flags), from_peer()).fate == Fate::dropped);
        CHECK(of(flags).unclear.empty());
    }
    for (const char* flags : {R"("t")", "5", "[]", R"({"a": 1})"}) {
        CHECK(judge(of(flags), from_peer()).fate == Fate::dropped);
        CHECK(of(flags).unclear == std::vector<RulesetTable>{{"inet", "t"}});
    }
    CHECK(fate("drop", {}, R"(, {"table": {"family": "ip", "name": "t", "flags": "dormant"}})") ==
          Fate::dropped); // another table
}

TEST_CASE("ruleset: hostile text is an error or no rules, never more") {
    CHECK_FALSE(parse_ruleset(""));
    CHECK_FALSE(parse_ruleset("{"));
    const std::string whole = R"({"nftables": [{"chain": {"family": "inet", "table": "t",
        "name": "in", "type": "filter", "hook": "input", "policy": "drop"}}, {"rule": {"family":
        "inet", "table": "t", "chain": "in", "handle": 1, "expr": [{"match": {"op": "==", "left":
        {"payload": {"protocol": "ip", "field": "saddr"}}, "right": {"prefix": {"addr": "10.0.0.0",
        "len": 8}}}}, {"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["new",
        {"accept": null}]]}}}]}}]})";
    for (std::size_t i = 0; i < whole.size(); ++i)
        for (const char byte : {'0', '"', '[', '{', 'x', '-'}) {
            std::string text = whole;
            text[i] = byte;
            if (const auto parsed = parse_ruleset(text)) (void)judge(*parsed, from_peer());
        }
    for (const char* text : {"1", "[]", R"({"nftables": 1})", R"({"nftables": [1, [], {"rule": 1},
             {"chain": null}, {"set": 5}]})"})
        CHECK(judge(parse_ruleset(text).value(), from_peer()).fate == Fate::passes);
}
