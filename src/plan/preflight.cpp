#include "vxlanctl/plan/preflight.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/plan/bridge_port.h"
#include "vxlanctl/plan/doubled_peers.h"

#include <algorithm>
#include <iterator>
#include <linux/if_addr.h>
#include <set>

namespace vxlanctl {
namespace {

/// Whether the kernel keeps the subnet's lowest and highest address as broadcast ones
/// (fib_add_ifaddr() in net/ipv4/fib_frontend.c).
bool has_broadcast(const Prefix& subnet) {
    return subnet.address.family == Family::ipv4 && subnet.length > 0 && subnet.length < 31;
}

/// Whether the kernel sends what goes to the address to all hosts of the subnet.
bool is_broadcast_of(const HostAddress& host, const IpAddress& address) {
    return address == host.broadcast ||
           (has_broadcast(host.prefix) &&
            (address == broadcast_of(host.prefix) || address == network_of(host.prefix).address));
}

/// The kernel takes the lowest address of a network for a broadcast one as well.
std::string_view which_of(const Prefix& network, const IpAddress& address) {
    return address == network.address ? "network" : "broadcast";
}

/// One preflight, so that the checks need not pass everything to one another.
class Preflight {
public:
    Preflight(const Tunnel& tunnel, const LinkTarget& target, const Link* have, bool replaces,
              const State& state, const PlanOptions& options, TunnelPlan& plan)
        : tunnel_(tunnel), target_(target), have_(have), replaces_(replaces), state_(state),
          options_(options), plan_(plan), new_routes_(new_routes()) {}

    void run() {
        check_alternative_names();
        check_lower_device();
        check_local();
        if (tunnel_.evpn && tunnel_.peers) refuse(Code::control_plane_has_peers);
        check_peers();
        check_routers();
        check_other_ends();
        check_mtu();
        check_label();
        if (target_.tunnel.kind == TunnelKind::vxlan)
            check_vni();
        else
            check_ends();
        check_master();
        if (auto refusal = port_refusal(tunnel_, target_, state_)) plan_.errors.push_back(*refusal);
        check_vrf();
        check_rp_filter();
        check_forwarding();
        check_routes();
        check_next_hops();
        check_route_conflicts();
        check_prefix_conflicts();
        check_duplicate_addresses();
        check_alias();
        if (!options_.allow_overlap && !tunnel_.allow_overlap) check_overlap();
    }

private:
    void refuse(Code code, Values values = {}) {
        plan_.errors.emplace_back(code, tunnel_.name, std::move(values));
    }
    void warn(Code code, Values values = {}) {
        plan_.warnings.emplace_back(code, tunnel_.name, std::move(values));
    }

    void check_alternative_names() {
        for (const auto& name : {tunnel_.name, target_.tunnel.dev.value_or(""),
                                 tunnel_.link.master.value_or(""), tunnel_.link.vrf.value_or("")})
            if (const auto found = state_.alternative_names.find(name);
                found != state_.alternative_names.end())
                refuse(Code::alternative_name, {{"name", name}, {"interface", found->second}});
    }

    void check_lower_device() {
        const std::string dev = target_.tunnel.dev.value_or("");
        if (dev.empty()) return;
        if (dev == tunnel_.name) return refuse(Code::underlay_is_tunnel, {{"dev", dev}});
        if (state_.alternative_names.contains(dev)) return;
        switch (condition_of(find_link(state_, dev))) {
        case LinkCondition::missing: return refuse(Code::underlay_missing, {{"dev", dev}});
        case LinkCondition::down: return warn(Code::underlay_down, {{"dev", dev}});
        case LinkCondition::no_carrier: return warn(Code::underlay_no_carrier, {{"dev", dev}});
        case LinkCondition::up: return;
        }
    }

    void check_local() {
        if (have_ != nullptr && have_->underlay_elsewhere && !replaces_) return;
        const IpAddress local = *target_.tunnel.local;
        const std::string dev = target_.tunnel.dev.value_or("");
        const HostAddress* host = find_host_address(state_, local, dev);
        if (host == nullptr)
            refuse(Code::local_not_here, {{"local", to_string(local)}});
        else if (is_loopback(local))
            warn(Code::local_is_loopback_here, {{"local", to_string(local)}});
        else if (!dev.empty() && host->link != dev)
            warn(Code::local_on_other_interface,
                 {{"local", to_string(local)}, {"interface", host->link}, {"dev", dev}});
    }

