#include "manual.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fmt/format.h>
#include <fstream>
#include <map>
#include <sstream>

namespace world {
namespace {

const std::string first_example =
    "vxlanctl up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132\n";
const std::string again_in_sync = "sh -e /run/example | grep -q '^[a-z0-9]*: in sync$'\n"
                                  "not \"sh -e /run/example | grep -v ': in sync$'\"\n";
const std::string bridge = "ip link add br0 type bridge; ip link set br0 up\n";
const std::string second_interface =
    "ip link add eth1 mtu 9001 type veth peer name wire1; ip link set eth1 up\n"
    "ip link set wire1 up; ip addr add 172.21.1.100/24 dev eth1\n";
const std::string flets_address = "ip addr add 10.216.0.101/24 dev eth0\n";

/// The API's tool, for the pages to call.
const std::string soracom = R"(
mkdir /run/bin; PATH=/run/bin:$PATH
cat >/run/bin/soracom <<'END'
#!/bin/sh
case "$*" in
"vpg get --vpg-id ID") echo '{"vpgId": "ID", "gateVxlanId": 10}' ;;
"vpg list-gate-peers --vpg-id ID") cat )" EXAMPLES R"(/gate-peers.json ;;
*) exit 1 ;;
esac
END
chmod +x /run/bin/soracom
)";

const std::map<std::string, std::vector<ExampleSetting>> settings{
    {"vxlanctl.8",
     {
         {"    100.64.158.4 100.64.158.132\n", Needs::nothing, "", again_in_sync},
         {"--mtu 1500", Needs::nothing, "",
          "ip link show vxlan0 | grep -q 'mtu 8951'\n"
          "not \"bridge fdb show dev vxlan0 | grep 100.64.158.132\"\n"},
         {"--dry-run --ip-commands", Needs::nothing, first_example,
          "sh -e /run/example | grep -q '^bridge fdb append .* dst 100.64.158.200'\n"
          "not \"bridge fdb show dev vxlan0 | grep 100.64.158.200\"\n"},
         {"--vni 11 --allow-recreate", Needs::nothing, first_example,
          "ip -d link show vxlan0 | grep -q 'vxlan id 11 '\n" + again_in_sync},
         {"--master br0", Needs::nothing, bridge + "echo 100.64.158.4 >/etc/peers\n",
          "ip link show vxlan1 | grep -q 'master br0'\n" + again_in_sync},
         {"vxlan6", Needs::nothing, "ip addr add 2001:db8:f::1/64 dev eth0 nodad\n",
          "ip addr show vxlan6 | grep -q 2001:db8:1::1/64\n" + again_in_sync},
         {"jq", Needs::nothing,
          first_example +
              "bridge fdb append 02:00:00:00:00:01 dev vxlan0 dst 100.64.158.4 dynamic\n",
          "sh -e /run/example | grep -qx '100.64.158.4 02:00:00:00:00:01'\n"
          "sh -e /run/example | grep -qx 100.64.158.132\n"},
         {"soracom vpg", Needs::nothing, soracom,
          "vxlanctl check\n" + first_example + "vxlanctl show vxlan0 | grep -q 'managed (file)'\n"},
         {"--peers-only", Needs::nothing, soracom + "mkdir -p /etc/vxlanctl\n",
          "grep -qx 100.64.158.4 /etc/vxlanctl/gate.peers\n"
          "sh -e /run/example | grep -q ': in sync'\n"
          "rm /etc/vxlanctl/gate.peers\n"},
         {"--masquerade eth0", Needs::nft, first_example,
          "nft list table inet vxlanctl_vxlan0 | grep -q masquerade\n"},
         {"isatap up", Needs::kinds, flets_address,
          "ip -6 route show default | grep -q 'dev sit1'\n"
          "ip route show 192.168.10.0/24 | grep -q 'dev site1'\n" +
              again_in_sync},
         {"vxlan1 10.64.0.1/24 --vni 11", Needs::nothing, second_interface,
          "ip rule | grep -q 'from 172.21.1.100 lookup 101'\n"
          "ip route show table 101 | grep -q 'via 172.21.1.1 dev eth1'\n" +
              again_in_sync},
         {"ln -s vxlanctl", Needs::nothing,
          "mount -t tmpfs none /usr/local/sbin\n"
          "ln -s " VXLANCTL_PROGRAM " /usr/local/sbin/vxlanctl\n",
          first_example + "vxlanctl up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 "
                          "100.64.158.132 | grep -qx 'vxlan0: in sync'\n"},
         {"down --all --netns blue", Needs::nothing,
          first_example + "ip netns add blue; ip -n blue link set lo up\n"
                          "ip -n blue addr add 192.0.2.1/32 dev lo\n"
                          "vxlanctl up - 192.0.2.1 vxlan7 - 192.0.2.2 --netns blue\n",
          "not \"ip link show vxlan0 2>/dev/null\"\n"
          "not \"ip -n blue link show vxlan7 2>/dev/null\"\n"
          "ip netns del blue\n"},
     }},
    {"vxlanctl.toml.5",
     {
         {"[vxlan.vxlan0]", Needs::nothing, "",
          "ip route show table 101 | grep -q '10.128.0.0/9 dev vxlan0'\n"},
         {"peers_file", Needs::nothing,
          bridge + second_interface + "echo 100.64.158.4 >/etc/vxlanctl/site.peers\n",
          "bridge fdb show dev vxlan1 | grep -q 'dst 100.64.1.9 via eth1'\n"
          "bridge fdb show dev vxlan1 | grep -q 'dst 100.64.158.4 '\n"},
         {"[isatap.sit1]", Needs::kinds, flets_address,
          "ip -6 route show default | grep -q 'metric 2'\n"
          "ip route show 192.168.10.0/24 | grep -q 'dev site1'\n"},
         {"\"vxlan0\": {", Needs::nothing, "",
          "bridge fdb show dev vxlan0 | grep -q 'dst 100.64.158.132 '\n"},
     }}};

