// What the doctor hears of a tunnel while it probes.
#include "vxlanctl/doctor/facts.h"
#include "world.h"

#include <catch2/catch.hpp>

using namespace world;
using Strings = std::vector<std::string>;

namespace {

Strings heard_once(const Namespace& space) {
    const Inside inside(space);
    const auto kernel = vxlanctl::Kernel::here();
    REQUIRE(kernel);
    vxlanctl::FactsRequest request;
    request.names = {"vxlan0"};
    request.probe = true;
    const auto facts = vxlanctl::read_facts(*kernel, request);
    REQUIRE(facts);
    REQUIRE(facts->tunnels.at(0).probe);
    return vxlanctl::texts_of(facts->tunnels.at(0).probe->heard);
}

/// The same, once so many are heard.
Strings heard(const Namespace& space, std::size_t count) {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end)
        if (auto all = heard_once(space); all.size() >= count) return all;
    return {};
}

} // namespace

TEST_CASE("listening: who sends out of the tunnel is heard, whatever address he has") {
    const Network net;
    const Namespace& space = net.host.space;
    REQUIRE(world::vxlanctl(space, up_words).code == 0);
    REQUIRE(reaches(space, "10.192.158.4"));
    CHECK(heard_once(space) == Strings{"10.192.158.4"}); // who answers the probe itself
    // A device beside the prefix of the tunnel, whom this host would answer through eth0.
    const Namespace& peer = *net.peers.front();
    sh(peer, "ip addr add 172.30.0.7/32 dev vxlan0");
    const Process pings(peer,
                        {"ping", "-n", "-q", "-i", "0.2", "-I", "172.30.0.7", "10.225.194.171"});
    CHECK(heard(space, 2) == Strings{"10.192.158.4", "172.30.0.7"});
}
