#include "history.h"

#include "chance.h"

#include <algorithm>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace world {

const char* const history_host = "link add eth0 mtu 9001 type veth peer name wire0 mtu 9001\n"
                                 "link add eth1 type veth peer name wire1\n"
                                 "link add br0 address 02:00:00:00:00:b0 mtu 1500 type bridge\n"
                                 "link add vrf1 type vrf table 1001\n" // where the kernel has it
                                 "link set vrf1 up\n"
                                 "link set eth0 up\n"
                                 "link set wire0 up\n"
                                 "link set eth1 up\n"
                                 "link set wire1 up\n"
                                 "addr add 172.21.0.100/24 brd + dev eth0\n"
                                 "addr add 172.21.0.101/24 brd + dev eth0\n"
                                 "addr add 172.21.1.100/24 brd + dev eth1\n"
                                 "addr add 2001:db8:21::100/64 dev eth0 nodad\n"
                                 "route add default via 172.21.0.1 dev eth0\n"
                                 "route add 2001:db8:64::/48 via 2001:db8:21::1 dev eth0\n";
const char* const everything_allowed =
    "--allow-recreate --keep-foreign --allow-flap --allow-overlap --adopt";

namespace {

using Strings = std::vector<std::string>;

/// A key that a tunnel has in one of `one_in` wishes, with one of these values.
struct Choice {
    const char* name;
    int one_in;
    Strings values;
};

const std::vector<Choice> vxlan_choices{
    {"dev", 2, {"\"eth0\"", "\"eth0\"", "\"eth1\"", "\"-\""}},
    {"port", 6, {"4789", "4790"}},
    {"mtu", 3, {"1280", "1300", "1400"}},
    {"ttl", 4, {"5", "64", "\"auto\"", "\"inherit\""}},
    {"tos", 6, {"0", "4", "\"inherit\""}},
    {"df", 6, {"\"set\"", "\"unset\"", "\"inherit\""}},
    {"ageing", 6, {"60", "300"}},
    {"limit", 10, {"0", "5"}},
    {"learning", 5, {"true", "false"}},
    {"udp_csum", 10, {"true", "false"}},
    {"srcport", 10, {"\"1000-2000\""}},
    {"mac", 5, {"\"02:00:00:00:00:aa\"", "\"02:00:00:00:00:ab\""}},
    {"rp_filter", 6, {"\"off\"", "\"strict\"", "\"loose\""}},
    {"forward", 6, {"true", "false"}},
};
const std::vector<Choice> isatap_choices{
    {"dev", 3, {"\"eth0\"", "\"none\""}},    {"ttl", 3, {"5", "64", "\"inherit\""}},
    {"mtu", 3, {"1280", "1300", "1400"}},    {"metric", 4, {"7"}},
    {"default_route", 5, {"true", "false"}}, {"global_id", 6, {"true", "false"}},
};
const std::vector<Choice> ipip6_choices{
    {"dev", 3, {"\"eth0\"", "\"none\""}},
    {"ttl", 3, {"5", "64", "\"inherit\""}},
    {"tclass", 4, {"0", "4", "\"inherit\""}},
    {"encaplimit", 4, {"4", "\"none\""}},
    {"mtu", 3, {"1280", "1300", "1400"}},
    {"rp_filter", 6, {"\"off\"", "\"strict\"", "\"loose\""}},
    {"forward", 6, {"true", "false"}},
};

/// Draws the parts of histories.
class Generator {
public:
    Generator(unsigned seed, const std::set<std::string>& kinds) : chance_(seed), kinds_(kinds) {}

    History history() {
        History history;
        history.first = fresh_wish();
        history.second = chance_.one_in(8)   ? history.first
                         : chance_.one_in(5) ? fresh_wish()
                                             : mutated(history.first);
        history.options = options();
        if (!chance_.one_in(5))
            for (int count = 1 + chance_.below(6); count > 0; --count)
                history.between.push_back(disturbance(history));
        const auto is_with_extension = [](const Disturbance& item) {
            return item.lines.find(" gbp") != std::string::npos;
        };
        // Such a change loses the reserved bits of a link with an extension (vxlan_nl2conf()),
        // which an undo would give back to it.
        if (std::any_of(history.between.begin(), history.between.end(), is_with_extension))
            std::erase_if(history.between, [](const Disturbance& item) {
                return item.lines.starts_with("link set") &&
                       item.lines.find(" type vxlan ") != std::string::npos;
            });
        // The programs run once each.
        std::stable_partition(history.between.begin(), history.between.end(),
                              [](const auto& item) { return item.program == "ip"; });
        return history;
    }

private:
    Wish fresh_wish() {
        Wish wish;
        for (int count = 1 + chance_.below(3); count > 0; --count) {
            auto tunnel = random_tunnel();
            const bool is_new = std::none_of(wish.begin(), wish.end(), [&](const auto& other) {
                return other.name == tunnel.name;
            });
            if (is_new) wish.push_back(std::move(tunnel));
        }
        return wish;
    }

