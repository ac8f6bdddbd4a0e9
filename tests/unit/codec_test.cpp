// The codecs both ways: what we encode, libnl-route (an independent reader) understands, and what
// the kernel sends, we decode; and nothing that is cut short or flipped does harm.
#include "vxlanctl/address_codec.h"
#include "vxlanctl/attributes.h"
#include "vxlanctl/fdb_codec.h"
#include "vxlanctl/link_codec.h"
#include "vxlanctl/route_codec.h"

#include <catch2/catch.hpp>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <memory>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/vxlan.h>
#include <netlink/route/route.h>

using namespace vxlanctl;

namespace {

const IndexOf index_of = [](const std::string& name) { return name == "eth0" ? 2 : 7; };

struct Encoded {
    MessageBatch batch;
    MessageWriter writer{batch};
    nlmsghdr* message() { return reinterpret_cast<nlmsghdr*>(batch.bytes.data()); }
};

template<class Object> struct Put {
    void operator()(Object* object) const { nl_object_put(reinterpret_cast<nl_object*>(object)); }
};

/// libnl-route's own reading of a message.
template<class Object> std::unique_ptr<Object, Put<Object>> parsed_by_libnl(nlmsghdr* message) {
    static nl_object* result = nullptr;
    result = nullptr;
    nl_msg* copy = nlmsg_convert(message);
    nlmsg_set_proto(copy, NETLINK_ROUTE);
    nl_msg_parse(
        copy,
        [](nl_object* object, void*) {
            nl_object_get(object);
            result = object;
        },
        nullptr);
    nlmsg_free(copy);
    return std::unique_ptr<Object, Put<Object>>(reinterpret_cast<Object*>(result));
}

VxlanAttributes all_stated(Family family) {
    VxlanAttributes vxlan;
    vxlan.local =
        parse_address(family == Family::ipv4 ? "172.21.0.100" : "2001:db8:21::100").value();
    vxlan.remote =
        parse_address(family == Family::ipv4 ? "100.64.158.4" : "2001:db8:64::4").value();
    vxlan.dev = "eth0";
    for (const auto& row : vxlan_attributes())
        for (const char* text : {"yes", "77", "set", "1000-2000"})
            if (!is_stated(vxlan, row) && set_value(vxlan, row, text)) break;
    return vxlan;
}

/// A link message as the kernel sends it, made of what we send to it.
std::vector<std::byte> link_message(const VxlanAttributes& vxlan,
                                    const LinkAttributes& attributes) {
    Encoded create;
    encode_create(create.writer, "vxlan0", attributes, vxlan, index_of);
    create.message()->nlmsg_type = RTM_NEWLINK;
    return create.batch.bytes;
}

const nlmsghdr* header_of(const std::vector<std::byte>& bytes) {
    return reinterpret_cast<const nlmsghdr*>(bytes.data());
}

} // namespace

TEST_CASE("link codec: what is encoded is decoded again, attribute by attribute") {
    const Family family = GENERATE(Family::ipv4, Family::ipv6);
    const VxlanAttributes vxlan = all_stated(family);
    LinkAttributes attributes;
    attributes.mtu = 1400;
    attributes.mac = MacAddress{{2, 0, 0, 0, 0, 9}};
    const auto bytes = link_message(vxlan, attributes);
    auto link = decode_link(header_of(bytes));
    REQUIRE(link);
    CHECK(link->name == "vxlan0");
    CHECK(link->kind == "vxlan");
    CHECK(link->attributes.mtu == 1400U);
    CHECK(link->attributes.mac == attributes.mac);
    CHECK(link->lower_index == 2);
    link->vxlan.dev = "eth0";
    for (const auto& row : vxlan_attributes()) {
        INFO(row.name);
        CHECK(value_text(link->vxlan, row) == value_text(vxlan, row));
    }
}

TEST_CASE("link codec: the kernel's defaults fill in what a message leaves out") {
    VxlanAttributes vxlan;
    vxlan.vni = 10;
    vxlan.local = parse_address("172.21.0.100").value();
    const auto link = decode_link(header_of(link_message(vxlan, {})));
    REQUIRE(link);
    CHECK(link->vxlan.dev == "");
    CHECK(link->vxlan.remote == IpAddress{});
    CHECK(link->vxlan.ttl_inherit == false);
    CHECK(link->vxlan.gbp == false);
    CHECK(link->vxlan.localbypass == true);
    CHECK_FALSE(link->vxlan.ageing); // the kernel never leaves this one out
}

