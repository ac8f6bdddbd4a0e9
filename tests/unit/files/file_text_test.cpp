// Tunnels as text and back: over random tunnels the same ones, and over damaged texts no crash.
#include "chance.h"
#include "told.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/isatap.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/files/tunnel_words.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <random>

using namespace vxlanctl;
using Words = std::vector<std::string>;

namespace {

Result<std::string> no_peers_file(std::size_t, const std::string&) {
    return error(Code::peers_file_unexpected);
}

ParsedFiles parse(const std::string& text) {
    const SourceText file{"a.toml", text};
    return parse_files(std::span(&file, 1), no_peers_file);
}

std::string reread(const std::string& text) {
    const auto parsed = parse(text);
    for (const auto& error : parsed.errors)
        return told(error) + "\n" + excerpt(error);
    return file_text(parsed.tunnels.at(0).tunnel);
}

/// Random tunnels such as a file can state.
class Dice {
public:
    explicit Dice(unsigned seed) : random_(seed) {}

    std::size_t below(std::size_t limit) {
        return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
    }
    bool coin() { return below(2) == 0; }
    template<class T> const T& one_of(const std::vector<T>& list) {
        return list[below(list.size())];
    }

    Tunnel tunnel() {
        Tunnel tunnel = blank_tunnel(
            one_of(std::vector{TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl}));
        tunnel.name = name();
        const TunnelKind kind = tunnel.tunnel.kind;
        const bool over_ipv6 =
            kind == TunnelKind::ip6tnl || (kind == TunnelKind::vxlan && below(4) == 0);
        tunnel.tunnel.local = address(over_ipv6);
        state_attributes(tunnel.tunnel, tunnel_attributes(kind), kind);
        state_attributes(tunnel.link, link_attributes(), kind);
        if (tunnel.link.vrf) tunnel.link.master.reset();
        complete(tunnel.tunnel);
        if (kind == TunnelKind::ip6tnl) tunnel.tunnel.remote = other_than(*tunnel.tunnel.local);
        if (coin()) state_routes(tunnel);
        if (coin()) state_rules(tunnel);
        if (kind == TunnelKind::sit) {
            state_routers(tunnel);
            return tunnel;
        }
        if (coin()) state_addresses(tunnel);
        if (!check_ipv6_mtu(tunnel)) tunnel.link.mtu.reset();
        if (kind == TunnelKind::vxlan) {
            if (coin()) tunnel.tunnel.dev = coin() ? "" : name();
            if (coin()) state_peers(tunnel);
            tunnel.random_mac = !tunnel.link.mac && coin();
            if (coin() && !over_ipv6 && !tunnel.tunnel.dev.value_or("").empty())
                tunnel.tunnel.remote = parse_address("239.1.1.1").value();
            if (coin()) tunnel.duplicate_check = static_cast<std::uint32_t>(1 + below(60));
        }
        return tunnel;
    }

private:
    std::string name() {
        std::string text = "v";
        for (std::size_t size = below(8); text.size() < size;)
            text +=
                one_of(Words{"a", "0", "-", "_", ".", "\"", "\\", "'", "#", "]", "=", "é", "✓"});
        return text;
    }

    IpAddress address(bool ipv6) {
        const auto number = below(250) + 1;
        return parse_address(ipv6 ? fmt::format("2001:db8::{:x}", number)
                                  : fmt::format("{}.0.0.{}", coin() ? 10 : 100, number))
            .value();
    }
    IpAddress other_than(const IpAddress& local) {
        while (true)
            if (auto other = address(local.family == Family::ipv6); other != local) return other;
    }

    template<class Attributes>
    void state_attributes(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                          TunnelKind kind) {
        for (const auto& row : rows) {
            if (!is_option(row, kind) || coin()) continue;
            Attributes changed = attributes;
            const std::string text = one_of(
                Words{"yes", "no", "1", "9", "100", "1400", "auto", "inherit", "set", "1000-2000",
                      "02:00:00:00:00:01", "br\"0", "random", "7,9-11 untagged"});
            if (row.name == "dev" && text == "auto") continue; // stands for any
            const bool has_default = text == row.reset || value_text(attributes, row) == row.reset;
            if (state_value(changed, row, text, kind) && value_text(changed, row) != row.reset &&
                !has_default)
                attributes = changed;
        }
    }

