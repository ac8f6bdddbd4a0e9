#include "vxlanctl/plan/plan.h"

#include "simulator.h"
#include "told.h"
#include "vxlanctl/files/tunnel_words.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/rollback.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <sstream>

using namespace vxlanctl;
using namespace vxlanctl::test;
using Lines = std::vector<std::string>;

namespace {

/// A config out of the words of `up`, options as `--name=value` or `--flag`.
Config config_of(const std::string& line) {
    std::vector<std::string> words;
    OptionValues options;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) {
        if (!word.starts_with("--")) {
            words.push_back(word);
            continue;
        }
        const auto equals = word.find('=');
        options[word.substr(2, equals - 2)].push_back(
            equals == std::string::npos ? "" : word.substr(equals + 1));
    }
    auto tunnel = vxlan_from_words(words, options, {});
    if (!tunnel) throw std::runtime_error(told(tunnel.error()));
    return {Origin::cli, {*tunnel}, {}};
}

const std::string example = "eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132";

TunnelPlan plan_one(const Config& config, const State& state, const PlanOptions& options = {}) {
    return plan(config, state, options).tunnels.at(0);
}

Address address_of(const char* text) {
    Address address;
    address.prefix = parse_prefix(text).value();
    return address;
}

Route route_of(const char* to) {
    Route route;
    route.to = parse_prefix(to).value();
    route.dev = "vxlan0";
    return route;
}

std::string only_error(const TunnelPlan& plan) {
    REQUIRE(plan.errors.size() == 1);
    CHECK(plan.steps.empty());
    return told(plan.errors[0]);
}

} // namespace

TEST_CASE("plan: a new tunnel is made whole, and set up last") {
    const auto tunnel = plan_one(config_of(example), host_state());
    CHECK(rendered(tunnel.steps) == Lines{"create vxlan0 vni 10 port 4789",
                                          "add peers 100.64.158.4 100.64.158.132",
                                          "add 10.225.194.171/9", "change vxlan0: up: no -> yes"});
    const auto& create = std::get<CreateLink>(tunnel.steps[0].operation);
    CHECK(create.attributes.alias == "vxlanctl/1 cli 0000000000000000");
    CHECK_FALSE(create.attributes.mtu);
    CHECK_FALSE(create.tunnel.external);
}

TEST_CASE("plan: a new VXLAN has a MAC address of its own, which stays whatever comes") {
    PlanOptions options;
    const auto mac_of = [&](const std::string& words, const State& state) {
        const auto tunnel = plan_one(config_of(words), state, options);
        for (const auto& step : tunnel.steps)
            if (const auto* create = std::get_if<CreateLink>(&step.operation))
                return to_string(create->attributes.mac.value_or(MacAddress{}));
        return std::string("no new link");
    };
    const std::string made = mac_of(example, host_state());
    CHECK(made ==
          to_string(stable_mac(MachineId{1}, "vxlan0", config_of(example).tunnels[0].tunnel)));
    CHECK(mac_of(example + " --mac=02:00:00:00:00:09", host_state()) == "02:00:00:00:00:09");
    CHECK(mac_of(example + " --mac=random", host_state()) == "02:00:00:00:00:01");
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").attributes.mac = parse_mac("02:00:00:00:00:07").value();
    CHECK(plan_one(config_of(example), state).steps.empty());
    CHECK(plan_one(config_of(example + " --mac=random"), state).steps.empty());
    options.allow_recreate = true;
    options.foreign = GENERATE(Foreign::keep, Foreign::drop);
    for (const char* more : {"", " --mac=random"})
        CHECK(mac_of(example + " --port=4790" + more, state) == "02:00:00:00:00:07");
    CHECK_FALSE(plan_one(config_of(example), host_state()).record.keys.contains("mac"));
    options.machine_id = [] { return std::nullopt; };
    CHECK(mac_of(example, host_state()) == "02:00:00:00:00:01");
    CHECK(told(plan_one(config_of(example), host_state(), options).warnings.at(0)) ==
          "vxlan0: no-machine-id {mac=02:00:00:00:00:01}");
    CHECK(plan_one(config_of(example + " --mac=random"), host_state(), options).warnings.empty());
}

