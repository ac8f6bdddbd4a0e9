#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/doctor/checks.h"
#include "vxlanctl/doctor/losses.h"
#include "vxlanctl/doctor/remedies.h"
#include "vxlanctl/plan/doubled_peers.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <array>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <set>

namespace vxlanctl {

namespace {

std::string family_option(const IpAddress& address) {
    return address.family == Family::ipv6 ? " -6" : "";
}

} // namespace

std::string route_command(std::string_view verb, const Route& route, const std::string& dev) {
    std::string text =
        formatted("ip{} route {} {}", family_option(route.to.address), verb, to_string(route.to));
    if (route.via) text += formatted(" via {}", to_string(*route.via));
    text += " dev " + shell_quoted(dev);
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

std::string fdb_command(std::string_view verb, const std::string& link, const FloodEntry& entry,
                        const MacAddress& mac) {
    std::string text = formatted("bridge fdb {} {} dev {} dst {}", verb, to_string(mac),
                                 shell_quoted(link), to_string(entry.dst));
    if (entry.port) text += formatted(" port {}", *entry.port);
    if (entry.vni) text += formatted(" vni {}", *entry.vni);
    if (!entry.via.empty()) text += " via " + shell_quoted(entry.via.str());
    return text;
}

std::string up_command(const std::string& link) {
    return formatted("ip link set dev {} up", shell_quoted(link));
}

std::string mtu_command(const std::string& link, std::uint32_t mtu) {
    return formatted("ip link set dev {} mtu {}", shell_quoted(link), mtu);
}

std::string sysctl_command(const std::string& link, std::string_view name, int value) {
    // sysctl takes a link's name with dots only between slashes.
    return "sysctl -w " + shell_quoted(formatted("net/ipv4/conf/{}/{}={}", link, name, value));
}

namespace {

/// A device that is down keeps neither routes nor IPv6 addresses.
std::string up_before(const Link* link) {
    return link == nullptr || link->attributes.up.value_or(false) ? ""
                                                                  : up_command(link->name) + " && ";
}

Loss lost_address(const Prefix& prefix, const Link& link) {
    return {link.name,
            Message(Code::address_gone, "", {{"address", to_string(prefix)}}),
            up_before(&link) +
                formatted("ip addr add {} dev {}", to_string(prefix), shell_quoted(link.name)),
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

} // namespace

bool concerns(const Loss& loss, const IpAddress& to, const std::optional<IpAddress>& from) {
    return (!loss.to || contains(*loss.to, to)) &&
           (!loss.from || (from && contains(*loss.from, *from)));
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

std::vector<Loss> all_losses(const State& state) {
    std::vector<Loss> lost;
    for (const auto& link : state.links)
        if (const Record* known = find_record(state, &link); known != nullptr && !is_leftover(link))
            append(lost, losses(link, *known, state));
    return lost;
}

namespace {

constexpr auto rows = std::to_array<CheckRow>({
    {"link", "a link that is not there or is down carries nothing", check_link, check_missing_link,
     check_any_tunnel},
    {"vni", "the kernel takes a VNI on a port once, whatever the local address or lower device",
     check_vni, check_missing_vni},
    {"lower_device", "packets to the other ends leave by the lower device", check_lower_device},
    {"local_address", "packets from an address that the host does not have vanish",
     check_local_address},
    {"port",
     "8472 is what the kernel takes where no port is stated, as old scripts do; SORACOM "
     "listens on 4789",
     check_port},
    {"peers", "broadcast, ARP above all, goes to the flood list alone", check_peers},
    {"flood_list", "a peer in the list twice gets each broadcast twice", check_flood_list},
    {"rules", "what was set for the tunnel has to be there still", check_rules},
    {"routers", "nothing from behind a router is accepted unless it is in the PRL", check_routers},
    {"default_route",
     "the kernel takes the router's IPv4 address out of the next hop, which has "
     "to be an ISATAP address",
     check_default_route},
    {"route", "the other ends answer only what reaches them, from the local address", check_route},
    {"overlap",
     "an inner prefix makes a route into the tunnel, which may take what has to go "
     "outside of it",
     check_overlap},
    {"vrf",
     "the tunnel's socket belongs to the VRF that its lower device was in when the link "
     "was set up",
     check_vrf},
    {"mtu", "packets that do not fit are dropped or fragmented: small ones pass, large ones hang",
     check_mtu},
    {"path_mtu",
     "packets that do not fit are dropped on the way: small ones pass, large ones "
     "hang",
     check_path_mtu},
    {"rp_filter",
     "strict reverse path filtering drops packets that come in by another device "
     "than answers would go out by",
     check_rp_filter},
    {"forwarding", "a gateway forwards, which is decided on the device that a packet comes in by",
     check_forwarding},
    {"firewall", "the other ends' packets have to pass this host's firewall", check_firewall},
    {"macs", "the link learns behind which peer a MAC address is from what comes back", check_macs},
    {"pins", "a pinned MAC address stays behind its peer when another one takes over", check_pins},
    {"manager", "a service that manages the link takes away what it does not know of",
     check_manager},
    {"probe", "an answer to ARP proves that broadcast and unicast pass both ways", check_probe},
    {"networkd",
     "systemd-networkd removes routes and rules that it did not make, unless told "
     "otherwise",
     nullptr, nullptr, check_networkd},
    {"cloud", "it cannot be seen from here, and stops traffic all the same", nullptr, nullptr,
     check_cloud},
});

} // namespace

std::span<const CheckRow> checks() {
    return rows;
}

std::string Check::remedy() const {
    return joined(remedies_, " && ");
}

void Check::add(Verdict verdict, Message found, std::string remedy) {
    if (verdict < verdict_) return;
    if (verdict > verdict_) founds_.clear(), remedies_.clear();
    verdict_ = verdict;
    founds_.push_back(std::move(found));
    if (!remedy.empty() && !is_in(remedies_, remedy)) remedies_.push_back(std::move(remedy));
}

bool is_good(const Examined& it, TunnelCheck* check) {
    const auto made = it.verdicts.find(check);
    return made != it.verdicts.end() && made->second != Verdict::fail;
}

bool is_sound(const Examined& it, TunnelCheck* but_for) {
    return std::none_of(it.verdicts.begin(), it.verdicts.end(), [&](const auto& made) {
        return made.second == Verdict::fail && made.first != but_for;
    });
}

bool is_vxlan_of_ours(const Examined& it) {
    return it.link.tunnel.kind == TunnelKind::vxlan && it.signs.empty();
}

std::vector<Loss> outer_losses(const Examined& it, const IpAddress& end) {
    std::vector<Loss> found;
    for (const auto& loss : it.losses) {
        const bool is_into_itself = loss.tunnel == it.link.name && loss.inside;
        if (!is_into_itself && concerns(loss, end, it.local)) found.push_back(loss);
    }
    return found;
}

const Tunnel* wish_of(const Facts& facts, std::string_view name) {
    for (const auto& tunnel : facts.wishes)
        if (tunnel.name == name) return &tunnel;
    return nullptr;
}

std::optional<IpAddress> local_of(const Link& link) {
    return link.tunnel.local && !is_unspecified(*link.tunnel.local) ? link.tunnel.local
                                                                    : std::nullopt;
}

std::vector<std::string> signs_of_another(const Link& link, const State& state) {
    return mark_of(link.attributes.alias.value_or("")) ? std::vector<std::string>{}
                                                       : signs_of_another_program(link, state);
}

std::vector<std::string> texts_of(const std::vector<IpAddress>& addresses) {
    std::vector<std::string> texts;
    for (const auto& address : addresses)
        texts.push_back(to_string(address));
    return texts;
}

std::string first_of(const std::vector<std::string>& all) {
    constexpr std::size_t most = 3;
    if (all.size() <= most + 1) return joined(all, ", ");
    return formatted("{} and {} more", fmt::join(all.begin(), all.begin() + most, ", "),
                     all.size() - most);
}

// The interface itself, and what else would have it.

namespace {

constexpr std::uint16_t script_port = 8472;

/// `vxlanctl up` with everything that the link has now, on the right port.
std::string recreation(const Examined& it) {
    std::string local = "LOCAL", inner = "-", more;
    if (it.local)
        local = to_string(*it.local);
    else
        for (const auto& host : it.state.host_addresses)
            if (host.link == it.dev && !is_link_local(host.prefix.address) && local == "LOCAL")
                local = to_string(host.prefix.address);
    for (const auto& address : it.link.addresses) {
        if (is_automatic(address)) continue;
        if (inner == "-")
            inner = to_string(address.prefix);
        else
            more += " --address " + to_string(address.prefix);
    }
    return formatted("vxlanctl up {} {} {} {} {} --vni {}{} --allow-recreate --keep-foreign",
                     it.dev.empty() ? "-" : shell_quoted(it.dev), local, shell_quoted(it.link.name),
                     inner, joined(texts_of(other_ends(it.link)), " "),
                     it.link.tunnel.vni.value_or(0), more);
}

} // namespace

void check_link(Check& check, const Examined& it) {
    if (it.link.tunnel.kind == TunnelKind::ip6tnl && it.link.tunnel.external.value_or(false))
        check.warn(Code::link_external, {}, "vxlanctl ipip6 up --help");
    if (it.link.attributes.up.value_or(false))
        check.pass(Code::link_up);
    else
        check.fail(Code::link_down, {}, up_command(it.link.name));
}

void check_missing_link(Check& check, const Facts& facts, const std::string& name) {
    const bool in_files = wish_of(facts, name) != nullptr;
    check.fail(in_files ? Code::link_missing_but_in_files : Code::link_missing, {},
               in_files ? "vxlanctl apply" : "vxlanctl up --help");
}

void check_vni(Check& check, const Examined& it) {
    if (it.link.tunnel.kind == TunnelKind::vxlan)
        check.pass(Code::vni_own, {{"vni", it.link.tunnel.vni.value_or(0)},
                                   {"port", it.link.tunnel.port.value_or(0)}});
}

void check_missing_vni(Check& check, const Facts& facts, const std::string& name) {
    const Tunnel* wish = wish_of(facts, name);
    if (wish == nullptr || wish->tunnel.kind != TunnelKind::vxlan || !wish->tunnel.local) return;
    const auto vni = wish->tunnel.vni.value_or(0);
    const auto port = wish->tunnel.port.value_or(0);
    for (const auto& holder : vni_holders(wish->tunnel, name, facts.state))
        check.fail(Code::vni_taken, {{"vni", vni}, {"port", port}, {"interface", holder}},
                   formatted("vxlanctl down --force {}", shell_quoted(holder)));
    check.pass(Code::vni_free, {{"vni", vni}, {"port", port}});
}

void check_port(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const auto number = it.link.tunnel.port.value_or(0);
    if (number != script_port)
        check.pass(Code::port_fine, {{"port", number}});
    else if (it.record != nullptr && it.record->keys.contains("port"))
        check.warn(Code::port_8472_set);
    else
        check.fail(Code::port_8472_left, {}, recreation(it));
}

void check_vrf(Check& check, const Examined& it) {
    const bool is_here = !it.link.underlay_elsewhere;
    if (!is_here || it.link.tunnel.kind != TunnelKind::vxlan || !is_good(it, check_lower_device))
        return;
    const Link* lower = find_link(it.state, it.dev);
    const std::string name = lower != nullptr ? lower->attributes.vrf.value_or("") : "";
    if (name.empty()) {
        check.pass(Code::vrf_none);
        return;
    }
    const auto errors = it.link.counters.tx_carrier_errors;
    const std::string remedy = formatted("ip link set dev {} down && {}",
                                         shell_quoted(it.link.name), up_command(it.link.name));
    const Values values{{"dev", lower->name}, {"vrf", name}, {"errors", errors}};
    if (it.tunnel.bound_to_vrf == false)
        check.fail(Code::vrf_changed_later, values, remedy);
    else if (!it.tunnel.bound_to_vrf && errors > 0)
        check.fail(Code::vrf_carrier_errors, values, remedy);
    else
        check.pass(Code::vrf_fine, values);
}

void check_manager(Check& check, const Examined& it) {
    if (!it.signs.empty()) {
        check.pass(Code::manager_another, {{"signs", joined(it.signs, ", ")}});
        return;
    }
    const auto& links = it.facts.services.links;
    const auto found = links.find(it.link.index);
    const auto managed = found == links.end() ? Services::Managed{} : found->second;
    const std::string name = shell_quoted(it.link.name);
    if (managed.by_network_manager)
        check.fail(Code::manager_network_manager, {},
                   formatted("nmcli device set {} managed no", name));
    if (managed.by_networkd) {
        const std::string text =
            formatted("[Match]\\nName={}\\n\\n[Link]\\nUnmanaged=yes\\n", it.link.name);
        check.fail(
            Code::manager_networkd, {},
            formatted("mkdir -p /etc/systemd/network && printf {} > {} && networkctl reload && "
                      "networkctl reconfigure {}",
                      shell_quoted(text),
                      shell_quoted(formatted("/etc/systemd/network/00-{}.network", it.link.name)),
                      name));
    }
    check.pass(Code::manager_none);
}

// What the tunnel's own packets need: the underlay interface, the local address, and routes.

namespace {

bool is_examined(const Facts& facts, const std::string& name) {
    return std::any_of(facts.tunnels.begin(), facts.tunnels.end(),
                       [&](const TunnelFacts& tunnel) { return tunnel.name == name; });
}

/// That the local address, which was set for another tunnel, is gone from there.
const Loss* lost_local(const Examined& it) {
    if (it.local && find_host_address(it.state, *it.local, "") != nullptr) return nullptr;
    const auto found = std::find_if(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel != it.link.name && loss.address && loss.address == it.local;
    });
    return found == it.losses.end() ? nullptr : &*found;
}

std::optional<Message> failure_of(const Way& way, const Examined& it) {
    if (way.code != 0)
        return Message(Code::route_missing, "",
                       {{"peer", to_string(way.to)},
                        {"through", it.dev.empty() ? "" : formatted(" through '{}'", it.dev)}})
            .with(way.code);
    if (way.dev == it.link.name)
        return Message(Code::route_into_tunnel, "", {{"peer", to_string(way.to)}});
    if (!it.dev.empty() && way.dev != it.dev)
        return Message(Code::route_through_other, "",
                       {{"peer", to_string(way.to)}, {"interface", way.dev}, {"dev", it.dev}});
    return std::nullopt;
}

std::optional<Message> doubt_about(const Way& way, const Examined& it) {
    const HostAddress* host = it.local ? find_host_address(it.state, *it.local, way.dev) : nullptr;
    if (!it.dev.empty() || host == nullptr || host->link == way.dev) return std::nullopt;
    return Message(Code::route_not_where_local_is, "",
                   {{"peer", to_string(way.to)}, {"interface", way.dev}, {"home", host->link}});
}

/// Whether a check `rules` says why packets go another way.
bool is_astray_by_loss(const Examined& it) {
    return std::any_of(it.tunnel.out.begin(), it.tunnel.out.end(), [&](const Way& way) {
        if (!failure_of(way, it) && !doubt_about(way, it)) return false;
        const auto lost = outer_losses(it, way.to);
        return std::any_of(lost.begin(), lost.end(),
                           [&](const Loss& loss) { return is_examined(it.facts, loss.tunnel); });
    });
}

/// A route to another end, by the gateway that the device has for everything else.
std::string outer_route(const Examined& it, const IpAddress& end) {
    std::string dev = it.dev;
    if (dev.empty() && it.local)
        if (const HostAddress* host = find_host_address(it.state, *it.local, "")) dev = host->link;
    Route missing;
    missing.to = {end, full_length(end.family)};
    for (const auto& known : it.state.routes)
        if (known.to.length == 0 && known.to.address.family == end.family && known.via &&
            known.dev == dev)
            missing.via = known.via;
    if (const Link* lower = find_link(it.state, dev))
        if (const Link* vrf = find_link(it.state, lower->attributes.vrf.value_or("")))
            missing.table = vrf->vrf_table;
    return route_command("add", missing, dev);
}

/// What another tunnel's record or the files state comes before a route of our making.
std::string way_remedy(const Examined& it, const IpAddress& end) {
    if (const auto lost = outer_losses(it, end); !lost.empty()) return lost.front().remedy;
    if (it.wish != nullptr) {
        Record stated;
        stated.routes = stated_routes(*it.wish, it.state);
        stated.rules = it.wish->rules.value_or(std::vector<Rule>{});
        for (const auto& loss : losses(it.link, stated, it.state))
            if (!loss.inside && concerns(loss, end, it.local)) return "vxlanctl apply";
    }
    return outer_route(it, end);
}

std::string table_text(std::uint32_t table) {
    return table == main_table ? "main" : std::to_string(table);
}

void judge_drawn(Check& check, const Examined& it, const Prefix& inner, const Outside& outside,
                 const std::string& removal) {
    for (const auto& drawn : outside.drawn_into(inner)) {
        const auto& [address, length] = drawn.what;
        const bool alone = length == full_length(address.family);
        const bool taken =
            alone ? device_towards(address, it.state) == it.link.name : inner.length >= length;
        const Values values{{"what", drawn.text}, {"prefix", to_string(inner)}};
        if (taken)
            check.fail(Code::overlap, values, alone ? outer_route(it, address) : removal);
        else
            check.warn(Code::overlap_possible, values);
    }
}

} // namespace

void check_lower_device(Check& check, const Examined& it) {
    const Values dev{{"dev", it.dev}};
    if (it.link.underlay_elsewhere) return check.warn(Code::lower_elsewhere);
    if (it.dev.empty()) return check.pass(Code::lower_none);
    switch (condition_of(find_link(it.state, it.dev))) {
    case LinkCondition::missing: return check.fail(Code::lower_gone, {}, "ip -br link");
    case LinkCondition::down: return check.fail(Code::lower_down, dev, up_command(it.dev));
    case LinkCondition::no_carrier:
        return check.fail(Code::lower_no_carrier, dev,
                          formatted("ip -d link show dev {}", shell_quoted(it.dev)));
    case LinkCondition::up: return check.pass(Code::lower_up, dev);
    }
}

void check_local_address(Check& check, const Examined& it) {
    if (it.link.underlay_elsewhere) return;
    if (const Loss* below = lost_local(it)) {
        if (!is_examined(it.facts, below->tunnel)) // else that one's check says so
            check.fail(Code::local_gone_from_tunnel,
                       {{"local", to_string(*below->address)}, {"interface", below->tunnel}},
                       below->remedy);
        return;
    }
    if (!it.local) return check.pass(Code::local_none);
    const std::string local = to_string(*it.local);
    const HostAddress* host = find_host_address(it.state, *it.local, it.dev);
    if (host == nullptr)
        check.fail(Code::local_missing, {{"local", local}},
                   formatted("ip addr add {}/{} dev {}", local, full_length(it.local->family),
                             it.dev.empty() ? "lo" : shell_quoted(it.dev)));
    else if (!it.dev.empty() && host->link != it.dev)
        check.warn(Code::local_on_another,
                   {{"local", local}, {"interface", host->link}, {"dev", it.dev}});
    else
        check.pass(Code::local_here, {{"local", local}, {"interface", host->link}});
}

void check_rules(Check& check, const Examined& it) {
    if (!is_good(it, check_link)) return;
    if (it.record == nullptr) return check.pass(Code::nothing_recorded);
    // With the lower device or the local address go routes that were set out of the device.
    const bool inside_alone = !is_good(it, check_lower_device) ||
                              !(is_good(it, check_local_address) || it.link.underlay_elsewhere);
    for (const auto& loss : it.losses)
        if (loss.tunnel == it.link.name && (loss.inside || !inside_alone))
            check.add(Verdict::fail, loss.message, loss.remedy);
    check.pass(inside_alone ? Code::all_inside_there : Code::all_set_there,
               {{"addresses", it.record->addresses.size()},
                {"routes", it.record->routes.size()},
                {"rules", it.record->rules.size()}});
}

void check_route(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || !is_good(it, check_local_address) ||
        is_astray_by_loss(it))
        return;
    std::vector<std::string> good;
    for (const auto& way : it.tunnel.out) {
        if (const auto failure = failure_of(way, it)) {
            check.add(Verdict::fail, *failure, way_remedy(it, way.to));
            continue;
        }
        if (const auto doubt = doubt_about(way, it)) check.add(Verdict::warn, *doubt);
        const auto from = it.local ? it.local : way.source;
        good.push_back(formatted("{}{} through '{}', table {}, from {}", to_string(way.to),
                                 way.via ? " via " + to_string(*way.via) : "", way.dev,
                                 table_text(way.table), from ? to_string(*from) : "any address"));
    }
    if (good.empty())
        check.pass(Code::no_peer_to_reach);
    else
        check.pass(Code::route_fine, {{"ways", first_of(good)}});
}

void check_overlap(Check& check, const Examined& it) {
    if (!it.local || it.link.underlay_elsewhere) return check.pass(Code::overlap_unknown);
    const Outside outside({it.link.name, *it.local, !it.dev.empty(), other_ends(it.link)},
                          it.state);
    for (const auto& address : it.link.addresses) {
        const Prefix inner = network_of(address.prefix);
        if (is_automatic(address) || inner.length == full_length(inner.address.family)) continue;
        judge_drawn(check, it, inner, outside,
                    formatted("ip addr del {} dev {}", to_string(address.prefix),
                              shell_quoted(it.link.name)));
    }
    for (const auto& route : it.link.routes)
        if (route.table == main_table && route.protocol != RTPROT_KERNEL &&
            route.type == RTN_UNICAST && route.to.length != 0)
            judge_drawn(check, it, route.to, outside, route_command("del", route, it.link.name));
    check.pass(Code::overlap_none);
}

// Where a VXLAN sends frames, and what answers.

namespace {

bool was_asked(const Examined& it) {
    return it.tunnel.probe && !it.tunnel.probe->arp_obstacle;
}

/// Neighbours that do not answer.
std::vector<std::string> unanswered(const TunnelFacts& tunnel) {
    std::vector<std::string> addresses;
    for (const auto& neighbour : tunnel.neighbours)
        if ((neighbour.state & (NUD_FAILED | NUD_INCOMPLETE)) != 0 &&
            !is_link_local(neighbour.address) && !is_multicast(neighbour.address))
            addresses.push_back(to_string(neighbour.address));
    return addresses;
}

/// That no MAC address has been learned from any peer.
void judge_silence(Check& check, const Examined& it) {
    const auto silent = unanswered(it.tunnel);
    const auto& counters = it.link.counters;
    const std::string remedy =
        was_asked(it) ? "" : formatted("vxlanctl doctor --probe {}", shell_quoted(it.link.name));
    const Values values{{"addresses", first_of(silent)},
                        {"sent", counters.tx_packets},
                        {"received", counters.rx_packets}};
    if (!silent.empty() && !was_asked(it))
        check.fail(Code::macs_silence, values, remedy);
    else if (!silent.empty()) // which the probe judges
        check.warn(Code::macs_silence, values);
    else
        check.warn(counters.rx_packets > 0 ? Code::macs_none_now : Code::macs_none_yet, values,
                   remedy);
}

} // namespace

void check_peers(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const Link& link = it.link;
    const bool floods_elsewhere =
        has_remote(link) || link.tunnel.external.value_or(false) ||
        std::any_of(link.opaque.begin(), link.opaque.end(),
                    [](const OpaqueEntry& entry) { return is_zero(entry.mac); });
    if (link.flood_list.empty() && !floods_elsewhere) {
        std::vector<std::string> commands;
        for (const auto& entry : link.macs) // the kernel learns from whoever sends
            if (auto command = fdb_command("append", link.name, entry.remote);
                !is_in(commands, command))
                commands.push_back(std::move(command));
        check.fail(Code::peers_missing, {},
                   it.wish != nullptr ? "vxlanctl apply"
                   : commands.empty() ? "vxlanctl up --help"
                                      : joined(commands, " && "));
    }
    if (ages(link.flood_state) && !link.flood_list.empty())
        check.warn(Code::flood_list_ages, {},
                   fdb_command("append", link.name, link.flood_list.front()) + " permanent");
    check.pass(Code::peers_there, {{"peers", first_of(texts_of(other_ends(link)))}});
}

void check_flood_list(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const auto& entries = it.link.flood_list;
    for (const auto& [plain, other, is_remote] : doubled_peers(entries, it.link.tunnel)) {
        const Message twice(Code::peer_twice, "", {{"peer", to_string(plain.dst)}});
        if (is_remote)
            check.add(Verdict::fail, twice,
                      formatted("ip link set dev {} type vxlan id {} remote {}",
                                shell_quoted(it.link.name), it.link.tunnel.vni.value_or(0),
                                plain.dst.family == Family::ipv4 ? "0.0.0.0" : "::"));
        else
            check.add(Verdict::fail, twice, fdb_command("del", it.link.name, other));
    }
    check.pass(Code::flood_list_fine,
               {{"entries",
                 formatted("{} {}", entries.size(), entries.size() == 1 ? "entry" : "entries")}});
}

void check_macs(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it) || !is_sound(it)) return;
    if (!it.link.tunnel.learning.value_or(true)) return check.pass(Code::macs_not_wanted);
    if (it.link.macs.empty()) return judge_silence(check, it);
    std::vector<std::string> with, without;
    for (const auto& end : other_ends(it.link)) {
        const auto count =
            std::count_if(it.link.macs.begin(), it.link.macs.end(),
                          [&](const MacEntry& entry) { return entry.remote.dst == end; });
        if (count > 0)
            with.push_back(formatted("{} behind {}", count, to_string(end)));
        else
            without.push_back(to_string(end));
    }
    if (without.empty())
        check.pass(Code::macs_learned, {{"macs", first_of(with)}});
    else
        check.pass(Code::macs_none_behind, {{"macs", first_of(with) + (with.empty() ? "" : "; ")},
                                            {"peers", first_of(without)}});
}

void check_pins(Check& check, const Examined& it) {
    if (!is_vxlan_of_ours(it)) return;
    const auto ends = other_ends(it.link);
    const bool all_known = std::none_of(ends.begin(), ends.end(), is_multicast);
    const bool redundant = ends.size() > 1 && it.link.tunnel.learning.value_or(true);
    for (const auto& entry : it.link.macs) {
        if (entry.origin != FdbOrigin::pinned) continue;
        const std::string remedy = fdb_command("del", it.link.name, entry.remote, entry.mac);
        const Values values{{"mac", to_string(entry.mac)}, {"peer", to_string(entry.remote.dst)}};
        if (redundant || (all_known && !is_in(ends, entry.remote.dst)))
            check.fail(Code::mac_pinned, values, remedy);
        else
            check.warn(Code::mac_pinned, values, remedy);
    }
    check.pass(Code::pins_none);
}

void check_probe(Check& check, const Examined& it) {
    if (!it.tunnel.probe || !is_vxlan_of_ours(it) || !is_sound(it, check_macs)) return;
    if (const auto& obstacle = it.tunnel.probe->arp_obstacle) {
        const std::string reason(obstacle->value("reason"));
        check.warn(Code::probe_not_sent,
                   {{"reason", reason.empty() ? text_of(*obstacle) : reason}});
        return;
    }
    std::vector<std::string> silent, answered;
    for (const auto& answer : it.tunnel.probe->answers)
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
                             it.dev.empty() ? "any" : shell_quoted(it.dev),
                             it.link.tunnel.port.value_or(0)));
    else if (!silent.empty())
        check.warn(Code::probe_partly,
                   {{"answers", joined(answered, ", ")}, {"addresses", first_of(silent)}});
    else
        check.pass(Code::probe_answered, {{"answers", joined(answered, ", ")}});
}