    /// The same with a tunnel less or more, or with other keys.
    Wish mutated(const Wish& from) {
        Wish wish;
        for (const auto& tunnel : from)
            if (from.size() == 1 || !chance_.one_in(6)) wish.push_back(mutated(tunnel));
        for (auto& tunnel : chance_.one_in(4) ? fresh_wish() : Wish{})
            if (find(wish, tunnel.name) == nullptr) wish.push_back(std::move(tunnel));
        return wish;
    }

    WishedTunnel mutated(const WishedTunnel& from) {
        WishedTunnel other = random_tunnel(from.kind, index_of(from));
        while (is_over_ipv6(from) != is_over_ipv6(other)) // its peers would not go with it
            other = random_tunnel(from.kind, index_of(from));
        WishedTunnel tunnel{from.kind, from.name, {}};
        for (const auto& key : from.keys)
            if (!chance_.one_in(3))
                tunnel.keys.push_back(key);
            else if (const auto* changed = find(other, key.name))
                tunnel.keys.push_back(*changed);
        for (const auto& key : other.keys)
            if (find(from, key.name) == nullptr && chance_.one_in(3)) tunnel.keys.push_back(key);
        return tunnel;
    }

    WishedTunnel random_tunnel() {
        Strings kinds{"vxlan", "vxlan", "vxlan"};
        if (kinds_.count("sit") != 0) kinds.insert(kinds.end(), {"isatap", "isatap"});
        if (kinds_.count("ip6tnl") != 0) kinds.emplace_back("ipip6");
        const auto kind = chance_.pick(kinds);
        return random_tunnel(kind, chance_.below(3));
    }

    /// Its name begins with v, is or ip.
    WishedTunnel random_tunnel(const std::string& kind, int index) {
        WishedTunnel tunnel{
            kind, fmt::format("{}{}", kind.substr(0, kind == "vxlan" ? 1 : 2), index), {}};
        if (kind == "vxlan")
            add_vxlan(tunnel, index);
        else if (kind == "isatap")
            add_isatap(tunnel, index);
        else
            add_ipip6(tunnel, index);
        if (kinds_.count("vrf") != 0 && find(tunnel, "master") == nullptr && chance_.one_in(6))
            tunnel.keys.push_back({"vrf", {chance_.pick<std::string>({"\"vrf1\"", "\"none\""})}});
        if (chance_.one_in(2)) {
            add_some(tunnel, "routes", 3, routes_of(tunnel, index));
            add_some(tunnel, "rules", 3, rules_of(index));
        }
        return tunnel;
    }

    void add_vxlan(WishedTunnel& tunnel, int index) {
        const bool ipv6 = chance_.one_in(5);
        const Strings locals{"172.21.0.100", "172.21.0.100", "172.21.0.101", "172.21.1.100"};
        add(tunnel, "local", quoted(ipv6 ? "2001:db8:21::100" : chance_.pick(locals)));
        const int vni = 10 * index + 10 + (chance_.one_in(3) ? 1 : 0);
        if (vni != 10 || chance_.one_in(2)) add(tunnel, "vni", std::to_string(vni));
        add_choices(tunnel, vxlan_choices);
        if (chance_.one_in(5))
            add(tunnel, "master", chance_.pick<std::string>({"\"br0\"", "\"none\""}));
        if (!chance_.one_in(4))
            add_some(tunnel, "addresses", 3,
                     {fmt::format("\"10.{}.0.1/16\"", index),
                      fmt::format("\"10.{}.0.2/16\"", index),
                      fmt::format("\"10.{}.0.1/24\"", index + 100),
                      fmt::format("\"192.0.2.{}/32\"", index),
                      fmt::format("\"2001:db8:{}::1/64\"", index),
                      fmt::format("\"2001:db8:{}::2/64\"", index)});
        const std::string net = ipv6 ? "2001:db8:64::" : "100.64.158.";
        Strings peers;
        for (int i = 1; i <= 6; ++i)
            peers.push_back(quoted(fmt::format("{}{}", net, i)));
        peers.push_back(fmt::format("{{ dst = \"{}7\", port = 4799 }}", net));
        peers.push_back(fmt::format("{{ dst = \"{}8\", vni = 99 }}", net));
        peers.push_back(fmt::format("{{ dst = \"{}9\", via = \"eth1\" }}", net));
        if (!chance_.one_in(8)) add_some(tunnel, "peers", 3, peers);
        if (chance_.one_in(8)) add_some(tunnel, "forward_from", 2, {"\"eth0\"", "\"eth1\""});
    }