TEST_CASE("plan: others are asked for a new IPv4 address alone, once the link is up") {
    const std::string checked = example + " --duplicate-check=3";
    const auto asked = [](const TunnelPlan& tunnel) {
        Lines lines;
        bool is_up = false;
        for (const auto& step : tunnel.steps) {
            is_up = is_up || sets_up(step);
            if (const auto* add = std::get_if<Add<Address>>(&step.operation);
                add != nullptr && add->manner.duplicate_check != 0)
                lines.push_back(fmt::format("{} for {} s{}", to_string(add->object().prefix),
                                            add->manner.duplicate_check, is_up ? "" : ", down"));
        }
        return lines;
    };
    const auto made = plan_one(config_of(checked + " --address=2001:db8::1/64"), host_state());
    CHECK(asked(made) == Lines{"10.225.194.171/9 for 3 s"});
    CHECK(asked(plan_one(config_of(example), host_state())).empty());
    State state = after(config_of(checked), host_state());
    link_in(state, "vxlan0").attributes.up = true;
    CHECK(plan_one(config_of(checked), state).steps.empty());
    const std::string other = "eth0 172.21.0.100 vxlan0 10.225.194.171/10 100.64.158.4 "
                              "--duplicate-check=3";
    CHECK(asked(plan_one(config_of(other), state)).empty()); // of another length
    const auto changed = plan_one(config_of(checked + " --address=10.225.194.172/9"), state);
    CHECK(rendered(changed.steps) == Lines{"add 10.225.194.172/9"});
    CHECK(std::get<Add<Address>>(changed.steps.at(0).operation).manner.duplicate_check == 3);
    PlanOptions options;
    options.allow_recreate = true;
    CHECK(asked(plan_one(config_of(checked + " --port=4790"), state, options)).empty());
    CHECK(asked(plan_one(config_of(checked + " --port=4790 --address=10.225.194.172/9"), state,
                         options)) == Lines{"10.225.194.172/9 for 3 s"});
}

TEST_CASE("plan: IPv6 addresses that move to a new link are usable at once, and as they were") {
    const std::string with_ipv6 = example + " --address=2001:db8::1/64";
    const State state = after(config_of(with_ipv6), host_state());
    PlanOptions options;
    options.allow_recreate = true;
    const auto tunnel =
        plan_one(config_of(with_ipv6 + " --port=4790 --address=2001:db8::2/64"), state, options);
    Lines adds;
    for (const auto& step : tunnel.steps)
        if (const auto* add = std::get_if<Add<Address>>(&step.operation);
            add != nullptr && add->object().prefix.address.family == Family::ipv6)
            adds.push_back(to_string(add->object().prefix) +
                           ((add->object().flags & IFA_F_NODAD) != 0 ? " nodad" : ""));
    CHECK(adds == Lines{"2001:db8::1/64 nodad", "2001:db8::2/64", "2001:db8::1/64"});
}

TEST_CASE("plan: the same wish again needs no step") {
    const State state = after(config_of(example), host_state());
    CHECK(plan_one(config_of(example), state).steps.empty());
}

TEST_CASE("plan: a changed peer is added before the old one goes") {
    const State state = after(config_of(example), host_state());
    const auto tunnel = plan_one(
        config_of("eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.133"), state);
    CHECK(rendered(tunnel.steps) ==
          Lines{"add peers 100.64.158.133", "remove peers 100.64.158.132"});
}

TEST_CASE("plan: learned MACs behind a removed peer go, pins and others stay") {
    State state = after(config_of(example), host_state());
    const auto entry = [](std::uint8_t last, const char* dst, FdbOrigin origin) {
        return MacEntry{MacAddress{{2, 0, 0, 0, 0, last}},
                        FloodEntry{parse_address(dst).value(), {}, {}, ""}, 2, 2, origin};
    };
    link_in(state, "vxlan0").macs = {entry(1, "100.64.158.132", FdbOrigin::learned),
                                     entry(2, "100.64.158.132", FdbOrigin::pinned),
                                     entry(3, "100.64.158.4", FdbOrigin::learned)};
    const auto tunnel =
        plan_one(config_of("eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4"), state);
    CHECK(rendered(tunnel.steps) ==
          Lines{"remove macs 02:00:00:00:00:01", "remove peers 100.64.158.132"});
}

