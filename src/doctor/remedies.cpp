#include "vxlanctl/doctor/remedies.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/kinds/iproute2.h"
#include "vxlanctl/kinds/kinds.h"
#include "vxlanctl/plan/surroundings.h"

#include <algorithm>
#include <linux/fib_rules.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

std::string family_option(Family family) {
    return family == Family::ipv6 ? " -6" : "";
}

/// The rules and routes that lead packets from the local address through the underlay interface.
struct WayBack {
    Route route;
    Rule rule;
};

/// A table from 100 on that no rule and no record uses.
std::uint32_t unused_table(const Examined& it) {
    std::uint32_t table = 100;
    const auto is_used = [&] {
        const auto uses = [&](const auto& objects) {
            return std::any_of(objects.begin(), objects.end(),
                               [&](const auto& object) { return object.table == table; });
        };
        return uses(it.facts.rules) || uses(it.state.routes) ||
               std::any_of(it.state.records.begin(), it.state.records.end(),
                           [&](const auto& known) {
                               return uses(known.second.routes) || uses(known.second.rules);
                           });
    };
    while (is_used())
        ++table;
    return table;
}

/// The gateway that the interface has for everything else; none where it is not known.
std::optional<IpAddress> gateway_of(const Examined& it, const std::string& dev, Family family) {
    for (const auto& route : it.state.routes)
        if (route.to.length == 0 && route.to.address.family == family && route.via &&
            route.dev == dev)
            return route.via;
    return std::nullopt;
}

std::optional<WayBack> way_back(const Examined& it, const RouteFact& way) {
    const auto gateway = gateway_of(it, it.dev, way.to.family);
    if (!it.local || !gateway || it.dev.empty() || it.dev == "lo") return std::nullopt;
    WayBack back;
    back.route.to = {IpAddress{way.to.family, {}}, 0};
    back.route.via = gateway;
    back.route.dev = it.dev;
    back.route.table = back.rule.table = unused_table(it);
    back.rule.from = Prefix{*it.local, full_length(it.local->family)};
    return back;
}

Remedy remedy_of(const Examined& it, const WayBack& back) {
    std::vector<Route> routes;
    std::vector<Rule> rules;
    if (it.wish != nullptr) {
        routes = it.wish->routes.value_or(std::vector<Route>{});
        rules = it.wish->rules.value_or(std::vector<Rule>{});
    } else if (it.record != nullptr) {
        routes = it.record->routes;
        rules = it.record->rules;
    }
    routes.push_back(back.route);
    rules.push_back(back.rule);
    if (it.wish == nullptr && it.record == nullptr)
        return route_command("add", back.route, it.dev) + " && " + rule_command(back.rule);
    if (it.wish == nullptr) {
        std::string words;
        for (const auto& route : routes)
            words += " --route " + shell_quoted(words_of(route));
        for (const auto& rule : rules)
            words += " --rule " + shell_quoted(words_of(rule));
        return formatted("vxlanctl set {}{}", shell_quoted(it.link.name), words);
    }
    Remedy remedy = set_remedy(it, "routes", routes_text(routes), "");
    const Remedy more = set_remedy(it, "rules", rules_text(rules), "");
    append(remedy.edits, more.edits);
    return remedy;
}

/// What removes the rule that leads packets astray; the kernel takes the first one that matches.
std::string removal_of(const SteeringRule& rule) {
    return formatted("ip{} rule del priority {}", family_option(rule.family), rule.priority);
}

std::string removal_of(const Route& route, const std::string& dev) {
    if (route.type == RTN_UNICAST) return route_command("del", route, dev);
    std::string text = formatted("ip{} route del {} {}", family_option(route.to.address.family),
                                 route_type_word(route.type), to_string(route.to));
    if (route.table != main_table && route.table != 0) text += formatted(" table {}", route.table);
    return text;
}

/// The route that the way goes by, as far as the kernel told.
Route route_of(const RouteFact& way) {
    Route route;
    route.to = way.by;
    route.table = way.table;
    if (way.type != 0) route.type = way.type;
    return route;
}

