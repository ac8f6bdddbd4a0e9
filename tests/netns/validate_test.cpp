// Files are judged without a host: nothing of this one is looked at.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

const std::string gate = "[vxlan.vxlan0]\ndev = \"eth7\"\nlocal = \"172.31.0.100\"\n"
                         "addresses = [\"10.225.194.171/9\"]\npeers = [\"100.64.158.4\"]\n";
/// Two tunnels that cannot be together, and an inner address that is an outer one.
const std::string wrong = gate + "\n[vxlan.vxlan1]\ndev = \"eth7\"\nlocal = \"172.31.0.100\"\n"
                                 "addresses = [\"172.31.0.100/32\"]\n";

/// The file of one of three hosts that list each other.
std::string host_file(int number, const std::string& more = "") {
    std::string peers;
    for (int other = 1; other <= 3; ++other)
        if (other != number) peers += fmt::format("\"192.0.2.{}\", ", other);
    return fmt::format("[vxlan.vxlan0]\ndev = \"eth0\"\nlocal = \"192.0.2.{}\"\n"
                       "addresses = [\"10.0.0.{}/24\"]\npeers = [{}]\n{}",
                       number, number, peers, more);
}

/// A checkout of files, empty at first.
struct Checkout {
    Checkout() { sh(space, "rm -rf /run/checkout; umask 022; mkdir /run/checkout"); }
    void write(const std::string& name, const std::string& text) const {
        write_text("/run/checkout/" + name, text);
    }
    /// `vxlanctl validate` in that directory.
    Finished validate(const std::string& words) const {
        return run(space, {"/bin/sh", "-c",
                           "cd /run/checkout && exec " VXLANCTL_PROGRAM " -v validate " + words});
    }
    const Namespace space;
};

} // namespace

TEST_CASE("validate: good files are counted, and what is wrong has its place") {
    const Checkout checkout;
    checkout.write("gate.toml", gate);
    const auto good = checkout.validate("gate.toml");
    CHECK(good.code == 0);
    CHECK(good.out == "1 file, 1 tunnel: valid\n");
    CHECK(good.err.empty());
    CHECK(checkout.validate("-q gate.toml").out.empty());
    CHECK(checkout.validate("- <gate.toml").code == 0);

    checkout.write("wrong.toml", wrong);
    const auto bad = checkout.validate("wrong.toml");
    CHECK(bad.code == 2);
    CHECK(told(bad, "vni-in-use", {"wrong.toml:7:8: vxlan1", "'vxlan0'"}));
    CHECK(bad.err.find("\n    [vxlan.vxlan1]\n           ^\n") != std::string::npos);
    CHECK(told(bad, "inner-is-outer", {"wrong.toml:10:1: vxlan1", "172.31.0.100"}));
    CHECK(bad.out == "1 file, 2 tunnels: 2 errors\n");
    checkout.write("syntax.toml", gate + "\n[vxlan.vxlan2]\nlocal = \"300.1.1.1\"\n");
    const auto both = checkout.validate("syntax.toml");
    CHECK(both.code == 2);
    CHECK(told(both, "not-an-ip-address", {"syntax.toml:8:9"}));
}

TEST_CASE("validate: files that define no tunnel, and words that are wrong") {
    const Checkout checkout;
    checkout.write("empty.toml", "");
    CHECK(checkout.validate("empty.toml").code == 2);
    CHECK(told(checkout.validate("empty.toml"), "defines-no-tunnel", {"empty.toml"}));
    CHECK(checkout.validate("--allow-empty empty.toml").code == 0);
    CHECK(told(checkout.validate("nowhere.toml"), "cannot-read-file", {"nowhere.toml"}));
    checkout.write("gate.toml", gate);
    for (const auto& [words, code] : std::vector<std::pair<std::string, std::string>>{
             {"--closed gate.toml", "option-needs"},
             {"--mesh", "wrong-words"},
             {"--mesh - -", "stdin-named-twice"},
             {"--format xml gate.toml", "not-one-of"},
             {"--json --format github gate.toml", "options-contradict"}}) {
        INFO(words);
        const auto refused = checkout.validate(words);
        CHECK(refused.code == 2);
        CHECK(told(refused, code));
    }
}