TEST_CASE("plan: another inner address comes before the old one goes, with secondaries promoted") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").addresses.push_back(address_of("10.225.194.200/9"));
    const auto tunnel = plan_one(
        config_of("eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.132"), state);
    // It stays on: ours is now behind the foreign one, and would go with it.
    CHECK(rendered(tunnel.steps) == Lines{"add 10.225.194.172/9",
                                          "change vxlan0: promote_secondaries: no -> yes",
                                          "remove 10.225.194.171/9"});
    link_in(state, "vxlan0").addresses.pop_back();
    CHECK(rendered(plan_one(config_of("eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 "
                                      "100.64.158.132"),
                            state)
                       .steps) ==
          Lines{"add 10.225.194.172/9", "change vxlan0: promote_secondaries: no -> yes",
                "remove 10.225.194.171/9", "change vxlan0: promote_secondaries: yes -> no"});
}

TEST_CASE("plan: routes that go with an address are put back, or named") {
    State state = after(config_of(example), host_state());
    Route gateway = route_of("198.51.100.0/24");
    gateway.via = parse_address("10.192.158.4").value();
    link_in(state, "vxlan0").routes = {route_of("192.0.2.0/24"), gateway};
    const auto tunnel =
        plan_one(config_of("eth0 172.21.0.100 vxlan0 - 100.64.158.4 100.64.158.132"), state);
    CHECK(rendered(tunnel.steps) == Lines{"remove 10.225.194.171/9", "add route 192.0.2.0/24"});
    CHECK(told(tunnel.warnings) ==
          Lines{"vxlan0: route-goes-with-address {route=198.51.100.0/24}"});
}

TEST_CASE("plan: an attribute that is no longer stated goes back to the kernel's default") {
    const State state =
        after(config_of(example + " --mtu=1400 --ttl=9 --master=br0"), host_state());
    const auto tunnel = plan_one(config_of(example), state);
    CHECK(rendered(tunnel.steps) == Lines{"change vxlan0: ttl: 9 -> auto",
                                          "change vxlan0: mtu: 1400 -> 8951, master: br0 -> none"});
}

TEST_CASE("plan: the MTU is too large only where the kernel does not correct it") {
    State state = after(config_of("- 172.21.0.100 vxlan0 - 100.64.158.4"), host_state());
    link_in(state, "eth0").attributes.mtu = 1400;
    CHECK(plan_one(config_of("eth0 172.21.0.100 vxlan0 - 100.64.158.4"), state).warnings.empty());
    link_in(state, "vxlan0").tunnel.dev = "eth0";
    CHECK(told(plan_one(config_of("eth0 172.21.0.100 vxlan0 - 100.64.158.4"), state).warnings) ==
          Lines{"vxlan0: mtu-too-large-now {mtu=1500, dev=eth0, limit=1350}"});
    // Where neither the file nor the record says it.
    state.records.begin()->second.keys.erase("dev");
    Config config = config_of("- 172.21.0.100 vxlan0 - 100.64.158.4");
    config.tunnels[0].tunnel.dev.reset();
    config.tunnels[0].link.mtu = 1400;
    const auto plan = plan_one(config, state);
    REQUIRE(plan.errors.size() == 1);
    CHECK(told(plan.errors[0]) ==
          "vxlan0: mtu-over-limit {mtu=1400, limit=1350, dev=eth0, lower=1400, overhead=50}");
}

TEST_CASE("plan: without the record nothing is reset, with one warning") {
    State state = after(config_of(example + " --mtu=1400 --ttl=9"), host_state());
    state.records.clear();
    const auto tunnel = plan_one(config_of(example), state);
    CHECK(tunnel.steps.empty());
    REQUIRE(tunnel.warnings.size() == 1);
    CHECK(tunnel.warnings[0].code == Code::record_missing);
}

TEST_CASE("plan: a change of the VNI recreates the link, side by side") {
    const State state = after(config_of(example), host_state());
    const auto config = config_of(example + " --vni=11");
    CHECK(only_error(plan_one(config, state)) ==
          "vxlan0: needs-replacement {changes=vni: 10 -> 11, cost=1 address, 0 routes, 2 flood "
          "entries and 0 learned MACs} + allow-recreate");
    PlanOptions options;
    options.allow_recreate = true;
    const auto tunnel = plan_one(config, state, options);
    CHECK(rendered(tunnel.steps) ==
          Lines{"create vx0000000000000 vni 11 port 4789", "add peers 100.64.158.4 100.64.158.132",
                "delete vxlan0", "rename vx0000000000000 to vxlan0", "add 10.225.194.171/9",
                "change vxlan0: promote_secondaries: default -> no",
                "change vxlan0: up: no -> yes"});
    CHECK(tunnel.steps[0].disruption == Disruption::recreate);
}