    void add_isatap(WishedTunnel& tunnel, int index) {
        // A second one at the same address is another prefix's; the kernel has one a local address.
        const Strings locals{"172.21.0.100", "172.21.0.101", "172.21.1.100"};
        add(tunnel, "local", quoted(locals[static_cast<std::size_t>(index)]));
        add(tunnel, "prefix", quoted(fmt::format("2001:db8:a{}::/64", index)));
        add_choices(tunnel, isatap_choices);
        if (chance_.one_in(5)) return;
        tunnel.keys.push_back({"routers", {"\"192.168.103.254\""}, true});
        if (chance_.one_in(2)) tunnel.keys.back().values.emplace_back("\"192.168.103.253\"");
        if (chance_.one_in(3))
            tunnel.keys.back().values.emplace_back(
                "{ address = \"192.168.103.252\", prl_default = false }");
        if (chance_.one_in(3))
            tunnel.keys.back().values.emplace_back(
                "{ address = \"192.168.103.251\", default_route = true, metric = 9 }");
    }

    void add_ipip6(WishedTunnel& tunnel, int index) {
        add(tunnel, "local", quoted("2001:db8:21::100"));
        add(tunnel, "remote",
            quoted(fmt::format("2001:db8:64::{}{}", index, chance_.one_in(4) ? 2 : 1)));
        add_choices(tunnel, ipip6_choices);
        if (!chance_.one_in(4))
            add_some(
                tunnel, "addresses", 2,
                {fmt::format("\"10.2{}.0.1/16\"", index), fmt::format("\"10.2{}.0.2/16\"", index)});
    }

    Strings routes_of(const WishedTunnel& tunnel, int index) {
        Strings routes{
            "{ to = \"100.64.0.0/16\", dev = \"eth0\", table = 101 }",
            "{ to = \"100.64.0.0/16\", via = \"172.21.0.1\", dev = \"eth0\", table = 102 }"};
        const bool ipv4 = tunnel.kind != "isatap", ipv6 = tunnel.kind != "ipip6";
        if (ipv4) {
            routes.push_back(fmt::format("{{ to = \"198.18.{}.0/24\" }}", index));
            routes.push_back(fmt::format("{{ to = \"198.18.1{}.0/24\", table = 101 }}", index));
            routes.push_back(fmt::format("{{ to = \"198.18.{}.0/24\", metric = 5 }}", index));
        }
        if (ipv6) routes.push_back(fmt::format("{{ to = \"2001:db8:f{}::/48\" }}", index));
        if (tunnel.kind == "vxlan" &&
            has_value(tunnel, "addresses", fmt::format("\"10.{}.0.1/16\"", index)))
            routes.push_back(
                fmt::format("{{ to = \"198.18.2{0}.0/24\", via = \"10.{0}.0.9\" }}", index));
        return routes;
    }

    static Strings rules_of(int index) {
        return {"{ from = \"172.21.0.100\", table = 101 }",
                "{ from = \"172.21.0.100\", table = 102 }",
                "{ to = \"100.64.0.0/16\", table = 101, priority = 77 }",
                fmt::format("{{ from = \"10.{}.0.0/16\", table = 101 }}", index)};
    }

