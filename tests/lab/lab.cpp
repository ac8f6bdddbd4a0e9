#include "lab.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <fmt/format.h>
#include <sched.h>
#include <stdexcept>
#include <sys/wait.h>
#include <unistd.h>

using namespace world;

namespace lab {
namespace {

/// What programs of the host's need of /etc stays.
constexpr const char* private_mounts =
    "mount --make-rprivate / && mount -t tmpfs none /mnt && mkdir -p /mnt/etc/vxlanctl && "
    "for name in iproute2 protocols services nsswitch.conf passwd group ld.so.cache machine-id; do "
    "[ ! -e /etc/$name ] || cp -a /etc/$name /mnt/etc; done && "
    "mount --bind /mnt/etc /etc && mount -t tmpfs none /run && mkdir /run/netns && "
    "mkdir -p /var/lib && mount -t tmpfs none /var/lib";

constexpr const char* network =
    "for f in all default; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done\n"
    "echo 0 >/proc/sys/net/ipv4/ip_forward\n"
    "for n in router peer-a peer-b device vpc; do ip netns add $n; done\n"
    "ip -b - <<'END'\n"
    "link add eth0 type veth peer name r0 netns router\n"
    "link add eth2 type veth peer name r2 netns router\n"
    "addr add 172.21.0.100/24 dev eth0\n"
    "addr add 2001:db8:21::100/64 dev eth0 nodad\n"
    "addr add 172.22.0.100/24 dev eth2\n"
    "link set eth0 up\nlink set eth2 up\n"
    "route add default via 172.21.0.1 dev eth0\n"
    "route add default via 2001:db8:21::1 dev eth0\n"
    "END\n"
    "ip -n router -b - <<'END'\n"
    "link set lo up\nlink set r0 up\nlink set r2 up\n"
    "addr add 172.21.0.1/24 dev r0\naddr add 2001:db8:21::1/64 dev r0 nodad\n"
    "link add ra type veth peer name p0 netns peer-a\n"
    "link add rb type veth peer name p0 netns peer-b\n"
    "link add rv type veth peer name eth0 netns vpc\n"
    "link set ra up\nlink set rb up\nlink set rv up\n"
    "addr add 100.64.158.1/32 dev ra\naddr add 172.21.1.1/24 dev rv\n"
    "addr add 2001:db8:158::1/64 dev ra nodad\naddr add 2001:db8:159::1/64 dev rb nodad\n"
    "route add 100.64.158.4/32 dev ra\nroute add 100.64.158.132/32 dev rb\n"
    "route add 10.128.0.0/9 via 172.21.0.100\n"
    "END\n"
    "ip -n vpc -b - <<'END'\n"
    "link set lo up\nlink set eth0 up\naddr add 172.21.1.50/24 dev eth0\n"
    "route add default via 172.21.1.1\n"
    "END\n"
    "ip -n device link set lo up\n"
    "for p in a:4:158 b:132:159; do\n"
    "n=peer-${p%%:*}; rest=${p#*:}; last=${rest%:*}; net=${rest#*:}\n"
    "ip -n $n -b - <<END\n"
    "link set lo up\nlink set p0 up\naddr add 100.64.158.$last/32 dev p0\n"
    "addr add 2001:db8:$net::4/64 dev p0 nodad\n"
    "route add 100.64.158.1 dev p0\nroute add default via 100.64.158.1 dev p0\n"
    "route add default via 2001:db8:$net::1\n"
    "link add vxlan0 type vxlan id 10 dstport 4789 local 100.64.158.$last\n"
    "link add vxlan6 type vxlan id 66 dstport 4789 local 2001:db8:$net::4\n"
    "addr add 10.192.158.$last/9 dev vxlan0\n"
    "link set vxlan0 mtu 1450 up\n"
    "addr add 10.66.0.$last/24 dev vxlan6\nlink set vxlan6 mtu 1430 up\n"
    "route add 172.21.0.0/16 via 10.225.194.171 dev vxlan0 onlink\n"
    "route add 172.21.0.100 via 100.64.158.1 dev p0\n"
    "END\n"
    "bridge -n $n fdb append 00:00:00:00:00:00 dev vxlan0 dst 172.21.0.100\n"
    "bridge -n $n fdb append 00:00:00:00:00:00 dev vxlan6 dst 2001:db8:21::100\n"
    "done\n"
    "ip -n peer-a -b - <<'END'\n"
    "link add d0 type veth peer name eth0 netns device\n"
    "link set d0 up\nroute add 10.128.0.5/32 dev d0\n"
    "END\n"
    "ip -n device -b - <<'END'\n"
    "link set eth0 up\naddr add 10.128.0.5/32 dev eth0\n"
    "route add 10.192.158.4 dev eth0\nroute add default via 10.192.158.4 dev eth0\n"
    "END\n"
    "for n in router peer-a peer-b; do ip netns exec $n sh -c '\n"
    "for f in all default; do echo 0 >/proc/sys/net/ipv4/conf/$f/rp_filter; done\n"
    "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding\n"
    "'; done\n"
    "for d in vxlan0 d0; do\n"
    "ip netns exec peer-a sh -c \"echo 1 >/proc/sys/net/ipv4/conf/$d/proxy_arp\"; done\n"
    "ip netns exec router sh -c 'echo 1 >/proc/sys/net/ipv4/conf/ra/proxy_arp\n"
    "echo 1 >/proc/sys/net/ipv4/conf/rb/proxy_arp'\n";

constexpr std::chrono::seconds long_enough{60};

/// The quoted word of a shell.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char character : text)
        result += character == '\'' ? std::string("'\\''") : std::string(1, character);
    return result + "'";
}

void write_lab_file(const Lab& lab, const std::string& text) {
    lab.sh("printf %s " + quoted(text) + " >/etc/vxlanctl/lab.toml");
}

} // namespace