TEST_CASE("validate: what JSON says, and annotations of GitHub") {
    const Checkout checkout;
    checkout.write("wrong.toml", wrong);
    const auto json = nlohmann::json::parse(checkout.validate("--json wrong.toml").out);
    CHECK(json.at("valid") == false);
    CHECK(json.at("files") == 1);
    CHECK(json.at("tunnels") == 2);
    CHECK(json.at("errors").at(0).at("place").at("line") == 7);
    CHECK(checkout.validate("--format json wrong.toml").out ==
          checkout.validate("--json wrong.toml").out);
    const auto github = checkout.validate("--format github ./wrong.toml");
    CHECK(github.code == 2);
    CHECK(github.err.empty());
    CHECK(github.out.find("::error file=wrong.toml,line=7,col=8,title=vni-in-use::vxlan1: ") == 0);
    CHECK(github.out.find("\n::error file=wrong.toml,line=10,col=1,title=inner-is-outer::") !=
          std::string::npos);
}

TEST_CASE("validate: hosts of a mesh, from their files alone") {
    const Checkout checkout;
    for (int number = 1; number <= 3; ++number)
        checkout.write(fmt::format("{}.toml", number), host_file(number));
    const auto good = checkout.validate("--mesh --closed 1.toml 2.toml 3.toml");
    CHECK(good.code == 0);
    CHECK(good.out == "3 hosts, 3 files, 3 tunnels: valid\n");
    CHECK(checkout.validate("--mesh 1.toml 2.toml").code == 0);
    const auto open = checkout.validate("--mesh --closed 1.toml 2.toml");
    CHECK(open.code == 3);
    CHECK(open.out.find("1.toml vxlan0: no host has the local address 192.0.2.3, which is a peer "
                        "(1.toml:5) [mesh-unknown-peer]\n") == 0);

    checkout.write("2.toml", host_file(2, "vni = 11\nmtu = 1400\n"));
    checkout.write("1.toml", host_file(1, "mtu = 1450\n"));
    const auto differing = checkout.validate("--mesh 1.toml 2.toml 3.toml");
    CHECK(differing.code == 3);
    CHECK(differing.out.find("1.toml vxlan0, 2.toml vxlan0: 1.toml sends with VNI 10, and 2.toml "
                             "has VNI 11 (2.toml:6) [mesh-vni-differs]; the MTU is 1450 on 1.toml, "
                             "and 1400 on 2.toml (1.toml:6) [mesh-mtu-differs]\n") == 0);
    CHECK(differing.out.find("3 hosts, 3 files, 3 tunnels: 2 contradictions\n") !=
          std::string::npos);
    CHECK(told(differing, "mesh-mtus-not-compared"));
    const auto json =
        nlohmann::json::parse(checkout.validate("--json --mesh 1.toml 2.toml 3.toml").out);
    CHECK(json.at("compared") == true);
    CHECK(json.at("contradictions").size() == 2);
    CHECK(json.at("contradictions").at(0).at("ends").at(1).at("host") == "2.toml");
    const auto github = checkout.validate("--format github --mesh 1.toml 2.toml 3.toml");
    CHECK(github.code == 3);
    CHECK(github.out.find("::error file=2.toml,line=6,col=1,title=mesh-vni-differs::1.toml "
                          "vxlan0, 2.toml vxlan0: ") == 0);

    checkout.write("3.toml", wrong);
    const auto not_compared = checkout.validate("--mesh 1.toml 2.toml 3.toml");
    CHECK(not_compared.code == 2);
    CHECK(not_compared.out ==
          "3 hosts, 3 files, 4 tunnels: 2 errors, the hosts were not compared\n");
    checkout.write("3.toml", host_file(3, "peers_file = \"nowhere\"\n"));
    CHECK(checkout.validate("--mesh 1.toml 2.toml 3.toml").code == 2);
}

