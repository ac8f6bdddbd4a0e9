// The codecs both ways: what we encode, libnl-route (an independent reader) understands, and what
// the kernel sends, we decode; and nothing that is cut short or flipped does harm.
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/nftables_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/netlink/settings_codec.h"
#include "vxlanctl/runtime/record_codec.h"

#include <catch2/catch.hpp>
#include <endian.h>
#include <linux/fib_rules.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <map>
#include <memory>
#include <netlink/route/addr.h>
#include <netlink/route/link.h>
#include <netlink/route/link/ip6tnl.h>
#include <netlink/route/link/sit.h>
#include <netlink/route/link/vxlan.h>
#include <netlink/route/route.h>
#include <netlink/route/rule.h>

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

TunnelAttributes all_stated(Family family) {
    TunnelAttributes vxlan;
    vxlan.local =
        parse_address(family == Family::ipv4 ? "172.21.0.100" : "2001:db8:21::100").value();
    vxlan.remote =
        parse_address(family == Family::ipv4 ? "100.64.158.4" : "2001:db8:64::4").value();
    vxlan.dev = "eth0";
    vxlan.reserved_bits = 0x40000000'00000000; // which no extension uses
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
        for (const char* text : {"yes", "77", "set", "1000-2000"})
            if (!is_stated(vxlan, row) && set_value(vxlan, row, text)) break;
    return vxlan;
}

/// A link message as the kernel sends it, made of what we send to it.
std::vector<std::byte> link_message(const TunnelAttributes& vxlan,
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
    const TunnelAttributes vxlan = all_stated(family);
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
    link->tunnel.dev = "eth0";
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan)) {
        INFO(row.name);
        CHECK(value_text(link->tunnel, row) == value_text(vxlan, row));
    }
}

TEST_CASE("link codec: the kernel's defaults fill in what a message leaves out") {
    TunnelAttributes vxlan;
    vxlan.vni = 10;
    vxlan.local = parse_address("172.21.0.100").value();
    const auto link = decode_link(header_of(link_message(vxlan, {})));
    REQUIRE(link);
    CHECK(link->tunnel.dev == "");
    CHECK(link->tunnel.remote == IpAddress{});
    CHECK(link->tunnel.ttl_inherit == false);
    CHECK(link->tunnel.gbp == false);
    CHECK(link->tunnel.localbypass == true);
    CHECK_FALSE(link->tunnel.ageing); // the kernel never leaves this one out
}

TEST_CASE("link codec: a value that no kernel of today sends is left out") {
    TunnelAttributes vxlan = all_stated(Family::ipv4);
    vxlan.df = static_cast<DontFragment>(7);
    const auto bytes = link_message(vxlan, {});
    const auto link = decode_link(header_of(bytes));
    REQUIRE(link);
    CHECK(link->tunnel.df == DontFragment::unset);
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
        CHECK(value_text(link->tunnel, row).size() < 100);
}

