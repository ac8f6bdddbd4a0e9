#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/plan/doubled_peers.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/model/attributes.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/preflight.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>

namespace vxlanctl {
namespace {

constexpr std::uint16_t script_port = 8472;
constexpr int strict = 1, loose = 2; // rp_filter

constexpr auto infos = std::to_array<CheckInfo>({
    {"link", "a link that is not there or is down carries nothing"},
    {"vni", "the kernel takes a VNI on a port once, whatever the local address or lower device"},
    {"lower_device", "packets to the other ends leave by the lower device"},
    {"local_address", "packets from an address that the host does not have vanish"},
    {"port", "8472 is what the kernel takes where no port is stated, as old scripts do; SORACOM "
             "listens on 4789"},
    {"peers", "broadcast, ARP above all, goes to the flood list alone"},
    {"flood_list", "a peer in the list twice gets each broadcast twice"},
    {"rules", "what was set for the tunnel has to be there still"},
    {"routers", "nothing from behind a router is accepted unless it is in the PRL"},
    {"default_route", "the kernel takes the router's IPv4 address out of the next hop, which has "
                      "to be an ISATAP address"},
    {"route", "the other ends answer only what reaches them, from the local address"},
    {"overlap", "an inner prefix makes a route into the tunnel, which may take what has to go "
                "outside of it"},
    {"vrf", "the tunnel's socket belongs to the VRF that its lower device was in when the link "
            "was set up"},
    {"mtu", "packets that do not fit are dropped or fragmented: small ones pass, large ones hang"},
    {"path_mtu", "packets that do not fit are dropped on the way: small ones pass, large ones "
                 "hang"},
    {"rp_filter", "strict reverse path filtering drops packets that come in by another device "
                  "than answers would go out by"},
    {"forwarding", "a gateway forwards, which is decided on the device that a packet comes in by"},
    {"firewall", "the other ends' packets have to pass this host's firewall"},
    {"macs", "the link learns behind which peer a MAC address is from what comes back"},
    {"pins", "a pinned MAC address stays behind its peer when another one takes over"},
    {"manager", "a service that manages the link takes away what it does not know of"},
    {"probe", "an answer to ARP proves that broadcast and unicast pass both ways"},
    {"networkd", "systemd-networkd removes routes and rules that it did not make, unless told "
                 "otherwise"},
    {"cloud", "it cannot be seen from here, and stops traffic all the same"},
});

std::string_view why_of(std::string_view name) {
    const auto found = std::find_if(infos.begin(), infos.end(),
                                    [&](const CheckInfo& info) { return info.name == name; });
    return found == infos.end() ? std::string_view{} : found->why;
}

/// One check while it is made: the gravest verdict counts, and says what was found.
class Check {
public:
    Check(std::string tunnel, std::string_view name) : tunnel_(std::move(tunnel)), name_(name) {}

    void pass(Code found, Values values = {}) {
        add(Verdict::pass, Message(found, "", std::move(values)), "");
    }
    void warn(Code found, Values values = {}, std::string remedy = "") {
        add(Verdict::warn, Message(found, "", std::move(values)), std::move(remedy));
    }
    void fail(Code found, Values values, std::string remedy) {
        fail(Message(found, "", std::move(values)), std::move(remedy));
    }
    void fail(Message found, std::string remedy) {
        add(Verdict::fail, std::move(found), std::move(remedy));
    }
    void warn(Message found) { add(Verdict::warn, std::move(found), ""); }

    Verdict verdict() const { return verdict_; }
    std::string_view name() const { return name_; }
    const std::vector<Message>& founds() const { return founds_; }
    Finding finding() const {
        return {tunnel_, std::string(name_),         verdict_,
                founds_, std::string(why_of(name_)), joined(remedies_, " && ")};
    }

private:
    void add(Verdict verdict, Message found, std::string remedy) {
        if (verdict < verdict_) return;
        if (verdict > verdict_) founds_.clear(), remedies_.clear();
        verdict_ = verdict;
        founds_.push_back(std::move(found));
        if (!remedy.empty() && !is_in(remedies_, remedy)) remedies_.push_back(std::move(remedy));
    }

