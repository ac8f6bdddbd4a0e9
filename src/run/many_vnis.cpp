#include "vxlanctl/run/many_vnis.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/vni_codec.h"

namespace vxlanctl {
namespace {

/// One dump; what is refused tells nothing. `take` is given the devices, so that it can begin anew.
template<class Encode, class Take>
void dump(Netlink& netlink, std::map<int, ManyVnis>& devices, Encode encode, Take take) {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode(writer);
    const std::map<int, ManyVnis> before = devices;
    const auto done = netlink.dump(
        batch, [&](const nlmsghdr* message) { take(message, devices); }, [&] { devices = before; });
    if (!done) devices = before;
}

} // namespace

std::map<std::string, ManyVnis> read_many_vnis(const Kernel& kernel, const Links& links) {
    std::map<int, ManyVnis> devices;
    for (const auto& link : links)
        if (is_tunnel(link) && link.tunnel.kind == TunnelKind::vxlan &&
            link.tunnel.external.value_or(false))
            devices[link.index];
    std::map<std::string, ManyVnis> named;
    if (devices.empty()) return named;
    auto socket = kernel.netlink();
    if (!socket) return named;
    Netlink netlink(*socket);
    dump(netlink, devices, encode_dump_vnis, [](const nlmsghdr* message, auto& all) {
        const auto found = decode_vnis(message);
        if (!found) return;
        if (const auto device = all.find(found->link_index); device != all.end())
            append(device->second.accepted, found->vnis);
    });
    dump(netlink, devices, encode_dump_bridge_ports, [](const nlmsghdr* message, auto& all) {
        const auto found = decode_vlan_vnis(message);
        if (!found) return;
        if (const auto device = all.find(found->link_index); device != all.end())
            append(device->second.vlans, found->vlans);
    });
    for (const auto& link : links)
        if (const auto device = devices.find(link.index); device != devices.end())
            named.emplace(link.name, std::move(device->second));
    return named;
}

} // namespace vxlanctl