// The routers of an ISATAP link.

namespace {

bool is_isatap(const Examined& it) {
    return it.link.tunnel.isatap.value_or(false);
}

/// The IPv4 address that an ISATAP address has in it.
std::optional<IpAddress> router_in(const IpAddress& address) {
    if (!is_isatap_address(address)) return std::nullopt;
    return address_from_wire(std::span(address.bytes).subspan(12));
}

bool is_default_of_ipv6(const Prefix& to) {
    return to == Prefix{IpAddress{Family::ipv6, {}}, 0};
}

bool has_lost_default(const Examined& it) {
    return std::any_of(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel == it.link.name && loss.inside && loss.to &&
               is_default_of_ipv6(*loss.to);
    });
}

std::vector<Route> default_routes(const Link& link) {
    std::vector<Route> routes;
    for (const auto& route : link.routes)
        if (is_default_of_ipv6(route.to) && route.type == RTN_UNICAST) routes.push_back(route);
    return routes;
}

/// Where default routes out of the link lead, or have to, where one that was set is gone.
std::vector<Route> meant_default_routes(const Examined& it) {
    if (!has_lost_default(it)) return default_routes(it.link);
    std::vector<Route> routes;
    for (const auto& route : it.record->routes)
        if (route.dev.empty() && is_default_of_ipv6(route.to)) routes.push_back(route);
    return routes;
}