    void state_addresses(Tunnel& tunnel) {
        auto& addresses = tunnel.addresses.emplace();
        for (std::size_t size = below(4); addresses.size() < size;) {
            const bool ipv6 = tunnel.tunnel.kind == TunnelKind::vxlan && coin();
            addresses.push_back({address(ipv6), static_cast<std::uint8_t>(ipv6 ? 64 : 9)});
            if (!check_addresses(addresses).empty()) addresses.pop_back();
        }
    }

    void state_peers(Tunnel& tunnel) {
        auto& peers = tunnel.peers.emplace();
        for (std::size_t size = below(6); peers.size() < size;) {
            FloodEntry peer{other_than(*tunnel.tunnel.local), {}, {}, ""};
            if (coin() && tunnel.tunnel.port != 5) peer.port = 5;
            if (coin() && tunnel.tunnel.vni != 6U) peer.vni = 6;
            if (coin()) peer.via = name();
            const auto place =
                peers.insert(std::upper_bound(peers.begin(), peers.end(), peer), peer);
            if (!check_peers(peers, *tunnel.tunnel.local).empty()) peers.erase(place);
        }
    }

    void state_routes(Tunnel& tunnel) {
        auto& routes = tunnel.routes.emplace();
        for (std::size_t size = below(4); routes.size() < size;) {
            const bool ipv6 = coin();
            RouteBuilder route;
            const auto to = Prefix{address(ipv6), full_length(ipv6 ? Family::ipv6 : Family::ipv4)};
            (void)route.take("to", coin()   ? to_string(to)
                                   : coin() ? "default"
                                   : ipv6   ? "::/0"
                                            : "0.0.0.0/0");
            if (coin()) (void)route.take("via", to_string(address(ipv6)));
            if (coin()) (void)route.take("dev", name());
            if (coin())
                (void)route.take("table", one_of(Words{"main", "default", "7", "4000000000"}));
            if (coin()) (void)route.take("metric", one_of(Words{"1", "7", "1024"}));
            const auto built = route.finish();
            if (!built || !check_route_family(*built, tunnel)) continue;
            routes.push_back(*built);
            if (!doubled_routes(routes).empty()) routes.pop_back();
        }
    }

    void state_rules(Tunnel& tunnel) {
        auto& rules = tunnel.rules.emplace();
        for (std::size_t size = below(4); rules.size() < size;) {
            RuleBuilder rule;
            const bool ipv6 = coin();
            const bool both = below(3) == 0;
            if (both || coin()) (void)rule.take("from", to_string(address(ipv6)));
            if (both || coin()) (void)rule.take("to", to_string(address(ipv6)));
            (void)rule.take("table", one_of(Words{"main", "7", "8"}));
            if (coin()) (void)rule.take("priority", one_of(Words{"5", "6"}));
            const auto built = rule.finish();
            if (!built) continue;
            rules.push_back(*built);
            if (!doubled_rules(rules).empty()) rules.pop_back();
        }
    }

    void state_routers(Tunnel& tunnel) {
        IsatapWish wish;
        wish.prefix = parse_prefix("2001:db8:5::/64").value();
        const auto global = below(3);
        if (global < 2) wish.global_id = global == 1;
        if (coin()) {
            auto& routers = wish.routers.emplace();
            std::uint32_t metric = 0;
            for (std::size_t size = below(4) + 1; routers.size() < size;) {
                routers.push_back({other_than(*tunnel.tunnel.local), coin(), std::nullopt});
                if (!check_routers(routers).empty())
                    routers.pop_back();
                else if (coin())
                    routers.back().metric = metric += static_cast<std::uint32_t>(below(2)) + 1;
            }
        }
        tunnel.overrides_default_route = coin();
        state_isatap(tunnel, wish);
        if (tunnel.routes) { // default routes that follow may also stand behind others
            if (below(4) == 0) std::shuffle(tunnel.routes->begin(), tunnel.routes->end(), random_);
            while (!doubled_routes(*tunnel.routes).empty())
                tunnel.routes->pop_back();
        }
    }

    std::mt19937 random_;
};

} // namespace