TEST_CASE("plan: where the new VNI is not free, the old link goes first, whatever the port") {
    State state = after(config_of(example), host_state());
    PlanOptions options;
    options.allow_recreate = true;
    const auto first_step = [&](const std::string& more) {
        const auto tunnel = plan_one(config_of(example + more), state, options);
        const auto is_told = [](const Message& warning) {
            return warning.code == Code::deleted_before_made;
        };
        const bool deletes = rendered(tunnel.steps).at(0) == "delete vxlan0";
        CHECK(deletes == std::any_of(tunnel.warnings.begin(), tunnel.warnings.end(), is_told));
        return deletes;
    };
    CHECK(first_step(" --port=4790"));
    CHECK_FALSE(first_step(" --vni=11 --port=4790"));
    Link other = link_in(state, "vxlan0");
    other.name = "other";
    other.index = 99;
    other.tunnel.vni = 11;
    other.tunnel.port = 4800;
    state.links.push_back(other);
    CHECK(first_step(" --vni=11"));
    CHECK(first_step(" --vni=11 --port=4790"));
    CHECK_FALSE(first_step(" --vni=12"));
}

TEST_CASE("plan: where VNI and port stay, the old link goes first") {
    const State state = after(config_of(example), host_state());
    PlanOptions options;
    options.allow_recreate = true;
    const auto tunnel = plan_one(config_of(example + " --limit=5"), state, options);
    CHECK(rendered(tunnel.steps) == Lines{"delete vxlan0", "create vxlan0 vni 10 port 4789",
                                          "add peers 100.64.158.4 100.64.158.132",
                                          "add 10.225.194.171/9",
                                          "change vxlan0: promote_secondaries: default -> no",
                                          "change vxlan0: up: no -> yes"});
}

TEST_CASE("plan: the costs of a replacement count everything on the link") {
    State state = after(config_of(example), host_state());
    Link& link = link_in(state, "vxlan0");
    MacEntry entry;
    entry.remote.dst = parse_address("100.64.158.4").value();
    for (const FdbOrigin origin : {FdbOrigin::learned, FdbOrigin::pinned, FdbOrigin::external}) {
        entry.origin = origin;
        link.macs.push_back(entry);
    }
    OpaqueEntry opaque;
    opaque.group = 10;
    link.opaque = {opaque};
    opaque.group.reset();
    opaque.source_vni = 20;
    link.opaque.push_back(opaque);
    link.attributes = merged(link.attributes, new_port(1));
    link.attributes.bridge_learning = false;
    link.attributes.bridge_isolated = true;
    link.attributes.bridge_vlans = VlanList{{{7, 7}, {100, 102, true}}};
    link.neighbours = {{parse_address("10.192.158.4").value(), {}, 0}};
    const auto told_of = plan_one(config_of(example + " --vni=11"), state);
    CHECK(only_error(told_of) ==
          "vxlan0: needs-replacement {changes=vni: 10 -> 11, cost=1 address, 0 routes, 1 "
          "neighbour, 2 flood entries, 1 pinned MAC, 1 MAC of a control plane, 2 entries that "
          "vxlanctl cannot express, 2 bridge port settings, 4 VLANs and 1 learned MAC} + "
          "allow-recreate");
    PlanOptions options;
    options.allow_recreate = true;
    std::vector<std::string> losses;
    for (const auto& warning : plan_one(config_of(example + " --vni=11"), state, options).warnings)
        losses.push_back(told(warning));
    for (const char* loss :
         {"vxlan0: external-entries-lost {entries=1 entry, vni=10}",
          "vxlan0: fdb-entries-lost {entries=next-hop group 10 (1 MAC), source VNI 20 (1 MAC)}"})
        CHECK(std::find(losses.begin(), losses.end(), loss) != losses.end());
}