/// The ISATAP address of the router that the kernel prefers.
std::optional<IpAddress> next_hop(const Link& link) {
    std::optional<IpAddress> hop;
    for (const auto& address : link.addresses)
        if (!is_automatic(address) && router_in(address.prefix.address) && !hop)
            for (const auto& entry : link.routers)
                if (!hop || entry.is_default)
                    hop = isatap_address(network_of({address.prefix.address, 64}), entry.router,
                                         address.prefix.address.bytes[8] != 0);
    return hop;
}

} // namespace

void check_routers(Check& check, const Examined& it) {
    if (!is_isatap(it)) return;
    const auto& routers = it.link.routers;
    const std::string prl = formatted("ip tunnel prl dev {}", shell_quoted(it.link.name));
    std::string remedy = "vxlanctl isatap up --help";
    for (const auto& route : meant_default_routes(it)) {
        const auto router = route.via ? router_in(*route.via) : std::nullopt;
        if (!router) continue;
        const std::string address = to_string(*router);
        const std::string addition = formatted("{} prl-default {}", prl, address);
        if (routers.empty()) {
            remedy = addition;
            continue;
        }
        const auto entry = std::find_if(routers.begin(), routers.end(), [&](const PrlEntry& known) {
            return known.router == *router;
        });
        if (entry == routers.end())
            check.fail(Code::router_not_in_prl, {{"router", address}}, addition);
        else if (!entry->is_default)
            check.warn(Code::router_not_default, {{"router", address}},
                       formatted("{} prl-delete {} && {}", prl, address, addition));
    }
    if (routers.empty()) check.fail(Code::routers_missing, {}, remedy);
    std::vector<std::string> names;
    for (const auto& entry : routers)
        names.push_back(to_string(entry.router));
    check.pass(Code::routers_there, {{"routers", first_of(names)}});
}

