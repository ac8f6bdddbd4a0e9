#include "vxlanctl/cli/picture.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/human.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>
#include <linux/in.h>
#include <map>
#include <utility>

namespace vxlanctl {
namespace {

/// Addresses and the links that have them.
using Holders = std::map<IpAddress, std::string>;

std::optional<IpAddress> specified(const std::optional<IpAddress>& address) {
    return address && !is_unspecified(*address) ? address : std::nullopt;
}

void add_inner(TunnelEnd& end, const Prefix& prefix) {
    if (!is_link_local(prefix.address)) end.inner.push_back(prefix);
}

TunnelEnd tunnel_end(const std::string& name, const LinkAttributes& link,
                     const TunnelAttributes& tunnel) {
    TunnelEnd end;
    end.name = name;
    end.kind = kind_of(tunnel.kind).word(tunnel);
    end.vni = tunnel.vni;
    end.port = tunnel.port;
    end.mtu = link.mtu;
    end.is_bound = !tunnel.dev.value_or("").empty();
    end.master = link.master.value_or("");
    end.vrf = link.vrf.value_or("");
    if (const auto remote = specified(tunnel.remote)) {
        FarEnd far;
        far.role = is_multicast(*remote) ? FarRole::group : FarRole::remote;
        far.outer = *remote;
        end.far_ends.push_back(std::move(far));
    }
    return end;
}

/// What a peer has besides its address or name.
FarEnd far_end_of(const auto& peer) {
    FarEnd far;
    far.port = peer.port;
    far.vni = peer.vni;
    far.via = peer.via.str();
    return far;
}

void add_peers(TunnelEnd& end, const std::vector<FloodEntry>& peers, const PeerNames& names) {
    for (const auto& peer : peers) {
        end.far_ends.push_back(far_end_of(peer));
        end.far_ends.back().outer = peer.dst;
        if (const auto found = names.find(peer); found != names.end())
            end.far_ends.back().label = found->second;
    }
}

void add_named_peers(TunnelEnd& end, const std::vector<NamedPeer>& peers) {
    for (const auto& peer : peers) {
        end.far_ends.push_back(far_end_of(peer));
        end.far_ends.back().host_name = peer.name;
        end.far_ends.back().label = peer.label;
    }
}

void add_routers(TunnelEnd& end, const std::vector<PrlEntry>& routers) {
    for (const auto& router : routers) {
        FarEnd far;
        far.role = FarRole::router;
        far.outer = router.router;
        far.is_default = router.is_default;
        end.far_ends.push_back(std::move(far));
    }
}

void add_activity(TunnelEnd& end, const std::vector<PeerActivity>& all) {
    for (auto& far : end.far_ends) {
        const auto found = std::lower_bound(
            all.begin(), all.end(), far.outer,
            [](const PeerActivity& one, const IpAddress& wanted) { return one.peer < wanted; });
        if (found != all.end() && found->peer == far.outer) far.activity = found->activity;
    }
}

/// Puts each MAC behind the far end that the kernel sends its frames to.
void add_stations(TunnelEnd& end, const Link& link) {
    std::multimap<MacAddress, IpAddress> known;
    for (const auto* neighbours : {&link.neighbours, &link.found_neighbours})
        for (const auto& neighbour : *neighbours)
            if (const auto mac = mac_of(neighbour.link_layer);
                mac && !is_link_local(neighbour.address))
                known.emplace(*mac, neighbour.address);
    std::map<IpAddress, std::size_t> position; // of the first one with that address
    for (std::size_t i = 0; i < end.far_ends.size(); ++i) {
        end.far_ends[i].stations.emplace();
        position.emplace(end.far_ends[i].outer, i);
    }
    for (const auto& entry : link.macs) {
        const auto [at, is_stranger] = position.emplace(entry.remote.dst, end.far_ends.size());
        if (is_stranger) {
            FarEnd far;
            far.role = FarRole::stranger;
            far.outer = entry.remote.dst;
            far.stations.emplace();
            end.far_ends.push_back(std::move(far));
        }
        Station station{entry.mac, entry.origin, {}};
        for (auto [from, to] = known.equal_range(entry.mac); from != to; ++from)
            station.addresses.push_back(from->second);
        std::sort(station.addresses.begin(), station.addresses.end());
        end.far_ends[at->second].stations->push_back(std::move(station));
    }
}

/// Into the outer end that the tunnel's packets come from.
void add(Picture& picture, OuterEnd outer, TunnelEnd tunnel) {
    const auto same = std::find_if(
        picture.outer_ends.begin(), picture.outer_ends.end(), [&](const OuterEnd& other) {
            return other.device == outer.device && other.address == outer.address &&
                   other.is_elsewhere == outer.is_elsewhere;
        });
    auto& end = same != picture.outer_ends.end()
                    ? *same
                    : picture.outer_ends.emplace_back(std::move(outer));
    end.tunnels.push_back(std::move(tunnel));
}

OuterEnd outer_end(const TunnelAttributes& tunnel, const Holders& holders) {
    OuterEnd end;
    end.device = tunnel.dev.value_or("");
    end.address = specified(tunnel.local);
    const auto holder = end.address ? holders.find(*end.address) : holders.end();
    if (holder == holders.end()) return end;
    if (end.device.empty())
        end.device = holder->second;
    else if (holder->second != end.device)
        end.holder = holder->second;
    return end;
}

} // namespace

Picture picture_of(std::span<const Link* const> links, const State& state) {
    Picture picture;
    Holders holders;
    for (const auto& host : state.host_addresses)
        if (!host.link.empty()) holders.emplace(host.prefix.address, host.link);
    for (const Link* link : links) {
        TunnelEnd end = tunnel_end(link->name, link->attributes, link->tunnel);
        end.is_down = !link->attributes.up.value_or(false);
        for (const auto& address : link->addresses)
            if (!is_automatic(address)) add_inner(end, address.prefix);
        add_routers(end, link->routers);
        if (kind_of(link->tunnel.kind).has_fdb) {
            const Record* record = find_record(state, link);
            add_peers(end, link->flood_list, record != nullptr ? record->peer_names : PeerNames());
            add_stations(end, *link);
            add_activity(end, peer_activity(*link, state.fdb_clock));
        }
        OuterEnd outer = outer_end(link->tunnel, link->underlay_elsewhere ? Holders() : holders);
        outer.is_elsewhere = link->underlay_elsewhere;
        if (outer.is_elsewhere) outer.device.clear();
        add(picture, std::move(outer), std::move(end));
    }
    return picture;
}

Picture picture_of(std::span<const Tunnel* const> tunnels) {
    Picture picture;
    Holders holders;
    const std::vector<Prefix> none;
    for (const Tunnel* tunnel : tunnels)
        for (const auto& prefix : tunnel->addresses ? *tunnel->addresses : none)
            holders.emplace(prefix.address, tunnel->name);
    for (const Tunnel* tunnel : tunnels) {
        TunnelEnd end = tunnel_end(tunnel->name, tunnel->link, tunnel->tunnel);
        for (const auto& prefix : tunnel->addresses ? *tunnel->addresses : none)
            add_inner(end, prefix);
        if (tunnel->routers) add_routers(end, *tunnel->routers);
        if (tunnel->peers) add_peers(end, *tunnel->peers, tunnel->peer_names);
        add_named_peers(end, tunnel->named_peers);
        add(picture, outer_end(tunnel->tunnel, holders), std::move(end));
    }
    return picture;
}

Picture summarised(Picture picture, const PictureLimits& limits) {
    const auto is_long = [](std::size_t size, std::size_t limit) { return size > limit + 1; };
    for (auto& outer : picture.outer_ends)
        for (auto& tunnel : outer.tunnels) {
            auto& far_ends = tunnel.far_ends;
            if (is_long(far_ends.size(), limits.far_ends)) {
                tunnel.more_far_ends = far_ends.size() - limits.far_ends;
                for (std::size_t i = limits.far_ends; i < far_ends.size(); ++i)
                    if (far_ends[i].stations) tunnel.more_stations += far_ends[i].stations->size();
                far_ends.resize(limits.far_ends);
            }
            for (auto& far : far_ends)
                if (far.stations && is_long(far.stations->size(), limits.stations)) {
                    far.more_stations = far.stations->size() - limits.stations;
                    far.stations->resize(limits.stations);
                }
        }
    return picture;
}

namespace {

/// A name in ASCII: how wide other characters are depends on the terminal, and whether they are
/// any on who gave the name.
std::string ascii(std::string_view name) {
    std::string result;
    for (const char character : printable(name)) {
        const auto byte = static_cast<unsigned char>(character);
        result += byte < 0x80 ? std::string(1, character) : formatted("\\x{:02x}", byte);
    }
    return result;
}

/// `17 more MACs`
std::string more_text(std::size_t count, std::string_view what) {
    return formatted("{} more {}{}", count, what, count == 1 ? "" : "s");
}

std::string role_text(const FarEnd& end) {
    switch (end.role) {
    case FarRole::peer: return "peer";
    case FarRole::remote: return "remote";
    case FarRole::group: return "multicast group";
    case FarRole::router: return end.is_default ? "default router" : "router";
    case FarRole::stranger: return "not in the flood list";
    }
    return "";
}

/// Before Linux 6.15 the kernel does not tell everything apart, see activity.h.
std::string heard_words(const Activity& activity) {
    if (activity.heard) return formatted("heard {} ago", age_text(*activity.heard));
    if (!activity.heard_or_sent) return "";
    return formatted("heard or sent to {} ago", age_text(*activity.heard_or_sent));
}

/// The words with commas between them.
std::vector<std::string> listed(std::vector<std::string> words) {
    for (std::size_t i = 0; i + 1 < words.size(); ++i)
        words[i] += ",";
    return words;
}

} // namespace

BoxText box_text(const OuterEnd& end) {
    BoxText text;
    text.title = end.is_elsewhere     ? "another namespace"
                 : end.device.empty() ? "outer address"
                                      : ascii(end.device);
    text.lines.push_back(
        {end.address ? "outer " + to_string(*end.address) : "outer address by route"});
    if (!end.holder.empty()) text.lines.back().push_back("of " + ascii(end.holder));
    return text;
}

BoxText box_text(const TunnelEnd& end) {
    BoxText text{ascii(end.name), {}};
    std::vector<std::string> words{end.kind};
    if (end.vni) words.push_back(formatted("VNI {}", *end.vni));
    if (end.port) words.push_back(formatted("port {}", *end.port));
    text.lines.push_back(listed(std::move(words)));
    words.clear();
    if (end.mtu) words.push_back(formatted("MTU {}", *end.mtu));
    if (end.is_down) words.emplace_back("DOWN");
    if (!end.is_bound) words.emplace_back("no lower device");
    if (!words.empty()) text.lines.push_back(listed(std::move(words)));
    if (!end.master.empty()) text.lines.push_back({"master " + ascii(end.master)});
    if (!end.vrf.empty()) text.lines.push_back({"VRF " + ascii(end.vrf)});
    for (const auto& prefix : end.inner)
        text.lines.push_back({"inner " + to_string(prefix)});
    return text;
}

BoxText box_text(const FarEnd& end) {
    BoxText text{role_text(end), {}};
    if (!end.label.empty()) text.lines.push_back({ascii(end.label)});
    text.lines.push_back(
        {"outer " + (end.host_name.empty() ? to_string(end.outer) : end.host_name)});
    std::vector<std::string> words;
    if (end.port) words.push_back(formatted("port {}", *end.port));
    if (end.vni) words.push_back(formatted("VNI {}", *end.vni));
    if (!end.via.empty()) words.push_back("via " + ascii(end.via));
    if (!words.empty()) text.lines.push_back(listed(std::move(words)));
    if (const auto heard = heard_words(end.activity); !heard.empty()) text.lines.push_back({heard});
    if (!end.stations) return text;
    if (end.stations->empty()) text.lines.push_back({"no MAC learned"});
    for (const auto& station : *end.stations) {
        auto& line = text.lines.emplace_back();
        line.push_back(to_string(station.mac));
        for (const auto& address : station.addresses)
            line.push_back(to_string(address));
        if (station.origin == FdbOrigin::pinned) line.emplace_back("(pinned)");
        if (station.origin == FdbOrigin::external) line.emplace_back("(external)");
    }
    if (end.more_stations > 0) text.lines.push_back({more_text(end.more_stations, "MAC")});
    return text;
}

BoxText rest_text(const TunnelEnd& end) {
    const bool only_routers = end.kind == "ISATAP";
    BoxText text{more_text(end.more_far_ends, only_routers ? "router" : "peer"), {}};
    text.lines.push_back({end.more_stations > 0
                              ? formatted("{} MAC{} behind them", end.more_stations,
                                          end.more_stations == 1 ? "" : "s")
                              : "not drawn"});
    text.lines.push_back({"--verbose draws all"});
    return text;
}

} // namespace vxlanctl
