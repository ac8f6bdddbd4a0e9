#pragma once

#include "vxlanctl/files/tunnel_values.h"

#include <span>
#include <string_view>

/// Routes and rules as people write them, on the command line and in files.
namespace vxlanctl {

/// `DST[,via GW][,dev D][,table N][,metric M]`.
Result<Route> parse_route(std::string_view text);
/// `[from PREFIX,][to PREFIX,]table N[,priority P]`.
Result<Rule> parse_rule(std::string_view text);

/// The inverse of these.
std::string words_of(const Route& route);
std::string words_of(const Rule& rule);

/// A route out of its parts, in any order. `dev` stays empty and `table` 0 where they are not
/// given.
class RouteBuilder {
public:
    using Made = Route;
    static constexpr auto parse = parse_route;
    static constexpr std::string_view words[] = {"to", "via", "dev", "table", "metric"};

    RouteBuilder();
    /// `to` is a prefix without host bits, an address, or `default` of the gateway's family.
    Result<void> take(std::string_view word, std::string_view value);
    Result<Route> finish();

private:
    Route route_;
    bool to_default_ = false, has_destination_ = false;
    std::optional<std::uint32_t> metric_;
};

/// A policy rule out of its parts, in any order; from or to has to be there, and the table.
class RuleBuilder {
public:
    using Made = Rule;
    static constexpr auto parse = parse_rule;
    static constexpr std::string_view words[] = {"from", "to", "table", "priority"};

    Result<void> take(std::string_view word, std::string_view value);
    Result<Rule> finish();

private:
    Rule rule_;
};

/// What the kernel makes of a route without a metric.
std::uint32_t default_metric(Family family);

/// From 1 to 4294967295; `word` says of what.
Result<std::uint32_t> parse_positive(std::string_view word, std::string_view text);

/// Routes that the kernel could not have side by side, and rules that come twice.
std::vector<BadElement> doubled_routes(std::span<const Route> routes);
std::vector<BadElement> doubled_rules(std::span<const Rule> rules);
/// Whether there are none of these.
inline bool check_routes(const std::vector<Route>& routes) {
    return doubled_routes(routes).empty();
}
inline bool check_rules(const std::vector<Rule>& rules) {
    return doubled_rules(rules).empty();
}

} // namespace vxlanctl
