// What makes a host a gateway: forwarding, and the reverse path filter, on the kernel.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// A host whose namespace begins with the kernel's own settings, whatever those of its parent are.
struct Gateway : Host {
    Gateway() {
        sh(space, "sysctl -qw net.ipv4.ip_forward=0 net.ipv4.conf.all.rp_filter=0 "
                  "net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.all.forwarding=0");
        sh(space, "ip link add eth1 type veth peer name wire1; ip link set eth1 up");
    }
};

std::string setting(const Namespace& space, const std::string& link, const std::string& name) {
    std::string text = sh(space, fmt::format("cat /proc/sys/net/ipv4/conf/{}/{}", link, name));
    text.pop_back();
    return text;
}

const std::string second_words = "up eth0 172.21.0.100 vxlan1 10.1.0.1/24 --vni 11 100.64.158.4";

} // namespace

TEST_CASE("gateway: forwarding and the filter are set, found, and go with the wish") {
    const Gateway host;
    const std::string words = up_words + " --rp-filter loose --forward --forward-from eth0";
    const auto made = vxlanctl(host.space, words);
    INFO(made.err);
    REQUIRE(made.code == 0);
    CHECK(made.out.find("  ~ forward of eth0: no -> yes\n") != std::string::npos);
    CHECK(setting(host.space, "vxlan0", "rp_filter") == "2");
    CHECK(setting(host.space, "vxlan0", "forwarding") == "1");
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
    CHECK(setting(host.space, "eth1", "forwarding") == "0");
    CHECK(vxlanctl_counted(host.space, words).writes == 0);

    SECTION("a change by hand is put right") {
        sh(host.space, "echo 0 >/proc/sys/net/ipv4/conf/eth0/forwarding\n"
                       "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/rp_filter");
        CHECK(vxlanctl(host.space, words).out == "vxlan0: changed\n"
                                                 "  ~ rp_filter: strict -> loose\n"
                                                 "  ~ forward of eth0: no -> yes\n");
    }
    SECTION("what is no longer asked for goes back to what new links have") {
        sh(host.space, "echo 1 >/proc/sys/net/ipv4/conf/default/rp_filter");
        CHECK(vxlanctl(host.space, up_words).out == "vxlan0: changed\n"
                                                    "  ~ rp_filter: loose -> strict\n"
                                                    "  ~ forward: yes -> no\n"
                                                    "  ~ forward of eth0: yes -> no\n");
        CHECK(setting(host.space, "eth0", "forwarding") == "0");
        CHECK(vxlanctl_counted(host.space, up_words).writes == 0);
    }
    SECTION("and with the tunnel") {
        CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
        CHECK(setting(host.space, "eth0", "forwarding") == "0");
    }
    SECTION("a new link has them as well") {
        const auto replaced =
            vxlanctl(host.space, words + " --port 4790 --allow-recreate --keep-foreign");
        INFO(replaced.err);
        CHECK(replaced.code == 0);
        CHECK(setting(host.space, "vxlan0", "rp_filter") == "2");
        CHECK(setting(host.space, "vxlan0", "forwarding") == "1");
        CHECK(setting(host.space, "eth0", "forwarding") == "1");
    }
    SECTION("export states them") {
        const auto file = vxlanctl(host.space, "export").out;
        INFO(file);
        CHECK(file.find("rp_filter = \"loose\"\n") != std::string::npos);
        CHECK(file.find("forward = true\n") != std::string::npos);
        CHECK(file.find("forward_from = [\"eth0\"]\n") != std::string::npos);
    }
}

TEST_CASE("gateway: a device of two tunnels forwards until the last of them gives it up") {
    const Gateway host;
    const std::string option = " --forward-from eth0";
    REQUIRE(vxlanctl(host.space, up_words + option).code == 0);
    REQUIRE(vxlanctl(host.space, second_words + option).code == 0);
    CHECK(vxlanctl(host.space, up_words).out == "vxlan0: in sync\n");
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
    CHECK(vxlanctl(host.space, second_words).out ==
          "vxlan1: changed\n  ~ forward of eth0: yes -> no\n");
    CHECK(setting(host.space, "eth0", "forwarding") == "0");

    RunOptions options;
    options.input =
        "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\nforward_from = ['eth0']\n"
        "[vxlan.vxlan1]\ndev = 'eth0'\nlocal = '172.21.0.100'\nvni = 11\n"
        "forward_from = ['eth0', 'eth1']\n";
    REQUIRE(vxlanctl(host.space, "apply --source test -", options).code == 0);
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
    CHECK(vxlanctl(host.space, "down vxlan1").code == 0);
    CHECK(setting(host.space, "eth0", "forwarding") == "0");
    CHECK(setting(host.space, "eth1", "forwarding") == "0");
}

