#include "vxlanctl/kinds/iproute2.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

/// iproute2's word for an attribute where it is another one than ours.
struct Word {
    std::string_view ours, theirs;
};
constexpr Word renamed[] = {{"vni", "id"},
                            {"port", "dstport"},
                            {"label", "flowlabel"},
                            {"limit", "maxaddress"},
                            {"udp_csum", "udpcsum"},
                            {"udp6_zero_csum_rx", "udp6zerocsumrx"},
                            {"remcsum_tx", "remcsumtx"},
                            {"remcsum_rx", "remcsumrx"},
                            {"mac", "address"},
                            {"txqlen", "txqueuelen"},
                            {"addr_gen_mode", "addrgenmode"},
                            {"bridge_learning", "learning"},
                            {"bridge_neigh_suppress", "neigh_suppress"},
                            {"bridge_isolated", "isolated"},
                            {"bridge_unicast_flood", "flood"},
                            {"bridge_multicast_flood", "mcast_flood"},
                            {"bridge_broadcast_flood", "bcast_flood"},
                            {"bridge_hairpin", "hairpin"},
                            {"bridge_cost", "cost"},
                            {"bridge_priority", "priority"},
                            {"bridge_mcast_router", "mcast_router"},
                            {"bridge_guard", "guard"},
                            {"bridge_root_block", "root_block"},
                            {"bridge_fastleave", "fastleave"},
                            {"bridge_mcast_to_unicast", "mcast_to_unicast"},
                            {"bridge_vlan_tunnel", "vlan_tunnel"}};

/// What a sit or an ip6tnl carries, as `mode` has it; empty where it has no word.
std::string_view mode_of(const TunnelAttributes& attributes) {
    const bool over_ipv6 = attributes.kind == TunnelKind::ip6tnl;
    switch (*attributes.proto) {
    case 0: return "any";
    case IPPROTO_IPIP: return over_ipv6 ? "ipip6" : "ipip";
    case IPPROTO_IPV6: return over_ipv6 ? "ip6ip6" : "ip6ip";
    case IPPROTO_MPLS: return over_ipv6 ? "" : "mplsip";
    default: return "";
    }
}

} // namespace

std::string_view ip_word_of(std::string_view name) {
    const auto* const found = std::find_if(std::begin(renamed), std::end(renamed),
                                           [&](const Word& word) { return word.ours == name; });
    return found == std::end(renamed) ? name : found->theirs;
}

std::string ip_class(unsigned value) { // iproute2 reads it as hexadecimal in any case
    return value == 1 ? "inherit" : formatted("{:#x}", value);
}

bool has_refused_pair(const TunnelAttributes& attributes) {
    return attributes.ttl.value_or(0) != 0 && !attributes.pmtudisc.value_or(true);
}

IpWords ip_tunnel_words(const TunnelAttributes& attributes) {
    IpWords words;
    std::string& text = words.text;
    const bool refused_pair = has_refused_pair(attributes);
    if (refused_pair) words.left_out.emplace_back("pmtudisc no");
    for (const auto& row : tunnel_attributes(attributes.kind)) {
        if (!is_stated(attributes, row)) continue;
        const std::string value = value_text(attributes, row);
        if (row.name == "isatap")
            text += *attributes.isatap ? " isatap" : "";
        else if (row.name == "pmtudisc")
            text += *attributes.pmtudisc || refused_pair ? " pmtudisc" : " nopmtudisc";
        else if (row.name == "proto" && !mode_of(attributes).empty())
            text += formatted(" mode {}", mode_of(attributes));
        else if (row.name == "dev" && !attributes.dev->empty())
            text += " dev " + shell_quoted(*attributes.dev);
        else if (row.name == "ttl" && attributes.kind == TunnelKind::ip6tnl)
            text += formatted(" hoplimit {}", *attributes.ttl);
        else if (row.name == "tos")
            text += " tos " + ip_class(*attributes.tos);
        else if (row.name == "label")
            text += formatted(" flowlabel {:#x}", *attributes.label);
        else if (row.name == "tclass" && *attributes.tclass != inherit_tclass)
            text += formatted(" tclass {:#x}", *attributes.tclass);
        else if (row.name == "local" || row.name == "remote")
            text += formatted(" {} {}", row.name, value == "none" ? "any" : value);
        else if (row.name == "ttl" || row.name == "tclass" || row.name == "encaplimit")
            text += formatted(" {} {}", row.name, value);
        else if (value != row.reset)
            words.left_out.push_back(formatted("{} {}", row.name, value));
    }
    return words;
}

std::string ip_remote(const FloodEntry& entry) {
    std::string text = " dst " + to_string(entry.dst);
    if (entry.port) text += formatted(" port {}", *entry.port);
    if (entry.vni) text += formatted(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += " via " + shell_quoted(entry.via.str());
    return text;
}

IpWords ip_words(const TunnelAttributes& attributes) {
    const Kind& kind = kind_of(attributes.kind);
    IpWords words = kind.ip_words(attributes);
    words.text = formatted(" type {}{}", kind.name, words.text);
    return words;
}

} // namespace vxlanctl