TEST_CASE("file text: what is written reads back as the same tunnel") {
    const unsigned seed = first_seed();
    for (unsigned i = 0; i < seeds(3000); ++i) {
        const Tunnel tunnel = Dice(seed + i).tunnel();
        const std::string text = file_text(tunnel);
        INFO("seed " << seed + i << "\n" << text);
        const auto parsed = parse(text);
        for (const auto& error : parsed.errors)
            FAIL(told(error));
        REQUIRE(parsed.tunnels.size() == 1);
        REQUIRE(parsed.tunnels[0].tunnel == tunnel);
        REQUIRE(text.find("# A file cannot state") == std::string::npos);
    }
}

TEST_CASE("file text: a damaged text is read or refused, with a place that is in it") {
    const unsigned seed = first_seed();
    std::size_t refused = 0;
    for (unsigned i = 0; i < seeds(3000); ++i) {
        Dice dice(seed + i);
        std::string text = file_text(dice.tunnel());
        for (std::size_t damages = dice.below(3) + 1; damages > 0; --damages) {
            const std::size_t at = dice.below(text.size());
            const std::string piece =
                dice.coin() ? std::string(1, static_cast<char>(dice.below(256)))
                            : dice.one_of(Words{"\"", "[", "]", "{", "}", "\n", "#", ".", "=", "1",
                                                "true", ",", "\xc3", "'''", "\\u0000"});
            switch (dice.below(3)) {
            case 0: text.erase(at, dice.below(5) + 1); break;
            case 1: text.insert(at, piece); break;
            default: text.replace(at, 1, piece);
            }
            if (text.empty()) text = "x";
        }
        INFO("seed " << seed + i << "\n" << text);
        const auto parsed = parse(text);
        refused += parsed.errors.empty() ? 0 : 1;
        const auto lines = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1;
        for (const auto& error : parsed.errors) {
            REQUIRE(error.place);
            REQUIRE(error.place->line >= 1);
            REQUIRE(error.place->line <= lines);
            REQUIRE(error.place->column >= 1);
            if (!error.place->text.empty())
                REQUIRE(error.place->column <= error.place->text.size() + 1); // its end included
            REQUIRE(text.find(error.place->text) != std::string::npos);
        }
    }
    CHECK(refused > seeds(1000));
}

TEST_CASE("file text: peers by name stand there as names") {
    const std::string text = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\n"
                             "peers = [\n    \"100.64.158.4\",\n    \"gate-a.example.net\",\n"
                             "    { dst = \"gate-b.example.net\", port = 4790 },\n]\n";
    const auto parsed = parse(text);
    REQUIRE(parsed.tunnels.size() == 1);
    CHECK(file_text(parsed.tunnels[0].tunnel) == text);
}

TEST_CASE("file text: what stands there, and what follows and does not") {
    const auto vxlan =
        vxlan_from_words(Words{"eth0", "172.21.0.100", "vxlan0", "10.225.194.171/9", "100.64.158.4",
                               "100.64.158.132"},
                         {{"mtu", {"1500"}},
                          {"ttl", {"inherit"}},
                          {"no-learning", {""}},
                          {"ageing", {"300"}},
                          {"route", {"10.128.0.0/9,table 101", "default,via 10.0.0.1,metric 5"}},
                          {"rule", {"from 172.21.1.100,table 101,priority 9"}}},
                         {})
            .value();
    CHECK(file_text(vxlan, {"Gate peers", "two\nlines\x1b"}) == R"([vxlan.vxlan0]
# Gate peers
# two
# lines\x1b
dev = "eth0"
local = "172.21.0.100"
mtu = 1500
ttl = "inherit"
learning = false
addresses = ["10.225.194.171/9"]
peers = ["100.64.158.4", "100.64.158.132"]
routes = [
    { to = "10.128.0.0/9", table = 101 },
    { to = "default", via = "10.0.0.1", metric = 5 },
]
rules = [{ from = "172.21.1.100", table = 101, priority = 9 }]
)");
    const auto isatap = [](const Words& routers, const OptionValues& options) {
        Words words{"sit1", "10.216.0.101", "2001:db8::/64"};
        words.insert(words.end(), routers.begin(), routers.end());
        return file_text(isatap_from_words(words, options).value());
    };
    const std::string head =
        "[isatap.sit1]\nlocal = \"10.216.0.101\"\nprefix = \"2001:db8::/64\"\n";
    CHECK(isatap({"192.168.103.254"}, {}) == head + "routers = [\"192.168.103.254\"]\n");
    CHECK(isatap({"10.0.0.9"}, {{"no-default-route", {""}}}) ==
          head + "default_route = false\nrouters = [\"10.0.0.9\"]\n");
    CHECK(isatap({"10.0.0.9"}, {{"default-route", {""}}, {"metric", {"7"}}}) ==
          head + "default_route = true\nrouters = [{ address = \"10.0.0.9\", metric = 7 }]\n");
    CHECK(isatap(
              {"10.0.0.9", "10.0.0.8"},
              {{"metric", {"5", "6"}}, {"router", {"10.0.0.7"}}, {"route", {"2001:db8:9::/48"}}}) ==
          head + "routers = [\n"
                 "    { address = \"10.0.0.9\", metric = 5 },\n"
                 "    { address = \"10.0.0.8\", default_route = true, metric = 6 },\n"
                 "    { address = \"10.0.0.7\", prl_default = false },\n"
                 "]\nroutes = [{ to = \"2001:db8:9::/48\" }]\n");
    // The identifiers of the routers tell what that of LOCAL, which is a private address, does not.
    CHECK(isatap({"100.64.0.1"}, {{"no-global-id", {""}}}) ==
          head + "global_id = false\nrouters = [\"100.64.0.1\"]\n");
}