    Strings options() {
        Strings options;
        if (chance_.one_in(2))
            options.push_back(
                chance_.pick<std::string>({"--allow-recreate", "--allow-recreate --keep-foreign",
                                           "--allow-recreate --drop-foreign"}));
        if (chance_.one_in(3)) options.emplace_back("--allow-flap");
        if (chance_.one_in(3)) options.emplace_back("--allow-overlap");
        if (chance_.one_in(6)) options.emplace_back("--exclusive");
        if (chance_.one_in(3)) options.emplace_back("--prune");
        return options;
    }

    Disturbance disturbance(const History& history) {
        const auto& tunnel = chance_.pick(history.first);
        const auto name = tunnel.name;
        const auto index = index_of(tunnel);
        if (chance_.one_in(4)) return {"ip", chance_.pick(around())};
        if (chance_.one_in(3)) return {"ip", chance_.pick(to_link(name, index))};
        if (tunnel.kind == "isatap" && chance_.one_in(2))
            return {"ip", chance_.pick(to_isatap(name))};
        if (tunnel.kind != "vxlan" || chance_.one_in(3))
            return {"ip", chance_.pick(foreign_on(name, index))};
        if (chance_.one_in(2)) return {"ip", chance_.pick(to_vxlan(tunnel))};
        return {"bridge", chance_.pick(to_fdb(name))};
    }

    /// Beside the tunnels.
    static Strings around() {
        return {
            "link add f0 type vxlan id 66 dstport 4789 local 172.21.0.100 dev eth0\nlink set f0 up",
            "link add f1 type vxlan id 11 dstport 4789 local 172.21.0.101", // one that is wanted
            "link add f2 type veth peer name f3\naddr add 10.210.66.1/24 dev f2",
            "link add f4 type bridge", "rule add from 10.1.66.0/24 lookup 77 priority 500",
            "rule add from 172.21.0.100 lookup 101", // just like a wished one
            "rule del from 172.21.0.100 lookup 102", // not 101: that it is theirs then, nobody
                                                     // knows
            "rule del to 100.64.0.0/16 lookup 101",
            "rule add to 100.64.0.0/16 lookup 101 priority 78",
            "route add 100.64.0.0/16 dev eth0 table 101", "route del 100.64.0.0/16 table 102",
            "route add 10.211.66.0/24 dev eth0 table 101",
            "route add 10.212.66.0/24 via 172.21.0.9", "addr del 172.21.0.100/24 dev eth0",
            "addr del 172.21.0.100/24 dev eth0\naddr add 172.21.0.100/24 brd + dev eth0",
            "link set eth0 mtu 1400", "link set eth0 down\nlink set eth0 up", "link set eth1 down",
            "link del eth1"};
    }

    /// To any tunnel's link.
    static Strings to_link(const std::string& name, int index) {
        Strings all{"link set {0} down",
                    "link set {0} down\nlink set {0} up",
                    "link del {0}",
                    "link set {0} mtu 1290",
                    "link set {0} alias somebodys",
                    "link set {0} alias ''",
                    "link set {0} name {0}x",
                    "link set {0} name {0}x\nlink add {0} type veth peer name {0}p",
                    "link set {0} nomaster",
                    "link set {0} txqueuelen 77",
                    "link set {0} group 7",
                    "link set {0} multicast off",
                    "link set {0} master vrf1",
                    "addr flush dev {0}",
                    "addr del 10.{1}.0.1/16 dev {0}",
                    "addr del 2001:db8:{1}::1/64 dev {0}",
                    "addr add 10.{1}.0.2/16 dev {0}",
                    "route flush dev {0}",
                    "route del 198.18.{1}.0/24",
                    "route add 198.18.{1}.0/24 dev {0}",
                    "route add 198.18.{1}.0/24 dev {0} metric 5"};
        return filled(all, name, index);
    }

    /// Theirs, on one of ours: each has a number that is_foreign() knows.
    static Strings foreign_on(const std::string& name, int index) {
        return filled(
            {"addr add 10.220.66.1/24 dev {0}", "addr add 10.{1}.66.1/16 dev {0}",
             "addr add 10.{1}.66.2/32 dev {0}", "addr add 2001:db8:66::1/64 dev {0} nodad",
             "route add 10.221.66.0/24 dev {0}", "route add 10.222.66.0/24 dev {0} table 101",
             "route add 10.223.66.0/24 via 10.{1}.0.9 dev {0}",
             "route add 2001:db8:66:1::/64 dev {0}",
             "route add 2001:db8:66:2::/64 dev {0} table 101",
             "neigh add 10.{1}.66.9 lladdr 02:66:00:00:00:09 dev {0} nud permanent",
             "link add f5 link {0} type macvlan",
             "link add f6 type vxlan id 6{1} dstport 4789 local 172.21.0.101 dev {0}"},
            name, index);
    }