    std::string tunnel_;
    std::string_view name_;
    Verdict verdict_ = Verdict::pass;
    std::vector<Message> founds_;
    std::vector<std::string> remedies_;
};

std::string q(std::string_view text) {
    return shell_quoted(text);
}

std::string dev_of(const Link& link) {
    return link.tunnel.dev.value_or("");
}

bool is_isatap(const Link& link) {
    return link.tunnel.isatap.value_or(false);
}

std::optional<IpAddress> local_of(const Link& link) {
    return link.tunnel.local && !is_unspecified(*link.tunnel.local) ? link.tunnel.local
                                                                    : std::nullopt;
}

std::string family_option(const IpAddress& address) {
    return address.family == Family::ipv6 ? " -6" : "";
}

/// `ip route add 10.0.0.0/8 via 192.0.2.1 dev eth0 table 101 metric 5`
std::string route_command(std::string_view verb, const Route& route, const std::string& dev) {
    std::string text =
        formatted("ip{} route {} {}", family_option(route.to.address), verb, to_string(route.to));
    if (route.via) text += formatted(" via {}", to_string(*route.via));
    text += " dev " + q(dev);
    if (route.table != main_table && route.table != 0) text += formatted(" table {}", route.table);
    if (route.metric != 0) text += formatted(" metric {}", route.metric);
    return text;
}

std::string rule_command(const Rule& rule) {
    std::string text =
        formatted("ip{} rule add", family_option((rule.from ? rule.from : rule.to)->address));
    if (rule.from) text += " from " + to_string(*rule.from);
    if (rule.to) text += " to " + to_string(*rule.to);
    if (rule.priority) text += formatted(" priority {}", *rule.priority);
    return text + formatted(" table {}", rule.table);
}

/// The command that changes an entry of the flood list, all of its identity included.
std::string flood_command(std::string_view verb, const std::string& link, const FloodEntry& entry) {
    std::string text = formatted("bridge fdb {} 00:00:00:00:00:00 dev {} dst {}", verb, q(link),
                                 to_string(entry.dst));
    if (entry.port) text += formatted(" port {}", *entry.port);
    if (entry.vni) text += formatted(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += " via " + q(entry.via.str());
    return text;
}

/// `sysctl` takes a link's name with dots only between slashes.
std::string sysctl_command(const std::string& link, std::string_view name, int value) {
    return "sysctl -w " + q(formatted("net/ipv4/conf/{}/{}={}", link, name, value));
}

/// Names the first few of many.
std::string first_of(const std::vector<std::string>& all) {
    constexpr std::size_t most = 3;
    if (all.size() <= most + 1) return joined(all, ", ");
    return formatted("{} and {} more", fmt::join(all.begin(), all.begin() + most, ", "),
                     all.size() - most);
}

std::string table_text(std::uint32_t table) {
    return table == main_table ? "main" : std::to_string(table);
}

/// The IPv4 address that an ISATAP address has in it.
std::optional<IpAddress> router_in(const IpAddress& address) {
    if (!is_isatap_address(address)) return std::nullopt;
    return address_from_wire(std::span(address.bytes).subspan(12));
}

// What the state alone shows.

void check_up(Check& check, const Link& link) {
    if (link.tunnel.kind == TunnelKind::ip6tnl && link.tunnel.external.value_or(false))
        check.warn(Code::link_external, {}, "vxlanctl ipip6 up --help");
    if (link.attributes.up.value_or(false))
        check.pass(Code::link_up);
    else
        check.fail(Code::link_down, {}, formatted("ip link set dev {} up", q(link.name)));
}

void check_lower_device(Check& check, const Link& link, const State& state) {
    const std::string dev = dev_of(link);
    if (link.underlay_elsewhere) {
        check.warn(Code::lower_elsewhere);
        return;
    }
    if (dev.empty()) {
        check.pass(Code::lower_none);
        return;
    }
    switch (condition_of(find_link(state, dev))) {
    case LinkCondition::missing: return check.fail(Code::lower_gone, {}, "ip -br link");
    case LinkCondition::down:
        return check.fail(Code::lower_down, {{"dev", dev}},
                          formatted("ip link set dev {} up", q(dev)));
    case LinkCondition::no_carrier:
        return check.fail(Code::lower_no_carrier, {{"dev", dev}},
                          formatted("ip -d link show dev {}", q(dev)));
    case LinkCondition::up: return check.pass(Code::lower_up, {{"dev", dev}});
    }
}

void check_lower_mtu(Check& check, const Link& link, const State& state) {
    const Link* lower = link.underlay_elsewhere ? nullptr : find_link(state, dev_of(link));
    const auto mtu = link.attributes.mtu;
    const auto limit = mtu_limit(link.tunnel, state);
    if (lower != nullptr && mtu && limit && *mtu > *limit)
        check.fail(Code::mtu_too_large_for_lower,
                   {{"mtu", *mtu}, {"lower", *lower->attributes.mtu}, {"dev", lower->name}},
                   formatted("ip link set dev {} mtu {}", q(link.name), *limit));
}

void check_local_address(Check& check, const Link& link, const State& state) {
    const auto local = local_of(link);
    if (link.underlay_elsewhere) return;
    if (!local) {
        check.pass(Code::local_none);
        return;
    }
    const std::string dev = dev_of(link);
    const HostAddress* host = find_host_address(state, *local, dev);
    if (host == nullptr)
        check.fail(Code::local_missing, {{"local", to_string(*local)}},
                   formatted("ip addr add {}/{} dev {}", to_string(*local),
                             full_length(local->family), dev.empty() ? "lo" : q(dev)));
    else if (!dev.empty() && host->link != dev)
        check.warn(Code::local_on_another,
                   {{"local", to_string(*local)}, {"interface", host->link}, {"dev", dev}});
    else
        check.pass(Code::local_here, {{"local", to_string(*local)}, {"interface", host->link}});
}

/// Where default routes out of an ISATAP link lead.
std::vector<Route> default_routes(const Link& link) {
    std::vector<Route> routes;
    for (const auto& route : link.routes)
        if (route.to.length == 0 && route.to.address.family == Family::ipv6 &&
            route.type == RTN_UNICAST)
            routes.push_back(route);
    return routes;
}

/// What was set for a tunnel and is gone, and the command that brings it back.
struct Loss {
    std::string tunnel;
    Message message;
    std::string remedy;
    std::optional<Prefix> from, to; ///< the packets that it was for; none: any
    bool inside = false;            ///< an address of the tunnel, or a route out of it
    std::optional<IpAddress> address = std::nullopt; ///< that is gone itself
};

bool concerns(const Loss& loss, const IpAddress& to, const std::optional<IpAddress>& from) {
    return (!loss.to || contains(*loss.to, to)) &&
           (!loss.from || (from && contains(*loss.from, *from)));
}

bool is_default_of_ipv6(const Prefix& to) {
    return to == Prefix{IpAddress{Family::ipv6, {}}, 0};
}

/// A device that is down keeps neither routes nor IPv6 addresses.
std::string up_before(const Link* link) {
    return link == nullptr || link->attributes.up.value_or(false)
               ? ""
               : formatted("ip link set dev {} up && ", q(link->name));
}

Loss lost_address(const Prefix& prefix, const Link& link) {
    return {link.name,
            Message(Code::address_gone, "", {{"address", to_string(prefix)}}),
            up_before(&link) + formatted("ip addr add {} dev {}", to_string(prefix), q(link.name)),
            {},
            network_of(prefix),
            true,
            prefix.address};
}

Loss lost_route(const Route& route, const std::string& tunnel, const Link* out) {
    const bool is_taken = out != nullptr && !out->routes.beside(route).empty();
    return {tunnel,
            Message(is_taken ? Code::route_replaced : Code::route_gone, "",
                    {{"route",
                      to_string(route.to) + (route.via ? " via " + to_string(*route.via) : "")}}),
            up_before(out) + route_command(is_taken ? "replace" : "add", route,
                                           route.dev.empty() ? tunnel : route.dev),
            {},
            route.to,
            route.dev.empty()};
}

std::vector<Loss> losses(const Link& link, const Record& known, const State& state) {
    std::vector<Loss> lost;
    for (const auto& prefix : known.addresses) // before the routes by gateways that it leads to
        if (!has_address(link, prefix)) lost.push_back(lost_address(prefix, link));
    for (const auto& route : known.routes) {
        const Link* out = route.dev.empty() ? &link : find_link(state, route.dev);
        if (out == nullptr || find_route(out->routes, route) == nullptr)
            lost.push_back(lost_route(route, link.name, out));
    }
    for (const auto& rule : known.rules)
        if (find_rule(state.rules, rule) == nullptr)
            lost.push_back({link.name, Message(Code::rule_gone, "", {{"table", rule.table}}),
                            rule_command(rule), rule.from, rule.to, false});
    return lost;
}

/// Of all tunnels: packets of one may need what was set for another.
std::vector<Loss> all_losses(const State& state) {
    std::vector<Loss> lost;
    for (const auto& link : state.links)
        if (const Record* known = find_record(state, &link); known != nullptr && !is_leftover(link))
            append(lost, losses(link, *known, state));
    return lost;
}

void check_routers(Check& check, const Link& link, const std::vector<Route>& by_default) {
    const auto add = [&](const IpAddress& router) {
        return formatted("ip tunnel prl dev {} prl-default {}", q(link.name), to_string(router));
    };
    std::string remedy = "vxlanctl isatap up --help";
    for (const auto& route : by_default) {
        const auto router = route.via ? router_in(*route.via) : std::nullopt;
        if (!router) continue;
        if (link.routers.empty()) remedy = add(*router);
        const auto entry =
            std::find_if(link.routers.begin(), link.routers.end(),
                         [&](const PrlEntry& known) { return known.router == *router; });
        if (link.routers.empty()) continue;
        if (entry == link.routers.end())
            check.fail(Code::router_not_in_prl, {{"router", to_string(*router)}}, add(*router));
        else if (!entry->is_default)
            check.warn(Code::router_not_default, {{"router", to_string(*router)}},
                       formatted("ip tunnel prl dev {} prl-delete {} && {}", q(link.name),
                                 to_string(*router), add(*router)));
    }
    if (link.routers.empty()) check.fail(Code::routers_missing, {}, remedy);
    std::vector<std::string> names;
    for (const auto& entry : link.routers)
        names.push_back(to_string(entry.router));
    check.pass(Code::routers_there, {{"routers", first_of(names)}});
}

void check_peers(Check& check, const Link& link, bool in_files) {
    const bool floods_elsewhere =
        has_remote(link) || link.tunnel.external.value_or(false) ||
        std::any_of(link.opaque.begin(), link.opaque.end(),
                    [](const OpaqueEntry& entry) { return is_zero(entry.mac); });
    if (link.flood_list.empty() && !floods_elsewhere) {
        std::vector<std::string> commands;
        for (const auto& entry : link.macs) // the kernel learns from whoever sends
            if (auto command = flood_command("append", link.name, entry.remote);
                !is_in(commands, command))
                commands.push_back(std::move(command));
        check.fail(Code::peers_missing, {},
                   in_files           ? "vxlanctl apply"
                   : commands.empty() ? "vxlanctl up --help"
                                      : joined(commands, " && "));
    }
    if (ages(link.flood_state) && !link.flood_list.empty())
        check.warn(Code::flood_list_ages, {},
                   flood_command("append", link.name, link.flood_list.front()) + " permanent");
    std::vector<std::string> names;
    for (const auto& end : other_ends(link))
        names.push_back(to_string(end));
    check.pass(Code::peers_there, {{"peers", first_of(names)}});
}

void check_flood_list(Check& check, const Link& link) {
    const auto& entries = link.flood_list;
    for (const auto& [plain, other, is_remote] : doubled_peers(entries, link.tunnel)) {
        const Message twice(Code::peer_twice, "", {{"peer", to_string(plain.dst)}});
        if (is_remote)
            check.fail(twice, formatted("ip link set dev {} type vxlan id {} remote {}",
                                        q(link.name), link.tunnel.vni.value_or(0),
                                        plain.dst.family == Family::ipv4 ? "0.0.0.0" : "::"));
        else
            check.fail(twice, flood_command("del", link.name, other));
    }
    check.pass(Code::flood_list_fine,
               {{"entries",
                 formatted("{} {}", entries.size(), entries.size() == 1 ? "entry" : "entries")}});
}

/// What shows that another program runs the tunnel; its peers and entries are that one's affair.
std::vector<std::string> signs_of_another(const Link& link, const State& state) {
    return mark_of(link.attributes.alias.value_or("")) ? std::vector<std::string>{}
                                                       : signs_of_another_program(link, state);
}

/// All checks of one tunnel.
class Examination {
public:
    Examination(const Facts& facts, const TunnelFacts& tunnel, const std::vector<Loss>& losses,
                std::vector<Finding>& findings)
        : facts_(facts), state_(facts.state), tunnel_(tunnel), losses_(losses),
          link_(find_link(facts.state, tunnel.name)), findings_(findings) {}

    void run() {
        if (link_ == nullptr) {
            absent();
            return;
        }
        const bool is_vxlan = link_->tunnel.kind == TunnelKind::vxlan;
        const bool up = made("link", [&](Check& check) { check_up(check, *link_); });
        if (is_vxlan) made("vni", [&](Check& check) { vni(check); });
        const bool lower =
            made("lower_device", [&](Check& check) { check_lower_device(check, *link_, state_); });
        const bool here = !link_->underlay_elsewhere;
        const Loss* below = lost_local();
        const bool local =
            here && !(below != nullptr && is_examined(below->tunnel)) &&
            made("local_address", [&](Check& check) { local_address(check, below); });
        // What is a fault of ours, another program may mean: FRR's interfaces have an MTU of 1500
        // without an underlay interface, and flannel's the port 8472.
        const auto signs = signs_of_another(*link_, state_);
        if (is_vxlan && signs.empty()) {
            made("port", [&](Check& check) { port(check); });
            made("peers", [&](Check& check) { check_peers(check, *link_, wish() != nullptr); });
            made("flood_list", [&](Check& check) { check_flood_list(check, *link_); });
        }
        // With the lower device or the local address go routes that were set out of the device.
        const auto extent = lower && (local || !here) ? Extent::everything : Extent::inside;
        if (up) made("rules", [&](Check& check) { rules(check, extent); });
        if (is_isatap(*link_)) {
            made("routers",
                 [&](Check& check) { check_routers(check, *link_, meant_default_routes()); });
            if (up && !has_lost_default())
                made("default_route", [&](Check& check) { default_route(check); });
        }
        const bool routed = here && lower && local && !is_astray_by_loss() &&
                            made("route", [&](Check& check) { route(check); });
        made("overlap", [&](Check& check) { overlap(check); });
        if (here && is_vxlan && lower) made("vrf", [&](Check& check) { vrf(check); });
        if (here && signs.empty()) made("mtu", [&](Check& check) { mtu(check); });
        if (tunnel_.probe && routed && signs.empty())
            made("path_mtu", [&](Check& check) { path_mtu(check); });
        if (here && lower && local) made("rp_filter", [&](Check& check) { rp_filter(check); });
        if (lower) made("forwarding", [&](Check& check) { forwarding(check); });
        if (here && local) made("firewall", [&](Check& check) { firewall(check); });
        if (!signs.empty()) {
            made("manager", [&](Check& check) {
                check.pass(Code::manager_another, {{"signs", joined(signs, ", ")}});
            });
            return;
        }
        if (is_vxlan && sound()) made("macs", [&](Check& check) { macs(check); });
        if (is_vxlan) made("pins", [&](Check& check) { pins(check); });
        made("manager", [&](Check& check) { manager(check); });
        if (tunnel_.probe && is_vxlan && sound("macs"))
            made("probe", [&](Check& check) { probe(check); });
    }

private:
    /// Whether the check did not fail.
    bool made(std::string_view name, const std::function<void(Check&)>& examine) {
        Check check(tunnel_.name, name);
        examine(check);
        findings_.push_back(check.finding());
        return check.verdict() != Verdict::fail;
    }

    /// Whether nothing failed yet that would explain silence, apart from that check.
    bool sound(std::string_view but_for = "") const {
        return std::none_of(findings_.begin(), findings_.end(), [&](const Finding& finding) {
            return finding.tunnel == tunnel_.name && finding.verdict == Verdict::fail &&
                   finding.check != but_for;
        });
    }

    const Tunnel* wish() const {
        for (const auto& tunnel : facts_.wishes)
            if (tunnel.name == tunnel_.name) return &tunnel;
        return nullptr;
    }

    const Record* record() const { return find_record(state_, link_); }

    bool is_own(const Loss& loss) const { return loss.tunnel == tunnel_.name; }

    bool has_lost_default() const {
        return std::any_of(losses_.begin(), losses_.end(), [&](const Loss& loss) {
            return is_own(loss) && loss.inside && loss.to && is_default_of_ipv6(*loss.to);
        });
    }

    /// Where default routes out of the link lead, or have to, where one that was set is gone.
    std::vector<Route> meant_default_routes() const {
        if (!has_lost_default()) return default_routes(*link_);
        std::vector<Route> routes;
        for (const auto& route : record()->routes)
            if (route.dev.empty() && is_default_of_ipv6(route.to)) routes.push_back(route);
        return routes;
    }

    /// What is gone of the ways of the tunnel's own packets: routes into itself do not carry them.
    std::vector<Loss> outer_losses(const IpAddress& end) const {
        std::vector<Loss> found;
        for (const auto& loss : losses_)
            if (!(is_own(loss) && loss.inside) && concerns(loss, end, local_of(*link_)))
                found.push_back(loss);
        return found;
    }

    bool is_lost_inside(const IpAddress& address) const {
        return std::any_of(losses_.begin(), losses_.end(), [&](const Loss& loss) {
            return is_own(loss) && concerns(loss, address, std::nullopt);
        });
    }

    /// That the local address, which was set for another tunnel, is gone from there.
    const Loss* lost_local() const {
        const auto local = local_of(*link_);
        if (local && find_host_address(state_, *local, "") != nullptr) return nullptr;
        const auto found = std::find_if(losses_.begin(), losses_.end(), [&](const Loss& loss) {
            return !is_own(loss) && loss.address && loss.address == local;
        });
        return found == losses_.end() ? nullptr : &*found;
    }

    /// Whether a check `rules` says why packets go another way.
    bool is_astray_by_loss() const {
        return std::any_of(tunnel_.out.begin(), tunnel_.out.end(), [&](const Way& way) {
            if (!failure_of(way) && !doubt_about(way)) return false;
            const auto lost = outer_losses(way.to);
            return std::any_of(lost.begin(), lost.end(),
                               [&](const Loss& loss) { return is_examined(loss.tunnel); });
        });
    }

    bool is_examined(const std::string& name) const {
        return std::any_of(facts_.tunnels.begin(), facts_.tunnels.end(),
                           [&](const TunnelFacts& tunnel) { return tunnel.name == name; });
    }

    void absent() {
        const Tunnel* wanted = wish();
        made("link", [&](Check& check) {
            check.fail(wanted != nullptr ? Code::link_missing_but_in_files : Code::link_missing, {},
                       wanted != nullptr ? "vxlanctl apply" : "vxlanctl up --help");
        });
        if (wanted == nullptr || wanted->tunnel.kind != TunnelKind::vxlan) return;
        TunnelAttributes attributes = wanted->tunnel;
        if (!attributes.local) return;
        made("vni", [&](Check& check) {
            for (const auto& holder : vni_holders(attributes, tunnel_.name, state_))
                check.fail(Code::vni_taken,
                           {{"vni", attributes.vni.value_or(0)},
                            {"port", attributes.port.value_or(0)},
                            {"interface", holder}},
                           formatted("vxlanctl down --force {}", q(holder)));
            check.pass(Code::vni_free, {{"vni", attributes.vni.value_or(0)},
                                        {"port", attributes.port.value_or(0)}});
        });
    }

    void vni(Check& check) {
        check.pass(Code::vni_own, {{"vni", link_->tunnel.vni.value_or(0)},
                                   {"port", link_->tunnel.port.value_or(0)}});
    }

    void local_address(Check& check, const Loss* below) {
        if (below != nullptr)
            check.fail(Code::local_gone_from_tunnel,
                       {{"local", to_string(*below->address)}, {"interface", below->tunnel}},
                       below->remedy);
        else
            check_local_address(check, *link_, state_);
    }

    void port(Check& check) {
        const auto number = link_->tunnel.port.value_or(0);
        if (number != script_port) {
            check.pass(Code::port_fine, {{"port", number}});
            return;
        }
        const Record* known = record();
        if (known != nullptr && known->keys.contains("port"))
            check.warn(Code::port_8472_set);
        else
            check.fail(Code::port_8472_left, {}, recreation());
    }

    /// `vxlanctl up` with everything that the link has now, on the right port.
    std::string recreation() const {
        const std::string dev = dev_of(*link_);
        std::string local = "LOCAL", inner = "-", more;
        if (const auto address = local_of(*link_))
            local = to_string(*address);
        else
            for (const auto& host : state_.host_addresses)
                if (host.link == dev && !is_link_local(host.prefix.address) && local == "LOCAL")
                    local = to_string(host.prefix.address);
        for (const auto& address : link_->addresses) {
            if (is_automatic(address)) continue;
            if (inner == "-")
                inner = to_string(address.prefix);
            else
                more += " --address " + to_string(address.prefix);
        }
        std::vector<std::string> ends;
        for (const auto& end : other_ends(*link_))
            ends.push_back(to_string(end));
        return formatted("vxlanctl up {} {} {} {} {} --vni {}{} --allow-recreate --keep-foreign",
                         dev.empty() ? "-" : q(dev), local, q(link_->name), inner,
                         fmt::join(ends, " "), link_->tunnel.vni.value_or(0), more);
    }

    void default_route(Check& check) {
        const auto routes = default_routes(*link_);
        std::optional<IpAddress> hop;
        for (const auto& address : link_->addresses)
            if (!is_automatic(address) && router_in(address.prefix.address) && !hop)
                for (const auto& entry : link_->routers)
                    if (!hop || entry.is_default)
                        hop = isatap_address(network_of({address.prefix.address, 64}), entry.router,
                                             address.prefix.address.bytes[8] != 0);
        for (const auto& route : routes) {
            if (route.via && router_in(*route.via)) {
                check.pass(Code::default_route_there, {{"gateway", to_string(*route.via)}});
                continue;
            }
            Route better = route;
            better.via = hop;
            check.fail(route.via ? Code::next_hop_wrong : Code::next_hop_missing,
                       {{"gateway", route.via ? to_string(*route.via) : ""}},
                       hop ? route_command("replace", better, link_->name) : "ip -6 route");
        }
        if (!routes.empty()) return;
        for (const auto& route : state_.routes)
            if (is_default_of_ipv6(route.to)) {
                check.pass(Code::default_route_elsewhere, {{"interface", route.dev}});
                return;
            }
        Route missing;
        missing.to = {IpAddress{Family::ipv6, {}}, 0};
        missing.via = hop;
        missing.metric = 1;
        check.warn(Code::default_route_missing, {},
                   hop ? route_command("add", missing, link_->name) : "");
    }

    void route(Check& check) {
        const auto local = local_of(*link_);
        std::vector<std::string> good;
        for (const auto& way : tunnel_.out) {
            if (const auto failure = failure_of(way)) {
                check.fail(*failure, way_remedy(way.to));
                continue;
            }
            if (const auto doubt = doubt_about(way)) check.warn(*doubt);
            const auto from = local ? local : way.source;
            good.push_back(formatted("{}{} through '{}', table {}, from {}", to_string(way.to),
                                     way.via ? " via " + to_string(*way.via) : "", way.dev,
                                     table_text(way.table),
                                     from ? to_string(*from) : "any address"));
        }
        if (good.empty())
            check.pass(Code::no_peer_to_reach);
        else
            check.pass(Code::route_fine, {{"ways", first_of(good)}});
    }

    std::optional<Message> failure_of(const Way& way) const {
        const std::string dev = dev_of(*link_);
        if (way.code != 0)
            return Message(Code::route_missing, "",
                           {{"peer", to_string(way.to)},
                            {"through", dev.empty() ? "" : formatted(" through '{}'", dev)}})
                .with(way.code);
        if (way.dev == tunnel_.name)
            return Message(Code::route_into_tunnel, "", {{"peer", to_string(way.to)}});
        if (!dev.empty() && way.dev != dev)
            return Message(Code::route_through_other, "",
                           {{"peer", to_string(way.to)}, {"interface", way.dev}, {"dev", dev}});
        return std::nullopt;
    }

    std::optional<Message> doubt_about(const Way& way) const {
        const auto local = local_of(*link_);
        const HostAddress* host = local ? find_host_address(state_, *local, way.dev) : nullptr;
        if (!dev_of(*link_).empty() || host == nullptr || host->link == way.dev)
            return std::nullopt;
        return Message(Code::route_not_where_local_is, "",
                       {{"peer", to_string(way.to)}, {"interface", way.dev}, {"home", host->link}});
    }

    /// What another tunnel's record or the files state comes before a route of our making.
    std::string way_remedy(const IpAddress& end) const {
        if (const auto lost = outer_losses(end); !lost.empty()) return lost.front().remedy;
        if (const Tunnel* wanted = wish()) {
            Record stated;
            stated.routes = stated_routes(*wanted, state_);
            stated.rules = wanted->rules.value_or(std::vector<Rule>{});
            for (const auto& loss : losses(*link_, stated, state_))
                if (!loss.inside && concerns(loss, end, local_of(*link_))) return "vxlanctl apply";
        }
        return outer_route(end);
    }

    /// A route to another end, by the gateway that the device has for everything else.
    std::string outer_route(const IpAddress& end) const {
        std::string dev = dev_of(*link_);
        if (const auto local = local_of(*link_); dev.empty() && local)
            if (const HostAddress* host = find_host_address(state_, *local, "")) dev = host->link;
        Route missing;
        missing.to = {end, full_length(end.family)};
        for (const auto& known : state_.routes)
            if (known.to.length == 0 && known.to.address.family == end.family && known.via &&
                known.dev == dev)
                missing.via = known.via;
        if (const Link* lower = find_link(state_, dev))
            if (const Link* vrf = find_link(state_, lower->attributes.vrf.value_or("")))
                missing.table = vrf->vrf_table;
        return route_command("add", missing, dev);
    }

    void overlap(Check& check) {
        const auto local = local_of(*link_);
        if (!local || link_->underlay_elsewhere) {
            check.pass(Code::overlap_unknown);
            return;
        }
        const Outside outside({link_->name, *local, !dev_of(*link_).empty(), other_ends(*link_)},
                              state_);
        for (const auto& address : link_->addresses) {
            const Prefix inner = network_of(address.prefix);
            if (is_automatic(address) || inner.length == full_length(inner.address.family))
                continue;
            judge_drawn(
                check, inner, outside,
                formatted("ip addr del {} dev {}", to_string(address.prefix), q(link_->name)));
        }
        for (const auto& route : link_->routes)
            if (route.table == main_table && route.protocol != RTPROT_KERNEL &&
                route.type == RTN_UNICAST && route.to.length != 0)
                judge_drawn(check, route.to, outside, route_command("del", route, link_->name));
        check.pass(Code::overlap_none);
    }

    void judge_drawn(Check& check, const Prefix& inner, const Outside& outside,
                     const std::string& removal) {
        for (const auto& drawn : outside.drawn_into(inner)) {
            const bool alone = drawn.what.length == full_length(drawn.what.address.family);
            const bool taken = alone ? device_towards(drawn.what.address, state_) == link_->name
                                     : inner.length >= drawn.what.length;
            if (!taken)
                check.warn(Code::overlap_possible,
                           {{"what", drawn.text}, {"prefix", to_string(inner)}});
            else
                check.fail(Code::overlap, {{"what", drawn.text}, {"prefix", to_string(inner)}},
                           alone ? outer_route(drawn.what.address) : removal);
        }
    }

    void vrf(Check& check) {
        const Link* lower = find_link(state_, dev_of(*link_));
        const std::string name = lower != nullptr ? lower->attributes.vrf.value_or("") : "";
        if (name.empty()) {
            check.pass(Code::vrf_none);
            return;
        }
        const auto errors = link_->counters.tx_carrier_errors;
        const std::string remedy =
            formatted("ip link set dev {0} down && ip link set dev {0} up", q(link_->name));
        const Values values{{"dev", lower->name}, {"vrf", name}, {"errors", errors}};
        if (tunnel_.bound_to_vrf == false)
            check.fail(Code::vrf_changed_later, values, remedy);
        else if (!tunnel_.bound_to_vrf && errors > 0)
            check.fail(Code::vrf_carrier_errors, values, remedy);
        else
            check.pass(Code::vrf_fine, values);
    }

    void mtu(Check& check) {
        check_lower_mtu(check, *link_, state_);
        const auto own = link_->attributes.mtu.value_or(0);
        const auto taken = overhead(link_->tunnel);
        const std::string dev = dev_of(*link_);
        for (const auto& way : tunnel_.out) {
            const Link* out = dev.empty() ? find_link(state_, way.dev) : nullptr;
            const std::uint32_t room = way.mtu != 0 ? way.mtu
                                       : out != nullptr && out->name != link_->name
                                           ? out->attributes.mtu.value_or(0)
                                           : 0;
            if (way.code == 0 && room > taken && own + taken > room && outer_losses(way.to).empty())
                check.fail(Code::mtu_too_large_for_route,
                           {{"mtu", own}, {"route", room}, {"peer", to_string(way.to)}},
                           set_mtu(room - taken));
        }
        check.pass(Code::mtu_fits, {{"mtu", own}, {"outer", own + taken}});
    }

    std::string set_mtu(std::uint32_t mtu) const {
        return formatted("ip link set dev {} mtu {}", q(link_->name), mtu);
    }

    void path_mtu(Check& check) {
        const auto needed = link_->attributes.mtu.value_or(0) + overhead(link_->tunnel);
        std::uint32_t least = needed;
        std::vector<std::string> good;
        for (const auto& path : tunnel_.probe->paths)
            if (path.code == 0) least = std::min(least, path.mtu);
        for (const auto& path : tunnel_.probe->paths) {
            if (path.code != 0)
                check.warn(Message(Code::path_mtu_not_tried, "", {{"peer", to_string(path.to)}})
                               .with(path.code));
            else if (path.mtu < needed && least > overhead(link_->tunnel))
                check.fail(Code::path_mtu_too_small,
                           {{"peer", to_string(path.to)},
                            {"bytes", path.mtu},
                            {"needed", needed},
                            {"says", path.reporter ? ", says " + to_string(*path.reporter) : ""}},
                           set_mtu(least - overhead(link_->tunnel)));
            else
                good.push_back(to_string(path.to));
        }
        if (good.empty())
            check.pass(Code::no_peer_to_reach);
        else
            check.pass(Code::path_mtu_fits, {{"peers", first_of(good)}, {"bytes", needed}});
    }

    int rp_filter_of(const std::string& dev) const {
        const auto found = facts_.policies.find(dev);
        return found == facts_.policies.end() ? 0 : found->second.rp_filter;
    }
    bool forwards(const std::string& dev) const {
        const auto found = facts_.policies.find(dev);
        return found != facts_.policies.end() && found->second.forwarding;
    }

    void rp_filter(Check& check) {
        const auto judge_way = [&](const Way& way, const std::string& comes_in, const char* what) {
            if (way.code != 0 || way.to.family != Family::ipv4 || comes_in.empty() ||
                way.dev == comes_in)
                return;
            const Values values{
                {"what", what + to_string(way.to)}, {"interface", comes_in}, {"other", way.dev}};
            if (rp_filter_of(comes_in) == strict)
                check.fail(Code::rp_filter_drops, values,
                           sysctl_command(comes_in, "rp_filter", loose));
            else
                check.pass(Code::rp_filter_lets_pass, values);
        };
        for (const auto& way : tunnel_.back) {
            if (!outer_losses(way.to).empty()) continue;
            std::string dev = dev_of(*link_);
            for (const auto& out : tunnel_.out)
                if (dev.empty() && out.to == way.to && out.code == 0) dev = out.dev;
            judge_way(way, dev, "");
        }
        for (const auto& way : tunnel_.inner)
            if (!is_lost_inside(way.to)) judge_way(way, tunnel_.name, "inside ");
        const auto signs = gateway_signs();
        for (const auto& dev : signs.ingress)
            if (check.verdict() == Verdict::pass && rp_filter_of(dev) == strict)
                check.warn(Code::rp_filter_strict, {{"interface", dev}},
                           sysctl_command(dev, "rp_filter", loose));
        check.pass(Code::rp_filter_fine);
    }

    /// What says that other hosts' traffic goes through the tunnel, and by which devices it comes.
    struct GatewaySigns {
        std::vector<std::string> reasons, ingress;
        Family family = Family::ipv4;
    };

    GatewaySigns gateway_signs() const {
        GatewaySigns signs;
        std::vector<Rule> rules = state_.rules;
        if (const Record* known = record()) append(rules, known->rules);
        if (const Tunnel* wanted = wish(); wanted != nullptr && wanted->rules)
            append(rules, *wanted->rules);
        const auto leads_here = [&](std::uint32_t table) {
            return std::any_of(link_->routes.begin(), link_->routes.end(), [&](const Route& route) {
                return route.table == table && route.protocol != RTPROT_KERNEL;
            });
        };
        for (const auto& rule : rules) {
            if (!rule.from || !leads_here(rule.table) || is_own(*rule.from)) continue;
            auto reason = text_of(Code::traffic_by_table,
                                  {{"from", to_string(*rule.from)}, {"table", rule.table}});
            if (is_in(signs.reasons, reason)) continue;
            signs.reasons.push_back(std::move(reason));
            signs.family = rule.from->address.family;
            const std::string dev = comes_from(*rule.from);
            if (!dev.empty() && !is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
        }
        if (const Tunnel* wanted = wish()) {
            const auto devices = wanted->forward_from.value_or(std::vector<std::string>{});
            if (wanted->link.forward.value_or(false) || !devices.empty())
                signs.reasons.push_back(text_of(Code::file_says_forward));
            for (const auto& dev : devices)
                if (!is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
        }
        return signs;
    }

    /// Whether a rule's source is this host alone.
    bool is_own(const Prefix& from) const {
        return from.length == full_length(from.address.family) &&
               find_host_address(state_, from.address, "") != nullptr;
    }

    /// The device that traffic from the prefix comes in by.
    std::string comes_from(const Prefix& from) const {
        for (const auto& host : state_.host_addresses)
            if (overlaps(host.prefix, from) && host.link != tunnel_.name && !host.link.empty())
                return host.link;
        if (!dev_of(*link_).empty()) return dev_of(*link_);
        for (const auto& way : tunnel_.out)
            if (way.code == 0) return way.dev;
        return "";
    }

    void forwarding(Check& check) {
        const auto signs = gateway_signs();
        if (signs.reasons.empty()) {
            const std::string dev = dev_of(*link_);
            if (!dev.empty() && link_->tunnel.kind == TunnelKind::vxlan &&
                forwards(dev) != forwards(tunnel_.name))
                check.warn(Code::forwarding_one_way,
                           {{"on", forwards(dev) ? dev : tunnel_.name},
                            {"off", forwards(dev) ? tunnel_.name : dev}},
                           sysctl_command(forwards(dev) ? tunnel_.name : dev, "forwarding", 1));
            check.pass(forwards(tunnel_.name) ? Code::forwarding_on : Code::forwarding_off);
            return;
        }
        const std::string reasons = first_of(signs.reasons);
        if (signs.family == Family::ipv6) {
            if (facts_.ipv6_forwarding)
                check.pass(Code::forwarding_ipv6_on, {{"reasons", reasons}});
            else
                check.fail(Code::forwarding_ipv6_missing, {{"reasons", reasons}},
                           "sysctl -w net/ipv6/conf/all/forwarding=1");
            return;
        }
        auto devices = signs.ingress;
        devices.push_back(tunnel_.name);
        for (const auto& dev : devices)
            if (!forwards(dev))
                check.fail(Code::forwarding_missing, {{"interface", dev}, {"reasons", reasons}},
                           sysctl_command(dev, "forwarding", 1));
        check.pass(Code::forwarding_on_as_needed, {{"reasons", reasons}});
    }

    void firewall(Check& check) {
        if (const auto& obstacle = facts_.ruleset_obstacle) {
            check.warn(Code::firewall_unknown, {{"reason", text_of(*obstacle)}},
                       obstacle->code == Code::nft_missing ? "apt-get install nftables"
                                                           : "nft list ruleset");
            return;
        }
        const auto local = local_of(*link_);
        const bool is_vxlan = link_->tunnel.kind == TunnelKind::vxlan;
        const std::string what = is_vxlan ? formatted("UDP {}", link_->tunnel.port.value_or(0))
                                          : formatted("protocol {}", protocol());
        struct Affected {
            Judgement::Blamed blamed;
            Fate fate;
            bool incoming;
            std::vector<std::string> ends;
        };
        std::vector<Affected> all;
        for (const auto& end : other_ends(*link_))
            for (const bool incoming : {true, false})
                if (local && !(incoming && is_multicast(end))) {
                    const auto judgement = judge(facts_.ruleset, packet(end, *local, incoming));
                    for (const auto& blamed : judgement.blamed) {
                        const auto at =
                            std::find_if(all.begin(), all.end(), [&](const Affected& affected) {
                                return affected.blamed.chain == blamed.chain &&
                                       affected.fate == judgement.fate &&
                                       affected.incoming == incoming;
                            });
                        if (at != all.end())
                            at->ends.push_back(to_string(end));
                        else
                            all.push_back({blamed, judgement.fate, incoming, {to_string(end)}});
                    }
                }
        for (const auto& affected : all) {
            const auto& chain = *affected.blamed.chain;
            const Values values{{"what", what},
                                {"direction", affected.incoming ? "from" : "to"},
                                {"peers", first_of(affected.ends)},
                                {"table", formatted("{} {}", chain.family, chain.table)},
                                {"chain", chain.name},
                                {"why", affected.blamed.why}};
            const std::string match = is_vxlan ? formatted("udp dport {}", *link_->tunnel.port)
                                      : local->family == Family::ipv4
                                          ? formatted("ip protocol {}", protocol())
                                          : formatted("meta l4proto {}", protocol());
            const std::string remedy = formatted(
                "nft insert rule {} {} {} {}", chain.family, q(chain.table), q(chain.name),
                q(formatted(
                    "{} {} {{ {} }} {} accept", local->family == Family::ipv4 ? "ip" : "ip6",
                    affected.incoming ? "saddr" : "daddr", fmt::join(affected.ends, ", "), match)));
            if (affected.fate == Fate::dropped)
                check.fail(Code::firewall_drops, values, remedy);
            else
                check.warn(Code::firewall_may_drop, values, remedy);
        }
        if (facts_.has_legacy_rules)
            check.warn(Code::firewall_legacy, {}, "iptables-legacy-save -t filter");
        check.pass(facts_.ruleset.chains.empty() ? Code::firewall_empty : Code::firewall_lets_pass,
                   {{"what", what}});
    }

    std::uint8_t protocol() const {
        if (link_->tunnel.kind == TunnelKind::vxlan) return IPPROTO_UDP;
        return link_->tunnel.kind == TunnelKind::ip6tnl && link_->tunnel.proto == IPPROTO_IPIP
                   ? IPPROTO_IPIP
                   : IPPROTO_IPV6;
    }

    Packet packet(const IpAddress& end, const IpAddress& local, bool incoming) const {
        Packet result;
        result.incoming = incoming;
        result.link = dev_of(*link_);
        for (const auto& way : tunnel_.out)
            if (result.link.empty() && way.to == end && way.code == 0) result.link = way.dev;
        result.source = incoming ? end : local;
        result.destination = incoming ? local : end;
        result.protocol = protocol();
        result.is_new = result.protocol == IPPROTO_UDP;
        if (result.is_new) {
            result.port = link_->tunnel.port;
            result.vni = link_->tunnel.vni;
        }
        return result;
    }

    void macs(Check& check) {
        if (!link_->tunnel.learning.value_or(true)) {
            check.pass(Code::macs_not_wanted);
            return;
        }
        std::vector<std::string> with, without, unanswered;
        for (const auto& end : other_ends(*link_)) {
            const auto count =
                std::count_if(link_->macs.begin(), link_->macs.end(),
                              [&](const MacEntry& entry) { return entry.remote.dst == end; });
            if (count > 0)
                with.push_back(formatted("{} behind {}", count, to_string(end)));
            else
                without.push_back(to_string(end));
        }
        for (const auto& neighbour : tunnel_.neighbours)
            if ((neighbour.state & (NUD_FAILED | NUD_INCOMPLETE)) != 0 &&
                !is_link_local(neighbour.address) && !is_multicast(neighbour.address))
                unanswered.push_back(to_string(neighbour.address));
        const auto& counters = link_->counters;
        const bool asked = tunnel_.probe && !tunnel_.probe->arp_obstacle;
        const std::string remedy =
            asked ? "" : formatted("vxlanctl doctor --probe {}", q(link_->name));
        const Values values{{"addresses", first_of(unanswered)},
                            {"sent", counters.tx_packets},
                            {"received", counters.rx_packets}};
        if (link_->macs.empty() && !unanswered.empty() && !asked)
            check.fail(Code::macs_silence, values, remedy);
        else if (link_->macs.empty() && !unanswered.empty()) // which the probe judges
            check.warn(Code::macs_silence, values);
        else if (link_->macs.empty() && counters.rx_packets > 0)
            check.warn(Code::macs_none_now, values, remedy);
        else if (link_->macs.empty())
            check.warn(Code::macs_none_yet, values, remedy);
        else if (!without.empty())
            check.pass(Code::macs_none_behind,
                       {{"macs", first_of(with) + (with.empty() ? "" : "; ")},
                        {"peers", first_of(without)}});
        else
            check.pass(Code::macs_learned, {{"macs", first_of(with)}});
    }

    void pins(Check& check) {
        const auto ends = other_ends(*link_);
        const bool all_known = std::none_of(ends.begin(), ends.end(), is_multicast);
        for (const auto& entry : link_->macs) {
            if (entry.origin != FdbOrigin::pinned) continue;
            std::string remedy = formatted("bridge fdb del {} dev {} dst {}", to_string(entry.mac),
                                           q(link_->name), to_string(entry.remote.dst));
            if (entry.remote.port) remedy += formatted(" port {}", *entry.remote.port);
            if (entry.remote.vni) remedy += formatted(" vni {}", *entry.remote.vni);
            if (!entry.remote.via.empty()) remedy += " via " + q(entry.remote.via.str());
            const Values values{{"mac", to_string(entry.mac)},
                                {"peer", to_string(entry.remote.dst)}};
            const bool redundant = ends.size() > 1 && link_->tunnel.learning.value_or(true);
            if (redundant || (all_known && !is_in(ends, entry.remote.dst)))
                check.fail(Code::mac_pinned, values, remedy);
            else
                check.warn(Code::mac_pinned, values, remedy);
        }
        check.pass(Code::pins_none);
    }

    /// Which part of what was set is looked at: only addresses of the tunnel and routes out of it,
    /// or policy rules and routes out of other devices as well.
    enum class Extent : std::uint8_t { inside, everything };

    void rules(Check& check, Extent extent) {
        const Record* known = record();
        if (known == nullptr) {
            check.pass(Code::nothing_recorded);
            return;
        }
        for (const auto& loss : losses_)
            if (is_own(loss) && (loss.inside || extent == Extent::everything))
                check.fail(loss.message, loss.remedy);
        check.pass(extent == Extent::inside ? Code::all_inside_there : Code::all_set_there,
                   {{"addresses", known->addresses.size()},
                    {"routes", known->routes.size()},
                    {"rules", known->rules.size()}});
    }

    void manager(Check& check) {
        const auto found = facts_.services.links.find(link_->index);
        const auto managed =
            found == facts_.services.links.end() ? Services::Managed{} : found->second;
        if (managed.by_network_manager)
            check.fail(Code::manager_network_manager, {},
                       formatted("nmcli device set {} managed no", q(link_->name)));
        if (managed.by_networkd) {
            const std::string text =
                formatted("[Match]\\nName={}\\n\\n[Link]\\nUnmanaged=yes\\n", link_->name);
            check.fail(Code::manager_networkd, {},
                       formatted("mkdir -p /etc/systemd/network && printf {} > {} && networkctl "
                                 "reload && networkctl reconfigure {}",
                                 q(text),
                                 q(formatted("/etc/systemd/network/00-{}.network", link_->name)),
                                 q(link_->name)));
        }
        check.pass(Code::manager_none);
    }

    void probe(Check& check) {
        const auto& probe = *tunnel_.probe;
        if (probe.arp_obstacle) {
            check.warn(Code::probe_not_sent,
                       {{"reason", probe.arp_obstacle->value("reason").empty()
                                       ? text_of(*probe.arp_obstacle)
                                       : std::string(probe.arp_obstacle->value("reason"))}});
            return;
        }
        std::vector<std::string> silent, answered;
        for (const auto& answer : probe.answers)
            if (!answer.mac)
                silent.push_back(to_string(answer.address));
            else
                answered.push_back(
                    text_of(answer.behind ? Code::answer_behind : Code::answer_not_in_fdb,
                            {{"address", to_string(answer.address)},
                             {"mac", to_string(*answer.mac)},
                             {"peer", answer.behind ? to_string(*answer.behind) : ""}}));
        if (answered.empty())
            check.fail(Code::probe_silence, {{"addresses", first_of(silent)}},
                       formatted("tcpdump -ni {} udp port {}",
                                 dev_of(*link_).empty() ? "any" : q(dev_of(*link_)),
                                 link_->tunnel.port.value_or(0)));
        else if (!silent.empty())
            check.warn(Code::probe_partly,
                       {{"answers", joined(answered, ", ")}, {"addresses", first_of(silent)}});
        else
            check.pass(Code::probe_answered, {{"answers", joined(answered, ", ")}});
    }

    const Facts& facts_;
    const State& state_;
    const TunnelFacts& tunnel_;
    const std::vector<Loss>& losses_; ///< of all tunnels
    const Link* link_;
    std::vector<Finding>& findings_;
};

/// What a file of networkd's own has to say.
Finding networkd(const Facts& facts) {
    Check check("", "networkd");
    const auto& services = facts.services;
    if (!services.networkd_runs) {
        check.pass(Code::networkd_does_not_run);
        return check.finding();
    }
    const std::string remedy =
        "mkdir -p /etc/systemd/networkd.conf.d && printf "
        "'[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' > "
        "/etc/systemd/networkd.conf.d/vxlanctl.conf && systemctl restart systemd-networkd";
    std::vector<Record> records;
    for (const auto& [id, record] : facts.state.records)
        records.push_back(record);
    for (const auto& wish : facts.wishes) {
        Record& record = records.emplace_back();
        record.routes = wish.routes.value_or(std::vector<Route>{});
        record.rules = wish.rules.value_or(std::vector<Rule>{});
    }
    const auto is_managed = [&](const std::string& name) {
        const Link* link = find_link(facts.state, name);
        const auto found =
            link == nullptr ? services.links.end() : services.links.find(link->index);
        return found != services.links.end() && found->second.by_networkd;
    };
    bool rules = false, routes = false;
    for (const auto& record : records) {
        rules = rules || !record.rules.empty();
        for (const auto& route : record.routes)
            routes = routes || is_managed(route.dev);
    }
    if (rules && services.removes_rules) check.fail(Code::networkd_removes_rules, {}, remedy);
    if (routes && services.removes_routes) check.fail(Code::networkd_removes_routes, {}, remedy);
    check.pass(Code::networkd_harmless);
    return check.finding();
}

/// The tunnel whose packets the cloud sees: that one, or of tunnels in tunnels the outermost.
const Link* outermost(const Link* link, const State& state) {
    std::set<const Link*> seen;
    while (seen.insert(link).second) {
        const auto local = local_of(*link);
        const HostAddress* host = local ? find_host_address(state, *local, dev_of(*link)) : nullptr;
        const Link* under = find_link(state, host == nullptr ? dev_of(*link) : host->link);
        if (under == nullptr || !is_tunnel(*under)) return link;
        link = under;
    }
    return link;
}

/// EC2 looks for addresses of the two families by different filters, of which all have to match.
std::string instances_command(const std::set<IpAddress>& locals) {
    std::vector<std::string> commands;
    for (const auto& [family, filter] : {std::pair{Family::ipv4, "addresses.private-ip-address"},
                                         std::pair{Family::ipv6, "ipv6-addresses.ipv6-address"}}) {
        std::vector<std::string> values;
        for (const auto& local : locals)
            if (local.family == family) values.push_back(to_string(local));
        if (!values.empty())
            commands.push_back(formatted("aws ec2 describe-instances --filters "
                                         "Name=network-interface.{},Values={}",
                                         filter, fmt::join(values, ",")));
    }
    return joined(commands, " && ");
}

Finding cloud(const Facts& facts) {
    Check check("", "cloud");
    std::set<std::string> doors;
    std::set<IpAddress> locals;
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(facts.state, tunnel.name);
        if (link == nullptr) continue;
        link = outermost(link, facts.state);
        if (const auto local = local_of(*link)) locals.insert(*local);
        std::vector<std::string> ends;
        for (const auto& end : other_ends(*link))
            if (!is_multicast(end)) ends.push_back(to_string(end));
        doors.insert(
            formatted("{} from {}",
                      link->tunnel.kind == TunnelKind::vxlan
                          ? formatted("UDP {}", link->tunnel.port.value_or(0))
                          : formatted("protocol {}", link->tunnel.proto == IPPROTO_IPIP ? 4 : 41),
                      ends.empty() ? "the peers" : first_of(ends)));
    }
    check.warn(Code::cloud,
               {{"doors", doors.empty() ? "UDP 4789 from the peers" : joined(doors, "; ")}},
               instances_command(locals));
    return check.finding();
}

} // namespace

std::string Finding::found() const {
    std::string text;
    for (const auto& message : messages)
        text += (text.empty() ? "" : "; ") + text_of(message);
    return text;
}

std::span<const CheckInfo> checks() {
    return infos;
}

std::vector<Finding> findings(const Facts& facts) {
    std::vector<Finding> all;
    const auto lost = all_losses(facts.state);
    for (const auto& tunnel : facts.tunnels)
        Examination(facts, tunnel, lost, all).run();
    if (facts.tunnels.empty()) {
        Check check("", "link");
        check.fail(Code::no_tunnel, {}, "vxlanctl up --help");
        all.push_back(check.finding());
    }
    all.push_back(networkd(facts));
    all.push_back(cloud(facts));
    return all;
}

std::vector<Message> problems(const Link& link, const State& state) {
    std::vector<Message> found;
    const auto look = [&](const std::function<void(Check&)>& examine) {
        Check one(link.name, "");
        examine(one);
        if (one.verdict() == Verdict::pass) return;
        found.insert(found.end(), one.founds().begin(), one.founds().end());
    };
    look([&](Check& one) { check_up(one, link); });
    look([&](Check& one) { check_lower_device(one, link, state); });
    look([&](Check& one) { check_lower_mtu(one, link, state); });
    look([&](Check& one) { check_local_address(one, link, state); });
    if (is_isatap(link)) look([&](Check& one) { check_routers(one, link, default_routes(link)); });
    if (link.tunnel.kind != TunnelKind::vxlan || !signs_of_another(link, state).empty())
        return found;
    look([&](Check& one) { check_peers(one, link, false); });
    look([&](Check& one) { check_flood_list(one, link); });
    return found;
}

std::vector<IpAddress> other_ends(const Link& link) {
    std::vector<IpAddress> ends;
    for (const auto& entry : link.flood_list)
        ends.push_back(entry.dst);
    for (const auto& entry : link.opaque)
        ends.insert(ends.end(), entry.members.begin(), entry.members.end());
    for (const auto& entry : link.routers)
        ends.push_back(entry.router);
    if (has_remote(link)) ends.push_back(*link.tunnel.remote);
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return ends;
}

bool has_remote(const Link& link) {
    return link.tunnel.remote && !is_unspecified(*link.tunnel.remote);
}

std::vector<std::string> tunnels_meant(const std::vector<std::string>& names, const State& state,
                                       const std::vector<Tunnel>& wishes) {
    std::set<std::string> meant(names.begin(), names.end());
    if (!names.empty()) return {meant.begin(), meant.end()};
    for (const auto& link : state.links)
        if (is_tunnel(link) && !is_fallback(link) && !is_leftover(link) &&
            mark_of(link.attributes.alias.value_or("")))
            meant.insert(link.name);
    for (const auto& wish : wishes)
        meant.insert(wish.name);
    return {meant.begin(), meant.end()};
}

} // namespace vxlanctl
