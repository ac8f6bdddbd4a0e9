#include "vxlanctl/model/model.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/model/attributes.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <numeric>

namespace vxlanctl {
namespace {

constexpr std::string_view mark_word = "vxlanctl/1 ";
constexpr std::string_view separator = " | ";
constexpr std::size_t id_length = 16;

/// What could be our mark: the last part of the alias.
std::string_view last_part(std::string_view alias) {
    const auto position = alias.rfind(separator);
    return position == std::string_view::npos ? alias : alias.substr(position + separator.size());
}

/// Equal where same_route_key() is.
std::size_t key_of(const Route& route) {
    std::uint64_t key = route.to.length;
    const auto words = route.to.address.words();
    for (const std::uint64_t part : {words[0], words[1], std::uint64_t{route.table},
                                     std::uint64_t{route.metric}, std::uint64_t{route.tos}})
        key = (std::rotl(key, 23) ^ part) * 0x9e3779b97f4a7c15; // Fibonacci hashing
    return key;
}

} // namespace

void Routes::complete_index() const {
    for (; indexed_ < routes_.size(); ++indexed_) {
        by_key_.emplace(key_of(routes_[indexed_]), indexed_);
        if (routes_[indexed_].to.length == 0) defaults_.push_back(indexed_);
    }
}

std::vector<const Route*> Routes::beside(const Route& route) const {
    complete_index();
    std::vector<const Route*> found;
    const auto [begin, end] = by_key_.equal_range(key_of(route));
    for (auto at = begin; at != end; ++at)
        if (same_route_key(routes_[at->second], route)) found.push_back(&routes_[at->second]);
    std::sort(found.begin(), found.end()); // in the order of the list
    return found;
}

std::vector<const Route*> Routes::defaults() const {
    complete_index();
    std::vector<const Route*> found;
    for (const std::size_t position : defaults_)
        found.push_back(&routes_[position]);
    return found;
}

bool Routes::contains(const Route& route) const {
    const auto others = beside(route);
    return std::any_of(others.begin(), others.end(),
                       [&](const Route* other) { return *other == route; });
}

void Routes::sort() {
    if (!std::is_sorted(routes_.begin(), routes_.end()))
        std::sort(changing().begin(), changing().end());
}

const Link* Links::find(std::string_view name) const {
    if (by_name_.empty()) {
        by_name_.resize(links_.size());
        std::iota(by_name_.begin(), by_name_.end(), std::size_t{0});
        std::stable_sort(by_name_.begin(), by_name_.end(), [&](std::size_t one, std::size_t other) {
            return links_[one].name < links_[other].name;
        });
    }
    const auto found = std::lower_bound(by_name_.begin(), by_name_.end(), name,
                                        [&](std::size_t position, std::string_view wanted) {
                                            return links_[position].name < wanted;
                                        });
    return found == by_name_.end() || links_[*found].name != name ? nullptr : &links_[*found];
}

void Links::put(Link link) {
    if (const Link* present = std::as_const(*this).find(link.name)) {
        links_[static_cast<std::size_t>(present - links_.data())] = std::move(link);
        return;
    }
    const auto at = std::upper_bound(by_name_.begin(), by_name_.end(), link.name,
                                     [&](const std::string& name, std::size_t position) {
                                         return name < links_[position].name;
                                     });
    by_name_.insert(at, links_.size());
    links_.push_back(std::move(link));
}

Link* Links::find_to_change(std::string_view name) {
    const Link* link = std::as_const(*this).find(name);
    return link == nullptr ? nullptr : &links_[static_cast<std::size_t>(link - links_.data())];
}

void Links::erase(std::string_view name) {
    const Link* link = std::as_const(*this).find(name);
    if (link == nullptr) return;
    const auto position = static_cast<std::size_t>(link - links_.data());
    links_.erase(links_.begin() + (link - links_.data()));
    std::erase(by_name_, position);
    for (auto& other : by_name_)
        if (other > position) --other;
}

Link* Links::find(std::string_view name) {
    const Link* link = std::as_const(*this).find(name);
    return link == nullptr ? nullptr : &changing()[static_cast<std::size_t>(link - links_.data())];
}

std::string no_link(int index) {
    return formatted("/{}", index); // no name can be like it
}

bool is_no_link(std::string_view name) {
    return name.starts_with('/');
}

bool is_by_no_link(const FloodEntry& entry) {
    return !entry.via.empty() && is_no_link(entry.via.str());
}

std::string kind_in_words(const Link& link) {
    return link.kind.empty() ? "a network device" : link.kind;
}

const Link* find_link(const State& state, std::string_view name) {
    return name.empty() ? nullptr : state.links.find(name);
}

const Record* find_record(const State& state, const Link* link) {
    const auto mark =
        link != nullptr ? mark_of(link->attributes.alias.value_or("")) : std::optional<Mark>();
    const auto found = mark ? state.records.find(mark->id) : state.records.end();
    return found == state.records.end() ? nullptr : &found->second;
}

std::optional<Mark> mark_of(std::string_view alias) {
    auto words = last_part(alias);
    if (!words.starts_with(mark_word)) return std::nullopt;
    words.remove_prefix(mark_word.size());
    const auto space = words.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    const auto origin = words.substr(0, space);
    const auto id = words.substr(space + 1);
    const bool good_id = id.size() == id_length &&
                         id.find_first_not_of("0123456789abcdef") == std::string_view::npos;
    if (!good_id || (origin != "cli" && origin != "file")) return std::nullopt;
    return Mark{origin == "cli" ? Origin::cli : Origin::file, std::string(id)};
}

std::string with_mark(std::string_view alias, const Mark& mark) {
    auto foreign = alias;
    if (mark_of(alias)) foreign.remove_suffix(last_part(alias).size());
    if (foreign.ends_with(separator)) foreign.remove_suffix(separator.size());
    return formatted("{}{}{}{} {}", foreign, foreign.empty() ? "" : separator, mark_word,
                     mark.origin == Origin::cli ? "cli" : "file", mark.id);
}

bool is_tunnel(const Link& link) {
    return tunnel_kind(link.kind).has_value();
}

bool is_fallback(const Link& link) {
    return is_tunnel(link) && link.tunnel.kind != TunnelKind::vxlan &&
           link.name == std::string(traits_of(link.tunnel.kind).name) + "0";
}

bool goes_with_lower(std::string_view kind) {
    constexpr std::string_view they_are[] = {"vxlan",  "vlan",   "macvlan", "macvtap",
                                             "ipvlan", "ipvtap", "macsec",  "hsr"};
    return std::find(std::begin(they_are), std::end(they_are), kind) != std::end(they_are);
}

bool same_route(const Route& one, const Route& other) {
    return same_route_anywhere(one, other) && one.dev == other.dev;
}

bool same_route_key(const Route& one, const Route& other) {
    return one.to == other.to && one.table == other.table && one.metric == other.metric &&
           one.tos == other.tos;
}

bool fulfils(const Rule& rule, const Rule& wanted) {
    return rule.from == wanted.from && rule.to == wanted.to && rule.table == wanted.table &&
           (!wanted.priority || rule.priority == wanted.priority);
}

bool same_route_anywhere(const Route& one, const Route& other) {
    return same_route_key(one, other) && one.via == other.via && one.type == other.type &&
           one.multipath == other.multipath;
}

const Route* find_route(const Routes& routes, const Route& wanted) {
    const auto others = routes.beside(wanted);
    const auto found = std::find_if(others.begin(), others.end(), [&](const Route* other) {
        return same_route_anywhere(*other, wanted);
    });
    return found == others.end() ? nullptr : *found;
}

const Rule* find_rule(const std::vector<Rule>& rules, const Rule& wanted) {
    const auto found = std::find_if(rules.begin(), rules.end(),
                                    [&](const Rule& rule) { return fulfils(rule, wanted); });
    return found == rules.end() ? nullptr : &*found;
}

std::string temporary_name(const Mark& mark) {
    return "vx" + mark.id.substr(0, 13); // 15 bytes, the most that a name may have
}

bool is_leftover(const Link& link) {
    const auto mark = mark_of(link.attributes.alias.value_or(""));
    return mark && link.name == temporary_name(*mark);
}

bool is_automatic(const Address& address) {
    if (address.prefix.address.family == Family::ipv4) return false;
    const Prefix ipv4_compatible{IpAddress{Family::ipv6, {}}, 96};
    return is_link_local(address.prefix.address) ||
           (address.prefix.length == 96 && contains(ipv4_compatible, address.prefix.address));
}

bool same_identity(const Address& one, const Address& other) {
    return one.prefix == other.prefix && one.peer == other.peer;
}

bool differs_in_lifetime(const Address& one, const Address& other) {
    return (one.valid_seconds == forever) != (other.valid_seconds == forever) ||
           (one.preferred_seconds == forever) != (other.preferred_seconds == forever);
}

std::optional<Route> connected_route(const Address& address, std::uint32_t table) {
    const Prefix& prefix = address.prefix;
    const Family family = prefix.address.family;
    const bool has_none = prefix.length >= full_length(family) || address.peer ||
                          (address.flags & (IFA_F_NOPREFIXROUTE | IFA_F_DADFAILED)) != 0;
    // Of IPv4's secondary addresses, the primary one has it (fib_add_ifaddr()); the same bit says
    // of an IPv6 address that it is a temporary one. Nor has 0.0.0.0/LENGTH any.
    const bool is_secondary = (address.flags & IFA_F_SECONDARY) != 0;
    const Prefix network = network_of(prefix);
    if (has_none || is_secondary || is_unspecified(network.address)) return std::nullopt;
    constexpr std::uint32_t ipv6_metric = 256; // IP6_RT_PRIO_ADDRCONF
    Route route;
    route.to = network;
    route.table = table;
    route.protocol = RTPROT_KERNEL;
    route.metric = address.metric;
    if (family == Family::ipv4) {
        route.scope = RT_SCOPE_LINK;
        route.source = prefix.address;
    } else if (route.metric == 0) {
        route.metric = ipv6_metric;
    }
    return route;
}

bool has_connected(const Routes& routes, const Route& connected) {
    return std::any_of(routes.begin(), routes.end(), [&](const Route& route) {
        const bool is_in_table = connected.table == 0 || route.table == connected.table;
        return route.to == connected.to && is_in_table && !route.via && route.type == RTN_UNICAST;
    });
}

bool has_address(const Link& link, const Prefix& prefix) {
    return std::any_of(link.addresses.begin(), link.addresses.end(),
                       [&](const Address& address) { return address.prefix == prefix; });
}

bool ages(std::uint16_t flood_state) {
    return (flood_state & (NUD_PERMANENT | NUD_NOARP)) == 0;
}

bool is_external(std::uint8_t flood_flags) {
    return (flood_flags & NTF_EXT_LEARNED) != 0;
}

std::uint32_t overhead(const TunnelAttributes& tunnel) {
    const bool over_ipv6 = tunnel.local && tunnel.local->family == Family::ipv6;
    switch (tunnel.kind) {
    case TunnelKind::vxlan: return over_ipv6 ? 70 : 50;
    case TunnelKind::sit: return 20;
    case TunnelKind::ip6tnl:
        return tunnel.encaplimit.value_or(no_encaplimit) == no_encaplimit ? 40 : 48;
    }
    return 0;
}

namespace {

/// As to_string(), which is slow for thousands of them.
void append_address(std::string& text, const IpAddress& address) {
    if (address.family != Family::ipv4) {
        text += to_string(address);
        return;
    }
    std::array<char, sizeof "255.255.255.255"> digits;
    char* at = digits.data();
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) *at++ = '.';
        at = std::to_chars(at, digits.data() + digits.size(), address.bytes[i]).ptr;
    }
    text.append(digits.data(), at);
}

} // namespace