const std::string usual_file = "[vxlan.vxlan0]\n"
                               "dev = \"eth0\"\n"
                               "local = \"172.21.0.100\"\n"
                               "addresses = [\"10.225.194.171/9\"]\n"
                               "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n";
const std::string gateway_file = usual_file + "forward = true\nforward_from = [\"eth0\"]\n";
const std::vector<Flow> usual_flows{
    {"host", "10.192.158.4"},           {"host", "10.192.158.132"},
    {"host", "10.128.0.5", true},       {"device", "10.225.194.171"},
    {"device", "10.225.194.171", true}, {"peer-b", "10.225.194.171", true},
};
const std::vector<Flow> gateway_flows{
    {"host", "10.192.158.4"},           {"host", "10.192.158.132"},
    {"device", "10.225.194.171", true}, {"vpc", "10.128.0.5"},
    {"vpc", "10.128.0.5", true},        {"device", "172.21.1.50"},
    {"device", "172.21.1.50", true},
};

MountNamespace::MountNamespace() {
    int ready[2];
    if (pipe2(ready, O_CLOEXEC) != 0) throw std::runtime_error("pipe");
    const int child = fork();
    if (child == 0) {
        const bool good = unshare(CLONE_NEWNS) == 0 && std::system(private_mounts) == 0;
        const char answer = good ? 'y' : 'n';
        if (write(ready[1], &answer, 1) != 1) _exit(1);
        pause();
        _exit(0);
    }
    close(ready[1]);
    char answer = 'n';
    const bool told = child > 0 && read(ready[0], &answer, 1) == 1 && answer == 'y';
    close(ready[0]);
    descriptor_ = open(fmt::format("/proc/{}/ns/mnt", child).c_str(), O_RDONLY | O_CLOEXEC);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    if (!told || descriptor_ < 0) throw std::runtime_error("no mount namespace");
}

MountNamespace::~MountNamespace() {
    close(descriptor_);
}

Lab::Lab(Setting wanted)
    : setting([&] {
          if (wanted.flows.empty()) wanted.flows = usual_flows;
          if (wanted.file.empty() && wanted.command.empty()) wanted.file = usual_file;
          return wanted;
      }()) {
    is_possible_ = setting.needs.empty() || run(setting.needs).code == 0;
    if (!is_possible_) return;
    sh(network);
    if (!setting.before.empty()) sh(setting.before);
    if (!setting.file.empty()) write_lab_file(*this, setting.file);
    const auto made = vxlanctl(setting.command.empty() ? "apply" : setting.command);
    INFO(made.out << made.err);
    REQUIRE(made.code == 0);
    if (!setting.after.empty()) sh(setting.after);
}

