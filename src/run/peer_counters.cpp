#include "vxlanctl/run/peer_counters.h"

#include "vxlanctl/model/ruleset.h"
#include "vxlanctl/netlink/nftables_codec.h"
#include "vxlanctl/run/nft.h"

#include <algorithm>

namespace vxlanctl {
namespace {

using Elements = std::vector<CountedElement>;

Result<Elements> read_set(Netlink& netlink, const std::string& table, const char* set) {
    MessageBatch request;
    MessageWriter writer(request);
    encode_dump_set_elements(writer, table, set);
    Elements elements;
    auto done = netlink.dump(
        request,
        [&](const nlmsghdr* message) {
            const auto more = decode_set_elements(message);
            elements.insert(elements.end(), more.begin(), more.end());
        },
        [&] { elements.clear(); });
    return done ? Result<Elements>(std::move(elements)) : tl::unexpected(done.error());
}

} // namespace

std::map<std::string, CountedPeers> read_peer_counters(const Kernel& kernel, const Links& links) {
    std::map<std::string, CountedPeers> result;
    std::map<std::string, std::string> wanted; // tables, by the link
    for (const auto& link : links)
        if (is_tunnel(link) && link.tunnel.kind == TunnelKind::vxlan)
            wanted.emplace(link.name, firewall_table(link.name));
    if (wanted.empty()) return result;
    auto socket = netfilter_socket(kernel);
    if (!socket) return result;
    Netlink netlink(*socket);
    const auto tables = read_inet_tables(netlink);
    for (const auto& [link, table] : wanted) {
        if (!tables || !tables->contains(table)) continue;
        const auto received = read_set(netlink, table, received_set);
        const auto sent = received ? read_set(netlink, table, sent_set) : received;
        if (!sent) continue; // rules without --count, or none any more
        auto& counted = result[link];
        for (const auto& element : *received) {
            counted[element.address].rx_packets = element.packets;
            counted[element.address].rx_bytes = element.bytes;
        }
        for (const auto& element : *sent) {
            counted[element.address].tx_packets = element.packets;
            counted[element.address].tx_bytes = element.bytes;
        }
    }
    return result;
}

} // namespace vxlanctl
