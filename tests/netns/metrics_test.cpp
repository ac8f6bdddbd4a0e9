// What `metrics` tells of real tunnels. That Prometheus can read it, tests/packaging/metrics says.
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdio>
#include <fmt/format.h>
#include <sstream>

using namespace world;

namespace {

using Series = std::map<std::string, double>; ///< `name{labels}` without the prefix of all names

Series series_of(const std::string& text) {
    Series series;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("#")) continue;
        const auto space = line.rfind(' ');
        const std::string prefix = "vxlanctl_";
        REQUIRE(line.starts_with(prefix));
        const auto name = line.substr(prefix.size(), space - prefix.size());
        CHECK(series.emplace(name, std::stod(line.substr(space + 1))).second); // each once
    }
    return series;
}

/// -1 where there is none.
double value(const Series& series, const std::string& name, const std::string& labels) {
    const auto found = series.find(fmt::format("{}{{netns=\"\",{}}}", name, labels));
    return found == series.end() ? -1 : found->second;
}

double of_tunnel(const Series& series, const std::string& name, const std::string& tunnel) {
    return value(series, "tunnel_" + name, fmt::format("tunnel=\"{}\"", tunnel));
}

double of_peer(const Series& series, const std::string& name, const std::string& tunnel,
               const std::string& peer, const std::string& label = "") {
    return value(series, "peer_" + name,
                 fmt::format("tunnel=\"{}\",peer=\"{}\",name=\"{}\"", tunnel, peer, label));
}

double failed_check(const Series& series, const std::string& tunnel, const std::string& check) {
    return value(series, "doctor_failed", fmt::format("tunnel=\"{}\",check=\"{}\"", tunnel, check));
}

std::size_t count_of(const Series& series, const std::string& begin) {
    return static_cast<std::size_t>(
        std::count_if(series.begin(), series.end(),
                      [&](const auto& one) { return one.first.starts_with(begin); }));
}

/// A host whose /etc/vxlanctl is /run/files.
struct HostOfFiles {
    HostOfFiles() { sh(host.space, "rm -rf /run/files; mkdir /run/files"); }
    ~HostOfFiles() { std::remove("/var/lib/vxlanctl/hold.json"); }
    HostOfFiles(const HostOfFiles&) = delete;
    HostOfFiles& operator=(const HostOfFiles&) = delete;

    Finished run_here(const std::string& words, const std::string& more = "") const {
        return run(host.space, {"unshare", "-m", "sh", "-ec",
                                "mount -t tmpfs -o mode=755 none /etc; mkdir /etc/vxlanctl\n"
                                "mount --bind /run/files /etc/vxlanctl\n" +
                                    more + "exec " VXLANCTL_PROGRAM " -v " + words});
    }
    Series metrics(const std::string& options = "") const {
        const auto finished = run_here("metrics " + options);
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        return series_of(finished.out);
    }
    void apply() const { REQUIRE(run_here("apply").code == 0); }

    const Host host;
};

const std::string gate = "[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\n"
                         "addresses = [\"10.225.194.171/9\"]\npeers = [\"100.64.158.4\",\n"
                         "  { dst = \"100.64.158.132\", name = \"gate-b\" }]\n";
const std::string typed_words = "up eth0 172.21.0.100 typed 10.9.0.1/24 100.64.158.4 --vni 13 "
                                "--mtu 1400 --route 10.10.0.0/16 --rule 'from 10.9.0.1,table 7'";

std::string tunnels_with_peers(int count, int peers) {
    std::string text;
    for (int i = 0; i < count; ++i) {
        text += fmt::format("[vxlan.t{0}]\ndev = \"eth0\"\nlocal = \"172.21.0.100\"\nvni = {1}\n"
                            "peers = [",
                            i, 1000 + i);
        for (int peer = 0; peer < peers; ++peer)
            text += fmt::format("\"100.64.{}.{}\", ", i % 250, 1 + peer);
        text += "]\n";
    }
    return text;
}

} // namespace

