#include "vxlanctl/run/peer_counters.h"

#include "vxlanctl/model/ruleset.h"
#include "vxlanctl/netlink/nftables_codec.h"

#include <algorithm>
#include <linux/netlink.h>
#include <set>
#include <sys/socket.h>

namespace vxlanctl {
namespace {

using Elements = std::vector<CountedElement>;

Result<std::set<std::string>> read_tables(Netlink& netlink) {
    MessageBatch request;
    MessageWriter writer(request);
    encode_dump_inet_tables(writer);
    std::set<std::string> names;
    auto done = netlink.dump(
        request,
        [&](const nlmsghdr* message) {
            if (auto name = decode_table_name(message)) names.insert(std::move(*name));
        },
        [&] { names.clear(); });
    return done ? Result<std::set<std::string>>(std::move(names)) : tl::unexpected(done.error());
}

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
    auto opened = kernel.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    if (!opened) return result;
    auto socket = NetlinkSocket::over(std::move(*opened));
    if (!socket) return result;
    Netlink netlink(*socket);
    const auto tables = read_tables(netlink);
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