/// The rule of somebody else's that packets find that table by, or null.
const SteeringRule* steering_rule(const Examined& it, const IpAddress& to,
                                  const std::optional<IpAddress>& from, std::uint8_t protocol,
                                  std::uint16_t port, std::uint32_t table) {
    if (table == main_table || table == RT_TABLE_LOCAL || table == RT_TABLE_DEFAULT) return nullptr;
    for (const auto& rule : it.facts.rules)
        if (rule.action == FR_ACT_TO_TBL && rule.table == table &&
            selects(rule, from, to, protocol, port))
            return &rule;
    return nullptr;
}

std::uint8_t outer_protocol(const Examined& it) {
    return kind_of(it.link.tunnel.kind).protocol(it.link.tunnel);
}

Remedy without_rule(const SteeringRule& rule) {
    return with_caution(removal_of(rule), Code::removes_rule, {{"rule", rule_text(rule)}});
}

Remedy without_route(const Route& route, const std::string& dev = "") {
    return with_caution(removal_of(route, dev), Code::removes_route,
                        {{"route", to_string(route.to)}});
}

} // namespace

std::string Remedy::command() const {
    return joined(commands, " && ");
}

std::string route_command(std::string_view verb, const Route& route, const std::string& dev) {
    std::string text = formatted("ip{} route {} {}", family_option(route.to.address.family), verb,
                                 to_string(route.to));
    if (route.via) text += formatted(" via {}", to_string(*route.via));
    text += " dev " + shell_quoted(dev);
    if (route.table != main_table && route.table != 0) text += formatted(" table {}", route.table);
    if (route.metric != 0) text += formatted(" metric {}", route.metric);
    return text;
}

std::string rule_command(const Rule& rule) {
    std::string text = formatted("ip{} rule add",
                                 family_option((rule.from ? rule.from : rule.to)->address.family));
    if (rule.from) text += " from " + to_string(*rule.from);
    if (rule.to) text += " to " + to_string(*rule.to);
    if (rule.priority) text += formatted(" priority {}", *rule.priority);
    return text + formatted(" table {}", rule.table);
}