TEST_CASE("metrics: of tunnels of files and of commands, and what becomes of them") {
    const HostOfFiles it;
    const Namespace& space = it.host.space;
    CHECK(it.metrics() == Series{{"build_info{version=\"" VXLANCTL_VERSION "\"}", 1}});

    write_text("/run/files/gate.toml", gate);
    auto now = it.metrics(); // before the first apply
    CHECK(of_tunnel(now, "up", "vxlan0") == 0);
    CHECK(of_tunnel(now, "in_sync", "vxlan0") == 0);
    CHECK(of_tunnel(now, "mtu_bytes", "vxlan0") == -1);
    CHECK(of_peer(now, "present", "vxlan0", "100.64.158.132", "gate-b") == 0);
    CHECK(failed_check(now, "vxlan0", "interface") == 1);
    CHECK(value(now, "tunnel_info",
                "tunnel=\"vxlan0\",kind=\"vxlan\",vni=\"10\",port=\"4789\","
                "local=\"172.21.0.100\",dev=\"eth0\",origin=\"file\"") == 1);
    CHECK(count_of(now, "last_apply") == 0);

    it.apply();
    REQUIRE(vxlanctl(space, typed_words).code == 0);
    now = it.metrics();
    for (const char* name : {"vxlan0", "typed"}) {
        INFO(name);
        CHECK(of_tunnel(now, "up", name) == 1);
        CHECK(of_tunnel(now, "in_sync", name) == 1);
        CHECK(of_tunnel(now, "held", name) == 0);
        CHECK(of_tunnel(now, "learned_macs", name) == 0);
        CHECK(failed_check(now, name, "interface") == 0);
        CHECK(failed_check(now, name, "route") == 0);
    }
    CHECK(of_tunnel(now, "mtu_bytes", "typed") == 1400);
    CHECK(of_tunnel(now, "peers", "vxlan0") == 2);
    CHECK(of_peer(now, "present", "vxlan0", "100.64.158.132", "gate-b") == 1);
    CHECK(of_peer(now, "learned_macs", "typed", "100.64.158.4") == 0);
    CHECK(of_peer(now, "last_heard_seconds", "typed", "100.64.158.4") == -1);
    CHECK(now.at("last_apply_success{netns=\"\"}") == 1);
    CHECK(now.at("last_apply_timestamp_seconds{netns=\"\"}") > 1.7e9);

    sh(space, "bridge fdb del 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.132\n"
              "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9\n"
              "ip link set typed down");
    now = it.metrics();
    CHECK(of_tunnel(now, "in_sync", "vxlan0") == 0);
    CHECK(of_peer(now, "present", "vxlan0", "100.64.158.132", "gate-b") == 0);
    CHECK(of_peer(now, "learned_macs", "vxlan0", "100.64.158.132", "gate-b") == -1);
    CHECK(of_peer(now, "present", "vxlan0", "100.64.158.9") == -1); // which nobody asked for
    CHECK(of_peer(now, "learned_macs", "vxlan0", "100.64.158.9") == 0);
    CHECK(of_tunnel(now, "up", "typed") == 0);
    CHECK(failed_check(now, "typed", "settings") == 1);
}

TEST_CASE("metrics: in_sync says of a file's tunnel what check says") {
    const HostOfFiles it;
    write_text("/run/files/gate.toml", gate +
                                           "mtu = 1400\nroutes = [{ to = \"10.200.0.0/16\" }]\n"
                                           "rules = [{ from = \"10.1.0.0/16\", table = 101 }]\n");
    int in_sync = 0;
    for (const char* change :
         {"true", "ip link set vxlan0 mtu 1300", "ip addr del 10.225.194.171/9 dev vxlan0",
          "ip route del 10.200.0.0/16", "ip rule del from 10.1.0.0/16",
          "bridge fdb append 00:00:00:00:00:00 dev vxlan0 dst 100.64.158.9",
          "ip link del vxlan0"}) {
        INFO(change);
        it.apply();
        sh(it.host.space, change);
        const bool is_in_sync = it.run_here("check").code == 0;
        CHECK(of_tunnel(it.metrics(), "in_sync", "vxlan0") == is_in_sync);
        in_sync += is_in_sync ? 1 : 0;
    }
    CHECK(in_sync == 1);
}

