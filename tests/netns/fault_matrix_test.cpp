// Everything that a command asks of the kernel fails in turn.
#include "fault_matrix.h"
#include "faults.h"
#include "world.h"

#include <catch2/catch.hpp>
#include <cstdlib>

using namespace world;

namespace {

/// The table has what each fault may come to; some of the calls have met it here.
void check_row(const StruckCommand& command) {
    const StruckRow row = strike_everywhere(command);
    for (const auto& problem : row.problems)
        UNSCOPED_INFO(problem);
    CHECK(row.problems.empty());
    if (std::getenv("VXLANCTL_WRITE_FAULTS") != nullptr) document_row(command.name, row.outcomes);
    const auto documented = documented_row(command.name);
    REQUIRE(documented.size() == row.outcomes.size());
    for (std::size_t i = 0; i < documented.size(); ++i) {
        INFO("column " << i + 1);
        for (const auto& outcome : row.outcomes[i])
            CHECK(documented[i].count(outcome) == 1);
        CHECK(row.outcomes[i].empty() == documented[i].empty());
    }
}

const std::string head = "dev = \"eth0\"\nlocal = \"172.21.0.100\"\n";
const std::string first_old = "[vxlan.vxlan0]\nmac = \"02:00:00:00:00:01\"\nmtu = 1400\n" + head +
                              "addresses = [\"10.225.194.171/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.132\"]\n"
                              "rules = [{ from = \"10.1.0.0/16\", table = 101 }]\n";
const std::string first_new = "[vxlan.vxlan0]\nmac = \"02:00:00:00:00:01\"\n" + head +
                              "addresses = [\"10.225.194.172/9\"]\n"
                              "peers = [\"100.64.158.4\", \"100.64.158.133\"]\n"
                              "routes = [{ to = \"10.200.0.0/16\", table = 101 }]\n";
const std::string second = "[vxlan.vxlan1]\nmac = \"02:00:00:00:00:02\"\nvni = 11\n" + head +
                           "peers = [\"100.64.158.4\"]\n";

struct Files {
    Files() {
        write_text("/run/old.toml", first_old + second);
        write_text("/run/new.toml", first_new + second);
        write_text("/run/less.toml", first_old);
    }
};

const std::string up = "up eth0 172.21.0.100 vxlan0 10.225.194.171/9 100.64.158.4 100.64.158.132 "
                       "--mac 02:00:00:00:00:01 --mtu 1400 --rule 'from 10.1.0.0/16,table 101'";

} // namespace

TEST_CASE("fault matrix: up") {
    check_row({"`up`, a new tunnel", "down --all", up, "", {}});
}

TEST_CASE("fault matrix: up of a tunnel that is there") {
    check_row({"`up`, a change",
               up,
               "up eth0 172.21.0.100 vxlan0 10.225.194.172/9 100.64.158.4 100.64.158.133 "
               "--mac 02:00:00:00:00:01 --route '10.200.0.0/16,table 101'",
               "",
               {}});
}

TEST_CASE("fault matrix: apply") {
    const Files files;
    check_row({"`apply`", "apply --prune /run/old.toml", "apply /run/new.toml", "", {}});
}

TEST_CASE("fault matrix: apply --prune") {
    const Files files;
    check_row(
        {"`apply --prune`", "apply --prune /run/old.toml", "apply --prune /run/less.toml", "", {}});
}

TEST_CASE("fault matrix: apply --confirm") {
    const Files files;
    check_row({"`apply --confirm`, confirmed",
               "apply --prune /run/old.toml",
               "apply /run/new.toml --confirm 1",
               "",
               {{"VXLANCTL_TERMINAL", "enter"}}});
}

TEST_CASE("fault matrix: apply --confirm that is not confirmed") {
    const Files files;
    check_row({"`apply --confirm`, taken back",
               "apply --prune /run/old.toml",
               "apply /run/new.toml --confirm 1",
               "",
               {{"VXLANCTL_TERMINAL", "gone"}}});
}

TEST_CASE("fault matrix: down") {
    check_row({"`down`", up, "down vxlan0", "", {}});
}

TEST_CASE("fault matrix: init-vxlan") {
    check_row({"`init-vxlan`",
               "down --all",
               "init-vxlan eth0 172.21.0.100 vxlan0 10.225.194.171 9 10 100.64.158.4 "
               "100.64.158.132",
               "",
               {},
               true});
}

TEST_CASE("fault matrix: confirm") {
    const Files files;
    for (const char* fault : {"EINTR", "ENOMEM", "EPERM"})
        for (long number = 1;; ++number) {
            INFO(fault << " at call " << number);
            const Host host;
            REQUIRE(vxlanctl(host.space, "apply --prune /run/old.toml").code == 0);
            Process pending(host.space, command_of("apply /run/new.toml --confirm 600"));
            await_pending(host.space);
            const auto struck = run_struck(host.space, "confirm", {fault, number});
            INFO(struck.finished.err);
            const bool cannot_tell = struck.finished.err.find("cannot tell") != std::string::npos;
            CHECK(struck.finished.err.find("was taken back") == std::string::npos);
            if (struck.finished.code != 0 && !cannot_tell)
                REQUIRE(vxlanctl(host.space, "confirm").code == 0); // it waits as before
            CHECK(pending.wait().code == 0);
            CHECK(vxlanctl(host.space, "check /run/new.toml").code == 0);
            if (struck.call.empty()) break;
        }
}

TEST_CASE("fault matrix: a record that cannot be opened is no missing one") {
    const Files files;
    const Host host;
    REQUIRE(vxlanctl(host.space, "apply --prune /run/old.toml").code == 0);
    const auto before = snapshot(host.space);
    bool met = false;
    for (long number = 1;; ++number) {
        const auto struck = run_struck(host.space, "apply -n /run/new.toml", {"ENOMEM", number});
        if (struck.call.empty()) break;
        INFO("call " << number << "\n" << struck.finished.err);
        met = met || struck.finished.err.find("cannot read the record (Cannot allocate memory)") !=
                         std::string::npos;
    }
    CHECK(met);
    CHECK(difference(before, snapshot(host.space)) == "");
}