TEST_CASE("plan: recorded peers that are not stated any more are removed, once") {
    Config config = config_of(example);
    State state = after(config, host_state());
    Link& link = link_in(state, "vxlan0");
    link.flood_list.push_back({parse_address("100.64.158.9").value(), {}, {}, ""});
    std::sort(link.flood_list.begin(), link.flood_list.end());
    config.tunnels[0].peers.reset();
    const auto plan = plan_one(config, state);
    CHECK(rendered(plan.steps) == Lines{"remove peers 100.64.158.4 100.64.158.132"});
    CHECK_FALSE(plan.record.keys.contains(peers_key));
    state.records.begin()->second = plan.record;
    CHECK(plan_one(config, state).steps.empty());
    link_in(state, "vxlan0").flood_flags |= NTF_EXT_LEARNED; // a control plane has taken it over
    CHECK(plan_one(config, after(config_of(example), host_state())).steps.size() == 1);
}

TEST_CASE("plan: a failed attempt at the tunnel is replaced without being asked for") {
    Config config = config_of(example);
    State state = after(config_of(example + " --port=8472"), host_state());
    Link& link = link_in(state, "vxlan0");
    link.attributes.alias = "";
    link.addresses.push_back(address_of("10.200.0.1/9"));
    CHECK(only_error(plan_one(config, state)).find("needs-replacement") != std::string::npos);

    config.tunnels[0].failed_port = 8472;
    const State made = after(config, state);
    CHECK(find_link(made, "vxlan0")->tunnel.port == 4789);
    CHECK(has_address(*find_link(made, "vxlan0"), parse_prefix("10.200.0.1/9").value()));
    CHECK(plan_one(config, made).steps.empty());

    SECTION("but not one that carries traffic") {
        link.macs = {
            {MacAddress{{2, 0, 0, 0, 0, 1}}, link.flood_list.front(), 2, 2, FdbOrigin::learned}};
    }
    SECTION("nor one that carried traffic before it was taken down") {
        link.counters.rx_packets = 1;
    }
    SECTION("nor one with a multicast group") {
        link.tunnel.remote = parse_address("239.1.1.1").value();
    }
    SECTION("nor one whose group is in the flood list") {
        link.flood_list = {{parse_address("239.1.1.1").value(), {}, {}, ""}};
    }
    PlanOptions options;
    SECTION("nor one whose peers are a control plane's") {
        options.adopt = true;
        link.flood_flags |= 0x10; // NTF_EXT_LEARNED
    }
    SECTION("nor one whose MAC addresses are a control plane's") {
        options.adopt = true;
        link.macs = {{MacAddress{{2, 0, 0, 0, 0, 1}}, link.flood_list.front(), 0x80, 0x12,
                      FdbOrigin::external}};
    }
    SECTION("nor one of ours") {
        link.attributes.alias = "vxlanctl/1 cli 0123456789abcdef";
    }
    SECTION("nor one on another port") {
        link.tunnel.port = 8473;
    }
    CHECK(only_error(plan_one(config, state, options)).find("needs-replacement") !=
          std::string::npos);
}

TEST_CASE("plan: where it is not stated whether the link is up, it stays as it is") {
    Config config = config_of(example);
    config.tunnels[0].link.up.reset();
    State state = after(config, host_state());
    CHECK(find_link(state, "vxlan0")->attributes.up == false);
    CHECK(plan_one(config, state).steps.empty());
    link_in(state, "vxlan0").attributes.up = true;
    CHECK(plan_one(config, state).steps.empty());
    link_in(state, "vxlan0").attributes.up = false;
    state = after(config_of(example), state);
    CHECK(find_link(state, "vxlan0")->attributes.up == true);
}

TEST_CASE("plan: foreign addresses on a link to be replaced need a decision") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").addresses.push_back(address_of("10.225.194.200/9"));
    link_in(state, "vxlan0").routes = {route_of("192.0.2.0/24")};
    PlanOptions options;
    options.allow_recreate = true;
    const auto config = config_of(example + " --vni=11");
    CHECK(only_error(plan_one(config, state, options)).find("10.225.194.200/9") !=
          std::string::npos);
    options.foreign = Foreign::keep;
    const auto kept = rendered(plan_one(config, state, options).steps);
    CHECK(std::find(kept.begin(), kept.end(), "add 10.225.194.200/9") != kept.end());
    CHECK(kept.back() == "add route 192.0.2.0/24");
    options.foreign = Foreign::drop;
    const auto dropped = rendered(plan_one(config, state, options).steps);
    CHECK(std::find(dropped.begin(), dropped.end(), "add 10.225.194.200/9") == dropped.end());
}