void check_default_route(Check& check, const Examined& it) {
    if (!is_isatap(it) || !is_good(it, check_link) || has_lost_default(it)) return;
    const auto routes = default_routes(it.link);
    const auto hop = next_hop(it.link);
    for (const auto& route : routes) {
        if (route.via && router_in(*route.via)) {
            check.pass(Code::default_route_there, {{"gateway", to_string(*route.via)}});
            continue;
        }
        Route better = route;
        better.via = hop;
        check.fail(route.via ? Code::next_hop_wrong : Code::next_hop_missing,
                   {{"gateway", route.via ? to_string(*route.via) : ""}},
                   hop ? route_command("replace", better, it.link.name) : "ip -6 route");
    }
    if (!routes.empty()) return;
    for (const auto& route : it.state.routes)
        if (is_default_of_ipv6(route.to))
            return check.pass(Code::default_route_elsewhere, {{"interface", route.dev}});
    Route missing;
    missing.to = {IpAddress{Family::ipv6, {}}, 0};
    missing.via = hop;
    missing.metric = 1;
    check.warn(Code::default_route_missing, {},
               hop ? route_command("add", missing, it.link.name) : "");
}

// Whether the tunnel's packets fit.

void check_lower_mtu(Check& check, const Examined& it) {
    const Link* lower = it.link.underlay_elsewhere ? nullptr : find_link(it.state, it.dev);
    const auto mtu = it.link.attributes.mtu;
    const auto limit = mtu_limit(it.link.tunnel, it.state);
    if (lower != nullptr && mtu && limit && *mtu > *limit)
        check.fail(Code::mtu_too_large_for_lower,
                   {{"mtu", *mtu}, {"lower", *lower->attributes.mtu}, {"dev", lower->name}},
                   mtu_command(it.link.name, *limit));
}