TEST_CASE("link codec: libnl-route reads our create as we mean it") {
    LinkAttributes attributes;
    attributes.mtu = 1400;
    VxlanAttributes vxlan = all_stated(Family::ipv4);
    Encoded create;
    encode_create(create.writer, "vxlan0", attributes, vxlan, index_of);
    const auto link = parsed_by_libnl<rtnl_link>(create.message());
    REQUIRE(link);
    CHECK(std::string(rtnl_link_get_name(link.get())) == "vxlan0");
    CHECK(rtnl_link_get_mtu(link.get()) == 1400);
    REQUIRE(rtnl_link_is_vxlan(link.get()));
    std::uint32_t number = 0;
    CHECK(rtnl_link_vxlan_get_id(link.get(), &number) == 0);
    CHECK(number == 77);
    CHECK(rtnl_link_vxlan_get_link(link.get(), &number) == 0);
    CHECK(number == 2);
    CHECK(rtnl_link_vxlan_get_ttl(link.get()) == 77);
    CHECK(rtnl_link_vxlan_get_tos(link.get()) == 77);
    CHECK(rtnl_link_vxlan_get_ageing(link.get(), &number) == 0);
    CHECK(number == 77);
    CHECK(rtnl_link_vxlan_get_limit(link.get(), &number) == 0);
    CHECK(number == 77);
    CHECK(rtnl_link_vxlan_get_learning(link.get()) == 1);
    CHECK(rtnl_link_vxlan_get_udp_csum(link.get()) == 1);
    ifla_vxlan_port_range ports{};
    CHECK(rtnl_link_vxlan_get_port_range(link.get(), &ports) == 0);
    CHECK(ntohs(ports.low) == 1000);
    CHECK(ntohs(ports.high) == 2000);
    nl_addr* address = nullptr;
    CHECK(rtnl_link_vxlan_get_local(link.get(), &address) == 0);
    std::array<char, 64> text{};
    CHECK(std::string(nl_addr2str(address, text.data(), text.size())) == "172.21.0.100");
    nl_addr_put(address);
}

TEST_CASE("link codec: a change carries what changed and nothing else") {
    VxlanAttributes changed;
    changed.ttl = 9;
    Encoded encoded;
    encode_change(encoded.writer, 5, changed, index_of);
    std::vector<int> present;
    for (const nlattr* attribute : Attributes::of_message(encoded.message(), sizeof(ifinfomsg)))
        for (const nlattr* info : Attributes::nested(attribute))
            if (nla_type(info) == IFLA_INFO_DATA)
                for (const nlattr* data : Attributes::nested(info))
                    present.push_back(nla_type(data));
    CHECK(present == std::vector<int>{IFLA_VXLAN_TTL});
    CHECK(encoded.message()->nlmsg_flags == NLM_F_REQUEST);
}

TEST_CASE("FDB codec: what is encoded is decoded again, and a deletion always names its remote") {
    FloodEntry entry{parse_address("100.64.158.4").value(), 4800, 99, "eth0"};
    Encoded add;
    encode_add_flood(add.writer, 5, entry, NUD_PERMANENT, NTF_SELF, index_of);
    CHECK((add.message()->nlmsg_flags & (NLM_F_CREATE | NLM_F_APPEND | NLM_F_EXCL |
                                         NLM_F_REPLACE)) == (NLM_F_CREATE | NLM_F_APPEND));
    auto decoded = decode_fdb(add.message());
    REQUIRE(decoded);
    CHECK(decoded->link_index == 5);
    CHECK(is_zero(decoded->mac));
    CHECK(decoded->dst == entry.dst);
    CHECK(decoded->port == 4800);
    CHECK(decoded->vni == 99U);
    CHECK(decoded->via_index == 2);
    CHECK(decoded->state == NUD_PERMANENT);
    CHECK(decoded->flags == NTF_SELF);

    Encoded remove;
    encode_remove_fdb(remove.writer, 5, MacAddress{},
                      {parse_address("2001:db8::1").value(), {}, {}, ""}, index_of);
    CHECK(remove.message()->nlmsg_type == RTM_DELNEIGH);
    remove.message()->nlmsg_type = RTM_NEWNEIGH;
    decoded = decode_fdb(remove.message());
    REQUIRE(decoded); // with a destination
    CHECK(to_string(decoded->dst) == "2001:db8::1");
    CHECK_FALSE(decoded->port);
}

TEST_CASE("FDB codec: entries of a bridge, of next-hop objects and of other VNIs are not taken") {
    for (const int attribute : {NDA_MASTER, NDA_NH_ID, NDA_SRC_VNI}) {
        Encoded add;
        ndmsg header{};
        header.ndm_family = AF_BRIDGE;
        add.writer.begin(RTM_NEWNEIGH, 0, header);
        add.writer.put(NDA_LLADDR, std::span<const std::uint8_t>(MacAddress{}.bytes));
        add.writer.put(NDA_DST, wire_bytes(parse_address("100.64.158.4").value()));
        add.writer.put_u32(attribute, 3);
        add.writer.finish();
        CHECK_FALSE(decode_fdb(add.message()));
    }
}