TEST_CASE("plan: a default remote is cleared after its peer's own entry is there") {
    State state = after(config_of(example), host_state());
    Link& link = link_in(state, "vxlan0");
    link.tunnel.remote = parse_address("100.64.158.4").value();
    std::erase_if(link.flood_list,
                  [&](const FloodEntry& entry) { return entry.dst == link.tunnel.remote; });
    CHECK(rendered(plan_one(config_of(example), state).steps) ==
          Lines{"add peers 100.64.158.4", "change vxlan0: remote: 100.64.158.4 -> none"});

    SECTION("or before, where both are one entry to the kernel") {
        link.tunnel.dev = "";
        CHECK(rendered(plan_one(config_of("- 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 "
                                          "100.64.158.132"),
                                state)
                           .steps) ==
              Lines{"change vxlan0: remote: 100.64.158.4 -> none", "add peers 100.64.158.4"});
    }
}

TEST_CASE("plan: a link of somebody else's is adopted by its mark alone") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").attributes.alias = "to the gate";
    state.records.clear();
    const auto tunnel = plan_one(config_of(example), state);
    CHECK(tunnel.adopted);
    CHECK(rendered(tunnel.steps) ==
          Lines{"change vxlan0: alias: to the gate -> to the gate | vxlanctl/1 cli "
                "0000000000000000"});
}

TEST_CASE("plan: a tunnel of a file stays one, with a warning") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").attributes.alias = "vxlanctl/1 file 0000000000000000";
    const auto tunnel = plan_one(config_of(example), state);
    CHECK(tunnel.steps.empty());
    CHECK(tunnel.warnings.size() == 1);
}

TEST_CASE("plan: an unstated MTU over the lower device's is a warning, not a change") {
    State state = after(config_of(example), host_state());
    link_in(state, "eth0").attributes.mtu = 1500;
    const auto tunnel = plan_one(config_of(example), state);
    CHECK(tunnel.steps.empty());
    REQUIRE(tunnel.warnings.size() == 1);
    CHECK(told(tunnel.warnings[0]) == "vxlan0: mtu-too-large-now {mtu=8951, dev=eth0, limit=1450}");
}

TEST_CASE("plan: another prefix length of a foreign IPv6 address is refused") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").addresses.push_back(address_of("2001:db8:5::1/64"));
    const auto config = config_of(example + " --address=2001:db8:5::1/56");
    CHECK(only_error(plan_one(config, state)) ==
          "vxlan0: address-has-other-length {address=2001:db8:5::1/56, present=2001:db8:5::1/64}");
    PlanOptions exclusive;
    exclusive.exclusive = true;
    CHECK(plan_one(config, state, exclusive).errors.empty());
}

TEST_CASE("plan: what a killed run left under a temporary name goes first") {
    State state = after(config_of(example), host_state());
    Link leftover = link_in(state, "vxlan0");
    leftover.name = "vx123456789abcd";
    leftover.attributes.alias = "vxlanctl/1 cli 123456789abcdef0";
    leftover.index = 77;
    leftover.tunnel.vni = 11;
    state.links.push_back(leftover);
    const Plan whole = plan(config_of(example), state, {});
    REQUIRE(whole.tunnels.size() == 2);
    CHECK(whole.tunnels.front().absent);
    CHECK(rendered(whole.tunnels.at(0).steps) == Lines{"delete vx123456789abcd"});
    CHECK(whole.tunnels.at(1).steps.empty());
}

TEST_CASE("plan: absence is a deletion of what is ours, and nothing where there is nothing") {
    const State state = after(config_of(example), host_state());
    CHECK(rendered(plan_one({Origin::cli, {}, {"vxlan0"}}, state).steps) == Lines{"delete vxlan0"});
    CHECK(plan_one({Origin::cli, {}, {"vxlan9"}}, state).steps.empty());
    CHECK(only_error(plan_one({Origin::cli, {}, {"br0"}}, state)) ==
          "br0: not-a-tunnel {kind=bridge} + ip-link-del {name=br0}");
}

