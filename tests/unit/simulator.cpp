#include "simulator.h"

#include "told.h"
#include "vxlanctl/base/overloaded.h"
#include "vxlanctl/plan/describe.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/preflight.h"
#include "vxlanctl/plan/steps.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/rtnetlink.h>
#include <tuple>

namespace vxlanctl::test {
namespace {

constexpr int first_free_index = 100;

bool is_ipv4(const Address& address) {
    return address.prefix.address.family == Family::ipv4;
}

bool same_subnet(const Address& one, const Address& other) {
    return one.prefix.length == other.prefix.length &&
           network_of(one.prefix) == network_of(other.prefix);
}

class Kernel {
public:
    explicit Kernel(State& state) : state_(state) {}

    std::string operator()(const CreateLink& op) {
        if (find(op.link) != nullptr) return "EEXIST: the name";
        if (!has_lower(op.tunnel)) return "ENODEV: the lower device";
        const TunnelKind kind = op.tunnel.kind;
        for (const auto& link : state_.links) {
            if (!is_tunnel(link) || link.tunnel.kind != kind) continue;
            if (kind == TunnelKind::vxlan && link.tunnel.vni == op.tunnel.vni &&
                link.tunnel.port == op.tunnel.port &&
                link.tunnel.local->family == op.tunnel.local->family)
                return "EEXIST: the VNI";
            if (kind != TunnelKind::vxlan && link.tunnel.local == op.tunnel.local &&
                link.tunnel.remote == op.tunnel.remote && link.tunnel.dev == op.tunnel.dev)
                return "EEXIST: the ends";
        }
        if (kind_of(kind).changes_whole)
            for (const auto& row : tunnel_attributes(kind))
                if (!is_stated(op.tunnel, row)) return fmt::format("{} is missing", row.name);
        Link link;
        link.index = first_free_index;
        for (const auto& other : state_.links)
            link.index = std::max(link.index, other.index + 1);
        link.name = op.link;
        link.kind = kind_of(kind).name;
        TunnelAttributes defaults;
        defaults.kind = kind;
        defaults.remote = IpAddress{op.tunnel.local->family, {}};
        defaults.dev = "";
        for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
            if (!row.reset.empty()) (void)set_value(defaults, row, row.reset);
        link.tunnel = merged(defaults, op.tunnel);
        LinkAttributes attributes;
        attributes.mac = MacAddress{{2, 0, 0, 0, 0, static_cast<std::uint8_t>(link.index)}};
        attributes.master = "";
        attributes.vrf = "";
        attributes.group = 0;
        attributes.txqlen = 1000;
        attributes.up = false;
        attributes.promote_secondaries = false;
        attributes.rp_filter = state_.settings.of_new_links.rp_filter;
        attributes.forward = state_.settings.of_new_links.forward;
        attributes.alias = "";
        if (port_part(op.attributes) != LinkAttributes{}) return "no port can be made with that";
        link.attributes = merged(attributes, op.attributes);
        become_port(link);
        const std::uint32_t limit = *mtu_limit(link.tunnel, state_);
        if (!op.attributes.mtu)
            link.attributes.mtu = link.tunnel.dev->empty() ? kind_of(kind).mtu : limit;
        link.attributes.mtu = std::min(*link.attributes.mtu, limit);
        state_.links.push_back(std::move(link));
        return "";
    }

    std::string operator()(const ChangeLink& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        const bool heeds_lower = link->tunnel.kind == TunnelKind::vxlan; // vxlan_change_mtu()
        if (op.changed.mtu && heeds_lower && *op.changed.mtu > *mtu_limit(link->tunnel, state_))
            return "EINVAL: mtu";
        if (op.changed.vrf && op.changed.vrf != link->attributes.vrf && *link->attributes.up) {
            std::erase_if(link->addresses,
                          [](const Address& address) { return !is_ipv4(address); });
            std::erase_if(link->macs,
                          [](const MacEntry& entry) { return entry.origin == FdbOrigin::learned; });
            link->routes.clear();
            link->neighbours.clear();
        }
        if (op.changed.mac && op.changed.mac != link->attributes.mac) link->neighbours.clear();
        if (op.changed.bridge_pvid.has_value() != op.changed.bridge_vlans.has_value())
            return "VLANs by halves";
        if (op.changed.master && op.changed.master != link->attributes.master) {
            link->attributes.master = op.changed.master;
            become_port(*link);
        }
        if (port_part(op.changed) != LinkAttributes{} && !link->attributes.bridge_learning)
            return "EINVAL: it is no port of a bridge";
        link->attributes = merged(link->attributes, op.changed);
        return "";
    }