TEST_CASE("metrics: in_sync of a command's tunnel tells each change by hand") {
    const Host host;
    const auto is_in_sync = [&] {
        const auto finished = vxlanctl(host.space, "metrics");
        INFO(finished.err);
        REQUIRE(finished.code == 0);
        return of_tunnel(series_of(finished.out), "in_sync", "typed");
    };
    for (const char* change : {"ip link set typed mtu 1300", "ip addr del 10.9.0.1/24 dev typed",
                               "ip route del 10.10.0.0/16", "ip rule del from 10.9.0.1 table 7",
                               "bridge fdb del 00:00:00:00:00:00 dev typed dst 100.64.158.4",
                               "bridge fdb append 00:00:00:00:00:00 dev typed dst 100.64.158.9",
                               "ip link set typed down"}) {
        INFO(change);
        REQUIRE(vxlanctl(host.space, typed_words).code == 0);
        CHECK(is_in_sync() == 1);
        sh(host.space, change);
        CHECK(is_in_sync() == 0);
    }
}

TEST_CASE("metrics: a change that was not confirmed is on hold until somebody applies it") {
    const HostOfFiles it;
    write_text("/run/files/gate.toml", gate);
    it.apply();
    write_text("/run/files/gate.toml", gate + "mtu = 1400\n");
    CHECK(it.run_here("apply --confirm 1").code == 1);
    auto now = it.metrics();
    CHECK(of_tunnel(now, "held", "vxlan0") == 1);
    CHECK(of_tunnel(now, "in_sync", "vxlan0") == 0);
    CHECK(now.at("last_apply_success{netns=\"\"}") == 0);
    it.apply();
    now = it.metrics();
    CHECK(of_tunnel(now, "held", "vxlan0") == 0);
    CHECK(of_tunnel(now, "in_sync", "vxlan0") == 1);
    CHECK(now.at("last_apply_success{netns=\"\"}") == 1);
}

TEST_CASE("metrics: a file with an error is told of, and the others are measured") {
    const HostOfFiles it;
    write_text("/run/files/gate.toml", gate);
    write_text("/run/files/more.toml", "[vxlan.more]\nlocal = \"172.21.0.100\"\nvni = 11\n");
    it.apply();
    write_text("/run/files/more.toml", "[vxlan.more\n");
    const auto finished = it.run_here("metrics");
    CHECK(finished.code == 0);
    CHECK(finished.err.find("more.toml:1") != std::string::npos);
    const auto series = series_of(finished.out);
    CHECK(of_tunnel(series, "in_sync", "vxlan0") == 1);
    CHECK(of_tunnel(series, "in_sync", "more") == 1); // as it was set
}

TEST_CASE("metrics: more than a hundred peers are told of one by one where that is asked for") {
    const HostOfFiles it;
    write_text("/run/files/many.toml", tunnels_with_peers(10, 10));
    it.apply();
    auto finished = it.run_here("metrics");
    CHECK_FALSE(told(finished, "peer-series-left-out"));
    CHECK(count_of(series_of(finished.out), "peer_present{") == 100);
    write_text("/run/files/one.toml", "[vxlan.one]\nlocal = \"172.21.0.100\"\nvni = 9\n"
                                      "peers = [\"100.64.158.4\"]\n");
    it.apply();
    finished = it.run_here("metrics");
    CHECK(told(finished, "peer-series-left-out", {"101", "100"}));
    CHECK(finished.out.find("\n# 101 peers") == std::string::npos); // it is the first line
    CHECK(finished.out.starts_with("# 101 peers"));
    CHECK(count_of(series_of(finished.out), "peer_") == 0);
    CHECK(count_of(series_of(finished.out), "tunnel_peers{") == 11);
    CHECK(it.run_here("metrics --quiet").err == "");
    finished = it.run_here("metrics --per-peer");
    CHECK(finished.err == "");
    CHECK(count_of(series_of(finished.out), "peer_present{") == 101);
}