    Strings to_vxlan(const WishedTunnel& tunnel) {
        const auto* vni = find(tunnel, "vni");
        const std::string again = fmt::format("type vxlan id {} dstport 4789 local 172.21.0.100",
                                              vni == nullptr ? "10" : vni->values[0]);
        Strings all{"link set {0} master br0",
                    "link set {0} address 02:66:00:00:00:01",
                    "link set {0} type vxlan ttl 9",
                    "link set {0} type vxlan ageing 77",
                    "link set {0} type vxlan nolearning",
                    "link set {0} type vxlan tos 8",
                    "link set {0} type vxlan local 172.21.0.101",
                    "link set {0} type vxlan remote 100.64.158.66",
                    "link set {0} type vxlan dev eth1",
                    "link set {0} type vxlan dev eth0",
                    "link del {0}\nlink add {0} " + again,
                    "link del {0}\nlink add {0} " + again + " dev eth0 gbp\nlink set {0} up",
                    "link del {0}\nlink add {0} " + again + "\naddr add 10.{1}.0.1/16 dev {0}"};
        return filled(all, tunnel.name, index_of(tunnel));
    }

    static Strings to_isatap(const std::string& name) {
        return filled({"tunnel prl dev {0} prl-default 192.168.103.66",
                       "tunnel prl dev {0} prl-nodefault 192.168.103.253",
                       "tunnel prl dev {0} prl-delete 192.168.103.254",
                       "link set {0} type sit ttl 9", "tunnel change {0} ttl 9",
                       "tunnel change {0} local 172.21.0.101", "route del default dev {0}",
                       "link del {0}\ntunnel add {0} mode isatap local 172.21.0.100",
                       "link del {0}\ntunnel add {0} mode sit local 172.21.0.100"},
                      name, 0);
    }

    static Strings to_fdb(const std::string& name) {
        const std::string zero = "00:00:00:00:00:00 dev {0} dst ";
        return filled({"fdb append " + zero + "100.64.158.66",
                       "fdb append " + zero + "100.64.158.66 port 4790",
                       "fdb append " + zero + "100.64.158.1 via eth1",
                       "fdb append " + zero + "2001:db8:64::66",
                       "fdb append " + zero + "100.64.158.1 dynamic",
                       "fdb append " + zero + "100.64.158.66 extern_learn",
                       "fdb del " + zero + "100.64.158.1", "fdb del " + zero + "100.64.158.2",
                       "fdb del " + zero + "100.64.158.3",
                       "fdb add 02:66:00:00:00:01 dev {0} dst 100.64.158.1 static",
                       "fdb add 02:66:00:00:00:02 dev {0} dst 100.64.158.66 port 4791 via eth1",
                       "fdb add 02:66:00:00:00:03 dev {0} dst 100.64.158.2 static extern_learn",
                       "fdb add 02:66:00:00:00:04 dev {0} dst 2001:db8:64::1 static"},
                      name, 0);
    }

    static Strings filled(const Strings& patterns, const std::string& name, int index) {
        Strings lines;
        for (const auto& pattern : patterns)
            lines.push_back(fmt::format(fmt::runtime(pattern), name, index));
        return lines;
    }