    std::string operator()(const ChangeTunnel& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        if (kind_of(op.changed.kind).changes_whole) return change_whole(*link, op.changed);
        for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
            if (row.mutability == Mutability::create_only && is_stated(op.changed, row))
                return fmt::format("EOPNOTSUPP: {} is merely present", row.name);
        if (!has_lower(op.changed)) return "ENODEV: the lower device";
        TunnelAttributes changed = op.changed;
        if (changed.local && changed.local->family != link->tunnel.local->family)
            return "EOPNOTSUPP: the family";
        if (changed.dev && changed.dev->empty()) changed.dev.reset(); // accepted and ignored
        if (changed.remote && is_unspecified(*changed.remote) &&
            !is_unspecified(*link->tunnel.remote))
            std::erase(link->flood_list,
                       FloodEntry{*link->tunnel.remote, {}, {}, *link->tunnel.dev});
        link->tunnel = merged(link->tunnel, changed);
        const auto limit = mtu_limit(link->tunnel, state_);
        if (limit && *link->attributes.mtu > *limit) link->attributes.mtu = limit;
        return "";
    }

    std::string operator()(const RenameLink& op) {
        if (find(op.to) != nullptr) return "EEXIST: the name";
        Link* link = find(op.link); // the last look before the name changes
        if (link == nullptr) return "ENODEV";
        if (*link->attributes.up) return "EBUSY";
        if (!link->addresses.empty()) return "the kernel would give labels to the addresses";
        link->name = op.to;
        return "";
    }

    std::string operator()(const DeleteLink& op) {
        const Link* gone = find(op.link);
        if (gone == nullptr) return "ENODEV";
        state_.host_addresses.erase_if(
            [index = gone->index](const HostAddress& host) { return host.link_index == index; });
        std::vector<std::string> uppers;
        for (const auto& link : std::as_const(state_.links))
            if (is_tunnel(link) && link.tunnel.dev == op.link && goes_with_lower(link.kind))
                uppers.push_back(link.name);
        for (const auto& upper : uppers)
            (*this)(DeleteLink{upper});
        auto& links = state_.links;
        for (auto& link : links)
            if (is_tunnel(link) && link.tunnel.dev == op.link)
                link.tunnel.dev = no_link(link.lower_index);
        links.erase(op.link);
        return "";
    }

    std::string operator()(const Add<FloodEntry>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        for (const auto& entry : op.objects)
            if (!is_shadowed(*link, entry) &&
                std::find(link->flood_list.begin(), link->flood_list.end(), entry) ==
                    link->flood_list.end())
                link->flood_list.push_back(entry);
        std::sort(link->flood_list.begin(), link->flood_list.end());
        link->flood_state = op.manner.state;
        link->flood_flags = op.manner.flags;
        return "";
    }

    template<class Object> std::string operator()(const Add<Object>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        auto& list = link->*ObjectTraits<Object>::of_link;
        for (const auto& object : op.objects)
            if (std::find(list.begin(), list.end(), object) == list.end()) list.push_back(object);
        std::sort(list.begin(), list.end());
        return "";
    }
    template<class Object> std::string operator()(const Remove<Object>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        for (const auto& object : op.objects)
            std::erase(link->*ObjectTraits<Object>::of_link, object);
        return "";
    }

    std::string operator()(const Add<PrlEntry>& op) {
        Link* link = find(op.link);
        if (link == nullptr || !link->tunnel.isatap.value_or(false)) return "EINVAL: no ISATAP";
        for (const auto& entry : op.objects) {
            if (router_in(*link, entry) != link->routers.end()) return "EEXIST";
            link->routers.push_back(entry);
        }
        std::sort(link->routers.begin(), link->routers.end());
        return "";
    }
    std::string operator()(const Change<PrlEntry>& op) {
        Link* link = find(op.link);
        for (const auto& entry : op.objects) {
            const auto found = router_in(*link, entry);
            if (found == link->routers.end()) return "ENXIO";
            *found = entry;
        }
        return "";
    }
    std::string operator()(const Remove<PrlEntry>& op) {
        Link* link = find(op.link);
        for (const auto& entry : op.objects) {
            const auto found = router_in(*link, entry);
            if (found == link->routers.end()) return "ENXIO";
            link->routers.erase(found);
        }
        return "";
    }
    std::string operator()(const Add<Rule>& op) {
        for (const auto& rule : state_.rules)
            if (fulfils(rule, op.object())) return "EEXIST";
        state_.rules.push_back(op.object());
        if (!op.object().priority) state_.rules.back().priority = 32765;
        return "";
    }
    std::string operator()(const SetForwarding& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        if (link->attributes.forward == op.on) return "nothing to set";
        link->attributes.forward = op.on;
        return "";
    }
    std::string operator()(const Remove<Rule>& op) {
        return std::erase(state_.rules, op.object()) == 0 ? "ENOENT" : "";
    }