TEST_CASE("validate: a host that lists itself alone contradicts the others, and is wrong alone") {
    const Checkout checkout;
    checkout.write("1.toml", host_file(1));
    checkout.write("2.toml", "[vxlan.vxlan0]\nlocal = \"192.0.2.9\"\npeers = [\"192.0.2.9\"]\n");
    CHECK(told(checkout.validate("2.toml"), "only-own-peers", {"2.toml:3:1"}));
    const auto mesh = checkout.validate("--mesh 1.toml 2.toml");
    CHECK(mesh.code == 3);
    CHECK(mesh.out.find("[mesh-no-peer]") != std::string::npos);
}

TEST_CASE("validate: needs nothing but the program and the files, whoever they belong to") {
    const Checkout checkout;
    const auto& space = checkout.space;
    sh(space, "rm -rf /run/jail; mkdir -m 777 -p /run/jail/hosts\n"
              "cp " VXLANCTL_PROGRAM " /run/jail/vxlanctl\n"
              "for library in $(ldd " VXLANCTL_PROGRAM " | grep -o '/[^ )]*'); do\n"
              "  mkdir -p /run/jail$(dirname $library); cp -L $library /run/jail$library; done");
    write_text("/run/jail/hosts/gate.toml", gate + "peers_file = \"peers\"\n");
    write_text("/run/jail/hosts/peers", "100.64.158.132\n");
    write_text("/run/jail/other.toml", wrong);
    sh(space, "cd /run/jail; chmod 777 . hosts; chmod 666 hosts/* other.toml\n"
              "chown -R 65533 hosts other.toml 2>/dev/null || true");
    const bool has_users =
        run(space, {"/usr/sbin/chroot", "--userspec=65534:65534", "/", "/bin/true"}).code == 0;
    for (const std::string user : {"", "--userspec=65534:65534 "}) {
        if (!user.empty() && !has_users) continue; // a user namespace has one user
        const auto jailed = [&](const std::string& words) {
            return run(space, {"/bin/sh", "-c",
                               "exec /usr/sbin/chroot " + user +
                                   "/run/jail /vxlanctl -v validate " + words});
        };
        const auto good = jailed("hosts");
        INFO(user << good.err);
        CHECK(good.code == 0);
        CHECK(good.out == "1 file, 1 tunnel: valid\n");
        CHECK(jailed("--mesh hosts/gate.toml").code == 0);
        CHECK(jailed("other.toml").code == 2);
    }
    // Nor does it ask the kernel anything.
    const auto counted = vxlanctl_counted(space, "validate --mesh /run/jail/hosts");
    CHECK(counted.finished.code == 0);
    CHECK(counted.writes == 0);
    CHECK(counted.reads == 0);
    CHECK(vxlanctl_counted(space, "plan --allow-empty /dev/null").reads > 0);
    CHECK(told(vxlanctl(space, "plan /run/jail/hosts"), "file-writable-by-others"));
}

TEST_CASE("validate: shows nobody a file that they could not read themselves") {
    const Checkout checkout;
    const auto& space = checkout.space;
    if (run(space, {"/bin/sh", "-c", "mkdir -p /run/t && chown 65533 /run/t"}).code != 0)
        SKIP_CASE("a user namespace has one user");
    write_text("/run/secret", "hush\n");
    checkout.write("gate.toml", gate + "peers_file = \"/run/secret\"\n");
    sh(space, "chmod 600 /run/secret; cd /run/checkout; ln -s /run/secret link.toml\n"
              "chown -h 65533 gate.toml link.toml");
    for (const std::string file : {"gate.toml", "link.toml"}) {
        const auto refused = checkout.validate(file);
        INFO(refused.err);
        CHECK(refused.code == 2);
        CHECK(told(refused, "file-of-other-owner", {"65533"}));
        CHECK(refused.err.find("hush") == std::string::npos);
    }
    sh(space, "chmod 644 /run/secret");
    CHECK(checkout.validate("gate.toml").err.find("hush") != std::string::npos);
    sh(space, "chmod 600 /run/secret; chown 65533 /run/secret");
    CHECK(checkout.validate("gate.toml").err.find("hush") != std::string::npos);
}