TEST_CASE("gateway: what a tunnel asked for goes back also when others removed the tunnel") {
    const Gateway host;
    const auto before = snapshot(host.space);
    REQUIRE(vxlanctl(host.space, up_words + " --forward-from eth1 --rule "
                                            "'from 172.21.0.100,table 100' --route "
                                            "'10.98.0.0/16,dev eth1,table 100'")
                .code == 0);
    sh(host.space, "ip link del vxlan0");
    SECTION("in the next run that would remove it") {
        const auto removed = vxlanctl(host.space, "down --all");
        CHECK(removed.code == 0);
        CHECK(told(removed, "leftovers-removed"));
    }
    SECTION("in the next run that changes anything") {
        REQUIRE(vxlanctl(host.space, second_words).code == 0);
        CHECK(setting(host.space, "eth1", "forwarding") == "0");
        CHECK(vxlanctl(host.space, "down vxlan1").code == 0);
    }
    SECTION("when it was made again, and is removed") {
        REQUIRE(vxlanctl(host.space, up_words + " --forward-from eth1").code == 0);
        CHECK(setting(host.space, "eth1", "forwarding") == "1");
        CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    }
    SECTION("but not as long as it is wanted, and cannot be made") {
        RunOptions options;
        options.input = "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\nmaster = 'br9'\n"
                        "forward_from = ['eth1']\n";
        CHECK(vxlanctl(host.space, "apply --prune --source test -", options).code == 2);
        CHECK(setting(host.space, "eth1", "forwarding") == "1");
        CHECK(vxlanctl(host.space, "down --all").code == 0);
    }
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK(vxlanctl(host.space, "down --all").err.empty());
}

TEST_CASE("gateway: a device that forwarded before goes on") {
    const Gateway host;
    sh(host.space, "echo 1 >/proc/sys/net/ipv4/conf/eth0/forwarding");
    REQUIRE(vxlanctl(host.space, up_words + " --forward-from eth0").code == 0);
    REQUIRE(vxlanctl(host.space, up_words + " --forward-from eth0 --forward-from eth1").code == 0);
    CHECK(setting(host.space, "eth1", "forwarding") == "1");
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
    CHECK(setting(host.space, "eth1", "forwarding") == "0");
}

TEST_CASE("gateway: what cannot take effect is an error, and touches nothing") {
    const Gateway host;
    sh(host.space, "echo 1 >/proc/sys/net/ipv4/conf/all/rp_filter\n"
                   "ip link property add dev eth1 altname second");
    const auto before = snapshot(host.space);
    const auto refused = [&](const std::string& options, const std::string& code,
                             const std::vector<std::string>& values = {}) {
        const auto finished = vxlanctl(host.space, up_words + options);
        INFO(options << ": " << finished.err);
        CHECK(finished.code == 2);
        CHECK(told(finished, code, values));
        CHECK(difference(before, snapshot(host.space)) == "");
    };
    refused(" --rp-filter off", "rp-filter-has-no-effect", {"off", "strict", "strict or loose"});
    refused(" --rp-filter none", "not-one-of", {"off, strict or loose"});
    refused(" --forward-from eth7", "interface-missing", {"forward_from", "eth7"});
    refused(" --forward-from vxlan0", "forward-from-itself");
    refused(" --forward-from second", "alternative-name", {"second", "eth1"});
    refused(" --forward-from eth1 --forward-from eth1", "named-twice", {"eth1"});
    refused(" --forward-from ''", "interface-name-empty");
    CHECK(vxlanctl(host.space, up_words + " --rp-filter loose").code == 0);
}

TEST_CASE("gateway: IPv6 forwarding is told of, and not set") {
    const Gateway host;
    const std::string words = up_words + " --address 2001:db8:5::1/64 --forward";
    const auto made = vxlanctl(host.space, words);
    CHECK(made.code == 0);
    CHECK(told(made, "ipv6-not-forwarded"));
    CHECK(sh(host.space, "cat /proc/sys/net/ipv6/conf/all/forwarding") == "0\n");
    sh(host.space, "echo 1 >/proc/sys/net/ipv6/conf/all/forwarding");
    CHECK(vxlanctl(host.space, words).err == "");
}

TEST_CASE("gateway: every single write fails in turn") {
    const std::string options = " --rp-filter loose --forward --forward-from eth0";
    break_every_write<Gateway>("", up_words + options);
    break_every_write<Gateway>(up_words + options, up_words + " --forward-from eth1");
    break_every_write<Gateway>(up_words + options, "down vxlan0");
}

