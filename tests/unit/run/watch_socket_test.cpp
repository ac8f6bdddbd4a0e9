#include "vxlanctl/run/watch_socket.h"

#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/route_codec.h"

#include <array>
#include <catch2/catch.hpp>
#include <linux/if.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

using namespace vxlanctl;
using Kind = WatchEvent::Kind;

namespace {

/// The one message that `write` writes, as an event of this type; 0: of its own.
std::vector<std::byte> message(const std::function<void(MessageWriter&)>& write,
                               std::uint16_t type = 0) {
    MessageBatch batch;
    MessageWriter writer(batch);
    write(writer);
    auto* header = reinterpret_cast<nlmsghdr*>(batch.bytes.data());
    if (type != 0) header->nlmsg_type = type;
    return batch.bytes;
}

std::optional<WatchEvent> decoded(const std::vector<std::byte>& bytes) {
    return decode_watch_event(reinterpret_cast<const nlmsghdr*>(bytes.data()));
}

std::vector<std::byte> entry(std::uint8_t family, std::uint16_t state, std::uint8_t flags,
                             const std::array<std::uint8_t, 6>& mac,
                             std::uint16_t type = RTM_NEWNEIGH) {
    return message([&](MessageWriter& writer) {
        ndmsg header{};
        header.ndm_family = family;
        header.ndm_ifindex = 10;
        header.ndm_state = state;
        header.ndm_flags = flags;
        writer.begin(type, 0, header);
        writer.put_u32(NDA_SRC_VNI, 7); // not the first attribute
        writer.put(NDA_LLADDR, std::span<const std::uint8_t>(mac));
        writer.finish();
    });
}

/// Whether a socket with the filter is handed the datagram. A pair of datagram sockets is filtered
/// by the same code of the kernel as netlink's.
bool passes(const std::vector<std::byte>& datagram) {
    std::array<int, 2> ends{};
    REQUIRE(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends.data()) == 0);
    const FileDescriptor from(ends[0]), to(ends[1]);
    auto program = learned_filter();
    const sock_fprog filter{static_cast<std::uint16_t>(program.size()), program.data()};
    REQUIRE(setsockopt(to.get(), SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0);
    (void)send(from.get(), datagram.data(), datagram.size(), 0);
    std::array<std::byte, 512> buffer;
    return recv(to.get(), buffer.data(), buffer.size(), 0) == static_cast<ssize_t>(datagram.size());
}

constexpr std::array<std::uint8_t, 6> some_mac{2, 0, 0, 0, 0, 1}, low_mac{0, 0, 0, 0, 0, 1},
    no_mac{};

} // namespace

TEST_CASE("watch filter: entries that were learned are dropped") {
    for (const auto type : {RTM_NEWNEIGH, RTM_DELNEIGH}) {
        CHECK_FALSE(passes(entry(AF_BRIDGE, NUD_REACHABLE, NTF_SELF, some_mac, type)));
        CHECK_FALSE(passes(entry(AF_BRIDGE, NUD_STALE, NTF_SELF, some_mac, type)));
        CHECK_FALSE(passes(entry(AF_BRIDGE, NUD_REACHABLE, 0, some_mac, type))); // a bridge's own
    }
    CHECK_FALSE(passes(entry(AF_BRIDGE, NUD_REACHABLE, NTF_SELF, low_mac)));
}

TEST_CASE("watch filter: what somebody has set passes, and the flood list in whatever state") {
    CHECK(passes(entry(AF_BRIDGE, NUD_PERMANENT, NTF_SELF, no_mac)));
    CHECK(passes(entry(AF_BRIDGE, NUD_REACHABLE, NTF_SELF, no_mac)));
    CHECK(passes(entry(AF_BRIDGE, NUD_STALE, NTF_SELF, no_mac, RTM_DELNEIGH)));
    CHECK(passes(entry(AF_BRIDGE, NUD_NOARP | NUD_REACHABLE, NTF_SELF, some_mac)));
    CHECK(passes(entry(AF_BRIDGE, NUD_REACHABLE, NTF_SELF | NTF_EXT_LEARNED, some_mac)));
    CHECK(passes(message([](MessageWriter& writer) { // of a next-hop group: no MAC address
        writer.begin(RTM_NEWNEIGH, 0, ndmsg{AF_BRIDGE, 0, 0, 10, NUD_REACHABLE, NTF_SELF, 0});
        writer.finish();
    })));
}