    /// What the kernel accepts as a peer and should not: addresses of this host and of its subnets'
    /// broadcasts. What can be seen without the host was refused when the peer was parsed.
    void check_peers() {
        if (!target_.flood_list || target_.flood_list->empty()) return;
        const auto& peers = *target_.flood_list;
        check_ways(peers);
        check_doubled_peers();
        const auto is_peer = [&](const IpAddress& address) { return has_entry_to(peers, address); };
        for (const auto* host : state_.host_addresses.near(peers.front().dst, peers.back().dst)) {
            const Prefix network = network_of(host->prefix);
            const IpAddress broadcast = broadcast_of(host->prefix);
            if (is_peer(host->prefix.address))
                refuse(Code::peer_is_own_address, {{"peer", to_string(host->prefix.address)}});
            for (const auto& address : {broadcast, network.address})
                if (has_broadcast(host->prefix) && is_peer(address))
                    refuse(Code::peer_is_broadcast, {{"peer", to_string(address)},
                                                     {"which", which_of(network, address)},
                                                     {"network", to_string(network)}});
            if (host->broadcast && *host->broadcast != broadcast && is_peer(*host->broadcast))
                refuse(Code::peer_is_broadcast, {{"peer", to_string(*host->broadcast)},
                                                 {"which", "broadcast"},
                                                 {"network", to_string(network)}});
        }
    }

    /// Those that are set: what else is in the list is there already.
    void check_doubled_peers() {
        if (!tunnel_.peers) return;
        const auto way = [](const FloodEntry& peer) {
            return peer.via.empty() ? std::string("without 'via'")
                                    : formatted("through '{}'", peer.via.str());
        };
        for (const auto& [plain, other, is_remote] : doubled_peers(*tunnel_.peers, target_.tunnel))
            if (!is_remote)
                refuse(Code::peer_reached_twice,
                       {{"peer", to_string(plain.dst)},
                        {"ways", formatted("{} and {}", way(plain), way(other))}});
    }

    /// The links that peers name.
    void check_ways(const std::vector<FloodEntry>& peers) {
        std::set<LinkName> known;
        for (const auto& peer : peers)
            if (!peer.via.empty() && known.insert(peer.via).second)
                require_link(formatted("peer {}", to_string(peer.dst)), peer.via.str());
    }

    void check_routers() {
        if (!target_.routers) return;
        for (const auto& entry : *target_.routers)
            for (const auto& host : state_.host_addresses)
                if (host.prefix.address == entry.router)
                    refuse(Code::router_is_own_address, {{"router", to_string(entry.router)}});
                else if (is_broadcast_of(host, entry.router))
                    refuse(Code::router_is_broadcast,
                           {{"router", to_string(entry.router)},
                            {"which", which_of(network_of(host.prefix), entry.router)},
                            {"network", to_string(network_of(host.prefix))}});
    }

    /// The outer addresses of the other ends, as far as the tunnel names them.
    std::vector<IpAddress> other_ends() const {
        std::vector<IpAddress> ends;
        if (target_.flood_list)
            for (const auto& entry : *target_.flood_list)
                ends.push_back(entry.dst);
        if (target_.routers)
            for (const auto& entry : *target_.routers)
                ends.push_back(entry.router);
        if (target_.tunnel.remote && !is_unspecified(*target_.tunnel.remote))
            ends.push_back(*target_.tunnel.remote);
        return ends;
    }

    /// With one of these inside, packets to the other end would stay on this host.
    void check_other_ends() {
        const auto ends = other_ends();
        for (const auto& inner : target_.addresses) {
            const auto& address = inner.prefix.address;
            const bool local = address == *target_.tunnel.local;
            if (local || std::find(ends.begin(), ends.end(), address) != ends.end())
                refuse(Code::inner_is_outer,
                       {{"inner", to_string(address)},
                        {"role", local ? "the local address" : "a peer's outer address"}});
        }
    }

