// What `apply` notes for who watches.
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// The directory of the namespace, in a line of shell.
const std::string own_place = "/run/vxlanctl/$(stat -L -c %d-%i /proc/self/ns/net)";

nlohmann::json noted(const Namespace& space) {
    const std::string text = sh(space, "cat " + own_place + "/last-apply 2>/dev/null || echo null");
    return nlohmann::json::parse(text);
}

/// A time that was never one, so that whoever notes another one is found out.
void forget_time(const Namespace& space) {
    sh(space,
       "sed -i 's/\"milliseconds\":[0-9]*/\"milliseconds\":1/' " + own_place + "/last-apply");
}

bool has_time(const nlohmann::json& json) {
    return json.at("milliseconds").get<long long>() > 1'700'000'000'000;
}

const std::string one_tunnel =
    "[vxlan.vxlan0]\nlocal = \"172.21.0.100\"\npeers = [\"100.64.158.4\"]\n";

} // namespace

TEST_CASE("last apply: what came of it is noted, also where nothing was to be done") {
    const Host host;
    CHECK(noted(host.space).is_null());
    REQUIRE(apply_text(host.space, one_tunnel, "--source test").code == 0);
    CHECK(noted(host.space).at("succeeded") == true);
    CHECK(has_time(noted(host.space)));
    forget_time(host.space);
    RunOptions options;
    options.input = one_tunnel;
    const auto again = vxlanctl_counted(host.space, "apply --source test -", {}, one_tunnel);
    CHECK(again.finished.code == 0);
    CHECK(again.writes == 0);
    CHECK(has_time(noted(host.space)));
}

TEST_CASE("last apply: a failure is noted, wherever it is, and a success after it") {
    const Host host;
    const auto check_failure = [&](const Finished& finished) {
        INFO(finished.err);
        CHECK(finished.code != 0);
        CHECK(noted(host.space).at("succeeded") == false);
        CHECK(has_time(noted(host.space)));
        REQUIRE(apply_text(host.space, one_tunnel, "--source test").code == 0);
        CHECK(noted(host.space).at("succeeded") == true);
        forget_time(host.space);
    };
    check_failure(apply_text(host.space, "[vxlan.vxlan0\n"));
    check_failure(apply_text(host.space, one_tunnel + "dev = \"eth9\"\n"));
    check_failure(
        apply_text(host.space, one_tunnel + "[vxlan.vxlan1]\nlocal = \"172.21.0.100\"\n"));
    check_failure(vxlanctl(host.space, "apply /run/no-such-file.toml"));
}

TEST_CASE("last apply: what applies nothing notes nothing") {
    const Host host;
    REQUIRE(apply_text(host.space, one_tunnel, "--source test").code == 0);
    forget_time(host.space);
    CHECK(check_text(host.space, one_tunnel).code == 0);
    CHECK(apply_text(host.space, one_tunnel, "--source test --dry-run").code == 0);
    CHECK(vxlanctl(host.space, "set vxlan0 --mtu 1400 --override").code == 0);
    CHECK(vxlanctl(host.space, "apply --prune -").code == 2); // wrong words are no apply
    RunOptions nobody;
    nobody.as_nobody = true;
    nobody.input = one_tunnel;
    CHECK(vxlanctl(host.space, "apply -", nobody).code == 1);
    CHECK(noted(host.space).at("milliseconds") == 1);
}

TEST_CASE("last apply: that it cannot be noted is a warning, and no failure") {
    const Host host;
    sh(host.space, "mkdir -p -m 755 /run/vxlanctl");
    REQUIRE(apply_text(host.space, one_tunnel, "--source test").code == 0);
    sh(host.space, "mkdir " + own_place + "/new-last-apply");
    const auto again = apply_text(host.space, one_tunnel, "--source test");
    CHECK(again.code == 0);
    CHECK(told(again, "apply-not-noted"));
}

TEST_CASE("last apply: in each network namespace of the files, of its own tunnels") {
    const Host host;
    sh(host.space, "mkdir -p /run/netns; ip netns add blue; ip -n blue link set lo up; "
                   "ip -n blue addr add 172.21.1.100/32 dev lo");
    const std::string there =
        "[vxlan.there]\nnetns = \"blue\"\nlocal = \"172.21.1.100\"\nvni = 12\n"
        "peers = [\"100.64.158.4\"]\n";
    const auto noted_there = [&] {
        return nlohmann::json::parse(
            sh(host.space, "cat /run/vxlanctl/$(stat -L -c %d-%i /run/netns/blue)/last-apply"));
    };
    CHECK(apply_text(host.space, one_tunnel + there, "--source test").code == 0);
    CHECK(noted(host.space).at("succeeded") == true);
    CHECK(noted_there().at("succeeded") == true);
    // One that fails here does not concern the others; the call as a whole is told here.
    CHECK(apply_text(host.space, one_tunnel + "dev = \"eth9\"\n" + there, "--source test").code !=
          0);
    CHECK(noted(host.space).at("succeeded") == false);
    CHECK(noted_there().at("succeeded") == true);
    CHECK(apply_text(host.space, one_tunnel + there + "dev = \"eth9\"\n", "--source test").code !=
          0);
    CHECK(noted(host.space).at("succeeded") == false);
    CHECK(noted_there().at("succeeded") == false);
    sh(host.space, "ip netns del blue");
}
