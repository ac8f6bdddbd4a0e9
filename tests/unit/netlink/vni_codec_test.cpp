#include "vxlanctl/netlink/vni_codec.h"

#include <catch2/catch.hpp>
#include <linux/if_bridge.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

using namespace vxlanctl;

namespace {

/// struct tunnel_msg
struct TunnelHeader {
    std::uint8_t family = PF_BRIDGE, flags = 0;
    std::uint16_t reserved = 0;
    std::uint32_t ifindex = 7;
};
constexpr std::uint16_t new_tunnel = 120;

const nlmsghdr* only(const MessageBatch& batch) {
    return reinterpret_cast<const nlmsghdr*>(batch.bytes.data());
}

void put_u16(MessageWriter& writer, int attribute, std::uint16_t value) {
    writer.put(attribute, std::as_bytes(std::span(&value, 1)));
}

void put_vlan(MessageWriter& writer, std::uint32_t vni, std::uint16_t vlan, std::uint16_t flags) {
    nlattr* info = writer.begin_nest(IFLA_BRIDGE_VLAN_TUNNEL_INFO);
    writer.put_u32(IFLA_BRIDGE_VLAN_TUNNEL_ID, vni);
    put_u16(writer, IFLA_BRIDGE_VLAN_TUNNEL_VID, vlan);
    put_u16(writer, IFLA_BRIDGE_VLAN_TUNNEL_FLAGS, flags);
    writer.end_nest(info);
}

} // namespace

TEST_CASE("VNIs: those of vnifilter come in ranges, a single one without its end") {
    MessageBatch batch;
    MessageWriter writer(batch);
    writer.begin(new_tunnel, 0, TunnelHeader{});
    nlattr* one = writer.begin_nest(1);
    writer.put_u32(1, 10);
    writer.end_nest(one);
    nlattr* many = writer.begin_nest(1);
    writer.put_u32(1, 20);
    writer.put_u32(2, 29);
    writer.end_nest(many);
    writer.put_u32(77, 1); // of a later kernel
    writer.finish();
    const auto found = decode_vnis(only(batch));
    REQUIRE(found);
    CHECK(found->link_index == 7);
    CHECK(found->vnis == std::vector<VniRange>{{10, 10}, {20, 29}});
    CHECK(vnis_text(found->vnis) == "10, 20-29");
    CHECK_FALSE(decode_vlan_vnis(only(batch)));
}

TEST_CASE("VNIs: a bridge port tells which VLANs are which, ranges by their ends") {
    MessageBatch batch;
    MessageWriter writer(batch);
    ifinfomsg header{};
    header.ifi_family = AF_BRIDGE;
    header.ifi_index = 7;
    writer.begin(RTM_NEWLINK, 0, header);
    nlattr* spec = writer.begin_nest(IFLA_AF_SPEC);
    put_vlan(writer, 1010, 10, 0);
    put_vlan(writer, 1020, 20, BRIDGE_VLAN_INFO_RANGE_BEGIN);
    put_vlan(writer, 1029, 29, BRIDGE_VLAN_INFO_RANGE_END);
    writer.end_nest(spec);
    writer.finish();
    const auto found = decode_vlan_vnis(only(batch));
    REQUIRE(found);
    CHECK(found->vlans == std::vector<VlanVnis>{{10, 10, {1010, 1010}}, {20, 29, {1020, 1029}}});
    CHECK(vlans_text(found->vlans) == "VLAN 10 is VNI 1010, VLANs 20-29 are VNIs 1020-1029");
    CHECK_FALSE(decode_vnis(only(batch)));
}