TEST_CASE("file text: what a file cannot state is told in comments") {
    Tunnel vxlan = blank_tunnel(TunnelKind::vxlan);
    vxlan.name = "a\xff";
    vxlan.tunnel.local = parse_address("10.0.0.1").value();
    vxlan.tunnel.proxy = true;
    vxlan.tunnel.gbp = false; // the default
    vxlan.link.alias = "vxlanctl/1 cli 0123456789abcdef";
    vxlan.link.up = true;
    CHECK(file_text(vxlan) == "[vxlan.\"a\xef\xbf\xbd\"]\n"
                              "# A file cannot state: the name a\xef\xbf\xbd\n"
                              "# A file cannot state: proxy = yes\n"
                              "local = \"10.0.0.1\"\n");

    Tunnel sit =
        isatap_from_words(Words{"sit1", "10.216.0.101", "2001:db8::/64", "10.0.0.9"}, {}).value();
    sit.addresses->push_back(parse_prefix("2001:db8:7::1/64").value());
    sit.routes->clear();
    sit.routers->clear();
    CHECK(file_text(sit) == "[isatap.sit1]\n"
                            "# A file cannot state: address 2001:db8:7::1/64\n"
                            "# A file cannot state: the absence of further routers\n"
                            "local = \"10.216.0.101\"\n"
                            "prefix = \"2001:db8::/64\"\n"
                            "routes = []\n");
    sit.addresses.reset();
    CHECK(parse(file_text(sit)).errors.at(0).code == Code::key_missing);
}

TEST_CASE("file text: strings are escaped, and no section is read as another one") {
    Tunnel tunnel = blank_tunnel(TunnelKind::vxlan);
    tunnel.name = "a\"b\\c]#d.e";
    tunnel.tunnel.local = parse_address("10.0.0.1").value();
    tunnel.link.master = "'\"\\";
    const std::string text = file_text(tunnel);
    CHECK(text == "[vxlan.\"a\\\"b\\\\c]#d.e\"]\nlocal = \"10.0.0.1\"\nmaster = \"'\\\"\\\\\"\n");
    CHECK(reread(text) == text);
}

TEST_CASE("file text: ten thousand peers") {
    Tunnel tunnel = blank_tunnel(TunnelKind::vxlan);
    tunnel.name = "vxlan0";
    tunnel.tunnel.local = parse_address("10.0.0.1").value();
    auto& peers = tunnel.peers.emplace();
    for (int i = 0; i < 10000; ++i)
        peers.push_back(
            {parse_address(fmt::format("100.{}.{}.{}", 64 + i / 62500, i / 250 % 250, i % 250 + 1))
                 .value(),
             {},
             {},
             ""});
    CHECK(parse(file_text(tunnel)).tunnels.at(0).tunnel == tunnel);
}