    void check_mtu() {
        const auto wanted = target_.attributes.mtu;
        const Link* kept = replaces_ ? nullptr : have_;
        TunnelAttributes outer = target_.tunnel;
        // A change is held against the present lower device, stated or not (vxlan_change_mtu()).
        if (wanted && outer.kind == TunnelKind::vxlan && !outer.dev && kept != nullptr &&
            wanted != kept->attributes.mtu)
            outer.dev = kept->tunnel.dev;
        const auto limit = mtu_limit(outer, state_);
        const auto taken = overhead(target_.tunnel);
        const std::string dev = outer.dev.value_or("");
        constexpr std::uint32_t least_ipv6_mtu = 1280;
        const auto inner_ipv6 = std::find_if(
            target_.addresses.begin(), target_.addresses.end(),
            [](const auto& address) { return address.prefix.address.family == Family::ipv6; });
        // A new VXLAN gets what its underlay interface leaves.
        const auto then =
            wanted || kept != nullptr || outer.kind != TunnelKind::vxlan || dev.empty() ? wanted
                                                                                        : limit;
        if (then && inner_ipv6 != target_.addresses.end() && *then < least_ipv6_mtu)
            refuse(Code::mtu_below_ipv6, {{"mtu", *then},
                                          {"least", least_ipv6_mtu},
                                          {"what", "address " + to_string(inner_ipv6->prefix)}});
        const bool stays = kept != nullptr && kept->attributes.mtu == wanted;
        if (wanted && limit && *wanted > *limit && !stays)
            refuse(dev.empty() ? Code::mtu_over_kernels_limit : Code::mtu_over_limit,
                   {{"mtu", *wanted},
                    {"limit", *limit},
                    {"dev", dev},
                    {"lower", *limit + taken},
                    {"overhead", taken}});
        const bool is_corrected = // by the kernel, which computes it anew with the lower device
            have_ != nullptr && target_.tunnel.dev && target_.tunnel.dev != have_->tunnel.dev;
        const auto current = kept != nullptr ? kept->attributes.mtu : std::nullopt;
        if ((!wanted || stays) && !is_corrected && current && limit && *current > *limit &&
            !dev.empty())
            warn(Code::mtu_too_large_now, {{"mtu", *current}, {"dev", dev}, {"limit", *limit}});
    }

    /// vxlan_config_validate() in drivers/net/vxlan/vxlan_core.c.
    void check_label() {
        const auto& stated = tunnel_.tunnel;
        if (stated.kind == TunnelKind::vxlan && stated.label.value_or(0) != 0 && stated.local &&
            stated.local->family == Family::ipv4)
            refuse(Code::label_over_ipv4, {{"local", to_string(*stated.local)}});
    }

    void check_vni() {
        if (have_ != nullptr && !replaces_) return;
        const auto& wanted = target_.tunnel;
        for (const auto& name : exclusive_links(wanted, tunnel_.name, state_))
            refuse(Code::vni_in_use,
                   {{"vni", *wanted.vni}, {"port", *wanted.port}, {"interface", name}});
    }

    void check_ends() {
        for (const auto& name : exclusive_links(target_.tunnel, tunnel_.name, state_))
            refuse(Code::ends_in_use, {{"interface", name}});
    }

    void check_vrf() {
        const std::string vrf = tunnel_.link.vrf.value_or("");
        if (vrf.empty() || state_.alternative_names.contains(vrf)) return;
        const Link* link = find_link(state_, vrf);
        if (link == nullptr)
            refuse(Code::vrf_missing, {{"vrf", vrf}});
        else if (link->kind != "vrf")
            refuse(Code::not_a_vrf, {{"vrf", vrf}, {"kind", kind_in_words(*link)}});
        else if (!link->attributes.up.value_or(true))
            warn(Code::vrf_down, {{"vrf", vrf}});
    }

    /// In effect is the larger of the two numbers (IN_DEV_RPFILTER in linux/inetdevice.h).
    void check_rp_filter() {
        const auto wanted = tunnel_.link.rp_filter;
        const auto all = state_.settings.all_rp_filter;
        if (!wanted || !all || *all <= *wanted) return;
        refuse(Code::rp_filter_has_no_effect,
               {{"wanted", to_string(*wanted)},
                {"number", static_cast<int>(*all)},
                {"all", to_string(*all)},
                {"possible", *all == RpFilter::strict ? "strict or loose" : "loose"},
                {"lower", static_cast<int>(*wanted)}});
    }

    /// That something else than the tunnel needs.
    void require_link(std::string_view whose, const std::string& name) {
        if (const auto other = state_.alternative_names.find(name);
            other != state_.alternative_names.end())
            refuse(Code::alternative_name, {{"name", name}, {"interface", other->second}});
        else if (find_link(state_, name) == nullptr)
            refuse(Code::interface_missing, {{"whose", whose}, {"interface", name}});
    }