TEST_CASE("link codec: reserved bits are read where a change in place would lose them") {
    TunnelAttributes vxlan;
    vxlan.local = parse_address("172.21.0.100").value();
    const auto read = [&](std::uint64_t bits) {
        vxlan.reserved_bits = bits;
        const auto link = decode_link(header_of(link_message(vxlan, {})));
        return link ? link->tunnel.reserved_bits : std::nullopt;
    };
    const std::uint64_t plain = 0xf7ffffff'000000ff, of_gbp = 0x77000000'000000ff;
    CHECK_FALSE(read(plain));
    CHECK(read(of_gbp) == of_gbp); // somebody's choice
    vxlan.gbp = true;
    CHECK(used_header_bits(vxlan) == ~of_gbp);
    CHECK(read(of_gbp) == of_gbp);
    CHECK_FALSE(read(plain)); // lost already
    vxlan.gbp.reset();
    vxlan.gpe = true;
    CHECK(used_header_bits(vxlan) == ~0xc2ffff00'000000ff);
    vxlan.gpe.reset();
    vxlan.remcsum_rx = true;
    CHECK(used_header_bits(vxlan) == ~0xf7dfffff'00000000);
}

TEST_CASE("link codec: libnl-route reads our create as we mean it") {
    LinkAttributes attributes;
    attributes.mtu = 1400;
    TunnelAttributes vxlan = all_stated(Family::ipv4);
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

TEST_CASE("link codec: an ISATAP link is encoded whole, and libnl-route reads it as we mean it") {
    TunnelAttributes sit;
    sit.kind = TunnelKind::sit;
    sit.isatap = true;
    sit.local = parse_address("10.216.0.101").value();
    sit.remote = IpAddress{};
    sit.dev = "eth0";
    sit = with_defaults(sit);
    auto bytes = link_message(sit, {});
    const auto link = parsed_by_libnl<rtnl_link>(reinterpret_cast<nlmsghdr*>(bytes.data()));
    REQUIRE(link);
    CHECK(std::string(rtnl_link_get_type(link.get())) == "sit");
    CHECK(rtnl_link_sit_get_flags(link.get()) == 1); // SIT_ISATAP
    CHECK(rtnl_link_sit_get_ttl(link.get()) == 0);
    CHECK(rtnl_link_sit_get_pmtudisc(link.get()) == 1);
    CHECK(rtnl_link_sit_get_link(link.get()) == 2);
    const std::uint32_t address = rtnl_link_sit_get_local(link.get());
    CHECK(std::memcmp(&address, sit.local->bytes.data(), 4) == 0);
    auto decoded = decode_link(header_of(bytes));
    REQUIRE(decoded);
    decoded->tunnel.dev = "eth0";
    for (const auto& row : tunnel_attributes(TunnelKind::sit)) {
        INFO(row.name);
        CHECK(is_stated(sit, row));
        CHECK(value_text(decoded->tunnel, row) == value_text(sit, row));
    }
}

TEST_CASE("link codec: an IPv4-in-IPv6 link, with and without an encapsulation limit") {
    for (const char* limit : {"none", "4"}) {
        TunnelAttributes ip6tnl;
        ip6tnl.kind = TunnelKind::ip6tnl;
        ip6tnl.local = parse_address("2001:db8::1").value();
        ip6tnl.remote = parse_address("2001:db8::2").value();
        ip6tnl.proto = 4;
        for (const auto& row : tunnel_attributes(TunnelKind::ip6tnl)) {
            if (row.name == "encaplimit") CHECK(set_value(ip6tnl, row, limit));
            if (row.name == "tclass") CHECK(set_value(ip6tnl, row, "32"));
            if (row.name == "label") CHECK(set_value(ip6tnl, row, "77"));
        }
        ip6tnl.external = limit == std::string("4");
        ip6tnl = with_defaults(ip6tnl);
        auto bytes = link_message(ip6tnl, {});
        const auto link = parsed_by_libnl<rtnl_link>(reinterpret_cast<nlmsghdr*>(bytes.data()));
        REQUIRE(link);
        CHECK(rtnl_link_ip6_tnl_get_ttl(link.get()) == 64);
        CHECK(rtnl_link_ip6_tnl_get_proto(link.get()) == 4);
        CHECK((rtnl_link_ip6_tnl_get_flags(link.get()) & 1) == (limit == std::string("none")));
        CHECK(ntohl(rtnl_link_ip6_tnl_get_flowinfo(link.get())) == ((32U << 20) | 77U));
        const auto decoded = decode_link(header_of(bytes));
        REQUIRE(decoded);
        for (const auto& row : tunnel_attributes(TunnelKind::ip6tnl)) {
            INFO(row.name);
            CHECK(value_text(decoded->tunnel, row) == value_text(ip6tnl, row));
        }
    }
}

TEST_CASE("rule codec: what is encoded is decoded again, and libnl-route reads it as we mean it") {
    Rule rule;
    rule.from = parse_prefix("172.21.1.100/32").value();
    rule.to = parse_prefix("100.64.0.0/16").value();
    rule.table = 70000; // more than the header's field holds
    rule.priority = 99;
    Encoded add;
    encode_add_rule(add.writer, rule);
    CHECK(decode_rule(add.message()) == rule);
    const auto parsed = parsed_by_libnl<rtnl_rule>(add.message());
    REQUIRE(parsed);
    CHECK(rtnl_rule_get_table(parsed.get()) == 70000);
    CHECK(rtnl_rule_get_prio(parsed.get()) == 99);
    std::array<char, 64> text{};
    CHECK(std::string(nl_addr2str(rtnl_rule_get_src(parsed.get()), text.data(), text.size())) ==
          "172.21.1.100");
    CHECK(std::string(nl_addr2str(rtnl_rule_get_dst(parsed.get()), text.data(), text.size())) ==
          "100.64.0.0/16");
}

TEST_CASE("rule codec: a rule with another selector is not taken for one of ours") {
    for (const int attribute : {FRA_IIFNAME, FRA_FWMARK, FRA_UID_RANGE, FRA_IP_PROTO}) {
        Encoded add;
        fib_rule_hdr header{};
        header.family = AF_INET;
        header.action = FR_ACT_TO_TBL;
        header.src_len = 32;
        add.writer.begin(RTM_NEWRULE, 0, header);
        add.writer.put(FRA_SRC, wire_bytes(parse_address("10.0.0.1").value()));
        add.writer.put_u32(attribute, 1);
        add.writer.finish();
        CHECK_FALSE(decode_rule(add.message()));
    }
}

TEST_CASE("rule codec: since Linux 6.15, a port has a mask beside it that says nothing") {
    for (const std::uint16_t mask : {0xffff, 0xff00}) {
        Encoded rule;
        fib_rule_hdr header{};
        header.family = AF_INET;
        header.action = FR_ACT_TO_TBL;
        rule.writer.begin(RTM_NEWRULE, 0, header);
        rule.writer.put(FRA_DPORT_RANGE, std::as_bytes(std::span<const std::uint16_t>(
                                             std::array<std::uint16_t, 2>{4789, 4789})));
        constexpr int port_mask = 29; // FRA_DPORT_MASK
        rule.writer.put(port_mask, std::as_bytes(std::span<const std::uint16_t>(&mask, 1)));
        rule.writer.finish();
        const auto decoded = decode_any_rule(rule.message());
        REQUIRE(decoded);
        CHECK(decoded->ports == std::pair<std::uint16_t, std::uint16_t>(4789, 4789));
        CHECK(decoded->has_more == (mask != 0xffff));
        CHECK(decoded->is_unknown == (mask != 0xffff));
    }
}

TEST_CASE("link codec: a change carries what changed and nothing else") {
    TunnelAttributes changed;
    changed.ttl = 9;
    Encoded encoded;
    encode_change(encoded.writer, 5, changed, index_of);
    std::vector<int> present;
    for (const nlattr* attribute :
         NetlinkAttributes::of_message(encoded.message(), sizeof(ifinfomsg)))
        for (const nlattr* info : NetlinkAttributes::nested(attribute))
            if (nla_type(info) == IFLA_INFO_DATA)
                for (const nlattr* data : NetlinkAttributes::nested(info))
                    present.push_back(nla_type(data));
    CHECK(present == std::vector<int>{IFLA_VXLAN_TTL});
    CHECK(encoded.message()->nlmsg_flags == NLM_F_REQUEST);
}

TEST_CASE("link codec: a group is removed by its number, and by no interface's") {
    Encoded removal;
    encode_delete_group(removal.writer, 1234567);
    const auto* message = removal.message();
    CHECK(message->nlmsg_type == RTM_DELLINK);
    CHECK(static_cast<const ifinfomsg*>(nlmsg_data(message))->ifi_index == 0);
    const nlattr* group = nlmsg_find_attr(removal.message(), sizeof(ifinfomsg), IFLA_GROUP);
    REQUIRE(group != nullptr);
    CHECK(nla_get_u32(group) == 1234567U);
    CHECK(nlmsg_attrlen(message, sizeof(ifinfomsg)) == nla_total_size(sizeof(std::uint32_t)));
}

TEST_CASE("link codec: settings of IPv4 travel by their numbers") {
    LinkAttributes changed;
    changed.rp_filter = RpFilter::loose;
    changed.forward = false;
    Encoded encoded;
    encode_change(encoded.writer, 5, changed, index_of);
    std::map<int, std::uint32_t> sent;
    for (const nlattr* af : NetlinkAttributes::of_message(encoded.message(), sizeof(ifinfomsg)))
        for (const nlattr* family : NetlinkAttributes::nested(af))
            for (const nlattr* conf : NetlinkAttributes::nested(family))
                for (const nlattr* setting : NetlinkAttributes::nested(conf))
                    sent[nla_type(setting)] = read_as<std::uint32_t>(setting).value_or(9);
    CHECK(sent ==
          std::map<int, std::uint32_t>{{IPV4_DEVCONF_FORWARDING, 0}, {IPV4_DEVCONF_RP_FILTER, 2}});
}

TEST_CASE("settings codec: each answer is taken for what it speaks of") {
    Encoded asked;
    encode_get_settings(asked.writer);
    CHECK(asked.batch.offsets.size() == 3);
    const auto answer = [](std::uint8_t family, std::int32_t which, std::uint32_t rp_filter,
                           std::uint32_t forwarding) {
        Encoded encoded;
        netconfmsg header{};
        header.ncm_family = family;
        encoded.writer.begin(RTM_NEWNETCONF, 0, header);
        encoded.writer.put_u32(NETCONFA_IFINDEX, static_cast<std::uint32_t>(which));
        encoded.writer.put_u32(NETCONFA_RP_FILTER, rp_filter);
        encoded.writer.put_u32(NETCONFA_FORWARDING, forwarding);
        encoded.writer.finish();
        return encoded.batch.bytes;
    };
    InterfaceSettings settings;
    const auto take = [&](std::vector<std::byte> bytes) {
        decode_settings(reinterpret_cast<const nlmsghdr*>(bytes.data()), settings);
    };
    take(answer(AF_INET, NETCONFA_IFINDEX_DEFAULT, 1, 0));
    take(answer(AF_INET, NETCONFA_IFINDEX_ALL, 7, 1)); // any number above 1 is loose
    take(answer(AF_INET6, NETCONFA_IFINDEX_ALL, 0, 1));
    CHECK(settings.of_new_links.rp_filter == RpFilter::strict);
    CHECK(settings.of_new_links.forward == false);
    CHECK(settings.all_rp_filter == RpFilter::loose);
    CHECK(settings.ipv6_forwarding == true);
}

TEST_CASE("FDB codec: what is encoded is decoded again, and a deletion always names its remote") {
    FloodEntry entry{parse_address("100.64.158.4").value(), 4800, 99, "eth0"};
    Encoded add;
    encode_add_flood(add.writer, 5, {&entry, 1}, NUD_PERMANENT, NTF_SELF, index_of);
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
    const FloodEntry ipv6{parse_address("2001:db8::1").value(), {}, {}, ""};
    encode_remove_fdb(remove.writer, 5, MacAddress{}, {&ipv6, 1}, index_of);
    CHECK(remove.message()->nlmsg_type == RTM_DELNEIGH);
    remove.message()->nlmsg_type = RTM_NEWNEIGH;
    decoded = decode_fdb(remove.message());
    REQUIRE(decoded); // with a destination
    CHECK(to_string(decoded->dst) == "2001:db8::1");
    CHECK_FALSE(decoded->port);
}

TEST_CASE("FDB codec: when an entry was touched is read, where the kernel says it") {
    const auto times = [](std::size_t size) {
        Encoded add;
        ndmsg header{};
        header.ndm_family = AF_BRIDGE;
        add.writer.begin(RTM_NEWNEIGH, 0, header);
        add.writer.put(NDA_LLADDR, std::span<const std::uint8_t>(MacAddress{}.bytes));
        add.writer.put(NDA_DST, wire_bytes(parse_address("100.64.158.4").value()));
        const std::uint32_t info[] = {1, 200, 30000, 4}; // confirmed, used, updated, refcnt
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(info);
        if (size > 0) add.writer.put(NDA_CACHEINFO, std::span(bytes, size));
        add.writer.finish();
        return decode_fdb(add.message()).value().times;
    };
    REQUIRE(times(16));
    CHECK(times(16)->used == 200);
    CHECK(times(16)->updated == 30000);
    CHECK_FALSE(times(0));
    CHECK_FALSE(times(12)); // cut off
}

namespace {

/// One element of a set as the kernel sends it, with this expression.
void put_element(MessageWriter& writer, const IpAddress& address, const char* expression,
                 std::uint64_t packets, std::uint64_t bytes) {
    const auto put_u64 = [&](int attribute, std::uint64_t value) {
        const std::uint64_t swapped = htobe64(value);
        writer.put(attribute, std::as_bytes(std::span(&swapped, 1)));
    };
    nlattr* element = writer.begin_nest(NFTA_LIST_ELEM);
    nlattr* key = writer.begin_nest(NFTA_SET_ELEM_KEY);
    writer.put(NFTA_DATA_VALUE, wire_bytes(address));
    writer.end_nest(key);
    nlattr* counter = writer.begin_nest(NFTA_SET_ELEM_EXPR);
    writer.put_string(NFTA_EXPR_NAME, expression);
    nlattr* data = writer.begin_nest(NFTA_EXPR_DATA);
    put_u64(NFTA_COUNTER_BYTES, bytes);
    put_u64(NFTA_COUNTER_PACKETS, packets);
    writer.end_nest(data);
    writer.end_nest(counter);
    writer.end_nest(element);
}

void write_elements(MessageWriter& writer) {
    writer.begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWSETELEM, 0, nfgenmsg{});
    writer.put_string(NFTA_SET_ELEM_LIST_TABLE, "vxlanctl_vxlan0");
    nlattr* list = writer.begin_nest(NFTA_SET_ELEM_LIST_ELEMENTS);
    put_element(writer, parse_address("100.64.158.4").value(), "counter", 5, 670);
    put_element(writer, parse_address("100.64.158.5").value(), "quota", 5, 670);
    put_element(writer, parse_address("2001:db8::1").value(), "counter", 1ULL << 40, 1ULL << 50);
    writer.end_nest(list);
    writer.finish();
}

} // namespace

TEST_CASE("nftables codec: elements with counters, and no others") {
    Encoded encoded;
    write_elements(encoded.writer);
    CHECK(decode_set_elements(encoded.message()) ==
          std::vector<CountedElement>{
              {parse_address("100.64.158.4").value(), 5, 670},
              {parse_address("2001:db8::1").value(), 1ULL << 40, 1ULL << 50}});
    CHECK_FALSE(decode_table_name(encoded.message()));
    Encoded table;
    table.writer.begin(NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWTABLE, 0, nfgenmsg{});
    table.writer.put_string(NFTA_TABLE_NAME, "vxlanctl_vxlan0");
    table.writer.finish();
    CHECK(decode_table_name(table.message()) == "vxlanctl_vxlan0");
    CHECK(decode_set_elements(table.message()).empty());
}

TEST_CASE("FDB codec: every entry of a list has its own message, whatever stood before it") {
    const auto one = parse_address("100.64.158.4").value(),
               two = parse_address("100.64.0.9").value();
    const auto ipv6 = parse_address("2001:db8::1").value();
    const std::vector<FloodEntry> entries{
        {one, {}, {}, ""},    {two, {}, {}, ""},  {one, 4800, {}, ""},
        {two, 4800, {}, ""},  {one, 4800, 7, ""}, {two, {}, 7, "eth0"},
        {one, {}, 7, "eth0"}, {ipv6, {}, {}, ""}, {one, {}, {}, ""}};
    Encoded list;
    encode_add_flood(list.writer, 5, entries, NUD_PERMANENT, NTF_SELF, index_of);
    REQUIRE(list.batch.offsets.size() == entries.size());
    for (std::size_t i = 0; i < entries.size(); ++i) {
        Encoded alone;
        encode_add_flood(alone.writer, 5, {&entries[i], 1}, NUD_PERMANENT, NTF_SELF, index_of);
        const auto begin = list.batch.bytes.begin() + std::ptrdiff_t(list.batch.offsets[i]);
        CAPTURE(i);
        REQUIRE(list.batch.bytes.size() - list.batch.offsets[i] >= alone.batch.bytes.size());
        CHECK(std::equal(alone.batch.bytes.begin(), alone.batch.bytes.end(), begin));
    }
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

TEST_CASE("FDB codec: an entry of a next-hop group or of a source VNI is opaque") {
    const auto decoded = [](int attribute, bool has_dst) {
        Encoded add;
        ndmsg header{};
        header.ndm_family = AF_BRIDGE;
        header.ndm_ifindex = 5;
        add.writer.begin(RTM_NEWNEIGH, 0, header);
        add.writer.put(NDA_LLADDR, std::span<const std::uint8_t>(MacAddress{}.bytes));
        if (has_dst) add.writer.put(NDA_DST, wire_bytes(parse_address("100.64.158.4").value()));
        if (attribute != 0) add.writer.put_u32(attribute, 3);
        add.writer.finish();
        return decode_opaque_fdb(add.message());
    };
    const auto group = decoded(NDA_NH_ID, false);
    REQUIRE(group);
    CHECK(group->link_index == 5);
    CHECK(group->entry.group == 3U);
    CHECK_FALSE(group->entry.dst);
    const auto of_vni = decoded(NDA_SRC_VNI, true);
    REQUIRE(of_vni);
    CHECK(of_vni->entry.source_vni == 3U);
    CHECK(of_vni->entry.dst == parse_address("100.64.158.4").value());
    CHECK_FALSE(decoded(NDA_MASTER, false));
    CHECK_FALSE(decoded(0, true));
}

TEST_CASE("FDB codec: next-hop objects are gateways, or groups of others") {
    Encoded gateway;
    gateway.writer.begin(RTM_NEWNEXTHOP, 0, nhmsg{});
    gateway.writer.put_u32(NHA_ID, 1);
    gateway.writer.put(NHA_GATEWAY, wire_bytes(parse_address("100.64.158.8").value()));
    gateway.writer.finish();
    const auto one = decode_next_hop(gateway.message());
    REQUIRE(one);
    CHECK(one->id == 1);
    CHECK(one->gateway == parse_address("100.64.158.8").value());
    Encoded group;
    std::array<nexthop_grp, 2> members{};
    members[0].id = 1;
    members[1].id = 2;
    group.writer.begin(RTM_NEWNEXTHOP, 0, nhmsg{});
    group.writer.put_u32(NHA_ID, 10);
    group.writer.put(NHA_GROUP, std::as_bytes(std::span(members)));
    group.writer.finish();
    const auto both = decode_next_hop(group.message());
    REQUIRE(both);
    CHECK(both->members == std::vector<std::uint32_t>{1, 2});
}

TEST_CASE("link codec: VLANs of a bridge port are ranges with their flags") {
    Encoded port;
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = 5;
    port.writer.begin(RTM_NEWLINK, 0, header);
    nlattr* spec = port.writer.begin_nest(IFLA_AF_SPEC);
    const auto vlan = [&](std::uint16_t flags, std::uint16_t vid) {
        const bridge_vlan_info info{flags, vid};
        port.writer.put(IFLA_BRIDGE_VLAN_INFO, std::as_bytes(std::span(&info, 1)));
    };
    vlan(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED, 1);
    vlan(BRIDGE_VLAN_INFO_RANGE_BEGIN, 100);
    vlan(BRIDGE_VLAN_INFO_RANGE_END, 102);
    port.writer.end_nest(spec);
    port.writer.finish();
    const auto decoded = decode_port_vlans(port.message());
    REQUIRE(decoded);
    CHECK(decoded->link_index == 5);
    CHECK(decoded->pvid == 1);
    CHECK(decoded->vlans == std::vector<VlanRange>{{1, 1, true}, {100, 102, false}});
    CHECK(vlans_beside_pvid(*decoded) == VlanList{{{100, 102, false}}});
}

TEST_CASE("record: peers are one text that is read as it was written") {
    const std::vector<FloodEntry> peers{{parse_address("100.64.158.4").value(), {}, {}, ""},
                                        {parse_address("100.64.158.4").value(), 4790, {}, ""},
                                        {parse_address("100.64.158.5").value(), {}, 20, "eth0.1"},
                                        {parse_address("2001:db8::1").value(), {}, {}, "eth0"}};
    CHECK(parse_peers_text(peers_text(peers)) == peers);
    CHECK(parse_peers_text("what 10.0.0.1/x/y/ 300.1.1.1") ==
          std::vector<FloodEntry>{{parse_address("10.0.0.1").value(), {}, {}, ""}});
    CHECK(united_peers("10.0.0.1", "10.0.0.2 10.0.0.1") == "10.0.0.1 10.0.0.2");
    Record record;
    record.keys = {peers_key};
    record.peers = peers_text(peers);
    CHECK(parse_record(record_text(record)) == record);
    record.peers += " 10.0.0.1///\"\\odd\",\"peers\":\"";
    CHECK(parse_record(record_text(record)) == record);
    CHECK(parse_record("{\"peers\": \"10.0.0.1\", \"version\": 1}").value().peers == "10.0.0.1");
    CHECK(parse_record("{\"version\":1,\"keys\":[]}") == Record{});
}

TEST_CASE("record: names of peers, which records before had not") {
    const FloodEntry plain{parse_address("100.64.158.4").value(), {}, {}, ""};
    const FloodEntry other{parse_address("2001:db8::1").value(), 4790, 20, "eth0"};
    Record record;
    record.peers = peers_text({plain, other});
    record.peer_names = {{plain, "gate \"a\""}, {other, "\u30b2\u30fc\u30c8"}};
    CHECK(parse_record(record_text(record)) == record);
    CHECK(record_text(record).ends_with(",\"peers\":\"" + record.peers + "\"}\n"));
    CHECK(parse_record(R"({"version": 1, "peer_names": {"x": "a", "10.0.0.1": 5}})") == Record{});
    CHECK(parse_record(R"({"version": 1, "peer_names": ["10.0.0.1"]})") == Record{});
    CHECK(name_of_peer(record.peer_names, other.dst) == "\u30b2\u30fc\u30c8");
    CHECK(peer_text(record.peer_names, plain.dst) == "100.64.158.4 (gate \"a\")");
    CHECK(peer_text(record.peer_names, parse_address("100.64.158.5").value()) == "100.64.158.5");
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
    const auto all = decode_route(add.message());
    REQUIRE(all.size() == 1);
    const auto* const decoded = &all[0];
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

TEST_CASE("route codec: next hops of an IPv6 route are routes, those of an IPv4 route are not") {
    for (const char* to : {"2001:db8:9::/48", "192.0.2.0/24"}) {
        const Prefix prefix = parse_prefix(to).value();
        const bool ipv6 = prefix.address.family == Family::ipv6;
        Encoded add;
        rtmsg header{};
        header.rtm_family = ipv6 ? AF_INET6 : AF_INET;
        header.rtm_dst_len = prefix.length;
        add.writer.begin(RTM_NEWROUTE, 0, header);
        add.writer.put(RTA_DST, wire_bytes(prefix.address));
        std::vector<std::uint8_t> hops;
        for (const char* gateway : {"2001:db8::1", "2001:db8::2"}) {
            const auto via = parse_address(ipv6 ? gateway : "192.0.2.1").value();
            const auto bytes = wire_bytes(via);
            rtnexthop hop{};
            hop.rtnh_ifindex = 7;
            hop.rtnh_len = static_cast<unsigned short>(sizeof hop + sizeof(nlattr) + bytes.size());
            nlattr attribute{};
            attribute.nla_type = RTA_GATEWAY;
            attribute.nla_len = static_cast<std::uint16_t>(sizeof attribute + bytes.size());
            for (const auto& part : {std::as_bytes(std::span(&hop, 1)),
                                     std::as_bytes(std::span(&attribute, 1)), std::as_bytes(bytes)})
                for (const auto byte : part)
                    hops.push_back(static_cast<std::uint8_t>(byte));
        }
        add.writer.put(RTA_MULTIPATH, std::span<const std::uint8_t>(hops));
        add.writer.finish();
        const auto routes = decode_route(add.message());
        REQUIRE(routes.size() == 2);
        CHECK(routes[0].link_index == 7);
        CHECK(routes[0].route.multipath == !ipv6);
        if (ipv6) CHECK(to_string(*routes[1].route.via) == "2001:db8::2");
    }
}

TEST_CASE("route codec: what every IPv6 route has says nothing, a preference or an end does") {
    const auto decoded = [](std::uint8_t preference, std::uint32_t expires) {
        Encoded add;
        rtmsg header{};
        header.rtm_family = AF_INET6;
        add.writer.begin(RTM_NEWROUTE, 0, header);
        rta_cacheinfo info{};
        info.rta_expires = static_cast<decltype(info.rta_expires)>(expires);
        std::array<std::uint8_t, sizeof info> bytes{};
        std::memcpy(bytes.data(), &info, sizeof info);
        add.writer.put(RTA_CACHEINFO, std::span<const std::uint8_t>(bytes));
        add.writer.put_u8(RTA_PREF, preference);
        add.writer.finish();
        return decode_route(add.message()).at(0).route;
    };
    const Route plain = decoded(0, 0);
    CHECK(plain.other.empty());
    CHECK_FALSE(plain.expires);
    CHECK(decoded(0, 100).expires);
    const Route high = decoded(1, 0);
    CHECK(high.other.size() == NLMSG_ALIGN(NLA_HDRLEN + 1));
    Encoded again;
    encode_add_route(again.writer, 5, high);
    CHECK(decode_route(again.message()).at(0).route.other == high.other);
}

TEST_CASE("neighbour codec: both ways") {
    for (const LinkLayerAddress& link_layer :
         {LinkLayerAddress{{2, 0, 0, 0, 0, 4}}, LinkLayerAddress{{10, 216, 0, 101}}}) {
        const Neighbour neighbour{parse_address("10.192.158.4").value(), link_layer, NTF_ROUTER};
        Encoded add;
        encode_add_neighbour(add.writer, 5, neighbour);
        const auto decoded = decode_neighbour(add.message());
        REQUIRE(decoded);
        CHECK(decoded->is_permanent);
        CHECK(decoded->neighbour == neighbour);
    }
    Encoded add;
    encode_add_neighbour(add.writer, 5,
                         {parse_address("10.192.158.4").value(), {{2, 0, 0, 0, 0, 4}}, 0});
    static_cast<ndmsg*>(nlmsg_data(add.message()))->ndm_state = NUD_STALE;
    REQUIRE(decode_neighbour(add.message()));
    CHECK_FALSE(decode_neighbour(add.message())->is_permanent);
}

TEST_CASE("codecs: every truncation and every flipped bit decodes to something or nothing") {
    std::vector<std::vector<std::byte>> messages;
    messages.push_back(link_message(all_stated(Family::ipv4), {}));
    messages.push_back(link_message(all_stated(Family::ipv6), {}));
    for (const TunnelKind kind : {TunnelKind::sit, TunnelKind::ip6tnl}) {
        TunnelAttributes tunnel;
        tunnel.kind = kind;
        messages.push_back(link_message(with_defaults(tunnel), {}));
    }
    const auto take = [&](auto encode) {
        Encoded encoded;
        encode(encoded.writer);
        messages.push_back(encoded.batch.bytes);
    };
    take([](MessageWriter& writer) {
        const FloodEntry entry{parse_address("100.64.158.4").value(), 1, 2, "eth0"};
        encode_add_flood(writer, 5, {&entry, 1}, 0x80, 2, index_of);
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
        encode_add_neighbour(writer, 5,
                             {parse_address("10.192.158.4").value(), {{2, 0, 0, 0, 0, 0}}, 0});
    });
    take([](MessageWriter& writer) {
        const nexthop_grp member{};
        writer.begin(RTM_NEWNEXTHOP, 0, nhmsg{});
        writer.put_u32(NHA_ID, 10);
        writer.put(NHA_GROUP, std::as_bytes(std::span(&member, 1)));
        writer.finish();
    });
    take([](MessageWriter& writer) {
        const bridge_vlan_info vlan{0, 7};
        ifinfomsg header{};
        header.ifi_family = AF_BRIDGE;
        writer.begin(RTM_NEWLINK, 0, header);
        nlattr* spec = writer.begin_nest(IFLA_AF_SPEC);
        writer.put(IFLA_BRIDGE_VLAN_INFO, std::as_bytes(std::span(&vlan, 1)));
        writer.end_nest(spec);
        writer.finish();
    });
    take(write_elements);
    const auto decode_all = [](const std::vector<std::byte>& bytes) {
        (void)decode_set_elements(header_of(bytes));
        (void)decode_table_name(header_of(bytes));
        (void)decode_link(header_of(bytes));
        (void)decode_fdb(header_of(bytes));
        (void)decode_opaque_fdb(header_of(bytes));
        (void)decode_next_hop(header_of(bytes));
        (void)decode_port_vlans(header_of(bytes));
        (void)decode_address(header_of(bytes));
        (void)decode_route(header_of(bytes));
        (void)decode_neighbour(header_of(bytes));
        (void)decode_rule(header_of(bytes));
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