TEST_CASE("watch filter: neighbours of IP addresses are dropped, and nothing else is") {
    CHECK_FALSE(passes(entry(AF_INET, NUD_REACHABLE, 0, some_mac)));
    CHECK_FALSE(passes(entry(AF_INET6, NUD_PERMANENT, 0, some_mac, RTM_DELNEIGH)));
    for (const auto type :
         {RTM_NEWLINK, RTM_DELLINK, RTM_NEWADDR, RTM_DELROUTE, RTM_NEWRULE, RTM_NEWNETCONF})
        CHECK(passes(entry(AF_INET, NUD_REACHABLE, 0, some_mac, static_cast<std::uint16_t>(type))));
}

TEST_CASE("watch: events of links") {
    const auto made = message([](MessageWriter& writer) {
        ifinfomsg header{};
        header.ifi_index = 10;
        header.ifi_flags = IFF_UP;
        writer.begin(RTM_NEWLINK, 0, header);
        writer.put_string(IFLA_IFNAME, "vxlan0");
        writer.put_u32(IFLA_MTU, 1450);
        writer.put_u32(IFLA_MASTER, 3);
        writer.finish();
    });
    const auto event = decoded(made);
    REQUIRE(event);
    CHECK(event->kind == Kind::link);
    CHECK_FALSE(event->is_gone);
    CHECK(event->index == 10);
    CHECK(event->link == WatchedLink{"vxlan0", true, 1450, 3});
    const auto port = message([](MessageWriter& writer) {
        ifinfomsg header{};
        header.ifi_family = AF_BRIDGE;
        header.ifi_index = 10;
        writer.begin(RTM_DELLINK, 0, header);
        writer.finish();
    });
    CHECK(decoded(port)->kind == Kind::port); // it left a bridge, and is there
    CHECK_FALSE(decoded(port)->is_gone);
}

TEST_CASE("watch: events of addresses, entries, routes, rules and settings") {
    const auto added = decoded(message([](MessageWriter& writer) {
        Address address;
        address.prefix = parse_prefix("10.0.0.1/8").value();
        encode_add_address(writer, 10, address);
    }));
    REQUIRE(added);
    CHECK(added->kind == Kind::address);
    CHECK(added->index == 10);
    CHECK(added->prefix == parse_prefix("10.0.0.1/8").value());

    const auto flooded = decoded(entry(AF_BRIDGE, NUD_PERMANENT, NTF_SELF, no_mac));
    CHECK((flooded && flooded->kind == Kind::entry && flooded->index == 10));
    CHECK_FALSE(decoded(entry(AF_INET, NUD_PERMANENT, 0, some_mac)));

    Route route;
    route.to = parse_prefix("2001:db8::/32").value();
    route.table = 1000; // more than a byte
    const auto removed = decoded(message(
        [&](MessageWriter& writer) { encode_remove_route(writer, 10, route); }, RTM_DELROUTE));
    REQUIRE(removed);
    CHECK(removed->kind == Kind::route);
    CHECK(removed->is_gone);
    CHECK(removed->index == 10);
    CHECK(removed->prefix == route.to);
    CHECK(removed->table == 1000);

    const Rule rule{parse_prefix("192.0.2.0/24").value(), {}, 1000, {}};
    const auto ruled =
        decoded(message([&](MessageWriter& writer) { encode_add_rule(writer, rule); }));
    CHECK((ruled && ruled->kind == Kind::rule && ruled->table == 1000));

    const auto settings = [](std::int32_t index) {
        return decoded(message([&](MessageWriter& writer) {
            writer.begin(RTM_NEWNETCONF, 0, netconfmsg{AF_INET});
            writer.put_u32(NETCONFA_IFINDEX, static_cast<std::uint32_t>(index));
            writer.finish();
        }));
    };
    CHECK(settings(10)->index == 10);
    CHECK(settings(NETCONFA_IFINDEX_ALL)->index == 0);
    CHECK_FALSE(settings(NETCONFA_IFINDEX_DEFAULT));
}

TEST_CASE("watch: messages that are cut short, and others, are no events") {
    for (const int type :
         {int{RTM_NEWLINK}, int{RTM_DELADDR}, int{RTM_NEWNEIGH}, int{RTM_NEWROUTE},
          int{RTM_DELRULE}, int{RTM_NEWNETCONF}, NLMSG_DONE, int{RTM_NEWNEXTHOP}}) {
        nlmsghdr header{};
        header.nlmsg_len = sizeof header;
        header.nlmsg_type = static_cast<std::uint16_t>(type);
        CHECK_FALSE(decode_watch_event(&header));
    }
}