    void check_forwarding() {
        for (const auto& device : tunnel_.forward_from.value_or(std::vector<std::string>{}))
            if (device == tunnel_.name)
                refuse(Code::forward_from_itself);
            else
                require_link("forward_from", device);
        const auto is_ipv6 = [](const IpAddress& address) {
            return address.family == Family::ipv6 && !is_link_local(address);
        };
        const bool carries_ipv6 =
            std::any_of(target_.addresses.begin(), target_.addresses.end(),
                        [&](const Address& inner) { return is_ipv6(inner.prefix.address); }) ||
            std::any_of(target_.routes.begin(), target_.routes.end(),
                        [&](const Route& route) { return is_ipv6(route.to.address); });
        if (tunnel_.link.forward == true && carries_ipv6 &&
            state_.settings.ipv6_forwarding == false)
            warn(Code::ipv6_not_forwarded);
    }

    void check_routes() {
        for (const auto& route : target_.missing_routes_elsewhere)
            require_link(formatted("route {}", to_string(route.to)), route.dev);
        if (tunnel_.overrides_default_route) return;
        for (const auto& route : new_routes_)
            if (const Route* other = default_route_beside(route)) {
                refuse(Code::default_route_exists, {{"interface", other->dev}});
                if (same_route_key(route, *other))
                    plan_.errors.back().more.emplace_back(Code::another_metric_needed);
                return; // once is enough
            }
    }

    /// ipip6_tunnel_xmit() in net/ipv6/sit.c.
    void check_next_hops() {
        if (!target_.tunnel.isatap.value_or(false)) return;
        for (const auto& route : target_.routes)
            if (route.via && !is_isatap_address(*route.via))
                warn(Code::next_hop_not_isatap,
                     {{"route", to_string(route.to)}, {"gateway", to_string(*route.via)}});
    }

    /// One out of another link, beside which this one would come without being asked for. One that
    /// we had before, and that a flap took, is not new.
    const Route* default_route_beside(const Route& route) const {
        if (route.to.length != 0) return nullptr;
        const Record* record = find_record(state_, have_);
        if (record != nullptr && find_route(Routes(record->routes), route) != nullptr)
            return nullptr;
        for (const Route* present : state_.routes.defaults())
            if (present->to == route.to && present->table == route.table &&
                present->dev != tunnel_.name && !present->dev.empty())
                return present;
        return nullptr;
    }

    /// A route beside one of the same destination, table and metric would share its traffic.
    void check_route_conflicts() {
        const Routes surplus(target_.surplus_routes), elsewhere(target_.surplus_routes_elsewhere),
            leaving(target_.leaving_routes);
        const auto is_surplus = [&](const Route& route) {
            const auto in = [&](const Routes& routes) {
                const auto others = routes.beside(route);
                return std::any_of(others.begin(), others.end(),
                                   [&](const Route* other) { return route.via == other->via; });
            };
            return in(surplus) || in(elsewhere) || in(leaving);
        };
        for (const auto& route : new_routes_) {
            const std::string dev = route.dev.empty() ? tunnel_.name : route.dev;
            const Link* out = find_link(state_, dev);
            if (out != nullptr && !(out == have_ && replaces_))
                for (const Route* present : out->routes.beside(route))
                    if (!is_surplus(*present)) refuse_beside(route, *present, dev);
            if (!tunnel_.overrides_default_route && default_route_beside(route) != nullptr)
                continue;
            for (const Route* present : state_.routes.beside(route))
                if (present->dev != dev && !is_surplus(*present))
                    refuse_beside(route, *present, present->dev);
        }
    }

    void refuse_beside(const Route& route, const Route& present, const std::string& dev) {
        refuse(Code::route_exists, {{"route", to_string(route.to)},
                                    {"interface", dev},
                                    {"whose", text_of(present.protocol == our_protocol
                                                          ? Code::another_tunnel_may_need_it
                                                          : Code::made_by_another_program)}});
    }

    /// Of the stated routes those that are not there yet.
    std::vector<Route> new_routes() const {
        std::vector<Route> routes = target_.missing_routes_elsewhere;
        for (const auto& route : target_.routes)
            if (have_ == nullptr || !have_->routes.contains(route)) routes.push_back(route);
        return routes;
    }

