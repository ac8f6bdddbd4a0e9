#include "vxlanctl/files/route_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/number.h"

#include <limits>
#include <linux/rtnetlink.h>
#include <map>
#include <set>
#include <tuple>

namespace vxlanctl {
namespace {

std::string_view trimmed(std::string_view text) {
    const auto first = text.find_first_not_of(' ');
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

/// A part of a route or rule: a word, and what follows it.
struct Part {
    std::string_view word, value;
};

std::vector<Part> parts_of(std::string_view text) {
    std::vector<Part> parts;
    while (true) {
        const auto comma = text.find(',');
        const auto part = trimmed(text.substr(0, comma));
        const auto space = part.find(' ');
        parts.push_back({part.substr(0, space),
                         space == std::string_view::npos ? "" : trimmed(part.substr(space))});
        if (comma == std::string_view::npos) return parts;
        text.remove_prefix(comma + 1);
    }
}

/// Each of the parts of a `whole` has one value, and comes once.
Result<void> check_parts(std::span<const Part> parts, std::string_view whole) {
    std::set<std::string_view> seen;
    for (const auto& part : parts) {
        if (part.value.find(' ') != std::string_view::npos)
            return error(Code::more_than_one_part, formatted("'{} {}'", part.word, part.value),
                         {{"whole", whole}});
        if (!seen.insert(part.word).second) return error(Code::part_given_twice, quote(part.word));
    }
    return {};
}

Result<std::uint32_t> parse_table(std::string_view text) {
    if (text == "main") return main_table;
    if (text == "default") return std::uint32_t{RT_TABLE_DEFAULT};
    return parse_positive("table", text);
}

/// A prefix without host bits; an address alone is that host.
Result<Prefix> parse_network(std::string_view text) {
    Prefix prefix;
    if (text.find('/') == std::string_view::npos) {
        const auto address = parse_address(text);
        if (!address) return tl::unexpected(address.error());
        prefix = {*address, full_length(address->family)};
    } else {
        auto parsed = parse_prefix(text);
        if (!parsed) return parsed;
        prefix = *parsed;
    }
    if (network_of(prefix) != prefix)
        return error(Code::host_bits_set, quote(text),
                     {{"network", to_string(network_of(prefix))}});
    if (is_multicast(prefix.address)) return error(Code::destination_is_multicast, quote(text));
    return prefix;
}

tl::unexpected<Error> unknown_part(std::string_view word, std::string_view known) {
    return error(Code::unknown_part, quote(word), {{"known", known}});
}

} // namespace

std::string words_of(const Route& route) {
    std::string text = to_string(route.to);
    if (route.via) text += ",via " + to_string(*route.via);
    if (!route.dev.empty()) text += ",dev " + route.dev;
    if (route.table != 0) text += formatted(",table {}", route.table);
    if (route.metric != 0) text += formatted(",metric {}", route.metric);
    return text;
}

std::string words_of(const Rule& rule) {
    std::string text = rule.from ? "from " + to_string(*rule.from) : "";
    if (rule.to) text += (text.empty() ? "to " : ",to ") + to_string(*rule.to);
    if (rule.priority) text += formatted(",priority {}", *rule.priority);
    return text + formatted(",table {}", rule.table);
}

std::uint32_t default_metric(Family family) {
    constexpr std::uint32_t ipv6_metric = 1024; // IP6_RT_PRIO_USER
    return family == Family::ipv4 ? 0 : ipv6_metric;
}

RouteBuilder::RouteBuilder() {
    route_.table = 0;
    route_.protocol = our_protocol;
}

Result<void> RouteBuilder::take(std::string_view word, std::string_view value) {
    if (word == "to") {
        has_destination_ = true;
        to_default_ = value == "default";
        if (to_default_) return {};
        const auto to = parse_network(value);
        if (!to) return tl::unexpected(to.error());
        route_.to = *to;
    } else if (word == "via") {
        const auto gateway = parse_address(value);
        if (!gateway) return tl::unexpected(gateway.error());
        if (is_unspecified(*gateway) || is_multicast(*gateway) || is_loopback(*gateway) ||
            is_limited_broadcast(*gateway))
            return error(Code::not_a_gateway, formatted("via '{}'", value));
        route_.via = *gateway;
    } else if (word == "dev") {
        if (auto good = check_link_name(value); !good) return good;
        route_.dev = value;
    } else if (word == "table" || word == "metric") {
        const auto number = word == "table" ? parse_table(value) : parse_positive(word, value);
        if (!number) return tl::unexpected(number.error());
        if (word == "table") route_.table = *number;
        if (word == "metric") metric_ = *number;
    } else {
        return unknown_part(word, "via, dev, table and metric");
    }
    return {};
}

Result<Route> RouteBuilder::finish() {
    if (!has_destination_) return error(Code::destination_missing);
    if (to_default_) route_.to.address.family = route_.via ? route_.via->family : Family::ipv4;
    const bool ipv4 = route_.to.address.family == Family::ipv4;
    if (route_.via && route_.via->family != route_.to.address.family)
        return error(Code::gateway_of_other_family, formatted("via {}", to_string(*route_.via)));
    route_.metric = metric_.value_or(default_metric(route_.to.address.family));
    route_.scope = ipv4 && !route_.via ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    return route_;
}

Result<void> RuleBuilder::take(std::string_view word, std::string_view value) {
    if (word == "from" || word == "to") {
        const auto prefix = parse_network(value);
        if (!prefix) return tl::unexpected(prefix.error());
        if (prefix->length == 0)
            return error(Code::rule_for_everything, formatted("{} {}", word, value));
        (word == "from" ? rule_.from : rule_.to) = *prefix;
    } else if (word == "table") {
        const auto table = parse_table(value);
        if (!table) return tl::unexpected(table.error());
        rule_.table = *table;
    } else if (word == "priority") {
        const auto priority = parse_positive(word, value);
        if (!priority) return tl::unexpected(priority.error());
        rule_.priority = *priority;
    } else {
        return unknown_part(word, "from, to, table and priority");
    }
    return {};
}

Result<Rule> RuleBuilder::finish() {
    if (!rule_.from && !rule_.to) return error(Code::rule_selects_nothing);
    if (rule_.table == 0) return error(Code::rule_without_table);
    if (rule_.from && rule_.to && rule_.from->address.family != rule_.to->address.family)
        return error(Code::rule_of_two_families);
    return rule_;
}

Result<Route> parse_route(std::string_view text) {
    RouteBuilder route;
    const auto parts = parts_of(text);
    if (auto good = check_parts(std::span(parts).subspan(1), "route"); !good)
        return tl::unexpected(good.error());
    for (std::size_t i = 1; i < parts.size(); ++i) {
        if (parts[i].word == "to") return unknown_part("to", "via, dev, table and metric");
        if (auto taken = route.take(parts[i].word, parts[i].value); !taken)
            return tl::unexpected(taken.error());
    }
    const Part& destination = parts.front();
    if (!destination.value.empty())
        return error(Code::not_a_destination,
                     formatted("'{} {}'", destination.word, destination.value));
    if (auto taken = route.take("to", destination.word); !taken)
        return tl::unexpected(taken.error());
    return route.finish();
}

Result<Rule> parse_rule(std::string_view text) {
    RuleBuilder rule;
    const auto parts = parts_of(text);
    if (auto good = check_parts(parts, "rule"); !good) return tl::unexpected(good.error());
    for (const auto& part : parts)
        if (auto taken = rule.take(part.word, part.value); !taken)
            return tl::unexpected(taken.error());
    return rule.finish();
}

Result<std::uint32_t> parse_positive(std::string_view word, std::string_view text) {
    constexpr auto most = std::numeric_limits<std::uint32_t>::max();
    const auto number = parse_decimal(text);
    if (number && *number >= 1 && *number <= most) return static_cast<std::uint32_t>(*number);
    const std::string subject = formatted("{} '{}'", word, text);
    if (has_leading_zero(text)) return error(Code::leading_zero, subject);
    return error(Code::not_in_range, subject, {{"low", 1}, {"high", most}, {"or", ""}});
}

std::vector<BadElement> doubled_routes(std::span<const Route> routes) {
    std::vector<BadElement> bad;
    std::set<std::tuple<Prefix, std::uint32_t, std::uint32_t>> seen;
    for (std::size_t i = 0; i < routes.size(); ++i)
        if (!seen.insert({routes[i].to, routes[i].table, routes[i].metric}).second)
            bad.push_back(
                {i, Error(Code::named_twice, formatted("route {}", to_string(routes[i].to)))
                        .also(Code::metrics_must_differ)});
    return bad;
}

std::vector<BadElement> doubled_rules(std::span<const Rule> rules) {
    std::vector<BadElement> bad;
    using Selector = std::tuple<std::optional<Prefix>, std::optional<Prefix>, std::uint32_t>;
    std::map<Selector, std::set<std::optional<std::uint32_t>>> seen; // the priorities
    for (std::size_t i = 0; i < rules.size(); ++i) {
        const Rule& rule = rules[i];
        auto& priorities = seen[{rule.from, rule.to, rule.table}];
        // One without a priority does what any other does, see fulfils().
        const bool twice =
            rule.priority ? priorities.contains(rule.priority) || priorities.contains(std::nullopt)
                          : !priorities.empty();
        if (twice) bad.push_back({i, Error(Code::named_twice, "rule")});
        priorities.insert(rule.priority);
    }
    return bad;
}

} // namespace vxlanctl
