#include "vxlanctl/plan/stacking.h"

#include "vxlanctl/plan/effect.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

Tunnel tunnel(const std::string& name, const std::string& local, const std::string& address = {},
              const std::string& dev = {}) {
    Tunnel result;
    result.name = name;
    result.link.up = true;
    result.tunnel.local = parse_address(local).value();
    if (!address.empty()) result.addresses = {parse_prefix(address).value()};
    if (!dev.empty()) result.tunnel.dev = dev;
    return result;
}

Link link(const std::string& name, int index, const std::string& local,
          const std::string& address) {
    Link result;
    result.name = name;
    result.index = index;
    result.kind = "vxlan";
    result.tunnel.local = parse_address(local).value();
    result.addresses.emplace_back().prefix = parse_prefix(address).value();
    return result;
}

using Layers = std::vector<std::size_t>;

} // namespace

TEST_CASE("stacking: a tunnel stands on its lower device, and on where its local address is") {
    const auto isatap = tunnel("sit1", "10.216.0.101", "2001:db8::5efe:10.216.0.101/64");
    const auto site = tunnel("site1", "2001:db8::5efe:10.216.0.101", "192.0.2.1/30");
    const auto vxlan = tunnel("vxlan0", "192.0.2.1", "10.0.0.1/8", "site1");
    CHECK(layers_of({vxlan, site, isatap}) == Layers{2, 1, 0});
    CHECK(layers_of({isatap, site, vxlan}) == Layers{0, 1, 2});
    CHECK(layers_of({isatap, tunnel("sit2", "10.216.0.102")}) == Layers{0, 0});
}

TEST_CASE("stacking: routes and peers that lead out of another tunnel come after it") {
    auto upper = tunnel("vxlan0", "172.21.0.100");
    upper.routes.emplace(1).front().dev = "vxlan1";
    auto pinned = tunnel("vxlan2", "172.21.0.100");
    pinned.peers = {{parse_address("100.64.0.1").value(), {}, {}, "vxlan0"}};
    CHECK(layers_of({upper, tunnel("vxlan1", "172.21.0.100"), pinned}) == Layers{1, 0, 2});
}

TEST_CASE(
    "stacking: who wants another one's VNI comes after it, and a circle begins with a removal") {
    const auto wants = [](const std::string& name, std::uint32_t vni) {
        Tunnel wish = tunnel(name, "172.21.0.100");
        wish.tunnel.vni = vni;
        wish.tunnel.port = std::uint16_t{4789};
        return wish;
    };
    State state;
    for (const auto& [name, vni] : {std::pair{"one", 10U}, std::pair{"two", 20U}}) {
        Link has = link(name, static_cast<int>(vni), "172.21.0.100", "10.0.0.1/24");
        has.tunnel = with_defaults(wants(name, vni).tunnel);
        state.links.put(std::move(has));
    }
    SECTION("a chain") {
        const auto making = making_of({wants("one", 20), wants("two", 30)}, state);
        CHECK(making.order == Layers{1, 0});
        CHECK(making.layers == Layers{1, 0});
        CHECK(making.evicted.empty());
    }
    SECTION("a swap") {
        const auto making = making_of({wants("one", 20), wants("two", 10)}, state);
        CHECK(making.order == Layers{1, 0});
        CHECK(making.evicted == std::map<std::size_t, std::vector<std::string>>{{1, {"one"}}});
    }
    SECTION("a swap that has begun keeps its order") {
        state.vanished.put(*find_link(state, "one"));
        state.links.erase("one");
        CHECK(making_of({wants("one", 20), wants("two", 10)}, state).order == Layers{1, 0});
    }
    SECTION("nobody leaves, or everybody has a place") {
        CHECK(making_of({wants("one", 20), wants("two", 20)}, state).order == Layers{0, 1});
        CHECK(making_of({wants("one", 10), wants("two", 20)}, state).order == Layers{0, 1});
    }
}