TEST_CASE("plan: an alias that leaves no room for the mark is an error") {
    State state = after(config_of(example), host_state());
    link_in(state, "vxlan0").attributes.alias = std::string(240, 'x');
    CHECK(only_error(plan_one(config_of(example), state)).find("alias-too-long") !=
          std::string::npos);
}

TEST_CASE("plan: tunnels on one another are planned the lower one first") {
    const State state = host_state();
    Config config = config_of("- 10.9.0.1 upper 10.8.0.1/24 10.9.0.2 --port=4790");
    config.tunnels.push_back(
        config_of("eth0 172.21.0.100 lower 10.9.0.1/24 100.64.158.4").tunnels.front());
    const Plan whole = plan(config, state, {});
    REQUIRE(whole.tunnels.size() == 2);
    CHECK(whole.tunnels[0].name == "lower");
    CHECK(whole.tunnels[1].name == "upper");
    CHECK(whole.tunnels[1].errors.empty());
    CHECK(whole.tunnels[0].stage < whole.tunnels[1].stage);
    CHECK(whole.tunnels[1].wish == &config.tunnels[0]);

    // Without the lower one, its address is not there.
    std::swap(config.tunnels[0], config.tunnels[1]);
    config.tunnels.erase(config.tunnels.begin());
    CHECK(only_error(plan_one(config, state)).find("local-not-here") != std::string::npos);
}

TEST_CASE("plan: two tunnels of one config cannot have the same VNI and port") {
    Config config = config_of(example);
    config.tunnels.push_back(
        config_of("eth0 172.21.0.100 vxlan1 10.0.0.1/24 100.64.158.4").tunnels.front());
    const Plan whole = plan(config, host_state(), {});
    CHECK(whole.tunnels.at(0).errors.empty());
    CHECK(only_error(whole.tunnels.at(1)).find("interface=vxlan0") != std::string::npos);
}

TEST_CASE("plan: links of files that a config does not name go if that is wished") {
    PlanOptions options;
    options.new_id = [](const std::string& name) {
        return name == "vxlan0" ? std::string(16, 'a') : std::string(16, 'b');
    };
    Config files = config_of(example);
    files.origin = Origin::file;
    files.tunnels.front().source = "/etc/vxlanctl/gate.toml";
    State state = after(files, host_state(), options);
    state = after(config_of("eth0 172.21.0.100 typed 10.1.0.1/24 100.64.158.4 --vni=11"), state,
                  options);
    Config none{Origin::file, {}};
    none.sources = {"/etc/vxlanctl"};
    CHECK(plan(none, state, {}).tunnels.empty());
    CHECK(plan(none, state, {}).unnamed == Lines{"vxlan0"});
    none.unnamed = Unnamed::prune;
    REQUIRE(plan(none, state, {}).tunnels.size() == 1);
    CHECK(rendered(plan_one(none, state).steps) == Lines{"delete vxlan0"});
    none.spared = {"vxlan0"};
    CHECK(plan(none, state, {}).tunnels.empty());
    none.unnamed = Unnamed::remove_all;
    CHECK(rendered(plan_one(none, state).steps) == Lines{"delete typed"});
}

TEST_CASE("plan: a link that goes gives its VNI to a new one, and otherwise goes last") {
    PlanOptions options;
    options.new_id = [](const std::string&) { return std::string(16, 'a'); };
    Config files = config_of(example);
    files.origin = Origin::file;
    const State state = after(files, host_state(), options);
    const auto renamed = [&](const std::string& vni) {
        Config config =
            config_of("eth0 172.21.0.100 vxlan1 10.225.194.171/9 100.64.158.4 --vni=" + vni);
        config.origin = Origin::file;
        config.unnamed = Unnamed::remove_files;
        return plan(config, state, options);
    };
    const Plan same = renamed("10");
    REQUIRE(same.tunnels.size() == 2);
    CHECK(rendered(same.tunnels[0].steps) == Lines{"delete vxlan0"});
    CHECK(same.tunnels[1].errors.empty());
    const Plan other = renamed("11");
    REQUIRE(other.tunnels.size() == 2);
    CHECK(other.tunnels[0].name == "vxlan1");
    CHECK(rendered(other.tunnels[1].steps) == Lines{"delete vxlan0"});
}