    static int index_of(const WishedTunnel& tunnel) { return tunnel.name.back() - '0'; }
    static bool is_over_ipv6(const WishedTunnel& tunnel) {
        return find(tunnel, "local")->values[0].find(':') != std::string::npos;
    }
    static std::string quoted(const std::string& text) { return '"' + text + '"'; }
    static void add(WishedTunnel& tunnel, const std::string& name, const std::string& value) {
        tunnel.keys.push_back({name, {value}});
    }
    void add_choices(WishedTunnel& tunnel, const std::vector<Choice>& choices) {
        for (const auto& choice : choices)
            if (chance_.one_in(choice.one_in))
                add(tunnel, choice.name, chance_.pick(choice.values));
    }
    void add_some(WishedTunnel& tunnel, const std::string& name, int one_in,
                  const Strings& values) {
        WishedKey key{name, {}, true};
        for (const auto& value : values)
            if (chance_.one_in(one_in)) key.values.push_back(value);
        tunnel.keys.push_back(std::move(key));
    }
    static const WishedKey* find(const WishedTunnel& tunnel, const std::string& name) {
        for (const auto& key : tunnel.keys)
            if (key.name == name) return &key;
        return nullptr;
    }
    static const WishedTunnel* find(const Wish& wish, const std::string& name) {
        for (const auto& tunnel : wish)
            if (tunnel.name == name) return &tunnel;
        return nullptr;
    }
    static bool has_value(const WishedTunnel& tunnel, const std::string& name,
                          const std::string& value) {
        const auto* key = find(tunnel, name);
        return key != nullptr &&
               std::find(key->values.begin(), key->values.end(), value) != key->values.end();
    }

    Chance chance_;
    const std::set<std::string>& kinds_;
};

/// With each tunnel, each key and each value of a list left out.
void add_smaller(std::vector<History>& all, const History& history, Wish History::*which) {
    const auto& wish = history.*which;
    const auto at = [](auto& list, std::size_t i) {
        return list.begin() + static_cast<std::ptrdiff_t>(i);
    };
    for (std::size_t i = 0; i < wish.size(); ++i) {
        auto& without = all.emplace_back(history).*which;
        without.erase(at(without, i));
        for (std::size_t k = 0; k < wish[i].keys.size(); ++k) {
            auto& keys = (all.emplace_back(history).*which)[i].keys;
            keys.erase(at(keys, k));
            for (std::size_t v = 0; wish[i].keys[k].is_list && v < wish[i].keys[k].values.size();
                 ++v) {
                auto& values = (all.emplace_back(history).*which)[i].keys[k].values;
                values.erase(at(values, v));
            }
        }
    }
}

} // namespace

bool is_tunnel(const std::string& link) {
    const auto digit = link.find_first_of("012");
    const auto kind = link.substr(0, digit), rest = link.substr(std::min(digit, link.size()));
    return (kind == "v" || kind == "is" || kind == "ip") &&
           (rest.size() == 1 || rest.ends_with('x'));
}

bool is_foreign(const std::string& hex) {
    return hex.starts_with("0266") || hex.starts_with("20010db80066") ||
           (hex.starts_with("0a") && hex.size() == 8 && hex.substr(4, 2) == "42");
}

History random_history(unsigned seed, const std::set<std::string>& kinds) {
    return Generator(seed, kinds).history();
}

std::vector<History> smaller(const History& history) {
    std::vector<History> all;
    const auto without_each = [&](const auto& member) {
        for (std::size_t i = 0; i < (history.*member).size(); ++i) {
            auto& list = all.emplace_back(history).*member;
            list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
        }
    };
    without_each(&History::between);
    add_smaller(all, history, &History::first);
    add_smaller(all, history, &History::second);
    without_each(&History::options);
    return all;
}

std::string to_toml(const Wish& wish) {
    std::string text;
    for (const auto& tunnel : wish) {
        text += fmt::format("[{}.{}]\n", tunnel.kind, tunnel.name);
        for (const auto& key : tunnel.keys)
            text += key.is_list ? fmt::format("{} = [{}]\n", key.name, fmt::join(key.values, ", "))
                                : fmt::format("{} = {}\n", key.name, key.values.at(0));
    }
    return text;
}

std::string to_script(const History& history) {
    const auto here = [](const std::string& command, const std::string& text) {
        return command + " <<'END'\n" + text + "END\n";
    };
    std::string script = "unshare -n sh <<'HISTORY'\n" + here("ip -batch - -force", history_host) +
                         "echo 0 >/proc/sys/net/ipv6/conf/all/accept_dad\n"
                         "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad\n" +
                         here("vxlanctl apply --allow-empty -", to_toml(history.first));
    for (const auto& disturbance : history.between)
        script += here(disturbance.program + " -batch - -force", disturbance.lines + "\n");
    const auto again =
        fmt::format("vxlanctl apply --allow-empty - {}", fmt::join(history.options, " "));
    return script + here(again, to_toml(history.second)) +
           here(fmt::format("vxlanctl apply --allow-empty - {}", everything_allowed),
                to_toml(history.first)) +
           "HISTORY\n";
}

} // namespace world