TEST_CASE("metrics: of many tunnels, what the state decides is checked, as doctor does") {
    const HostOfFiles it;
    const auto names = [](const Series& series, const std::string& tunnel) {
        std::string all;
        const std::string begin = fmt::format("doctor_failed{{netns=\"\",tunnel=\"{}\",", tunnel);
        for (const auto& [name, failed] : series)
            if (name.starts_with(begin))
                all += name.substr(begin.size() + 7,
                                   name.find('"', begin.size() + 7) - begin.size() - 7) +
                       (failed == 0 ? " " : "! ");
        return all;
    };
    write_text("/run/files/many.toml", tunnels_with_peers(64, 1));
    it.apply();
    const auto few = it.run_here("metrics");
    CHECK(few.out.find("# Of more than") == std::string::npos);
    CHECK(names(series_of(few.out), "t5").find("route") != std::string::npos);
    write_text("/run/files/many.toml", tunnels_with_peers(65, 1));
    it.apply();
    sh(it.host.space, "ip link set t6 down; ip link del t7\n"
                      "bridge fdb del 00:00:00:00:00:00 dev t8 dst 100.64.8.1");
    const auto many = it.run_here("metrics");
    CHECK(many.out.starts_with("# Of more than 64 tunnels"));
    const auto series = series_of(many.out);
    CHECK(names(series, "t5") ==
          "flood_list interface local_address mtu peers port settings underlay ");
    CHECK(names(series, "t6") ==
          "flood_list interface! local_address mtu peers port settings underlay ");
    CHECK(names(series, "t7") == "interface! ");
    CHECK(names(series, "t8") ==
          "flood_list interface local_address mtu peers! port settings underlay ");
    // Whatever is checked comes to what doctor says, unless that says what differs from the file.
    const auto report = nlohmann::json::parse(it.run_here("doctor --json").out);
    std::size_t compared = 0;
    for (const auto& check : report.at("checks")) {
        if (check.at("tunnel") == "t6" || check.at("tunnel") == "t8") continue;
        const double failed =
            failed_check(series, check.at("tunnel").get<std::string>(), check.at("check"));
        if (failed < 0) continue;
        CHECK(failed == (check.at("verdict") == "fail" ? 1 : 0));
        ++compared;
    }
    CHECK(compared + 16 == count_of(series, "doctor_failed{"));
}

TEST_CASE("metrics: when a peer was last heard, where this kernel knows", "[kernel]") {
    const Network network;
    const Namespace& host = network.host.space;
    REQUIRE(vxlanctl(host, up_words).code == 0);
    REQUIRE(reaches(host, "10.192.158.4"));
    const auto series = series_of(vxlanctl(host, "metrics").out);
    CHECK(of_peer(series, "learned_macs", "vxlan0", "100.64.158.4") == 1);
    CHECK(of_peer(series, "learned_macs", "vxlan0", "100.64.158.132") == 0);
    CHECK(of_tunnel(series, "learned_macs", "vxlan0") == 1);
    int major = 0, minor = 0;
    REQUIRE(std::sscanf(text_of("/proc/sys/kernel/osrelease").c_str(), "%d.%d", &major, &minor) ==
            2);
    const double heard = of_peer(series, "last_heard_seconds", "vxlan0", "100.64.158.4");
    if (std::pair(major, minor) >= std::pair(6, 15))
        CHECK(heard >= 0);
    else
        CHECK(heard == -1);
    CHECK(of_peer(series, "last_heard_seconds", "vxlan0", "100.64.158.132") == -1);
}

