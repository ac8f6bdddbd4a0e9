// Random stacks of tunnels in the simulator: from any of them to any other one, and back from
// anywhere on the way.
#include "simulator.h"
#include "stacks.h"
#include "told.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/rollback.h"

#include <catch2/catch.hpp>
#include <cerrno>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <map>

using namespace vxlanctl;
using namespace vxlanctl::test;

namespace {

const std::set<stacks::Kind> all_kinds{stacks::Kind::vxlan, stacks::Kind::isatap,
                                       stacks::Kind::ipip6};

Config config_of(const stacks::Stack& stack) {
    const SourceText file{"a.toml", stacks::to_toml(stack)};
    const auto parsed = parse_files(std::span(&file, 1),
                                    [](std::size_t, const std::string&) -> Result<std::string> {
                                        throw std::logic_error("no peers file");
                                    });
    INFO(file.text);
    for (const auto& error : parsed.errors)
        FAIL(told(error));
    Config config;
    config.origin = Origin::file;
    config.unnamed = Unnamed::remove_files;
    for (const auto& tunnel : parsed.tunnels)
        config.tunnels.push_back(tunnel.tunnel);
    return config;
}

/// What the reader finds of what stands on what.
void find_uppers(State& state) {
    for (auto& link : state.links) {
        link.uppers.clear(), link.dependants.clear();
        for (const auto& other : std::as_const(state.links)) {
            if (!is_tunnel(other) || other.name == link.name) continue;
            const bool by_address =
                other.tunnel.local &&
                std::any_of(link.addresses.begin(), link.addresses.end(),
                            [&](const Address& address) {
                                return address.prefix.address == *other.tunnel.local;
                            });
            if (other.tunnel.dev == link.name && goes_with_lower(other.kind))
                link.uppers.push_back(other.name);
            else if (other.tunnel.dev == link.name)
                link.dependants.push_back({other.name, std::nullopt});
            else if (by_address)
                link.dependants.push_back({other.name, other.tunnel.local});
        }
    }
}

/// Everything that has to be the same again, by a readable key. Not the ifindex, nor the MAC.
std::map<std::string, std::string> picture_of(const State& state) {
    std::map<std::string, std::string> picture;
    for (const auto& link : state.links) {
        const auto put = [&](const std::string& key, std::string text) {
            picture[link.name + " " + key] = std::move(text);
        };
        for (const auto& row : link_attributes())
            if (row.name != "mac" && is_stated(link.attributes, row))
                put(std::string(row.name), value_text(link.attributes, row));
        put("up", link.attributes.up.value_or(false) ? "yes" : "no");
        put("alias", link.attributes.alias.value_or(""));
        if (!is_tunnel(link)) continue;
        for (const auto& row : tunnel_attributes(link.tunnel.kind))
            if (is_stated(link.tunnel, row))
                put(std::string(row.name), value_text(link.tunnel, row));
        std::vector<std::string> addresses, routes, peers;
        for (const auto& address : link.addresses)
            addresses.push_back(to_string(address.prefix));
        for (const auto& route : link.routes)
            routes.push_back(to_string(route));
        for (const auto& entry : link.flood_list)
            peers.push_back(to_string(entry.dst));
        put("addresses", fmt::format("{}", fmt::join(addresses, " ")));
        put("routes", fmt::format("{}", fmt::join(routes, " ")));
        put("peers", fmt::format("{}", fmt::join(peers, " ")));
    }
    std::vector<std::string> rules, elsewhere;
    for (const auto& rule : state.rules)
        rules.push_back(to_string(rule));
    for (const auto& route : find_link(state, "eth0")->routes)
        elsewhere.push_back(to_string(route));
    std::sort(rules.begin(), rules.end());
    std::sort(elsewhere.begin(), elsewhere.end());
    picture["rules"] = fmt::format("{}", fmt::join(rules, ", "));
    picture["routes of eth0"] = fmt::format("{}", fmt::join(elsewhere, ", "));
    return picture;
}

std::string difference(const State& one, const State& other) {
    std::string text;
    const auto before = picture_of(one), after = picture_of(other);
    for (const auto& [key, value] : before)
        if (const auto found = after.find(key); found == after.end() || found->second != value)
            text += fmt::format("- {}: {}\n+ {}\n", key, value,
                                found == after.end() ? "" : found->second);
    for (const auto& [key, value] : after)
        if (!before.contains(key)) text += fmt::format("+ {}: {}\n", key, value);
    return text;
}

PlanOptions everything_allowed(unsigned round) {
    PlanOptions options;
    options.allow_recreate = options.allow_flap = options.allow_overlap = true;
    options.foreign = Foreign::keep;
    options.new_id = [round](const std::string& tunnel) {
        return fmt::format("{:08x}{:08x}", round, std::hash<std::string>{}(tunnel)&0xffffffffU);
    };
    return options;
}

/// The steps, and where one is refused, an account of it.
std::string carry_out(State& state, const std::vector<Step>& steps, std::size_t most = 10'000) {
    for (const auto& step : steps) {
        if (most-- == 0) return "";
        const std::string refusal = simulate(state, step);
        if (!refusal.empty())
            return fmt::format("{}: {}", fmt::join(rendered({step}), ""), refusal);
    }
    return "";
}

bool has_errors(const Plan& plan) {
    return std::any_of(plan.tunnels.begin(), plan.tunnels.end(),
                       [](const TunnelPlan& tunnel) { return !tunnel.errors.empty(); });
}

/// The state with all that can be made of the stack.
State made_of(const stacks::Stack& stack) {
    State state = host_state();
    const Config config = config_of(stack);
    const Plan whole = plan(config, state, everything_allowed(1));
    for (const auto& tunnel : whole.tunnels) {
        if (!tunnel.errors.empty()) continue;
        INFO(stacks::to_toml(stack) << tunnel.name);
        REQUIRE(carry_out(state, tunnel.steps) == "");
        if (tunnel.mark) state.records[tunnel.mark->id] = tunnel.record;
    }
    find_uppers(state);
    return state;
}

} // namespace