void check_mtu(Check& check, const Examined& it) {
    if (it.link.underlay_elsewhere || !it.signs.empty()) return;
    check_lower_mtu(check, it);
    const auto own = it.link.attributes.mtu.value_or(0);
    const auto taken = overhead(it.link.tunnel);
    for (const auto& way : it.tunnel.out) {
        const Link* out = it.dev.empty() ? find_link(it.state, way.dev) : nullptr;
        const std::uint32_t room = way.mtu != 0 ? way.mtu
                                   : out != nullptr && out->name != it.link.name
                                       ? out->attributes.mtu.value_or(0)
                                       : 0;
        if (way.code == 0 && room > taken && own + taken > room && outer_losses(it, way.to).empty())
            check.fail(Code::mtu_too_large_for_route,
                       {{"mtu", own}, {"route", room}, {"peer", to_string(way.to)}},
                       mtu_command(it.link.name, room - taken));
    }
    check.pass(Code::mtu_fits, {{"mtu", own}, {"outer", own + taken}});
}

void check_path_mtu(Check& check, const Examined& it) {
    if (!it.tunnel.probe || !is_good(it, check_route) || !it.signs.empty()) return;
    const auto taken = overhead(it.link.tunnel);
    const auto needed = it.link.attributes.mtu.value_or(0) + taken;
    std::uint32_t least = needed;
    std::vector<std::string> good;
    for (const auto& path : it.tunnel.probe->paths)
        if (path.code == 0) least = std::min(least, path.mtu);
    for (const auto& path : it.tunnel.probe->paths) {
        if (path.code != 0)
            check.add(Verdict::warn,
                      Message(Code::path_mtu_not_tried, "", {{"peer", to_string(path.to)}})
                          .with(path.code));
        else if (path.mtu < needed && least > taken)
            check.fail(Code::path_mtu_too_small,
                       {{"peer", to_string(path.to)},
                        {"bytes", path.mtu},
                        {"needed", needed},
                        {"says", path.reporter ? ", says " + to_string(*path.reporter) : ""}},
                       mtu_command(it.link.name, least - taken));
        else
            good.push_back(to_string(path.to));
    }
    if (good.empty())
        check.pass(Code::no_peer_to_reach);
    else
        check.pass(Code::path_mtu_fits, {{"peers", first_of(good)}, {"bytes", needed}});
}