TEST_CASE("metrics: of another network namespace, with its name") {
    const HostOfFiles it;
    sh(it.host.space, "mkdir -p /run/netns; ip netns add blue; ip -n blue link set lo up; "
                      "ip -n blue addr add 172.21.1.100/32 dev lo");
    write_text("/run/files/gate.toml",
               gate + "[vxlan.there]\nnetns = \"blue\"\nlocal = \"172.21.1.100\"\nvni = 12\n"
                      "peers = [\"100.64.158.4\"]\n");
    it.apply();
    CHECK(count_of(it.metrics(), "tunnel_up{") == 1);
    const auto there = it.metrics("--netns blue");
    CHECK(there.at("tunnel_up{netns=\"blue\",tunnel=\"there\"}") == 1);
    CHECK(there.at("tunnel_in_sync{netns=\"blue\",tunnel=\"there\"}") == 1);
    CHECK(there.at("last_apply_success{netns=\"blue\"}") == 1);
    CHECK(count_of(there, "tunnel_up{") == 1);

    const auto all = it.metrics("--all-netns");
    CHECK(all.at("tunnel_in_sync{netns=\"\",tunnel=\"vxlan0\"}") == 1);
    CHECK(all.at("tunnel_in_sync{netns=\"blue\",tunnel=\"there\"}") == 1);
    CHECK(all.at("last_apply_success{netns=\"\"}") == 1);
    CHECK(all.at("last_apply_success{netns=\"blue\"}") == 1);
    CHECK(all.at("doctor_failed{netns=\"blue\",tunnel=\"there\",check=\"interface\"}") == 0);

    // Also one that is there and has nothing of ours yet, and one that is not there.
    sh(it.host.space, "ip netns add red");
    write_text("/run/files/more.toml",
               "[vxlan.soon]\nnetns = \"red\"\nlocal = \"127.0.0.1\"\nvni = 13\n"
               "[vxlan.later]\nnetns = \"green\"\nlocal = \"127.0.0.1\"\nvni = 14\n"
               "peers = [\"100.64.158.4\"]\n");
    const auto more = it.metrics("--all-netns");
    CHECK(count_of(more, "tunnel_up{") == 4);
    for (const char* labels :
         {"{netns=\"red\",tunnel=\"soon\"", "{netns=\"green\",tunnel=\"later\""}) {
        const std::string of_it = labels;
        CHECK(more.at("tunnel_up" + of_it + "}") == 0);
        CHECK(more.at("tunnel_in_sync" + of_it + "}") == 0);
        CHECK(more.at("doctor_failed" + of_it + ",check=\"interface\"}") == 1);
    }
    sh(it.host.space, "ip netns del blue; ip netns del red");
}

TEST_CASE("metrics: reads and never writes, by as many requests as for fewer tunnels") {
    const Host host;
    const auto counted = [&](int tunnels) {
        REQUIRE(apply_text(host.space, tunnels_with_peers(tunnels, 3), "--source test").code == 0);
        const auto measured = vxlanctl_counted(host.space, "metrics --quiet");
        CHECK(measured.finished.code == 0);
        CHECK(measured.writes == 0);
        CHECK(count_of(series_of(measured.finished.out), "tunnel_in_sync{") ==
              static_cast<std::size_t>(tunnels));
        return measured.reads;
    };
    const long few = counted(100), many = counted(300);
    INFO(few);
    CHECK(many == few);
    CHECK(few <= 16);
}

TEST_CASE("metrics: nobody is needed who may do anything") {
    const Host host;
    REQUIRE(vxlanctl(host.space, typed_words).code == 0);
    RunOptions options;
    options.as_nobody = true;
    const auto finished = vxlanctl(host.space, "metrics", options);
    CHECK(finished.code == 0);
    CHECK(of_tunnel(series_of(finished.out), "in_sync", "typed") == 1);
}

TEST_CASE("metrics: what cannot be written is exit code 1, and JSON is what the schema says") {
    const Host host;
    REQUIRE(vxlanctl(host.space, typed_words).code == 0);
    CHECK(run(host.space, {"sh", "-c", VXLANCTL_PROGRAM " metrics >/dev/full"}).code == 1);
    CHECK(vxlanctl(host.space, "metrics --json").code == 0); // which Process::wait() looks at
    CHECK(vxlanctl(host.space, "metrics vxlan0").code == 2);
}
