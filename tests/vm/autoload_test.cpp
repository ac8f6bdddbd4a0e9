// Who loads the kernel's modules: the kernel, when a link of their kind is made. In a boot of its
// own, since a module that is loaded stays.
#include "world.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <fstream>
#include <sstream>

using namespace world;

namespace {

bool is_loaded(const std::string& module) {
    std::ifstream modules("/proc/modules");
    for (std::string line; std::getline(modules, line);)
        if (line.starts_with(module + " ")) return true;
    return false;
}

/// What the kernel runs to load a module.
void set_helper(const std::string& path) {
    std::ofstream("/proc/sys/kernel/modprobe") << path << std::endl;
}

struct Traced {
    Finished finished;
    std::string calls; ///< every program that was started, every module loaded or unloaded
};

Traced traced(const Namespace& space, const std::string& words) {
    const std::string log = "/run/calls";
    const auto finished =
        run(space, {"/bin/sh", "-c",
                    fmt::format("exec strace -f -qq -e signal=none -o {} -e trace=execve,execveat,"
                                "init_module,finit_module,delete_module {} {}",
                                log, VXLANCTL_PROGRAM, words)});
    return {finished, text_of(log)};
}

/// Of all that is traced there is only the start of vxlanctl itself.
void check_starts_nothing(const Traced& traced) {
    INFO(traced.calls);
    CHECK(std::count(traced.calls.begin(), traced.calls.end(), '\n') == 1);
    CHECK(traced.calls.find(fmt::format("execve(\"{}\"", VXLANCTL_PROGRAM)) != std::string::npos);
}

} // namespace

TEST_CASE("autoload: the kernel loads vxlan when up makes one, and down leaves it loaded",
          "[autoload]") {
    for (const char* module : {"vxlan", "sit", "ip6_tunnel"}) {
        INFO(module);
        REQUIRE_FALSE(is_loaded(module)); // a fresh boot
    }
    const std::string helper = sh(Namespace(), "cat /proc/sys/kernel/modprobe");
    const Host host;

    // What only reads needs no module, and loads none.
    CHECK(vxlanctl(host.space, "show").code == 0);
    CHECK(vxlanctl(host.space, up_words + " -n").code == 0);
    CHECK(vxlanctl(host.space, "down vxlan0").code == 0);
    CHECK_FALSE(is_loaded("vxlan"));

    // Where the kernel may not, nobody does.
    set_helper("");
    const auto before = snapshot(host.space);
    const auto refused = traced(host.space, up_words);
    INFO(refused.finished.err);
    CHECK(refused.finished.code == 1);
    CHECK(refused.finished.err.find("Operation not supported") != std::string::npos);
    CHECK(difference(before, snapshot(host.space)) == "");
    CHECK_FALSE(is_loaded("vxlan"));
    check_starts_nothing(refused);

    for (const auto& [words, module] :
         {std::pair("isatap up sit1 172.21.0.100 2001:db8::/64 192.168.103.254", "'sit'"),
          std::pair("ipip6 up site1 2001:db8:21::100 2001:db8:1::1", "'ip6_tunnel'")}) {
        const auto lacking = vxlanctl(host.space, words);
        INFO(lacking.err);
        CHECK(lacking.code == 1);
        CHECK(told(lacking, "module-missing", {module}));
        CHECK(std::count(lacking.err.begin(), lacking.err.end(), '\n') == 1);
        CHECK(difference(before, snapshot(host.space)) == "");
    }

    // Not in /run, which the kernel's helper sees without our own one over it.
    sh(host.space, "printf '#!/bin/sh\\necho \"$*\" >>/tmp/asked\\nexec /sbin/modprobe \"$@\"\\n' "
                   ">/tmp/helper; chmod +x /tmp/helper");
    set_helper("/tmp/helper");
    const auto made = traced(host.space, up_words);
    INFO(made.finished.err);
    REQUIRE(made.finished.code == 0);
    CHECK(is_loaded("vxlan"));
    CHECK(text_of("/tmp/asked").find("rtnl-link-vxlan") != std::string::npos);
    check_starts_nothing(made);
    set_helper(helper);

    const auto removed = traced(host.space, "down vxlan0");
    CHECK(removed.finished.out == "vxlan0: removed\n  - link vxlan0\n");
    CHECK(is_loaded("vxlan"));
    check_starts_nothing(removed);
    CHECK_FALSE(is_loaded("sit"));
    CHECK_FALSE(is_loaded("ip6_tunnel"));

    const auto isatap =
        traced(host.space, "isatap up sit1 172.21.0.100 2001:db8::/64 192.168.103.254");
    INFO(isatap.finished.err);
    CHECK(isatap.finished.code == 0);
    CHECK(is_loaded("sit"));
    check_starts_nothing(isatap);
    const auto ipip6 = traced(host.space, "ipip6 up site1 2001:db8:21::100 2001:db8:1::1");
    INFO(ipip6.finished.err);
    CHECK(ipip6.finished.code == 0);
    CHECK(is_loaded("ip6_tunnel"));
    check_starts_nothing(ipip6);
}