std::string fdb_command(std::string_view verb, const std::string& link, const FloodEntry& entry,
                        const MacAddress& mac) {
    return formatted("bridge fdb {} {} dev {}{}", verb, to_string(mac), shell_quoted(link),
                     ip_remote(entry));
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

std::string file_of(const Facts& facts, const std::string& tunnel) {
    const auto found = facts.places.find(tunnel);
    return found == facts.places.end() ? "" : found->second.first.file;
}

Remedy set_remedy(const Examined& it, std::string_view key, const std::string& toml,
                  const std::string& word, std::string otherwise) {
    const auto found = it.facts.places.find(it.link.name);
    if (found != it.facts.places.end() && it.wish != nullptr) {
        const Definition& definition = found->second;
        const auto place = definition.keys.find(std::string(key));
        const bool is_new = place == definition.keys.end();
        const auto& at = is_new ? definition.first : place->second;
        Remedy remedy("vxlanctl apply");
        remedy.edits.push_back(
            {at.file, at.line, is_new, definition.section, std::string(key), toml});
        return remedy;
    }
    if (it.record == nullptr) return otherwise;
    return formatted("vxlanctl set {} --{}{}", shell_quoted(it.link.name), option_name(key),
                     word.empty() ? "" : " " + shell_quoted(word));
}

Remedy mtu_remedy(const Examined& it, std::uint32_t mtu) {
    const std::string number = std::to_string(mtu);
    return set_remedy(it, "mtu", number, number, mtu_command(it.link.name, mtu));
}

Remedy with_caution(Remedy remedy, Code caution, Values values) {
    if (!remedy.empty()) remedy.caution = Message(caution, "", std::move(values));
    return remedy;
}

std::string_view route_type_word(std::uint8_t type) {
    return type == RTN_BLACKHOLE     ? "blackhole"
           : type == RTN_UNREACHABLE ? "unreachable"
           : type == RTN_PROHIBIT    ? "prohibit"
           : type == RTN_THROW       ? "throw"
                                     : "unicast";
}

bool refuses(std::uint8_t type) {
    return type == RTN_BLACKHOLE || type == RTN_UNREACHABLE || type == RTN_PROHIBIT;
}

std::string rule_text(const SteeringRule& rule) {
    std::string text = formatted("{}: from {}", rule.priority,
                                 rule.from ? to_string(*rule.from) : std::string("all"));
    if (rule.to) text += " to " + to_string(*rule.to);
    if (rule.protocol) text += formatted(" ipproto {}", *rule.protocol);
    if (rule.ports)
        text += rule.ports->first == rule.ports->second
                    ? formatted(" dport {}", rule.ports->first)
                    : formatted(" dport {}-{}", rule.ports->first, rule.ports->second);
    switch (rule.action) {
    case FR_ACT_BLACKHOLE: return text + " blackhole";
    case FR_ACT_UNREACHABLE: return text + " unreachable";
    case FR_ACT_PROHIBIT: return text + " prohibit";
    default: return text + formatted(" lookup {}", rule.table);
    }
}

const SteeringRule* refusing_rule(const Examined& it, const RouteFact& way) {
    if (way.code == 0 || way.type != 0) return nullptr;
    for (const auto& rule : it.facts.rules)
        if ((rule.action == FR_ACT_BLACKHOLE || rule.action == FR_ACT_UNREACHABLE ||
             rule.action == FR_ACT_PROHIBIT) &&
            selects(rule, it.local, way.to, outer_protocol(it), it.link.tunnel.port.value_or(0)))
            return &rule;
    return nullptr;
}

std::optional<Route> refusing_route(const Examined& it, const RouteFact& way) {
    if (refuses(way.type)) return route_of(way);
    if (way.code == 0) return std::nullopt;
    const Route* best = nullptr;
    const auto look_at = [&](const Route& route) {
        if (route.table == main_table && route.to.address.family == way.to.family &&
            contains(route.to, way.to) && (best == nullptr || route.to.length > best->to.length))
            best = &route;
    };
    for (const auto* routes : {&it.state.routes.list(), &it.facts.refusing})
        std::for_each(routes->begin(), routes->end(), look_at);
    return best != nullptr && best->type != RTN_UNICAST ? std::optional(*best) : std::nullopt;
}

Remedy remedy_of_way(const Examined& it, const RouteFact& way) {
    if (const auto* rule = refusing_rule(it, way)) return without_rule(*rule);
    if (const auto route = refusing_route(it, way)) return without_route(*route);
    if (const auto* rule = steering_rule(it, way.to, it.local, outer_protocol(it),
                                         it.link.tunnel.port.value_or(0), way.table))
        return without_rule(*rule);
    if (way.dev == it.link.name) {
        const bool is_of_address = std::any_of(
            it.link.addresses.begin(), it.link.addresses.end(),
            [&](const Address& address) { return network_of(address.prefix) == way.by; });
        return is_of_address ? Remedy() : without_route(route_of(way), way.dev);
    }
    const auto back = way_back(it, way);
    return back ? remedy_of(it, *back) : Remedy();
}

Remedy remedy_of_astray(const Examined& it, const RouteFact& way) {
    if (const auto* rule = steering_rule(it, way.to, std::nullopt, 0, 0, way.table))
        return without_rule(*rule);
    // Without a route of its own nothing but a longer one could be in the way.
    const bool is_of_network = std::any_of(
        it.link.addresses.begin(), it.link.addresses.end(), [&](const Address& address) {
            return contains(address.prefix, way.to) && way.by.length >= address.prefix.length;
        });
    return is_of_network && way.type == RTN_UNICAST ? without_route(route_of(way), way.dev)
                                                    : Remedy();
}

} // namespace vxlanctl