// What the kernel drops by the sysctls of the devices that packets come in by.

namespace {

constexpr int strict = 1, loose = 2; // rp_filter

LinkPolicy policy_of(const Examined& it, const std::string& dev) {
    const auto found = it.facts.policies.find(dev);
    return found == it.facts.policies.end() ? LinkPolicy{} : found->second;
}

bool is_strict(const Examined& it, const std::string& dev) {
    return policy_of(it, dev).rp_filter == strict;
}

bool is_lost_inside(const Examined& it, const IpAddress& address) {
    return std::any_of(it.losses.begin(), it.losses.end(), [&](const Loss& loss) {
        return loss.tunnel == it.link.name && concerns(loss, address, std::nullopt);
    });
}

/// Whether packets from where the way leads, which come in by `ingress`, are dropped.
void judge_source(Check& check, const Examined& it, const Way& way, const std::string& ingress,
                  const std::string& what) {
    if (way.code != 0 || way.to.family != Family::ipv4 || ingress.empty() || way.dev == ingress)
        return;
    const Values values{
        {"what", what + to_string(way.to)}, {"interface", ingress}, {"other", way.dev}};
    if (is_strict(it, ingress))
        check.fail(Code::rp_filter_drops, values, sysctl_command(ingress, "rp_filter", loose));
    else
        check.pass(Code::rp_filter_lets_pass, values);
}

/// Whether a rule's source is this host alone.
bool is_own(const Prefix& from, const State& state) {
    return from.length == full_length(from.address.family) &&
           find_host_address(state, from.address, "") != nullptr;
}

/// The device that traffic from the prefix comes in by.
std::string comes_from(const Examined& it, const Prefix& from) {
    for (const auto& host : it.state.host_addresses)
        if (overlaps(host.prefix, from) && host.link != it.link.name && !host.link.empty())
            return host.link;
    if (!it.dev.empty()) return it.dev;
    for (const auto& way : it.tunnel.out)
        if (way.code == 0) return way.dev;
    return "";
}

/// What says that other hosts' traffic goes through the tunnel, and by which devices it comes.
struct GatewaySigns {
    std::vector<std::string> reasons, ingress;
    Family family = Family::ipv4;
};

void add_rules(GatewaySigns& signs, const Examined& it) {
    std::vector<Rule> rules = it.state.rules;
    if (it.record != nullptr) append(rules, it.record->rules);
    if (it.wish != nullptr && it.wish->rules) append(rules, *it.wish->rules);
    const auto leads_here = [&](std::uint32_t table) {
        return std::any_of(it.link.routes.begin(), it.link.routes.end(), [&](const Route& route) {
            return route.table == table && route.protocol != RTPROT_KERNEL;
        });
    };
    for (const auto& rule : rules) {
        if (!rule.from || !leads_here(rule.table) || is_own(*rule.from, it.state)) continue;
        auto reason = text_of(Code::traffic_by_table,
                              {{"from", to_string(*rule.from)}, {"table", rule.table}});
        if (is_in(signs.reasons, reason)) continue;
        signs.reasons.push_back(std::move(reason));
        signs.family = rule.from->address.family;
        const std::string dev = comes_from(it, *rule.from);
        if (!dev.empty() && !is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
    }
}

GatewaySigns gateway_signs(const Examined& it) {
    GatewaySigns signs;
    add_rules(signs, it);
    if (it.wish == nullptr) return signs;
    const auto devices = it.wish->forward_from.value_or(std::vector<std::string>{});
    if (it.wish->link.forward.value_or(false) || !devices.empty())
        signs.reasons.push_back(text_of(Code::file_says_forward));
    for (const auto& dev : devices)
        if (!is_in(signs.ingress, dev)) signs.ingress.push_back(dev);
    return signs;
}

/// Of a tunnel that nothing says is a gateway's.
void judge_one_way(Check& check, const Examined& it) {
    const bool inside = policy_of(it, it.link.name).forwarding;
    const bool outside = policy_of(it, it.dev).forwarding;
    if (!it.dev.empty() && it.link.tunnel.kind == TunnelKind::vxlan && inside != outside) {
        const std::string& on = outside ? it.dev : it.link.name;
        const std::string& off = outside ? it.link.name : it.dev;
        check.warn(Code::forwarding_one_way, {{"on", on}, {"off", off}},
                   sysctl_command(off, "forwarding", 1));
    }
    check.pass(inside ? Code::forwarding_on : Code::forwarding_off);
}

} // namespace

void check_rp_filter(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device) || !is_good(it, check_local_address)) return;
    for (const auto& way : it.tunnel.back) {
        if (!outer_losses(it, way.to).empty()) continue;
        std::string ingress = it.dev;
        for (const auto& out : it.tunnel.out)
            if (ingress.empty() && out.to == way.to && out.code == 0) ingress = out.dev;
        judge_source(check, it, way, ingress, "");
    }
    for (const auto& way : it.tunnel.inner)
        if (!is_lost_inside(it, way.to)) judge_source(check, it, way, it.link.name, "inside ");
    for (const auto& dev : gateway_signs(it).ingress)
        if (check.verdict() == Verdict::pass && is_strict(it, dev))
            check.warn(Code::rp_filter_strict, {{"interface", dev}},
                       sysctl_command(dev, "rp_filter", loose));
    check.pass(Code::rp_filter_fine);
}