    void check_master() {
        const std::string master = tunnel_.link.master.value_or("");
        if (master.empty()) return;
        if (master == tunnel_.name)
            refuse(Code::master_is_tunnel, {{"master", master}});
        else if (state_.alternative_names.contains(master))
            return;
        else if (const Link* link = find_link(state_, master); link == nullptr)
            refuse(Code::master_missing, {{"master", master}});
        else if (link->kind != "bridge" && link->kind != "bond" && link->kind != "team" &&
                 link->kind != "openvswitch")
            refuse(Code::master_not_a_bridge, {{"master", master}, {"kind", kind_in_words(*link)}});
        else if (is_carried_by(target_.tunnel.dev.value_or(""), *link, state_))
            refuse(Code::master_below, {{"master", master}, {"dev", *target_.tunnel.dev}});
    }

    /// IPv6 knows an address once per link, whatever its prefix length (ipv6_chk_same_addr()).
    void check_prefix_conflicts() {
        if (have_ == nullptr || replaces_) return;
        for (const auto& wanted : target_.addresses)
            for (const auto& present : have_->addresses) {
                const bool goes = std::any_of(
                    target_.surplus_addresses.begin(), target_.surplus_addresses.end(),
                    [&](const Address& other) { return same_identity(other, present); });
                if (wanted.prefix.address.family == Family::ipv6 && !goes &&
                    wanted.prefix.address == present.prefix.address &&
                    wanted.prefix.length != present.prefix.length)
                    refuse(Code::address_has_other_length,
                           {{"address", to_string(wanted.prefix)},
                            {"present", to_string(present.prefix)}});
            }
    }

    void check_duplicate_addresses() {
        for (const auto& address : have_ != nullptr ? have_->addresses : std::vector<Address>{})
            if ((address.flags & IFA_F_DADFAILED) != 0)
                warn(Code::address_is_duplicate, {{"address", to_string(address.prefix)}});
    }

    void check_alias() {
        constexpr std::size_t limit = 255; // IFALIASZ - 1
        if (const auto size = target_.attributes.alias.value_or("").size(); size > limit)
            refuse(Code::alias_too_long, {{"bytes", size}, {"most", limit}});
    }

    /// An inner prefix makes a route into the tunnel. Refused is one that would take traffic which
    /// must go outside of it.
    void check_overlap() {
        std::optional<Outside> made; // most runs need none
        const auto outside = [&]() -> const Outside& {
            // Those of a VXLAN are looked up when the plan is made, see outer_way.h.
            const bool has_dev = target_.tunnel.kind == TunnelKind::vxlan ||
                                 !target_.tunnel.dev.value_or("").empty();
            if (!made)
                made.emplace(
                    OuterTraffic{tunnel_.name, *target_.tunnel.local, has_dev, other_ends()},
                    state_);
            return *made;
        };
        for (const auto& wanted : target_.addresses) {
            if (have_ != nullptr && has_address(*have_, wanted.prefix)) continue;
            const Prefix inner = network_of(wanted.prefix);
            if (inner.length == full_length(inner.address.family)) continue;
            const auto moves = what_moves(inner, outside());
            if (moves.empty()) continue;
            refuse(Code::address_draws_traffic, {{"address", to_string(wanted.prefix)},
                                                 {"prefix", to_string(inner)},
                                                 {"traffic", joined(moves, ", ")}});
        }
        for (const auto& route : new_routes_) {
            // A default route beside another one is judged by check_routes().
            if (!route.dev.empty() || route.table != main_table) continue;
            const auto moves = what_moves(route.to, outside());
            if (!moves.empty())
                refuse(Code::route_draws_traffic,
                       {{"route", to_string(route.to)}, {"traffic", joined(moves, ", ")}});
        }
    }

    static std::vector<std::string> what_moves(const Prefix& inner, const Outside& outside) {
        std::vector<std::string> moves;
        for (auto& drawn : outside.drawn_into(inner))
            moves.push_back(std::move(drawn.text));
        return moves;
    }

    const Tunnel& tunnel_;
    const LinkTarget& target_;
    const Link* have_;
    bool replaces_;
    const State& state_;
    const PlanOptions& options_;
    TunnelPlan& plan_;
    std::vector<Route> new_routes_;
};

} // namespace

void preflight(const Tunnel& tunnel, const LinkTarget& target, const Link* have, bool replaces,
               const State& state, const PlanOptions& options, TunnelPlan& plan) {
    Preflight(tunnel, target, have, replaces, state, options, plan).run();
}

} // namespace vxlanctl