TEST_CASE("stacks: from any stack to any other one, and back from anywhere in between") {
    unsigned refused = 0, changed = 0, interrupted = 0;
    const unsigned first = first_seed(), count = is_long() ? 1000 : 50;
    for (unsigned seed = first; seed < first + count; ++seed) {
        Chance chance(seed);
        const auto a = stacks::random_stack(chance, all_kinds);
        const auto b = stacks::changed(a, chance, all_kinds);
        INFO("seed " << seed << "\n" << stacks::to_toml(a) << "---\n" << stacks::to_toml(b));
        const State before = made_of(a);
        const Config config = config_of(b);
        const Plan whole = plan(config, before, everything_allowed(2));
        if (has_errors(whole)) ++refused;
        std::vector<Step> steps;
        for (const auto& tunnel : whole.tunnels)
            if (tunnel.errors.empty()) append(steps, tunnel.steps);
        changed += steps.empty() ? 0 : 1;
        State after = before;
        INFO(fmt::format("{}", fmt::join(rendered(steps), "\n")));
        REQUIRE(carry_out(after, steps) == "");
        for (const auto& tunnel : whole.tunnels)
            if (tunnel.mark && tunnel.errors.empty())
                after.records[tunnel.mark->id] = tunnel.record;
        find_uppers(after);
        if (!has_errors(whole))
            for (const auto& left : plan(config, after, everything_allowed(3)).tunnels) {
                INFO(left.name << " " << fmt::format("{}", fmt::join(rendered(left.steps), "\n")));
                for (const auto& error : left.errors)
                    UNSCOPED_INFO(told(error));
                REQUIRE(left.steps.empty());
                REQUIRE(left.errors.empty());
            }
        const std::size_t stride = is_long() ? 1 : 3;
        for (std::size_t taken = 1; taken <= steps.size(); taken += stride) {
            State now = before;
            REQUIRE(carry_out(now, steps, taken) == "");
            now.vanished = {};
            const auto back = rollback_run(before, now, whole.tunnels);
            std::vector<Step> all;
            for (const auto& way : back.parts)
                append(all, way.steps);
            INFO("back from " << taken << ":\n"
                              << fmt::format("{}", fmt::join(rendered(all), "\n")));
            REQUIRE(back.gone.empty());
            REQUIRE(back.taken.empty());
            REQUIRE(carry_out(now, all) == "");
            REQUIRE(difference(before, now) == "");
            ++interrupted;
        }
    }
    CHECK(refused < count / 2);
    CHECK(changed > count / 2);
    CHECK(interrupted > count);
}