void check_forwarding(Check& check, const Examined& it) {
    if (!is_good(it, check_lower_device)) return;
    const auto signs = gateway_signs(it);
    if (signs.reasons.empty()) return judge_one_way(check, it);
    const std::string reasons = first_of(signs.reasons);
    if (signs.family == Family::ipv6) {
        if (it.facts.ipv6_forwarding)
            check.pass(Code::forwarding_ipv6_on, {{"reasons", reasons}});
        else
            check.fail(Code::forwarding_ipv6_missing, {{"reasons", reasons}},
                       "sysctl -w net/ipv6/conf/all/forwarding=1");
        return;
    }
    auto devices = signs.ingress;
    devices.push_back(it.link.name);
    for (const auto& dev : devices)
        if (!policy_of(it, dev).forwarding)
            check.fail(Code::forwarding_missing, {{"interface", dev}, {"reasons", reasons}},
                       sysctl_command(dev, "forwarding", 1));
    check.pass(Code::forwarding_on_as_needed, {{"reasons", reasons}});
}

// What this host's firewall does with the tunnel's packets.

namespace {

std::uint8_t protocol_of(const TunnelAttributes& tunnel) {
    if (tunnel.kind == TunnelKind::vxlan) return IPPROTO_UDP;
    return tunnel.kind == TunnelKind::ip6tnl && tunnel.proto == IPPROTO_IPIP ? IPPROTO_IPIP
                                                                             : IPPROTO_IPV6;
}

Packet packet(const Examined& it, const IpAddress& end, bool incoming) {
    Packet result;
    result.incoming = incoming;
    result.link = it.dev;
    for (const auto& way : it.tunnel.out)
        if (result.link.empty() && way.to == end && way.code == 0) result.link = way.dev;
    result.source = incoming ? end : *it.local;
    result.destination = incoming ? *it.local : end;
    result.protocol = protocol_of(it.link.tunnel);
    result.is_new = result.protocol == IPPROTO_UDP;
    if (result.is_new) {
        result.port = it.link.tunnel.port;
        result.vni = it.link.tunnel.vni;
    }
    return result;
}

/// What a base chain does with packets from or to some ends.
struct Affected {
    Judgement::Blamed blamed;
    Fate fate;
    bool incoming;
    std::vector<std::string> ends;
};

std::vector<Affected> affected_of(const Examined& it) {
    std::vector<Affected> all;
    const auto add = [&](const IpAddress& end, bool incoming) {
        const auto judgement = judge(it.facts.ruleset, packet(it, end, incoming));
        for (const auto& blamed : judgement.blamed) {
            const auto at = std::find_if(all.begin(), all.end(), [&](const Affected& affected) {
                return affected.blamed.chain == blamed.chain && affected.fate == judgement.fate &&
                       affected.incoming == incoming;
            });
            if (at != all.end())
                at->ends.push_back(to_string(end));
            else
                all.push_back({blamed, judgement.fate, incoming, {to_string(end)}});
        }
    };
    if (!it.local) return all;
    for (const auto& end : other_ends(it.link)) {
        if (!is_multicast(end)) add(end, true);
        add(end, false);
    }
    return all;
}

/// The rule that lets the packets pass.
std::string acceptance(const Examined& it, const Affected& affected) {
    const auto& tunnel = it.link.tunnel;
    const bool is_ipv4 = it.local->family == Family::ipv4;
    const std::string match =
        tunnel.kind == TunnelKind::vxlan
            ? formatted("udp dport {}", *tunnel.port)
            : formatted("{} {}", is_ipv4 ? "ip protocol" : "meta l4proto", protocol_of(tunnel));
    const std::string rule =
        formatted("{} {} {{ {} }} {} accept", is_ipv4 ? "ip" : "ip6",
                  affected.incoming ? "saddr" : "daddr", fmt::join(affected.ends, ", "), match);
    const auto& chain = *affected.blamed.chain;
    return formatted("nft insert rule {} {} {} {}", chain.family, shell_quoted(chain.table),
                     shell_quoted(chain.name), shell_quoted(rule));
}

} // namespace