    std::string operator()(const Add<Address>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        for (auto& address : link->addresses) {
            if (same_identity(address, op.object())) return "";
            if (!is_ipv4(address) && address.prefix.address == op.object().prefix.address)
                return "EEXIST: the address with another length";
        }
        link->addresses.push_back(op.object());
        state_.host_addresses.push_back(
            {op.object().prefix, op.object().broadcast, link->index, link->name});
        return "";
    }

    std::string operator()(const Remove<Address>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        auto& list = link->addresses;
        const auto found = std::find_if(list.begin(), list.end(), [&](const Address& address) {
            return same_identity(address, op.object());
        });
        if (found == list.end()) return "EADDRNOTAVAIL";
        const Address gone = *found;
        const bool primary = std::none_of(list.begin(), found, [&](const Address& address) {
            return same_subnet(address, gone);
        });
        list.erase(found);
        if (is_ipv4(gone) && primary && !*link->attributes.promote_secondaries)
            std::erase_if(list, [&](const Address& address) { return same_subnet(address, gone); });
        state_.host_addresses.erase_if([&](const HostAddress& host) {
            return host.link_index == link->index && !has_address(*link, host.prefix);
        });
        if (is_ipv4(gone) && std::none_of(list.begin(), list.end(), is_ipv4)) {
            link->routes.erase_if(
                [](const Route& route) { return route.to.address.family == Family::ipv4; });
            std::erase_if(link->neighbours, [](const Neighbour& neighbour) {
                return neighbour.address.family == Family::ipv4;
            });
        }
        return "";
    }

    std::string operator()(const Add<Route>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        if (!*link->attributes.up) return "ENETDOWN";
        for (const auto& route : std::as_const(link->routes))
            if (route.to == op.object().to && route.table == op.object().table &&
                route.metric == op.object().metric && !op.manner.beside && route != op.object())
                return "EEXIST: the route";
        if (!link->routes.contains(op.object())) link->routes.push_back(op.object());
        link->routes.sort();
        return "";
    }
    std::string operator()(const Remove<Route>& op) {
        Link* link = find(op.link);
        if (link == nullptr) return "ENODEV";
        link->routes.erase_if([&](const Route& route) { return route == op.object(); });
        return "";
    }

private:
    /// What a new port has, and what no port has.
    void become_port(Link& link) {
        const Link* bridge = find(*link.attributes.master);
        link.attributes = without_port_part(link.attributes);
        if (bridge == nullptr || bridge->kind != "bridge") return;
        LinkAttributes& port = link.attributes;
        port.bridge_learning = true;
        port.bridge_unicast_flood = port.bridge_multicast_flood = port.bridge_broadcast_flood =
            true;
        port.bridge_neigh_suppress = port.bridge_isolated = port.bridge_hairpin = false;
        port.bridge_guard = port.bridge_root_block = port.bridge_fastleave = false;
        port.bridge_mcast_to_unicast = port.bridge_vlan_tunnel = false;
        port.bridge_priority = std::uint16_t{32};
        port.bridge_group_fwd_mask = std::uint16_t{0};
        port.bridge_mcast_router = std::uint8_t{1};
        port.bridge_pvid = bridge->default_pvid;
        port.bridge_vlans = VlanList{};
    }

    Link* find(const std::string& name) { return state_.links.find(name); }

    bool has_lower(const TunnelAttributes& tunnel) {
        return tunnel.dev.value_or("").empty() || find(*tunnel.dev) != nullptr;
    }

    static std::vector<PrlEntry>::iterator router_in(Link& link, const PrlEntry& wanted) {
        return std::find_if(link.routers.begin(), link.routers.end(),
                            [&](const PrlEntry& entry) { return entry.router == wanted.router; });
    }

    /// The kernel resets what the message leaves out, and ignores a changed flag.
    std::string change_whole(Link& link, const TunnelAttributes& changed) {
        const auto isatap = link.tunnel.isatap;
        link.tunnel = TunnelAttributes{};
        link.tunnel.kind = changed.kind;
        link.tunnel = merged(link.tunnel, changed);
        link.tunnel.isatap = isatap;
        link.attributes.mtu =
            link.tunnel.dev->empty() ? kind_of(changed.kind).mtu : *mtu_limit(link.tunnel, state_);
        return "";
    }

    /// The default remote's own entry, which the state leaves out of the list.
    static bool is_shadowed(const Link& link, const FloodEntry& entry) {
        return !is_unspecified(*link.tunnel.remote) &&
               entry == FloodEntry{*link.tunnel.remote, {}, {}, *link.tunnel.dev};
    }