TEST_CASE("stacking: a circle and a tunnel on itself come to an end") {
    const auto one = tunnel("one", "10.0.0.1", "10.0.1.1/24", "two");
    const auto two = tunnel("two", "10.0.1.1", "10.0.0.1/24", "one");
    CHECK(layers_of({one, two}).size() == 2);
    CHECK(layers_of({tunnel("self", "10.0.0.1", "10.0.0.1/24", "self")}) == Layers{0});
    CHECK(layers_of({}).empty());
}

TEST_CASE("stacking: the upper link is removed first") {
    State state;
    state.links.push_back(link("lower", 1, "172.21.0.100", "10.0.0.1/24"));
    state.links.push_back(link("upper", 2, "10.0.0.1", "10.1.0.1/24"));
    using Names = std::vector<std::string>;
    CHECK(removal_order({"lower", "absent", "upper"}, state) == Names{"upper", "lower", "absent"});
}

TEST_CASE("stacking: a new link takes some with it, and leaves others without a lower device") {
    State state;
    state.links.push_back(link("lower", 1, "172.21.0.100", "10.0.0.1/24"));
    state.links.push_back(link("goes", 2, "10.0.0.1", "10.1.0.1/24"));
    state.links.push_back(link("stays", 3, "10.0.0.1", "10.2.0.1/24"));
    for (auto& upper : state.links)
        if (upper.name != "lower") upper.tunnel.dev = "lower", upper.lower_index = 1;
    state.links.find("stays")->kind = "ip6tnl";
    take_effect(state, {{DeleteLink{"lower"}, {}, {}}});
    CHECK(find_link(state, "goes") == nullptr);
    CHECK(state.vanished.find("goes") != nullptr);
    CHECK(is_no_link(*find_link(state, "stays")->tunnel.dev));
}

TEST_CASE("stacking: what steps make is expected, and what goes is not") {
    State state;
    LinkAttributes attributes, up;
    attributes.mtu = 1400;
    up.up = true;
    TunnelAttributes attributes_of_tunnel;
    attributes_of_tunnel.local = parse_address("172.21.0.100").value();
    Address address;
    address.prefix = parse_prefix("10.0.0.1/24").value();
    Rule rule;
    rule.table = 101;
    rule.from = parse_prefix("10.0.0.0/24").value();
    const std::vector<Step> raise{{ChangeLink{"vxlan0", up}, {}, {}},
                                  {Add<Address>{"vxlan0", {address}}, {}, {}},
                                  {Add<Rule>{"vxlan0", {rule}}, {}, {}}};
    take_effect(state, {{CreateLink{"new", attributes, attributes_of_tunnel}, {}, {}},
                        {RenameLink{"new", "vxlan0"}, {}, {}}});
    CHECK(find_link(state, "vxlan0")->attributes.up == false);
    take_effect(state, raise);
    take_effect(state, raise); // nothing twice
    REQUIRE(state.links.size() == 1);
    const Link* made = find_link(state, "vxlan0");
    CHECK(made->kind == "vxlan");
    CHECK(made->attributes.mtu == 1400U);
    CHECK(made->attributes.up == true);
    CHECK(made->addresses.size() == 1);
    CHECK(state.host_addresses.size() == 1);
    CHECK(state.rules.size() == 1);

    state.links.push_back(link("vxlan7", 7, "172.21.0.100", "10.7.0.1/24"));
    state.host_addresses.push_back({parse_prefix("10.7.0.1/24").value(), {}, 7, ""});
    take_effect(state, {{DeleteLink{"vxlan7"}, {}, {}}});
    CHECK(find_link(state, "vxlan7") == nullptr);
    CHECK(state.host_addresses.size() == 1);
    take_effect(state, {{Remove<Address>{"vxlan0", {address}}, {}, {}},
                        {Remove<Rule>{"vxlan0", {rule}}, {}, {}}});
    CHECK(state.host_addresses.empty());
    CHECK(state.rules.empty());
}