void check_firewall(Check& check, const Examined& it) {
    if (!is_good(it, check_local_address)) return;
    if (const auto& obstacle = it.facts.ruleset_obstacle)
        return check.warn(Code::firewall_unknown, {{"reason", text_of(*obstacle)}},
                          obstacle->code == Code::nft_missing ? "apt-get install nftables"
                                                              : "nft list ruleset");
    const std::string what = it.link.tunnel.kind == TunnelKind::vxlan
                                 ? formatted("UDP {}", it.link.tunnel.port.value_or(0))
                                 : formatted("protocol {}", protocol_of(it.link.tunnel));
    for (const auto& affected : affected_of(it)) {
        const auto& chain = *affected.blamed.chain;
        const Values values{{"what", what},
                            {"direction", affected.incoming ? "from" : "to"},
                            {"peers", first_of(affected.ends)},
                            {"table", formatted("{} {}", chain.family, chain.table)},
                            {"chain", chain.name},
                            {"why", affected.blamed.why}};
        if (affected.fate == Fate::dropped)
            check.fail(Code::firewall_drops, values, acceptance(it, affected));
        else
            check.warn(Code::firewall_may_drop, values, acceptance(it, affected));
    }
    if (it.facts.has_legacy_rules)
        check.warn(Code::firewall_legacy, {}, "iptables-legacy-save -t filter");
    check.pass(it.facts.ruleset.chains.empty() ? Code::firewall_empty : Code::firewall_lets_pass,
               {{"what", what}});
}

// What is not about one tunnel.

namespace {

/// The tunnel whose packets the cloud sees: that one, or of tunnels in tunnels the outermost.
const Link* outermost(const Link* link, const State& state) {
    std::set<const Link*> seen;
    while (seen.insert(link).second) {
        const std::string dev = link->tunnel.dev.value_or("");
        const auto local = local_of(*link);
        const HostAddress* host = local ? find_host_address(state, *local, dev) : nullptr;
        const Link* under = find_link(state, host == nullptr ? dev : host->link);
        if (under == nullptr || !is_tunnel(*under)) return link;
        link = under;
    }
    return link;
}

/// `UDP 4789 from 100.64.158.4`
std::string door_of(const Link& link) {
    auto ends = other_ends(link);
    std::erase_if(ends, is_multicast);
    return formatted("{} from {}",
                     link.tunnel.kind == TunnelKind::vxlan
                         ? formatted("UDP {}", link.tunnel.port.value_or(0))
                         : formatted("protocol {}", link.tunnel.proto == IPPROTO_IPIP ? 4 : 41),
                     ends.empty() ? "the peers" : first_of(texts_of(ends)));
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

} // namespace

void check_any_tunnel(Check& check, const Facts& facts) {
    if (facts.tunnels.empty()) check.fail(Code::no_tunnel, {}, "vxlanctl up --help");
}

void check_networkd(Check& check, const Facts& facts) {
    const auto& services = facts.services;
    if (!services.networkd_runs) return check.pass(Code::networkd_does_not_run);
    const std::string remedy =
        "mkdir -p /etc/systemd/networkd.conf.d && printf "
        "'[Network]\\nManageForeignRoutes=no\\nManageForeignRoutingPolicyRules=no\\n' > "
        "/etc/systemd/networkd.conf.d/vxlanctl.conf && systemctl restart systemd-networkd";
    const auto is_managed = [&](const Route& route) {
        const Link* link = find_link(facts.state, route.dev);
        const auto found =
            link == nullptr ? services.links.end() : services.links.find(link->index);
        return found != services.links.end() && found->second.by_networkd;
    };
    bool has_rules = false, has_routes = false;
    const auto add = [&](const std::vector<Rule>& rules, const std::vector<Route>& routes) {
        has_rules = has_rules || !rules.empty();
        has_routes = has_routes || std::any_of(routes.begin(), routes.end(), is_managed);
    };
    for (const auto& [id, record] : facts.state.records)
        add(record.rules, record.routes);
    for (const auto& wish : facts.wishes)
        add(wish.rules.value_or(std::vector<Rule>{}), wish.routes.value_or(std::vector<Route>{}));
    if (has_rules && services.removes_rules) check.fail(Code::networkd_removes_rules, {}, remedy);
    if (has_routes && services.removes_routes)
        check.fail(Code::networkd_removes_routes, {}, remedy);
    check.pass(Code::networkd_harmless);
}

void check_cloud(Check& check, const Facts& facts) {
    std::set<std::string> doors;
    std::set<IpAddress> locals;
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(facts.state, tunnel.name);
        if (link == nullptr) continue;
        link = outermost(link, facts.state);
        if (const auto local = local_of(*link)) locals.insert(*local);
        doors.insert(door_of(*link));
    }
    check.warn(Code::cloud,
               {{"doors", doors.empty() ? "UDP 4789 from the peers" : joined(doors, "; ")}},
               instances_command(locals));
}

std::string Finding::found() const {
    std::string text;
    for (const auto& message : messages)
        text += (text.empty() ? "" : "; ") + text_of(message);
    return text;
}

std::vector<Finding> findings(const Facts& facts) {
    std::vector<Finding> all;
    const auto make = [&](const CheckRow& row, const std::string& tunnel, auto* examine,
                          const auto&... what) {
        Check check;
        if (examine != nullptr) examine(check, what...);
        if (check.founds().empty()) return false;
        all.push_back({tunnel, std::string(row.name), check.verdict(), check.founds(),
                       std::string(row.why), check.remedy()});
        return true;
    };
    const auto lost = all_losses(facts.state);
    for (const auto& tunnel : facts.tunnels) {
        const Link* link = find_link(facts.state, tunnel.name);
        if (link == nullptr) {
            for (const auto& row : checks())
                make(row, tunnel.name, row.of_missing, facts, tunnel.name);
            continue;
        }
        Examined it{facts, facts.state, tunnel, *link, lost};
        for (const auto& row : checks())
            if (make(row, tunnel.name, row.of_tunnel, it))
                it.verdicts.emplace(row.of_tunnel, all.back().verdict);
    }
    for (const auto& row : checks())
        make(row, "", row.of_host, facts);
    return all;
}

std::vector<Message> problems(const Link& link, const State& state) {
    static const Facts no_facts;
    static const TunnelFacts nothing;
    static const std::vector<Loss> no_losses;
    const Examined it{no_facts, state, nothing, link, no_losses};
    std::vector<Message> found;
    for (TunnelCheck* examine :
         {check_link, check_lower_device, check_lower_mtu, check_local_address, check_routers,
          check_peers, check_flood_list}) {
        Check check;
        examine(check, it);
        if (check.verdict() != Verdict::pass)
            found.insert(found.end(), check.founds().begin(), check.founds().end());
    }
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
