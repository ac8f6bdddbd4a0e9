// Which links can go together with those of other plans, and what they are in the way of.
#include "vxlanctl/plan/plan.h"

#include <catch2/catch.hpp>

using namespace vxlanctl;

namespace {

TunnelPlan plan_of(std::vector<Operation> operations) {
    TunnelPlan plan;
    plan.name = "vxlan0";
    for (auto& operation : operations)
        plan.steps.push_back({std::move(operation), {}, Disruption::none});
    return plan;
}

TunnelAttributes vxlan_of(std::uint32_t vni, std::uint16_t port) {
    TunnelAttributes vxlan;
    vxlan.local = parse_address("172.21.0.100").value();
    vxlan.vni = vni;
    vxlan.port = port;
    return vxlan;
}

CreateLink creation(std::uint32_t vni, std::uint16_t port) {
    return {"vxlan1", {}, vxlan_of(vni, port)};
}

} // namespace

TEST_CASE("departure: a link goes where its own plan removes it, and no other one") {
    const CreateLink create = creation(10, 4789);
    const DeleteLink own{"vxlan0"}, other{"vxlan1"};
    CHECK(departure_in(plan_of({own})) == 0U);
    CHECK(departure_in(plan_of({Remove<Rule>{"vxlan0", {Rule{}}}, own})) == 1U);
    CHECK(departure_in(plan_of({own, create})) == 0U);
    CHECK(departure_in(plan_of({create, own, RenameLink{"vxlan1", "vxlan0"}})) == 1U);
    CHECK(!departure_in(plan_of({})));
    CHECK(!departure_in(plan_of({create})));
    CHECK(!departure_in(plan_of({other, create})));
    CHECK(!departure_in(plan_of({other, own, create}))); // of a circle
}

TEST_CASE("departure: a link of the same VNI is made behind it, whatever the port") {
    Link link;
    link.name = "vxlan0";
    link.kind = "vxlan";
    link.tunnel = vxlan_of(10, 4789);
    CHECK(make_beside(plan_of({creation(10, 4789)}).steps, link));
    CHECK(make_beside(plan_of({creation(10, 4790)}).steps, link));
    CHECK(!make_beside(plan_of({creation(11, 4789)}).steps, link));
    CHECK(!make_beside(plan_of({DeleteLink{"vxlan0"}}).steps, link));
    link.kind = "veth"; // no tunnel: what it has of one means nothing
    CHECK(!make_beside(plan_of({creation(10, 4789)}).steps, link));
}