Finished Lab::run(const std::string& line) const {
    const std::string program = VXLANCTL_PROGRAM;
    return world::run(
        host_, {"nsenter", fmt::format("--mount=/proc/{}/fd/{}", getpid(), mounts_.descriptor()),
                "--", "/bin/sh", "-ec",
                fmt::format("PATH=\"{}:$PATH\"\n{}", program.substr(0, program.rfind('/')), line)});
}

std::string Lab::sh(const std::string& line) const {
    const auto finished = run(line);
    if (finished.code != 0)
        throw std::runtime_error(fmt::format("'{}' failed with {}: {}{}", line, finished.code,
                                             finished.out, finished.err));
    return finished.out;
}

Finished Lab::vxlanctl(const std::string& words) const {
    return run(VXLANCTL_PROGRAM " " + words);
}

std::size_t Lab::payload(bool is_ipv6) const {
    const auto mtu = std::stoul(
        sh(fmt::format("ip -o link show dev {0} 2>/dev/null | sed 's/.* mtu \\([0-9]*\\).*/\\1/' | "
                       "grep . || echo 1450",
                       setting.tunnel)));
    return mtu - (is_ipv6 ? 48 : 28);
}

Strings Lab::dead_flows() const {
    std::string script;
    for (std::size_t i = 0; i < setting.flows.size(); ++i) {
        const auto& flow = setting.flows[i];
        const bool is_v6 = flow.to.find(':') != std::string::npos;
        const std::string exec = flow.from == "host" ? "" : "ip netns exec " + flow.from + " ";
        script +=
            fmt::format("({}ping -n -c 1 -W 1 {} {} >/dev/null 2>&1 || echo {}) &\n", exec,
                        flow.large ? fmt::format("-M do -s {}", payload(is_v6)) : "", flow.to, i);
    }
    const std::string text = sh(script + "wait");
    Strings dead;
    for (std::size_t i = 0; i < setting.flows.size(); ++i)
        if (("\n" + text).find(fmt::format("\n{}\n", i)) != std::string::npos)
            dead.push_back(fmt::format("{} to {}{}", setting.flows[i].from, setting.flows[i].to,
                                       setting.flows[i].large ? ", large" : ""));
    return dead;
}

Strings Lab::dead_for_long() const {
    const auto end = std::chrono::steady_clock::now() + long_enough;
    while (true) {
        auto dead = dead_flows();
        if (dead.empty() || std::chrono::steady_clock::now() > end) return dead;
    }
}

nlohmann::json Lab::doctor(bool probe) const {
    const auto finished =
        vxlanctl(fmt::format("doctor --json {}{}", probe ? "--probe " : "", setting.names));
    INFO(finished.out << finished.err);
    REQUIRE((finished.code == 0 || finished.code == 3));
    return nlohmann::json::parse(finished.out).at("checks");
}

void Lab::reboot() const {
    sh("for link in $(ip -o link show type vxlan | cut -d: -f2; ip -o link show type sit | "
       "cut -d: -f2 | cut -d@ -f1 | grep -v sit0; ip -o link show type ip6tnl | cut -d: -f2 | "
       "cut -d@ -f1 | grep -v ip6tnl0); do\n"
       "ip link del ${link%@*}; done\nrm -rf /run/vxlanctl");
    const auto made = vxlanctl("apply");
    INFO(made.out << made.err);
    CHECK(made.code == 0);
}

void follow_remedies(const Lab& lab, const nlohmann::json& findings) {
    for (const auto& check : findings) {
        if (check.at("verdict") != "fail") continue;
        const auto& edits = check.at("edits");
        for (auto edit = edits.rbegin(); edit != edits.rend(); ++edit) // lines above stay
            lab.sh(fmt::format("sed -i {} {}",
                               quoted(fmt::format("{}{} {} = {}", edit->at("line").get<int>(),
                                                  edit->at("is_new") == true ? "i" : "c",
                                                  edit->at("key").get<std::string>(),
                                                  edit->at("value").get<std::string>())),
                               quoted(edit->at("file"))));
        const std::string remedy = check.at("remedy");
        if (remedy.empty()) continue;
        const auto finished = lab.run(remedy);
        INFO(remedy << "\n" << finished.out << finished.err);
        CHECK(finished.code == 0);
    }
}

} // namespace lab
