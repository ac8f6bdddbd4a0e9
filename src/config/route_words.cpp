#include "vxlanctl/route_words.h"

#include "vxlanctl/tunnel_words.h"

#include <charconv>
#include <fmt/format.h>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

// What the kernel makes of an IPv6 route without a metric (IP6_RT_PRIO_USER).
constexpr std::uint32_t default_ipv6_metric = 1024;

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

Result<std::uint32_t> parse_number(const Part& part, std::uint32_t low) {
    std::uint32_t number = 0;
    const char* const end = part.value.data() + part.value.size();
    const auto [stop, problem] = std::from_chars(part.value.data(), end, number);
    if (problem == std::errc{} && stop == end && number >= low) return number;
    return usage_error(fmt::format("{} '{}'", part.word, part.value),
                       fmt::format("not a number from {} to 4294967295", low));
}

Result<std::uint32_t> parse_table(const Part& part) {
    if (part.value == "main") return main_table;
    if (part.value == "default") return std::uint32_t{RT_TABLE_DEFAULT};
    return parse_number(part, 1);
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
        return usage_error(fmt::format("'{}'", text), "has host bits",
                           fmt::format("The network is {}.", to_string(network_of(prefix))));
    if (is_multicast(prefix.address)) return usage_error(fmt::format("'{}'", text), "is multicast");
    return prefix;
}

tl::unexpected<Error> unknown_part(std::string_view word, std::string_view known) {
    return usage_error(fmt::format("'{}'", word), fmt::format("not one of {}", known));
}

} // namespace

Result<Route> parse_route(std::string_view text) {
    Route route;
    route.table = 0;
    route.protocol = our_protocol;
    const auto parts = parts_of(text);
    std::optional<std::uint32_t> metric;
    for (std::size_t i = 1; i < parts.size(); ++i) {
        const Part& part = parts[i];
        if (part.word == "via") {
            const auto gateway = parse_address(part.value);
            if (!gateway) return tl::unexpected(gateway.error());
            if (is_unspecified(*gateway) || is_multicast(*gateway) || is_loopback(*gateway) ||
                is_limited_broadcast(*gateway))
                return usage_error(fmt::format("via '{}'", part.value), "not a gateway's address");
            route.via = *gateway;
        } else if (part.word == "dev") {
            if (auto good = check_link_name(part.value); !good) return tl::unexpected(good.error());
            route.dev = part.value;
        } else if (part.word == "table" || part.word == "metric") {
            const auto number = part.word == "table" ? parse_table(part) : parse_number(part, 1);
            if (!number) return tl::unexpected(number.error());
            if (part.word == "table") route.table = *number;
            if (part.word == "metric") metric = *number;
        } else {
            return unknown_part(part.word, "via, dev, table and metric");
        }
    }
    const std::string_view destination = parts.front().word;
    if (!parts.front().value.empty())
        return usage_error(fmt::format("'{} {}'", destination, parts.front().value),
                           "not a destination", "Parts of a route are separated by commas.");
    if (destination == "default") {
        route.to.address.family = route.via ? route.via->family : Family::ipv4;
    } else {
        const auto to = parse_network(destination);
        if (!to) return tl::unexpected(to.error());
        route.to = *to;
    }
    const bool ipv4 = route.to.address.family == Family::ipv4;
    if (route.via && route.via->family != route.to.address.family)
        return usage_error(fmt::format("via {}", to_string(*route.via)),
                           "not of the destination's address family");
    route.metric = metric.value_or(ipv4 ? 0 : default_ipv6_metric);
    route.scope = ipv4 && !route.via ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    return route;
}

Result<Rule> parse_rule(std::string_view text) {
    Rule rule;
    for (const auto& part : parts_of(text)) {
        if (part.word == "from" || part.word == "to") {
            const auto prefix = parse_network(part.value);
            if (!prefix) return tl::unexpected(prefix.error());
            if (prefix->length == 0)
                return usage_error(fmt::format("{} {}", part.word, part.value),
                                   "would apply to everything");
            (part.word == "from" ? rule.from : rule.to) = *prefix;
        } else if (part.word == "table") {
            const auto table = parse_table(part);
            if (!table) return tl::unexpected(table.error());
            rule.table = *table;
        } else if (part.word == "priority") {
            const auto priority = parse_number(part, 1);
            if (!priority) return tl::unexpected(priority.error());
            rule.priority = *priority;
        } else {
            return unknown_part(part.word, "from, to, table and priority");
        }
    }
    if (!rule.from && !rule.to) return usage_error("", "neither from nor to is given");
    if (rule.table == 0) return usage_error("", "the table is missing");
    if (rule.from && rule.to && rule.from->address.family != rule.to->address.family)
        return usage_error("", "from and to are of different address families");
    return rule;
}

Result<void> check_routes(const std::vector<Route>& routes) {
    for (std::size_t i = 0; i < routes.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (routes[i].to == routes[j].to && routes[i].table == routes[j].table &&
                routes[i].metric == routes[j].metric)
                return usage_error(fmt::format("route {}", to_string(routes[i].to)), "named twice",
                                   "Two routes to one destination need different metrics.");
    return {};
}

Result<void> check_rules(const std::vector<Rule>& rules) {
    for (std::size_t i = 0; i < rules.size(); ++i)
        for (std::size_t j = 0; j < i; ++j)
            if (fulfils(rules[i], rules[j]) || fulfils(rules[j], rules[i]))
                return usage_error("rule", "named twice");
    return {};
}

} // namespace vxlanctl
