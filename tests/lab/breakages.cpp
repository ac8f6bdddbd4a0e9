#include "breakages.h"

namespace lab {
namespace {

Setting with_file(const std::string& more, std::vector<Flow> flows = {}) {
    return {.file = usual_file + more, .flows = std::move(flows)};
}
Setting gateway() {
    return {.file = gateway_file, .flows = gateway_flows};
}
/// The tunnel of a command.
const Setting by_command{.command = world::up_words};
/// Two tables: eth2 has a default route that comes first.
const std::string second_uplink = "ip -n router addr add 172.22.0.1/24 dev r2\n"
                                  "ip route add default via 172.22.0.1 dev eth2 metric 0\n"
                                  "ip route change default via 172.21.0.1 dev eth0 metric 0 || "
                                  "true\n";
const std::string ipv6_file = "[vxlan.vxlan6]\n"
                              "dev = \"eth0\"\n"
                              "local = \"2001:db8:21::100\"\n"
                              "vni = 66\n"
                              "addresses = [\"10.66.0.100/24\"]\n"
                              "peers = [\"2001:db8:158::4\", \"2001:db8:159::4\"]\n";
const Setting over_ipv6{.file = ipv6_file,
                        .flows = {{"host", "10.66.0.4"},
                                  {"host", "10.66.0.132", true},
                                  {"peer-a", "10.66.0.100", true}},
                        .tunnel = "vxlan6"};
const Setting bridged{.before = "ip link add br0 type bridge; ip link set br0 up; "
                                "ip addr add 10.225.194.171/9 dev br0",
                      .file = "[vxlan.vxlan0]\n"
                              "dev = \"eth0\"\n"
                              "local = \"172.21.0.100\"\n"
                              "master = \"br0\"\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n",
                      .after = "ip link set br0 mtu 1450"};

Setting with_need(Setting setting, const std::string& need) {
    setting.needs = need;
    return setting;
}

} // namespace

const std::vector<Breakage>& breakages() {
    static const std::vector<Breakage> all{
        // The interface.
        {"the tunnel is down", "settings", "ip link set vxlan0 down", {}, false, "", true},
        {"the tunnel of a file was deleted",
         "interface",
         "ip link del vxlan0",
         {},
         false,
         "",
         true},
        {"the tunnel of a command was deleted", "interface", "ip link del vxlan0", by_command},
        {"the tunnel of a command went with its underlay interface", "interface",
         "ip link del eth0", by_command, false,
         "ip link add eth0 type veth peer name r0 netns router\n"
         "ip -n router addr add 172.21.0.1/24 dev r0; ip -n router link set r0 up\n"
         "ip -n router route replace 10.128.0.0/9 via 172.21.0.100\n"
         "ip addr add 172.21.0.100/24 dev eth0; ip link set eth0 up\n"
         "ip route add default via 172.21.0.1\n"
         "vxlanctl " +
             world::up_words},
        {"ARP is off on the tunnel", "interface",
         "ip neigh flush dev vxlan0; ip link set vxlan0 arp off"},
        {"the tunnel is protodown", "interface",
         "ip link set vxlan0 protodown on; while ip link show dev vxlan0 | grep -q LOWER_UP; do :; "
         "done"},
        {"another program has the UDP port",
         "interface",
         "ip link set vxlan0 down\n"
         "python3 -c 'import socket,os,time\n"
         "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind((\"0.0.0.0\",4789))\n"
         "if os.fork()==0:\n time.sleep(600)'>/dev/null 2>&1 &\n"
         "while ! ss -ulnp | grep -q :4789; do :; done",
         {},
         false,
         "pkill -n python3; while ss -uln | grep -q :4789; do :; done; ip link set vxlan0 up"},
        // What differs from what was asked for.
        {"a peer was deleted",
         "settings",
         "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.4; "
         "bridge fdb flush dev vxlan0 nopermanent 2>/dev/null || true; ip neigh flush dev vxlan0; "
         "bridge fdb show dev vxlan0 | grep -v 00:00:00:00:00:00 | while read m r; do bridge fdb "
         "del $m dev vxlan0; done; ip -n peer-a neigh flush dev vxlan0",
         {},
         false,
         "",
         true},
        {"a peer of a command's tunnel was deleted", "settings",
         "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132\n"
         "bridge fdb show dev vxlan0 | grep -v 00:00:00:00:00:00 | while read m r; do bridge fdb "
         "del $m dev vxlan0; done; ip neigh flush dev vxlan0",
         by_command},
        {"the inner address was deleted",
         "settings",
         "ip addr del 10.225.194.171/9 dev vxlan0",
         {},
         false,
         "",
         true},
        {"the inner address of a command's tunnel was deleted", "settings",
         "ip addr del 10.225.194.171/9 dev vxlan0", by_command},
        {"the connected route was deleted",
         "settings",
         "ip route del 10.128.0.0/9 dev vxlan0",
         {},
         false,
         "",
         true},
        {"the inner address got another prefix length", "settings",
         "ip addr del 10.225.194.171/9 dev vxlan0; ip addr add 10.225.194.171/24 dev vxlan0"},
        {"the MTU drifted from the file",
         "settings",
         "ip link set vxlan0 mtu 1500",
         {.file = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\nmtu = 1450\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"},
         false,
         "",
         true},
        {"the tunnel was made anew by a script, with port 8472", "settings",
         "ip link del vxlan0; ip link add vxlan0 type vxlan id 10 dev eth0 local 172.21.0.100 "
         "dstport 8472; ip addr add 10.225.194.171/9 dev vxlan0; ip link set vxlan0 up\n"
         "for p in 100.64.158.4 100.64.158.132; do bridge fdb append 00:00:00:00:00:00 dev vxlan0 "
         "dst $p; done"},
        {"the tunnel was made anew with another VNI", "settings",
         "ip link del vxlan0; ip link add vxlan0 type vxlan id 11 dev eth0 local 172.21.0.100 "
         "dstport 4789; ip addr add 10.225.194.171/9 dev vxlan0; ip link set vxlan0 up\n"
         "for p in 100.64.158.4 100.64.158.132; do bridge fdb append 00:00:00:00:00:00 dev vxlan0 "
         "dst $p; done"},
        {"forwarding was switched off", "settings",
         "for d in vxlan0 eth0; do echo 0 >/proc/sys/net/ipv4/conf/$d/forwarding; done", gateway(),
         false, "", true},
        {"a route of the file is gone",
         "settings",
         "ip route del 10.192.0.0/10 dev vxlan0",
         {.file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/32\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                  "routes = [{ to = \"10.192.0.0/10\" }, { to = \"10.128.0.0/10\" }]\n"}},
        {"a rule of the file is gone",
         "settings",
         "ip rule del from 10.225.194.171 table 77",
         {.before = "",
          .file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/32\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                  "routes = [{ to = \"10.128.0.0/9\", table = 77 }]\n"
                  "rules = [{ from = \"10.225.194.171\", table = 77 }]\n",
          .flows = {{"device", "10.225.194.171"}, {"device", "10.225.194.171", true}}}},
        // Outside: to the peers.
        {"the underlay interface is down",
         "underlay",
         "ip link set eth0 down",
         {},
         false,
         "ip link set eth0 up; ip route add default via 172.21.0.1 dev eth0",
         true},
        {"the underlay interface has no carrier",
         "underlay",
         "ip -n router link set r0 down",
         {},
         false,
         "ip -n router link set r0 up; ip -n router route replace 10.128.0.0/9 via "
         "172.21.0.100"},
        {"the local address is gone",
         "local_address",
         "ip addr del 172.21.0.100/24 dev eth0",
         {},
         false,
         "ip addr add 172.21.0.100/24 dev eth0; ip route add default via 172.21.0.1",
         true},
        {"DHCP gave this host another address", "local_address",
         "ip addr add 172.21.0.101/24 dev eth0; ip addr del 172.21.0.100/24 dev eth0\n"
         "ip addr show dev eth0 | grep -q 172.21.0.101 || ip addr add 172.21.0.101/24 dev eth0\n"
         "ip route replace default via 172.21.0.1 dev eth0\n"
         // The peers know the new address: only this host does not use it.
         "for n in peer-a peer-b; do ip -n $n route add 172.21.0.101 via 100.64.158.1 dev p0; "
         "bridge -n $n fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.101; done"},
        {"the default route is gone",
         "route",
         "ip route del default via 172.21.0.1 dev eth0",
         {},
         false,
         "ip route add default via 172.21.0.1 dev eth0",
         true},
        {"a blackhole route takes a peer", "route", "ip route add blackhole 100.64.158.4"},
        {"an unreachable route takes both peers", "route",
         "ip route add unreachable 100.64.0.0/16"},
        {"a prohibiting rule takes the peers", "route", "ip rule add to 100.64.0.0/16 prohibit"},
        {"a route by another uplink takes the peers",
         "route",
         "ip -n router addr add 172.22.0.1/24 dev r2; ip -n router link set r2 mtu 1500\n"
         "ip route add 100.64.0.0/16 via 172.22.0.1 dev eth2\n"
         "ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/conf/r2/rp_filter; echo 0 "
         ">/proc/sys/net/ipv4/conf/r2/forwarding'",
         {},
         false,
         "",
         true},
        {"a second default route comes first", "route",
         "ip -n router addr add 172.22.0.1/24 dev r2\n"
         "ip netns exec router sh -c 'echo 0 >/proc/sys/net/ipv4/conf/r2/forwarding'\n"
         "ip route del default via 172.21.0.1 dev eth0\n"
         "ip route add default via 172.21.0.1 dev eth0 metric 200\n"
         "ip route add default via 172.22.0.1 dev eth2 metric 100"},
        {"a rule by port leads the packets elsewhere", "route",
         "ip route add blackhole default table 66; ip rule add ipproto udp dport 4789 table 66"},
        {"a route leads a peer into the tunnel", "route",
         "ip route add 100.64.158.4/32 dev vxlan0"},
        {"an inner route takes both peers", "route", "ip route add 100.64.0.0/10 dev vxlan0"},
        {"the gateway does not answer ARP",
         "next_hop",
         "ip -n router link set r0 arp off; ip neigh flush dev eth0; "
         "ping -c 1 -W 1 172.21.0.1 || true",
         {},
         false,
         "ip -n router link set r0 arp on; ip neigh flush dev eth0"},
        {"the gateway has another MAC than a permanent entry says",
         "probe",
         "ip neigh replace 172.21.0.1 lladdr 02:00:00:00:00:99 nud permanent dev eth0",
         {},
         true},
        {"the packets of the tunnel have a TTL of 1",
         "route",
         "true",
         {.after = "ip link set vxlan0 type vxlan id 10 ttl 1"}},
        // The firewall.
        {"the output chain drops the tunnel's packets",
         "firewall",
         "nft 'add table inet f; add chain inet f out { type filter hook output priority 0; }; "
         "add rule inet f out udp dport 4789 drop'",
         {},
         false,
         "",
         true},
        {"the input chain drops the tunnel's packets",
         "firewall",
         "nft 'add table ip f; add chain ip f in { type filter hook input priority 0; }; "
         "add rule ip f in udp dport 4789 drop'",
         {},
         false,
         "",
         true},
        {"the input policy drops all that is new", "firewall",
         "nft 'add table inet f; add chain inet f in { type filter hook input priority 0; policy "
         "drop; }; add rule inet f in ct state established,related accept; add rule inet f in "
         "iifname lo accept; add rule inet f in iifname vxlan0 accept'"},
        {"prerouting drops the tunnel's packets", "firewall",
         "nft 'add table inet f; add chain inet f pre { type filter hook prerouting priority -300; "
         "}; add rule inet f pre ip saddr 100.64.0.0/16 drop'"},
        {"an ingress chain drops the tunnel's packets", "firewall",
         "nft 'add table netdev f; add chain netdev f in { type filter hook ingress device eth0 "
         "priority 0; }; add rule netdev f in udp dport 4789 drop'"},
        {"postrouting drops the tunnel's packets", "firewall",
         "nft 'add table ip f; add chain ip f post { type filter hook postrouting priority 0; }; "
         "add rule ip f post ip daddr 100.64.158.0/24 drop'"},
        {"NAT leads incoming packets to another port", "firewall",
         "nft 'add table ip f; add chain ip f pre { type nat hook prerouting priority -100; }; "
         "add rule ip f pre udp dport 4789 redirect to :5000'"},
        {"NAT gives outgoing packets another source", "firewall",
         "nft 'add table ip f; add chain ip f post { type nat hook postrouting priority 100; }; "
         "add rule ip f post udp dport 4789 snat to 172.21.0.77'; ip neigh flush dev vxlan0; "
         "ip -n peer-a neigh flush dev vxlan0"},
        {"what comes out of the tunnel is dropped",
         "firewall",
         "nft 'add table inet f; add chain inet f in { type filter hook input priority 0; }; "
         "add rule inet f in iifname vxlan0 drop'",
         {},
         false,
         "",
         true},
        {"what goes into the tunnel is dropped", "firewall",
         "nft 'add table inet f; add chain inet f out { type filter hook output priority 0; }; "
         "add rule inet f out oifname vxlan0 drop'"},
        {"Docker drops what is forwarded", "firewall",
         "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook forward "
         "priority 0; policy drop; }; add rule ip filter FORWARD oifname docker0 accept'",
         gateway(), false, "", true},
        {"what is forwarded out of the tunnel is dropped", "firewall",
         "nft 'add table inet f; add chain inet f forwarded { type filter hook forward priority 0; "
         "}; "
         "add rule inet f forwarded iifname vxlan0 oifname eth0 drop'",
         gateway()},
        {"a peer is missing in the allow-list", "firewall",
         "vxlanctl firewall vxlan0 | nft -f -; "
         "nft delete element inet vxlanctl_vxlan0 peers { 100.64.158.4 }"},
        {"the underlay's IPv6 packets are dropped", "firewall",
         "nft 'add table ip6 f; add chain ip6 f in { type filter hook input priority 0; }; "
         "add rule ip6 f in udp dport 4789 drop'",
         over_ipv6},
        {"ARP is dropped on the tunnel", "firewall",
         "nft 'add table arp f; add chain arp f in { type filter hook input priority 0; }; "
         "add rule arp f in iifname vxlan0 drop'; ip neigh flush dev vxlan0; "
         "ip -n peer-b neigh flush dev vxlan0"},
        // What the host itself does with packets.
        {"strict reverse path filtering outside",
         "rp_filter",
         "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter",
         {.before = "ip -n router addr add 172.22.0.1/24 dev r2; "
                    "ip route replace default via 172.22.0.1 dev eth2",
          .file = "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\nmtu = 1450\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"}},
        {"a gateway whose tunnel filters strictly", "inside",
         "ip route add 10.128.0.5/32 via 172.21.0.1 dev eth0\n"
         "echo 1 >/proc/sys/net/ipv4/conf/vxlan0/rp_filter"},
        {"this host answers no ARP in the tunnel", "inside",
         "echo 8 >/proc/sys/net/ipv4/conf/vxlan0/arp_ignore; "
         "ip -n peer-a neigh flush dev vxlan0; ip -n peer-b neigh flush dev vxlan0"},
        {"forwarding is off on a gateway by rules",
         "forwarding",
         "true",
         {.before = "sysctl -qw net.ipv4.ip_forward=0",
          .file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                  "routes = [{ to = \"10.128.0.0/9\", table = 77 }]\n"
                  "rules = [{ from = \"172.21.1.0/24\", table = 77 }]\n",
          .flows = gateway_flows}},
        // Inside.
        {"the inner prefix of the file is too long",
         "inside",
         "true",
         {.file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/24\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"},
         false,
         "sed -i s,171/24,171/9, /etc/vxlanctl/lab.toml; vxlanctl apply",
         true},
        {"the inner address of the file stands alone",
         "inside",
         "true",
         {.file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/32\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"},
         false,
         "sed -i s,171/32,171/9, /etc/vxlanctl/lab.toml; vxlanctl apply"},
        {"a VPN takes the inner prefix", "inside",
         "ip link add tun9 type bridge; ip link set tun9 up; ip addr add 10.200.0.1/32 dev tun9\n"
         "ip route add 10.128.0.0/10 dev tun9; ip route add 10.192.0.0/10 dev tun9"},
        {"a rule leads the inner prefix elsewhere", "inside",
         "ip route add default via 172.21.0.1 dev eth0 table 66; "
         "ip rule add to 10.128.0.0/9 table 66"},
        {"a route leads one inner address elsewhere", "inside",
         "ip route add 10.192.158.4/32 via 172.21.0.1 dev eth0"},
        {"a neighbour inside has a wrong permanent entry",
         "probe",
         "ip neigh replace 10.192.158.4 lladdr 02:00:00:00:00:98 nud permanent dev vxlan0",
         {},
         true},
        {"a MAC is pinned behind the wrong peer", "pins",
         "mac=$(ip -n peer-a -br link show dev vxlan0 | tr -s ' ' | cut -d' ' -f3); "
         "bridge fdb replace $mac dev vxlan0 dst 100.64.158.132 static"},
        {"another host has the inner address",
         "inner_address",
         "ip -n peer-b addr add 10.225.194.171/32 dev vxlan0; "
         "ip -n peer-a neigh replace 10.225.194.171 lladdr $(ip -n peer-b -br link show dev vxlan0 "
         "| tr -s ' ' | cut -d' ' -f3) dev vxlan0",
         {},
         true,
         "ip -n peer-b addr del 10.225.194.171/32 dev vxlan0; ip -n peer-a neigh del "
         "10.225.194.171 dev vxlan0; "
         "ip neigh flush dev vxlan0"},
        {"an inner IPv6 address is a duplicate",
         "inside",
         "ip addr del 2001:db8:77::1/64 dev vxlan0\n"
         "ip -n peer-a addr add 2001:db8:77::1/64 dev vxlan0 nodad; ip netns exec peer-a sh -c "
         "'echo 1 >/proc/sys/net/ipv6/icmp/echo_ignore_all'\n"
         "ip addr add 2001:db8:77::1/64 dev vxlan0\n"
         "while ! ip addr show dev vxlan0 | grep -q dadfailed; do :; done",
         {.before = "ip -n peer-b addr add 2001:db8:77::132/64 dev vxlan0 nodad",
          .command = world::up_words + " --address 2001:db8:77::1/64",
          .flows = {{"host", "10.192.158.4"}, {"peer-b", "2001:db8:77::1"}}},
         false,
         "ip -n peer-a addr del 2001:db8:77::1/64 dev vxlan0\n"
         "ip addr del 2001:db8:77::1/64 dev vxlan0; ip addr add 2001:db8:77::1/64 dev vxlan0"},
        {"IPv6 is disabled on the tunnel",
         "settings",
         "echo 1 >/proc/sys/net/ipv6/conf/vxlan0/disable_ipv6",
         {.before = "ip -n peer-a addr add 2001:db8:77::4/64 dev vxlan0 nodad",
          .file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/9\", \"2001:db8:77::1/64\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n",
          .flows = {{"host", "10.192.158.4"}, {"peer-a", "2001:db8:77::1"}}}},
        {"both peers are silent",
         "probe",
         "ip -n peer-a link set vxlan0 down; ip -n peer-b link set vxlan0 down",
         {},
         true,
         "ip -n peer-a link set vxlan0 up; ip -n peer-b link set vxlan0 up; ip neigh flush dev "
         "vxlan0"},
        {"one peer is silent",
         "probe",
         "ip -n peer-b link set vxlan0 down",
         {},
         true,
         "ip -n peer-b link set vxlan0 up; ip neigh flush dev vxlan0"},
        // Sizes.
        {"the underlay interface has a smaller MTU", "mtu",
         "ip link set eth0 mtu 1400; ip -n router link set r0 mtu 1400",
         with_file("mtu = 1450\n", {{"host", "10.192.158.4"}, {"host", "10.192.158.4", true}})},
        {"the route to a peer has a smaller MTU", "mtu",
         "ip route add 100.64.158.4/32 via 172.21.0.1 dev eth0 mtu lock 1300"},
        {"the path drops large packets and says so",
         "path_mtu",
         "ip -n router link set ra mtu 1400; ip -n peer-a link set p0 mtu 1400\n"
         "ip netns exec router nft 'add table ip f; add chain ip f forwarded { type filter hook "
         "forward "
         "priority 0; }; add rule ip f forwarded ip frag-off & 0x3fff != 0 drop'; "
         "ip netns exec peer-a nft 'add table ip f; add chain ip f in { type filter hook "
         "prerouting priority -500; }; add rule ip f in ip frag-off & 0x3fff != 0 drop'",
         {},
         true,
         "ip -n router link set ra mtu 1500; ip -n peer-a link set p0 mtu 1500; "
         "ip netns exec router nft flush ruleset; ip netns exec peer-a nft flush ruleset; ip route "
         "flush cache"},
        {"the path drops large packets silently",
         "path_mtu",
         "ip netns exec router nft 'add table ip f; add chain ip f forwarded { type filter hook "
         "forward "
         "priority 0; }; add rule ip f forwarded ip length > 1400 drop'",
         {},
         true,
         "ip netns exec router nft flush ruleset"},
        // Bridges and VRFs.
        {"the tunnel was made a port of a bridge", "bridge",
         "ip link add br9 type bridge; ip link set br9 up; ip link set vxlan0 master br9; "
         "echo 1 >/proc/sys/net/ipv4/conf/br9/rp_filter"},
        {"the bridge of the tunnel is down", "bridge", "ip link set br0 down", bridged},
        {"the bridge port is blocked", "bridge", "bridge link set dev vxlan0 state 0", bridged},
        {"the bridge port is in another VLAN", "bridge",
         "ip link set br0 type bridge vlan_filtering 1; bridge vlan del vid 1 dev vxlan0; "
         "bridge vlan add vid 7 dev vxlan0 pvid untagged",
         with_need(bridged, "ip link add br8 type bridge vlan_filtering 1; ip link del br8")},
        {"the underlay interface came into a VRF", "vrf",
         "ip link add v9 type vrf table 99; ip link set v9 up; ip link set eth0 master v9; "
         "ip route replace default via 172.21.0.1 dev eth0 table 99\n"
         "ip neigh flush dev vxlan0",
         with_need({}, needs_vrf)},
        // Holds.
        {"the file is on hold, since its last change was not confirmed", "settings",
         "cp /etc/vxlanctl/lab.toml /tmp/lab.toml; sed -i 's/, \"100.64.158.132\"//' "
         "/etc/vxlanctl/lab.toml; vxlanctl apply; mv /tmp/lab.toml /etc/vxlanctl/lab.toml\n"
         "vxlanctl apply --confirm 1 </dev/null || true; ip neigh flush dev vxlan0\n"
         "bridge fdb show dev vxlan0 | grep -v 00:00:00:00:00:00 | while read m r; do bridge fdb "
         "del $m dev vxlan0; done"},
    };
    return all;
}

} // namespace lab