/// What the reader sees of a line of mdoc in a literal block.
std::string plain(std::string line) {
    const std::map<std::string, std::string> escapes{{"\\e", "\\"}, {"\\-", "-"}, {"\\&", ""}};
    for (const auto& [from, to] : escapes)
        for (std::size_t at = 0; (at = line.find(from, at)) != std::string::npos; at += to.size())
            line.replace(at, from.size(), to);
    return line;
}

/// The example in a mount namespace of its own, with an /etc that is like the host's.
void run_example(const std::string& page, const std::string& text, const ExampleSetting& setting) {
    const Host host;
    const std::string folder = std::filesystem::path(VXLANCTL_PROGRAM).parent_path().string();
    const bool is_file = page == "vxlanctl.toml.5";
    const std::string suffix = text.starts_with('{') ? "json" : "toml";
    write_text("/run/example", text);
    const std::string script =
        "mount -t tmpfs none /mnt; mkdir /mnt/etc /mnt/here; cd /mnt/here\n"
        "mount --rbind /etc /mnt/etc; mount -t tmpfs none /etc; ln -s /mnt/etc/* /etc\n"
        "rm -f /etc/vxlanctl /etc/peers; mkdir /etc/vxlanctl; rm -rf /run/bin\n"
        "not() { if sh -c \"$1\"; then exit 1; fi; }\n" // `! command` is no end to sh -e
        "PATH=" +
        folder + ":$PATH\n" + setting.setup +
        (is_file ? "cp /run/example /etc/vxlanctl/example." + suffix +
                       "\nvxlanctl plan; vxlanctl apply; vxlanctl check\n"
                       "vxlanctl apply | tail -n 1 | grep -qx '[12] tunnels*: [12] in sync'\n"
                 : "sh -e /run/example\n") +
        setting.proof;
    write_text("/run/script", script);
    const auto finished = run(host.space, {"unshare", "-m", "sh", "-exu", "/run/script"});
    INFO(finished.out << finished.err);
    CHECK(finished.code == 0);
}

} // namespace

std::vector<std::string> manual_examples(const std::string& page) {
    std::ifstream file(SOURCE_DIRECTORY "/man/" + page);
    std::vector<std::string> examples;
    bool is_section = false, is_block = false;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with(".Sh ")) is_section = line == ".Sh EXAMPLES";
        if (!is_section) continue;
        CHECK_FALSE(line.starts_with(".Dl")); // would be an example that nobody runs
        if (line.starts_with(".Bd")) {
            examples.emplace_back();
            is_block = true;
        } else if (line == ".Ed") {
            is_block = false;
        } else if (is_block) {
            examples.back() += plain(line) + "\n";
        }
    }
    return examples;
}

const std::vector<ExampleSetting>& example_settings(const std::string& page) {
    return settings.at(page);
}

std::size_t run_manual_examples(Needs needs) {
    std::size_t count = 0;
    for (const auto& [page, of_page] : settings) {
        const auto examples = manual_examples(page);
        REQUIRE(examples.size() == of_page.size());
        for (std::size_t i = 0; i < examples.size(); ++i) {
            if (of_page[i].needs != needs) continue;
            INFO(page << ": " << examples[i]);
            run_example(page, examples[i], of_page[i]);
            ++count;
        }
    }
    return count;
}

} // namespace world
