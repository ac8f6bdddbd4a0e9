// What the kernel sends: any messages are decoded to something or nothing, and what they say of
// links, entries, addresses, routes and rules can be encoded.
#include "messages.h"
#include "property.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/nftables_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/netlink/settings_codec.h"

using namespace vxlanctl;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    MessageBatch batch;
    MessageWriter writer(batch);
    const IndexOf any = [](const std::string& name) { return name.empty() ? 0 : 7; };
    InterfaceSettings settings;
    for_each_message(data, size, [&](const nlmsghdr* message) {
        if (const auto link = decode_link(message))
            encode_create(writer, "vxlan0", link->attributes, link->tunnel, any);
        if (const auto entry = decode_fdb(message)) {
            const FloodEntry flood{entry->dst, entry->port, entry->vni, {}};
            encode_remove_fdb(writer, 7, entry->mac, std::span(&flood, 1), any);
        }
        (void)decode_opaque_fdb(message);
        (void)decode_next_hop(message);
        (void)decode_table_name(message);
        (void)decode_set_elements(message);
        (void)decode_port_vlans(message);
        if (const auto address = decode_address(message))
            encode_add_address(writer, 7, address->address);
        for (const auto& route : decode_route(message))
            encode_add_route(writer, 7, route.route);
        if (const auto rule = decode_rule(message)) encode_add_rule(writer, *rule);
        if (const auto neighbour = decode_neighbour(message))
            encode_add_neighbour(writer, 7, neighbour->neighbour);
        (void)decode_any_neighbour(message);
        (void)decode_found_route(message);
        decode_settings(message, settings);
    });
    return 0;
}