TEST_CASE("gateway: the failure of one tunnel does not take the device from another") {
    const Gateway host;
    RunOptions options;
    options.input =
        "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\n"
        "addresses = ['10.1.0.1/24']\nforward_from = ['eth0']\n"
        "rules = [{ from = '172.21.0.100', table = 100 }]\n"
        "routes = [{ to = '10.99.0.0/16', via = '10.77.0.1' }]\n" // refused by the kernel
        "[vxlan.vxlan1]\ndev = 'eth0'\nlocal = '172.21.0.100'\nvni = 11\n"
        "rules = [{ from = '172.21.0.100', table = 100 }]\nforward_from = ['eth0']\n";
    const auto applied = vxlanctl(host.space, "apply --source test -", options);
    INFO(applied.out << applied.err);
    CHECK(applied.code == 1);
    CHECK_FALSE(link_exists(host.space, "vxlan0"));
    CHECK(applied.out.find("vxlan1: created") != std::string::npos);
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
    CHECK(sh(host.space, "ip rule").find("from 172.21.0.100 lookup 100") != std::string::npos);
    CHECK(vxlanctl(host.space, "down vxlan1").code == 0);
    CHECK(setting(host.space, "eth0", "forwarding") == "0");
}

TEST_CASE("gateway: what one tunnel leaves to another is put back when that one fails") {
    const Gateway host;
    const std::string first = "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\n";
    const std::string second = "[vxlan.vxlan1]\ndev = 'eth0'\nlocal = '172.21.0.100'\nvni = 11\n";
    const std::string shared = "forward_from = ['eth0']\n"
                               "rules = [{ from = '172.21.0.100', table = 100 }]\n"
                               "routes = [{ to = '10.98.0.0/16', dev = 'eth0', table = 100 }";
    const auto before = snapshot(host.space);
    RunOptions options;
    options.input = first + shared + "]\n";
    REQUIRE(vxlanctl(host.space, "apply --source test -", options).code == 0);
    // Refused by the kernel, or found to be impossible before.
    const std::string failing =
        GENERATE(as<std::string>(), ", { to = '10.99.0.0/16', via = '10.77.0.1' }]\n",
                 "]\nmaster = 'br9'\n");
    SECTION("the first goes on") {
        options.input = first + second + shared + failing;
        const auto applied = vxlanctl(host.space, "apply --source test -", options);
        INFO(applied.out << applied.err);
        CHECK(applied.code == 1);
        CHECK(applied.out.find("vxlan0: changed\n") != std::string::npos);
        CHECK(applied.out.find("  ~ forward of eth0: yes -> no\n") != std::string::npos);
        CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    }
    SECTION("the first goes") {
        options.input = second + shared + failing;
        const auto applied = vxlanctl(host.space, "apply --prune --source test -", options);
        INFO(applied.out << applied.err);
        CHECK(applied.code == 1);
        CHECK_FALSE(link_exists(host.space, "vxlan0"));
    }
    CHECK(setting(host.space, "eth0", "forwarding") == "0");
    CHECK(difference(before, snapshot(host.space)) == "");
}

TEST_CASE("gateway: a host on which all links forward meanwhile goes on") {
    const Gateway host;
    REQUIRE(vxlanctl(host.space, up_words + " --forward-from eth0").code == 0);
    sh(host.space, "sysctl -qw net.ipv4.ip_forward=1");
    CHECK(vxlanctl(host.space, "down vxlan0").out == "vxlan0: removed\n  - link vxlan0\n");
    CHECK(setting(host.space, "eth0", "forwarding") == "1");
}

TEST_CASE("gateway: files that contradict each other are an error") {
    const Gateway host;
    RunOptions options;
    options.input = "[vxlan.vxlan0]\ndev = 'eth0'\nlocal = '172.21.0.100'\nforward = false\n"
                    "[vxlan.vxlan1]\ndev = 'eth0'\nlocal = '172.21.0.100'\nvni = 11\n"
                    "forward_from = ['vxlan0']\n";
    const auto applied = vxlanctl(host.space, "apply --source test -", options);
    CHECK(told(applied, "forward-contradicts", {"vxlan1", "vxlan0"}));
    CHECK(applied.code == 1);
}

TEST_CASE("gateway: show tells the settings that are not as all links have them") {
    const Gateway host;
    REQUIRE(
        vxlanctl(host.space, up_words + " --forward --rp-filter loose --forward-from eth0").code ==
        0);
    const auto shown = vxlanctl(host.space, "show vxlan0").out;
    CHECK(shown.find("rp_filter loose\n") != std::string::npos);
    CHECK(shown.find("forward yes\n") != std::string::npos);
    CHECK(shown.find("forward_from eth0\n") != std::string::npos);
    const auto json = nlohmann::json::parse(vxlanctl(host.space, "show --json").out);
    CHECK(json.at("tunnels").at(0).at("rp_filter") == "loose");
    CHECK(json.at("tunnels").at(0).at("forward") == true);
    CHECK(json.at("tunnels").at(0).at("forward_from").at(0) == "eth0");
}
