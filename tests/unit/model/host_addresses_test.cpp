#include "vxlanctl/model/link.h"

#include <array>
#include <catch2/catch.hpp>
#include <random>

using namespace vxlanctl;

namespace {

HostAddress random_address(std::mt19937& random) {
    const auto byte = [&](int most) { return static_cast<std::uint8_t>(random() % most); };
    HostAddress host;
    host.prefix.address = address_from_wire(std::array<std::uint8_t, 4>{10, 0, byte(4), byte(64)});
    host.prefix.length = static_cast<std::uint8_t>(20 + random() % 13);
    if (random() % 4 == 0)
        host.broadcast = address_from_wire(std::array<std::uint8_t, 4>{10, 0, byte(4), byte(64)});
    host.link_index = static_cast<int>(random() % 5);
    return host;
}

bool is_near(const HostAddress& host, const IpAddress& low, const IpAddress& high) {
    const auto is_between = [&](const IpAddress& address) {
        return address >= low && address <= high;
    };
    return is_between(host.prefix.address) || is_between(network_of(host.prefix).address) ||
           is_between(broadcast_of(host.prefix)) || (host.broadcast && is_between(*host.broadcast));
}

} // namespace

TEST_CASE("host addresses: those that are near are found, whatever comes and goes") {
    std::mt19937 random(7);
    HostAddresses hosts;
    for (int step = 0; step < 2000; ++step) {
        if (random() % 3 == 0) {
            const int index = static_cast<int>(random() % 5);
            const auto before = hosts.size();
            std::size_t gone = 0;
            hosts.erase_if([&](const HostAddress& host) {
                const bool is_gone = host.link_index == index && random() % 2 == 0;
                gone += is_gone ? 1 : 0;
                return is_gone;
            });
            CHECK(hosts.size() == before - gone);
        } else {
            hosts.push_back(random_address(random));
        }
        auto low = random_address(random).prefix.address,
             high = random_address(random).prefix.address;
        if (high < low) std::swap(low, high);
        std::vector<const HostAddress*> expected;
        for (const auto& host : hosts)
            if (is_near(host, low, high)) expected.push_back(&host);
        REQUIRE(hosts.near(low, high) == expected);
        if (step % 100 == 0 && !hosts.empty())
            hosts.changing()[0] = random_address(random); // as a reader fills in what it learns
    }
}
