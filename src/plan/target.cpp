#include "vxlanctl/plan/target.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/bridge_port.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/preflight.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <linux/if_addr.h>
#include <set>
#include <utility>

namespace vxlanctl {
namespace {

Address inner_address(const Prefix& prefix) {
    Address address;
    address.prefix = prefix;
    if (prefix.address.family == Family::ipv4 && prefix.length < 31)
        address.broadcast = broadcast_of(prefix);
    return address;
}

/// States the kernel's default for every key that we set before and that is not stated any more.
/// `defaults` are those that no row has.
template<class Attributes>
void reset_unstated(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                    const Attributes& defaults, const std::set<std::string>& set_before) {
    for (const auto& row : rows) {
        if (is_stated(attributes, row) || !set_before.contains(std::string(row.name))) continue;
        if (row.reset.empty())
            std::visit([&](auto member) { attributes.*member = defaults.*member; }, row.member);
        else
            (void)set_value(attributes, row, row.reset); // a row's own default is well-formed
    }
}

/// The table of the routes to its subnets.
std::uint32_t table_of(const Tunnel& tunnel, const Link& have, const State& state) {
    const Link* vrf = find_link(state, have.attributes.vrf.value_or(""));
    const bool keeps_vrf = !tunnel.link.vrf && vrf != nullptr && vrf->vrf_table != 0;
    return keeps_vrf ? vrf->vrf_table : own_table(tunnel, state);
}

/// Takes away the peers that were ours, now that none are stated: what others added stays, and so
/// does a list that a control plane has taken over.
void release_peers(LinkTarget& target, const Tunnel& tunnel, const Link& have,
                   const Record& record) {
    if (!record.keys.contains(peers_key) || is_external(have.flood_flags)) return;
    auto ours = parse_peers_text(record.peers);
    // FRR's own entries carry no sign, and it would not write one again that is there.
    std::erase_if(ours, [&](const FloodEntry& entry) { return is_in(tunnel.vteps, entry.dst); });
    auto left = minus(have.flood_list, ours);
    if (left == have.flood_list) return;
    target.flood_list = std::move(left);
    target.flood_state = have.flood_state;
    target.flood_flags = have.flood_flags;
}

/// What a control plane of EVPN implies: it writes the MACs, and the bridge answers for hosts that
/// it knows (RFC 7432 section 10).
void leave_to_control_plane(LinkTarget& target) {
    target.tunnel.learning = false;
    target.attributes.bridge_learning = false;
    if (!target.attributes.bridge_neigh_suppress) target.attributes.bridge_neigh_suppress = true;
}
constexpr std::array implied_keys{"learning", "bridge_learning", "bridge_neigh_suppress"};

/// The MTU that a tunnel has which once had one stated.
void reset_mtu(LinkTarget& target, const Tunnel& tunnel, const Link* have, const Record& record,
               const State& state) {
    if (tunnel.link.mtu || !record.keys.contains("mtu")) return;
    const auto outer = have != nullptr ? merged(have->tunnel, target.tunnel) : target.tunnel;
    const bool has_dev = find_link(state, outer.dev.value_or("")) != nullptr;
    if (outer.kind == TunnelKind::ip6tnl && !has_dev)
        target.recompute_mtu = true;
    else
        target.attributes.mtu = has_dev ? mtu_limit(outer, state)
                                        : std::optional<std::uint32_t>(kind_of(outer.kind).mtu);
}

/// Which addresses go, and what the others are now.
void settle_addresses(LinkTarget& target, const Tunnel& tunnel, const Link& have,
                      const Record& record, const State& state, const PlanOptions& options) {
    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    const auto is_surplus = [&](const Address& address) {
        if (is_in(stated, address.prefix)) return false;
        if (is_in(record.addresses, address.prefix)) return true;
        return options.exclusive && !is_link_local(address.prefix.address) &&
               (address.flags & IFA_F_TENTATIVE) == 0;
    };
    std::copy_if(have.addresses.begin(), have.addresses.end(),
                 std::back_inserter(target.surplus_addresses), is_surplus);
    // A run that was killed had no time to switch it off again.
    if (record.keys.contains(promotion_key) && !is_behind_foreign(have, target))
        target.attributes.promote_secondaries = false;
    // Addresses with a peer of their own or a label are equal if prefix and peer are. One that has
    // got a lifetime would go some day.
    for (auto& address : target.addresses)
        for (const auto& present : have.addresses)
            if (present.prefix == address.prefix) {
                address = present;
                address.valid_seconds = address.preferred_seconds = forever;
                address.is_unrouted = false;
                const auto route = connected_route(address, table_of(tunnel, have, state));
                if (present.is_unrouted && route) target.lost_connected.push_back(*route);
            }
}

/// An address that its interface has, whatever its prefix length, is known to be ours.
void settle_duplicate_check(LinkTarget& target, const Tunnel& tunnel, const Link* have) {
    target.duplicate_check = tunnel.duplicate_check;
    for (const auto& [address, length] : tunnel.addresses.value_or(std::vector<Prefix>{})) {
        const auto is_it = [&, wanted = address](const Address& present) {
            return present.prefix.address == wanted;
        };
        if (address.family == Family::ipv4 &&
            (have == nullptr ||
             std::none_of(have->addresses.begin(), have->addresses.end(), is_it)))
            target.to_be_checked.push_back(address);
    }
}

/// Which routes go, and what the others are now.
void settle_routes(LinkTarget& target, const Link& have, const Record& record) {
    // A route of the same identity will do, whoever made it.
    const Routes wanted_routes(target.routes);
    for (const auto& route : record.routes)
        if (const Route* present = route.dev.empty() ? find_own_route(have.routes, route) : nullptr)
            if (find_route(wanted_routes, *present) == nullptr)
                target.surplus_routes.push_back(*present);
    for (auto& route : target.routes)
        if (const Route* present = find_route(have.routes, route)) route = *present;
    std::erase_if(target.lost_connected, [&](const Route& route) {
        return !wanted_routes.beside(route).empty(); // it is set
    });
    std::sort(target.routes.begin(), target.routes.end());
}

/// Which flood entries stay beside the stated ones, and which MACs go with a peer.
void settle_flood_list(LinkTarget& target, const Tunnel& tunnel, const Link& have,
                       const Record& record, const PlanOptions& options) {
    if (!tunnel.peers) release_peers(target, tunnel, have, record);
    if (!target.flood_list) return;
    auto& flood_list = *target.flood_list;
    target.flood_flags = have.flood_flags;
    std::vector<FloodEntry> removed = minus(have.flood_list, flood_list);
    // Of another VNI, a control plane makes entries of its own.
    const bool keeps_external =
        is_external(have.flood_flags) && merged(have.tunnel, target.tunnel).vni == have.tunnel.vni;
    if (is_external(have.flood_flags) && !keeps_external)
        target.flood_flags = own_flood_flags, target.flood_state = permanent_flood_state;
    if (keeps_external || !tunnel.unresolved.empty()) {
        std::erase_if(removed, [&](const FloodEntry& entry) { // a new link cannot have them
            return entry.dst.family != tunnel.tunnel.local->family;
        });
        append(flood_list, std::exchange(removed, {}));
        std::sort(flood_list.begin(), flood_list.end());
    }
    const auto goes_with_peer = [&](const IpAddress& dst) {
        const auto has = [&](const FloodEntry& entry) { return entry.dst == dst; };
        return std::any_of(removed.begin(), removed.end(), has) &&
               std::none_of(flood_list.begin(), flood_list.end(), has);
    };
    for (const auto& entry : have.macs)
        if ((entry.origin == FdbOrigin::learned && !removed.empty() &&
             goes_with_peer(entry.remote.dst)) ||
            (entry.origin == FdbOrigin::pinned && options.exclusive && !tunnel.evpn))
            target.surplus_macs.push_back(entry);
}

} // namespace

LinkTarget target_for(const Tunnel& tunnel, const Link* have, const Record& record,
                      const State& state, const PlanOptions& options) {
    LinkTarget target;
    target.name = tunnel.name;
    std::set<std::string> set_before = record.keys;
    if (set_before.contains(control_plane_key))
        set_before.insert(implied_keys.begin(), implied_keys.end());

    target.attributes = tunnel.link;
    target.tunnel = tunnel.tunnel;
    if (tunnel.evpn) leave_to_control_plane(target);
    LinkAttributes defaults = state.settings.of_new_links;
    if (const Link* bridge = bridge_of(tunnel.link, have, state))
        defaults.bridge_pvid = bridge->default_pvid;
    reset_unstated(target.attributes, link_attributes(), defaults, set_before);

    reset_unstated(target.tunnel, tunnel_attributes(tunnel.tunnel.kind), TunnelAttributes{},
                   set_before);
    complete(target.tunnel);
    if (tunnel.peers) {
        // The flood list is ours entirely: a default remote beside it would double every frame.
        if (!tunnel.tunnel.remote && tunnel.unresolved.empty() && have != nullptr &&
            have->tunnel.remote && !is_unspecified(*have->tunnel.remote))
            target.tunnel.remote = IpAddress{have->tunnel.remote->family, {}};
        // These two make a link without a VNI and a flood list of its own.
        target.tunnel.external = false;
        target.tunnel.vnifilter = false;
    }
    // Without ARP no neighbour inside is found; a new link has it.
    if (have != nullptr && have->attributes.arp == false) target.attributes.arp = true;
    if (tunnel.tunnel.kind == TunnelKind::ip6tnl) // would have no ends of its own
        target.tunnel.external = false;
    reset_mtu(target, tunnel, have, record, state);
    settle_port(target, have, state);

    const auto stated = tunnel.addresses.value_or(std::vector<Prefix>{});
    for (const auto& prefix : stated)
        target.addresses.push_back(inner_address(prefix));
    if (tunnel.duplicate_check != 0) settle_duplicate_check(target, tunnel, have);
    target.flood_list = tunnel.peers;
    target.routers = tunnel.routers;
    for (auto route : stated_routes(tunnel, state))
        if (route.dev.empty()) target.routes.push_back(std::move(route));
    std::sort(target.routes.begin(), target.routes.end());
    if (have == nullptr) return target;

    settle_addresses(target, tunnel, *have, record, state, options);
    settle_routes(target, *have, record);
    settle_flood_list(target, tunnel, *have, record, options);
    return target;
}

std::uint32_t vrf_table_of(const LinkTarget& target, const State& state) {
    const Link* vrf = find_link(state, target.attributes.vrf.value_or(""));
    return vrf == nullptr ? 0 : vrf->vrf_table;
}

} // namespace vxlanctl