    State& state_;
};

std::string route_words(const Route& route) {
    return to_string(route.to) + (route.via ? " via " + to_string(*route.via) : "");
}

template<class Entries> std::string joined(const Entries& entries) {
    std::vector<std::string> texts;
    for (const auto& entry : entries)
        if constexpr (std::is_same_v<std::decay_t<decltype(entry)>, FloodEntry>)
            texts.push_back(to_string(entry.dst) +
                            (entry.via.empty() ? "" : "@" + entry.via.str()));
        else if constexpr (std::is_same_v<std::decay_t<decltype(entry)>, PrlEntry>)
            texts.push_back(to_string(entry.router) + (entry.is_default ? "" : "(no default)"));
        else
            texts.push_back(to_string(entry.mac));
    return fmt::format("{}", fmt::join(texts, " "));
}

std::string changes_text(const Step& step) {
    std::vector<std::string> texts;
    for (const auto& change : step.changes)
        texts.push_back(to_string(change));
    return fmt::format("{}", fmt::join(texts, ", "));
}

} // namespace

std::string simulate(State& state, const Step& step) {
    return std::visit(Kernel(state), step.operation);
}

State after(const Config& config, State state, const PlanOptions& options) {
    const Plan whole = plan(config, state, options);
    for (const auto& tunnel : whole.tunnels) {
        for (const auto& error : tunnel.errors)
            UNSCOPED_INFO(told(error));
        REQUIRE(tunnel.errors.empty());
        for (const auto& step : tunnel.steps)
            REQUIRE(simulate(state, step) == "");
        if (tunnel.mark)
            state.records[tunnel.mark->id] = with_peers(tunnel.record, *tunnel.wish, state);
    }
    return state;
}

Link& link_in(State& state, const std::string& name) {
    const Link* const link = find_link(state, name);
    REQUIRE(link != nullptr);
    return const_cast<Link&>(*link);
}

std::vector<std::string> rendered(const std::vector<Step>& steps) {
    std::vector<std::string> lines;
    for (const auto& step : steps)
        lines.push_back(std::visit(
            Overloaded{
                [&](const CreateLink& op) {
                    if (op.tunnel.kind != TunnelKind::vxlan)
                        return fmt::format("create {} {}", op.link, kind_of(op.tunnel.kind).name);
                    return fmt::format("create {} vni {} port {}", op.link, *op.tunnel.vni,
                                       *op.tunnel.port);
                },
                [&](const ChangeLink& op) {
                    return "change " + op.link + ": " +
                           (step.changes.empty() ? "up" : changes_text(step));
                },
                [&](const ChangeTunnel& op) {
                    return "change " + op.link + ": " + changes_text(step);
                },
                [](const RenameLink& op) { return "rename " + op.link + " to " + op.to; },
                [](const DeleteLink& op) { return "delete " + op.link; },
                [](const SetForwarding& op) {
                    return fmt::format("{} {}", op.on ? "forward from" : "do not forward from",
                                       op.link);
                },
                [](const Add<Address>& op) { return "add " + to_string(op.object().prefix); },
                [](const Remove<Address>& op) { return "remove " + to_string(op.object().prefix); },
                [](const Add<Route>& op) {
                    return (op.manner.beside ? "append route " : "add route ") +
                           route_words(op.object());
                },
                [](const Remove<Route>& op) { return "remove route " + route_words(op.object()); },
                [&]<class Operation>(const Operation& op) {
                    if constexpr (requires { op.objects.capacity(); }) {
                        const Description told = describe(step);
                        return fmt::format("{} {} {}", told.verb, told.key, joined(op.objects));
                    } else {
                        return imperative(step, 0);
                    }
                },
            },
            step.operation));
    return lines;
}

State host_state() {
    State state;
    for (const auto& [index, name, mtu, kind] :
         {std::tuple{2, "eth0", 9001U, ""}, std::tuple{3, "eth1", 1500U, ""},
          std::tuple{4, "br0", 1500U, "bridge"}, std::tuple{5, "vrf1", 65575U, "vrf"},
          std::tuple{6, "br1", 1500U, "bridge"}}) {
        Link link;
        link.index = index;
        link.name = name;
        link.kind = kind;
        if (link.kind == "vrf") link.vrf_table = 100;
        if (link.name == "br1") link.default_pvid = 7;
        link.attributes.mtu = mtu;
        link.attributes.up = true;
        link.carrier = true;
        link.attributes.rp_filter = RpFilter::strict;
        link.attributes.forward = false;
        state.links.push_back(link);
    }
    state.settings.of_new_links.rp_filter = RpFilter::strict;
    state.settings.of_new_links.forward = false;
    state.settings.all_rp_filter = RpFilter::off;
    state.settings.ipv6_forwarding = false;
    for (const char* text : {"172.21.0.100/24", "2001:db8:21::100/64"}) {
        const auto prefix = parse_prefix(text).value();
        state.host_addresses.push_back({prefix, std::nullopt, 2, "eth0"});
    }
    return state;
}

} // namespace vxlanctl::test