std::string peers_text(const std::vector<FloodEntry>& peers) {
    std::string text;
    for (const auto& peer : peers) {
        if (!text.empty()) text += ' ';
        append_address(text, peer.dst);
        if (!peer.port && !peer.vni && peer.via.empty()) continue;
        text += formatted("/{}/{}/{}", peer.port ? std::to_string(*peer.port) : "",
                          peer.vni ? std::to_string(*peer.vni) : "", peer.via.str());
    }
    return text;
}

namespace {

std::optional<FloodEntry> parse_peer_word(std::string_view word) {
    const auto next = [&] {
        const auto end = std::min(word.find('/'), word.size());
        const std::string_view field = word.substr(0, end);
        word.remove_prefix(std::min(end + 1, word.size()));
        return field;
    };
    const auto number = [](std::string_view text, auto& value) {
        std::remove_reference_t<decltype(*value)> parsed = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), parsed);
        if (problem == std::errc() && end == text.data() + text.size()) value = parsed;
    };
    const auto dst = parse_address(next());
    if (!dst) return std::nullopt;
    FloodEntry peer;
    peer.dst = *dst;
    number(next(), peer.port);
    number(next(), peer.vni);
    peer.via = LinkName(word);
    return peer;
}

} // namespace

std::vector<FloodEntry> parse_peers_text(std::string_view text) {
    std::vector<FloodEntry> peers;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (const auto peer = parse_peer_word(text.substr(0, end))) peers.push_back(*peer);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::sort(peers.begin(), peers.end());
    return peers;
}

std::string united_peers(const std::string& one, const std::string& other) {
    if (one == other || other.empty()) return one;
    if (one.empty()) return other;
    std::vector<FloodEntry> both = parse_peers_text(one);
    const auto more = parse_peers_text(other);
    both.insert(both.end(), more.begin(), more.end());
    std::sort(both.begin(), both.end());
    both.erase(std::unique(both.begin(), both.end()), both.end());
    return peers_text(both);
}

} // namespace vxlanctl
