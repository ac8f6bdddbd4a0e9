#include "breakages.h"

namespace lab {
namespace {

const std::string no_device = "[vxlan.vxlan0]\n"
                              "local = \"172.21.0.100\"\n"
                              "addresses = [\"10.225.194.171/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";

} // namespace

const std::vector<Healthy>& healthy_variants() {
    static const std::vector<Healthy> all{
        {"a file's tunnel", {}, true},
        {"a command's tunnel", {.command = world::up_words}, true},
        {"a gateway", {.file = gateway_file, .flows = gateway_flows}, true},
        {"no underlay interface", {.file = no_device + "mtu = 1450\n"}},
        {"DEV is lo",
         {.file = "[vxlan.vxlan0]\ndev = \"lo\"\nmtu = 1450\n" + no_device.substr(15)},
         true},
        {"DEV is a bridge, with the address",
         {.before = "ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0; "
                    "ip addr flush dev eth0; ip addr add 172.21.0.100/24 dev br0; "
                    "ip route add default via 172.21.0.1",
          .file = "[vxlan.vxlan0]\ndev = \"br0\"\n" + no_device.substr(15)}},
        {"DEV is a bridge's port, and the bridge has the address",
         {.before = "ip link add br0 type bridge; ip link set br0 up; ip link set eth0 master br0; "
                    "ip addr flush dev eth0; ip addr add 172.21.0.100/24 dev br0; "
                    "ip route add default via 172.21.0.1"},
         true},
        {"an underlay of IPv6",
         {.file = "[vxlan.vxlan6]\ndev = \"eth0\"\nlocal = \"2001:db8:21::100\"\nvni = 66\n"
                  "addresses = [\"10.66.0.100/24\"]\n"
                  "peers = [\"2001:db8:158::4\", \"2001:db8:159::4\"]\n",
          .flows = {{"host", "10.66.0.4"},
                    {"host", "10.66.0.132", true},
                    {"peer-a", "10.66.0.100", true}},
          .tunnel = "vxlan6"}},
        {"LOCAL and DEV are automatic",
         {.file = "[vxlan.vxlan0]\ndev = \"auto\"\nlocal = \"auto\"\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\", \"172.21.0.100\"]\n"}},
        {"peers differ in the VNI alone",
         {.file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\", { dst = \"100.64.158.4\", vni = "
                  "11 }]\n"},
         true},
        {"a port other than usual, as set",
         {.before = "for n in peer-a peer-b; do ip -n $n link set vxlan0 down; l=$(ip -n $n -o -4 "
                    "addr show dev p0 | tr -s ' ' | cut -d' ' -f4 | cut -d/ -f1); ip -n $n link "
                    "del vxlan0; "
                    "ip -n $n link add vxlan0 mtu 1450 type vxlan id 10 dstport 8472 local $l; "
                    "ip -n $n addr add 10.192.158.${l##*.}/9 dev vxlan0; ip -n $n link set vxlan0 "
                    "up; bridge -n $n fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.100; "
                    "done\nip netns exec peer-a sh -c 'echo 1 "
                    ">/proc/sys/net/ipv4/conf/vxlan0/proxy_arp'",
          .file = usual_file + "port = 8472\n"}},
        {"a smaller MTU, as set",
         {.file = usual_file + "mtu = 1400\n",
          .flows = {{"host", "10.192.158.4"}, {"host", "10.128.0.5", true}}}},
        {"strict reverse path filtering, with one uplink",
         {.before = "for f in all eth0 default; do echo 1 >/proc/sys/net/ipv4/conf/$f/rp_filter; "
                    "done"}},
        {"two uplinks, and a rule for the local address",
         {.before = "ip -n router addr add 172.22.0.1/24 dev r2\n"
                    "ip route del default via 172.21.0.1 dev eth0\n"
                    "ip route add default via 172.22.0.1 dev eth2 metric 10\n"
                    "ip route add default via 172.21.0.1 dev eth0 metric 100\n"
                    "ip route add default via 172.21.0.1 dev eth0 table 88\n"
                    "ip rule add from 172.21.0.100 table 88"}},
        {"the firewall of vxlanctl", {.after = "vxlanctl firewall vxlan0 | nft -f -"}, true},
        {"the firewall of vxlanctl on a gateway, with a limit for TCP",
         {.file = gateway_file,
          .after = "vxlanctl firewall vxlan0 --clamp-mss | nft -f -",
          .flows = gateway_flows}},
        {"a firewall that accepts the port and what is established",
         {.before = "nft 'add table inet f; add chain inet f in { type filter hook input priority "
                    "0; policy drop; }; add rule inet f in ct state established,related accept; "
                    "add rule inet f in ct state invalid drop; add rule inet f in iifname "
                    "{ lo, vxlan0 } accept; add rule inet f in udp dport 4789 accept'"},
         true},
        {"a firewall with sets and maps",
         {.before =
              "nft 'add table inet f; add set inet f peers { type ipv4_addr; flags interval; "
              "elements = { 100.64.0.0/16 } }; add chain inet f in { type filter hook input "
              "priority 0; policy drop; }; add rule inet f in ct state vmap { established : "
              "accept, related : accept, invalid : drop }; add rule inet f in iifname "
              "\"vxlan*\" accept; add rule inet f in ip saddr @peers udp dport 4789 accept'"}},
        {"connections of the tunnel are not tracked",
         {.before = "nft 'add table ip raw; add chain ip raw pre { type filter hook prerouting "
                    "priority -300; }; add rule ip raw pre udp dport 4789 notrack; add chain ip "
                    "raw out { type filter hook output priority -300; }; add rule ip raw out udp "
                    "dport 4789 notrack; add table ip f; add chain ip f in { type filter hook "
                    "input priority 0; policy drop; }; add rule ip f in ct state established "
                    "accept; add rule ip f in iifname vxlan0 accept; add rule ip f in udp dport "
                    "4789 accept'"}},
        {"Docker drops what is forwarded, on a host that forwards nothing",
         {.before = "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook "
                    "forward priority 0; policy drop; }'"}},
        {"Docker drops what is forwarded, but for the tunnel",
         {.before = "nft 'add table ip filter; add chain ip filter FORWARD { type filter hook "
                    "forward priority 0; policy drop; }; add chain ip filter DOCKER-USER; add rule "
                    "ip filter DOCKER-USER iifname vxlan0 accept; add rule ip filter DOCKER-USER "
                    "oifname vxlan0 accept; add rule ip filter FORWARD jump DOCKER-USER'",
          .file = gateway_file,
          .flows = gateway_flows},
         true},
        {"masquerading by the uplink",
         {.before = "nft 'add table ip nat; add chain ip nat post { type nat hook postrouting "
                    "priority 100; }; add rule ip nat post oifname eth0 masquerade'"}},
        {"interfaces of flannel and calico beside it",
         {.before = "ip link add flannel.1 type vxlan id 1 dev eth0 local 172.21.0.100 dstport "
                    "8472 nolearning; ip addr add 10.244.0.0/32 dev flannel.1; ip link set "
                    "flannel.1 up; bridge fdb add 02:00:00:00:0f:01 dev flannel.1 dst 172.21.0.9 "
                    "self permanent\nip link add vxlan.calico type vxlan id 4096 dev eth0 local "
                    "172.21.0.100 dstport 4790 nolearning; ip link set vxlan.calico up",
          .names = "vxlan0 flannel.1 vxlan.calico"},
         true},
        {"a virtual address of keepalived on the tunnel",
         {.after = "ip addr add 10.225.194.200/32 dev vxlan0"}},
        {"the underlay interface in a VRF",
         {.needs = needs_vrf,
          .before = "ip link add v9 type vrf table 99; ip link set v9 up; ip link set eth0 master "
                    "v9; ip route add default via 172.21.0.1 dev eth0 table 99 || true"}},
        {"the tunnel in a VRF",
         {.needs = needs_vrf,
          .before = "ip link add v8 type vrf table 98; ip link set v8 up",
          .file = usual_file + "vrf = \"v8\"\n",
          .flows = {{"device", "10.225.194.171"},
                    {"device", "10.225.194.171", true},
                    {"peer-b", "10.225.194.171"}}}},
        {"the tunnel is a port of a bridge, which has the address",
         {.before = "ip link add br0 type bridge; ip link set br0 up; ip addr add "
                    "10.225.194.171/9 dev br0",
          .file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nmaster = \"br0\"\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"},
         true},
        {"an inner address that stands alone, and routes",
         {.file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/32\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                  "routes = [{ to = \"10.128.0.0/9\" }]\n"}},
        {"two tunnels to the same peers",
         {.file = usual_file +
                  "[vxlan.vxlan1]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = 11\n"
                  "addresses = [\"192.0.2.1/24\"]\npeers = [\"100.64.158.4\"]\n"}},
        {"the default route has two next hops",
         {.before = "ip -n router addr add 172.21.0.2/24 dev r0; ip route replace default nexthop "
                    "via 172.21.0.1 dev eth0 nexthop via 172.21.0.2 dev eth0"}},
        {"a permanent entry for the gateway",
         {.before = "ip neigh replace 172.21.0.1 lladdr $(ip -n router -br link show dev r0 | sed "
                    "'s/  */ /g' | cut -d' ' -f3) nud permanent dev eth0"}},
        {"the underlay interface is a macvlan",
         {.before = "ip addr flush dev eth0; ip link add mv0 link eth0 type macvlan mode bridge; "
                    "ip addr add 172.21.0.100/24 dev mv0; ip link set mv0 up; ip route add default "
                    "via 172.21.0.1 dev mv0",
          .file = "[vxlan.vxlan0]\ndev = \"mv0\"\n" + no_device.substr(15)}},
        {"a peer lies inside the inner prefix, and is reached outside",
         {.before = "ip -n router route add 10.130.0.4 dev ra; ip -n peer-a addr add 10.130.0.4/32 "
                    "dev p0; ip route add 10.130.0.4/32 via 172.21.0.1",
          .file = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                  "addresses = [\"10.225.194.171/9\"]\n"
                  "peers = [\"100.64.158.4\", \"100.64.158.132\", \"10.130.0.4\"]\n",
          .flows = {{"host", "10.192.158.4"},
                    {"host", "10.192.158.132"},
                    {"device", "10.225.194.171", true}}}},
    };
    return all;
}

} // namespace lab