TEST_CASE("address codec: both ways, and as libnl-route reads it") {
    Address address;
    address.prefix = parse_prefix("10.225.194.171/9").value();
    address.broadcast = parse_address("10.255.255.255").value();
    address.label = "vxlan0";
    Encoded add;
    encode_add_address(add.writer, 5, address);
    const auto decoded = decode_address(add.message());
    REQUIRE(decoded);
    CHECK(decoded->link_index == 5);
    CHECK(decoded->address == address);
    const auto seen = parsed_by_libnl<rtnl_addr>(add.message());
    REQUIRE(seen);
    CHECK(rtnl_addr_get_prefixlen(seen.get()) == 9);
    std::array<char, 64> text{};
    CHECK(std::string(nl_addr2str(rtnl_addr_get_broadcast(seen.get()), text.data(), text.size())) ==
          "10.255.255.255");

    address = {};
    address.prefix = parse_prefix("192.0.2.1/32").value();
    address.peer = parse_address("192.0.2.2").value();
    address.valid_seconds = 100;
    address.preferred_seconds = 50;
    address.flags = IFA_F_NOPREFIXROUTE;
    Encoded peer;
    encode_add_address(peer.writer, 5, address);
    const auto again = decode_address(peer.message());
    REQUIRE(again);
    CHECK(again->address.peer == address.peer);
    CHECK(again->address.flags == IFA_F_NOPREFIXROUTE);
}

TEST_CASE("route codec: both ways, unknown attributes included, and as libnl-route reads it") {
    Route route;
    route.to = parse_prefix("192.0.2.0/24").value();
    route.via = parse_address("10.192.158.4").value();
    route.source = parse_address("10.225.194.171").value();
    route.table = 1077;
    route.metric = 7;
    Encoded metrics;
    rtmsg header{};
    metrics.writer.begin(RTM_NEWROUTE, 0, header);
    nlattr* nest = metrics.writer.begin_nest(RTA_METRICS);
    metrics.writer.put_u32(RTAX_MTU, 1300);
    metrics.writer.end_nest(nest);
    metrics.writer.finish();
    const auto& bytes = metrics.batch.bytes;
    route.other.assign(bytes.begin() + NLMSG_LENGTH(sizeof header), bytes.end());

    Encoded add;
    encode_add_route(add.writer, 5, route);
    const auto decoded = decode_route(add.message());
    REQUIRE(decoded);
    CHECK(decoded->link_index == 5);
    CHECK(decoded->route == route);
    const auto seen = parsed_by_libnl<rtnl_route>(add.message());
    REQUIRE(seen);
    CHECK(rtnl_route_get_table(seen.get()) == 1077);
    CHECK(rtnl_route_get_priority(seen.get()) == 7);
    std::uint32_t mtu = 0;
    CHECK(rtnl_route_get_metric(seen.get(), RTAX_MTU, &mtu) == 0);
    CHECK(mtu == 1300);
}

TEST_CASE("neighbour codec: both ways") {
    const Neighbour neighbour{parse_address("10.192.158.4").value(), MacAddress{{2, 0, 0, 0, 0, 4}},
                              NTF_ROUTER};
    Encoded add;
    encode_add_neighbour(add.writer, 5, neighbour);
    const auto decoded = decode_neighbour(add.message());
    REQUIRE(decoded);
    CHECK(decoded->neighbour == neighbour);
}

TEST_CASE("codecs: every truncation and every flipped bit decodes to something or nothing") {
    std::vector<std::vector<std::byte>> messages;
    messages.push_back(link_message(all_stated(Family::ipv4), {}));
    messages.push_back(link_message(all_stated(Family::ipv6), {}));
    const auto take = [&](auto encode) {
        Encoded encoded;
        encode(encoded.writer);
        messages.push_back(encoded.batch.bytes);
    };
    take([](MessageWriter& writer) {
        encode_add_flood(writer, 5, {parse_address("100.64.158.4").value(), 1, 2, "eth0"}, 0x80, 2,
                         index_of);
    });
    take([](MessageWriter& writer) {
        Address address;
        address.prefix = parse_prefix("10.225.194.171/9").value();
        address.valid_seconds = 5;
        encode_add_address(writer, 5, address);
    });
    take([](MessageWriter& writer) {
        Route route;
        route.to = parse_prefix("192.0.2.0/24").value();
        route.via = parse_address("10.192.158.4").value();
        encode_add_route(writer, 5, route);
    });
    take([](MessageWriter& writer) {
        encode_add_neighbour(writer, 5, {parse_address("10.192.158.4").value(), MacAddress{}, 0});
    });
    const auto decode_all = [](const std::vector<std::byte>& bytes) {
        (void)decode_link(header_of(bytes));
        (void)decode_fdb(header_of(bytes));
        (void)decode_address(header_of(bytes));
        (void)decode_route(header_of(bytes));
        (void)decode_neighbour(header_of(bytes));
    };
    for (const auto& message : messages) {
        for (std::size_t size = sizeof(nlmsghdr); size < message.size(); ++size) {
            // A buffer of exactly that size, so that a sanitizer sees every byte too far.
            std::vector<std::byte> cut(message.begin(),
                                       message.begin() + static_cast<std::ptrdiff_t>(size));
            reinterpret_cast<nlmsghdr*>(cut.data())->nlmsg_len = static_cast<unsigned>(size);
            decode_all(cut);
        }
        for (std::size_t bit = sizeof(nlmsghdr) * 8; bit < message.size() * 8; ++bit) {
            auto flipped = message;
            flipped[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8));
            decode_all(flipped);
        }
    }
    SUCCEED();
}
