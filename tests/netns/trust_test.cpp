// Files that somebody else could have written are not read.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>

using namespace world;

namespace {

/// What `plan` says of the file that the line of shell makes, in a directory of its own.
Finished planned(const Namespace& space, const std::string& line,
                 const std::string& words = "plan /run/way/x.toml") {
    sh(space, "rm -rf /run/way; mkdir -m 755 /run/way; umask 022; cd /run/way\n" + line);
    return vxlanctl(space, words);
}

const std::string make = "printf '" +
                         std::string("[vxlan.vxlan0]\\ndev = \"eth0\"\\n"
                                     "local = \"172.21.0.100\"\\n") +
                         "' >x.toml\n";

void check_refused(const Finished& finished, const std::string& code, const std::string& what,
                   const std::string& remedy = "") {
    INFO(finished.err);
    CHECK(finished.code == 2);
    CHECK(told(finished, code, {what, remedy}));
}

} // namespace

TEST_CASE("trust: files that others could write to are refused by every command, and peers files") {
    const Host host;
    CHECK(planned(host.space, make).code == 0);
    CHECK(planned(host.space, make + "chmod 664 x.toml").code == 0);
    for (const char* words :
         {"plan /run/way/x.toml", "apply /run/way/x.toml", "check /run/way/x.toml",
          "apply /run/way", "graph --file /run/way/x.toml", "down --file /run/way/x.toml"})
        check_refused(planned(host.space, make + "chmod 666 x.toml", words),
                      "file-writable-by-others", "everybody", "chmod go-w /run/way/x.toml");
    check_refused(planned(host.space, make + "chmod 777 ."), "file-writable-by-others",
                  "directory '/run/way'");
    check_refused(planned(host.space, make + "chmod 777 .", "apply /run/way"),
                  "file-writable-by-others", "everybody", "chmod go-w /run/way");
    check_refused(planned(host.space, "echo 100.64.158.4 >peers; chmod 666 peers",
                          "up eth0 172.21.0.100 vxlan0 - --peers-file /run/way/peers"),
                  "file-writable-by-others", "everybody");
    check_refused(planned(host.space, make + "echo 'peers_file = \"peers\"' >>x.toml\n"
                                             "echo 100.64.158.4 >peers; chmod 666 peers"),
                  "file-writable-by-others", "everybody");
    check_refused(planned(host.space, "echo '[]' >peers.json; chmod 666 peers.json",
                          "import soracom --gate-peers /run/way/peers.json"),
                  "file-writable-by-others", "everybody");
    CHECK_FALSE(link_exists(host.space, "vxlan0"));
}

TEST_CASE("trust: each link and directory on the way counts, and sticky directories are good") {
    const Host host;
    check_refused(planned(host.space, "mkdir -m 777 open; mkdir open/d; cd open/d\n" + make +
                                          "ln -s open/d/x.toml ../../x.toml"),
                  "file-writable-by-others", "directory '/run/way/open'");
    check_refused(planned(host.space, "mkdir a b; ln -s ../b a/l\ncd b\n" + make +
                                          "chmod 777 ../a; ln -s a/l/x.toml ../x.toml"),
                  "file-writable-by-others", "directory '/run/way/a'");
    CHECK(planned(host.space, make + "chmod 1777 .").code == 0);
    CHECK(
        planned(host.space, "mkdir d; cd d\n" + make + "ln -s ../way/d/./x.toml ../x.toml").code ==
        0);
    CHECK(
        told(planned(host.space, "ln -s x.toml x.toml"), "cannot-read-file", {"Too many levels"}));
    CHECK(sh(host.space, "cd /run/way; rm -f x.toml; " + make +
                             "cd /run; " VXLANCTL_PROGRAM " plan way/x.toml") != "");
}

TEST_CASE("trust: other people's files are refused, but those of who called sudo are not") {
    const Host host;
    RunOptions sudo;
    sudo.environment["SUDO_UID"] = "65534";
    if (run(host.space, {"/bin/sh", "-c", "mkdir -p /run/t && chown 65534 /run/t"}).code != 0)
        SKIP_CASE("a user namespace has one user");
    check_refused(planned(host.space, make + "chown 65534:65534 x.toml"),
                  "file-owner-not-trusted, chown-file", "65534", "/run/way/x.toml");
    CHECK(vxlanctl(host.space, "plan /run/way/x.toml", sudo).code == 0);
    check_refused(planned(host.space, make + "chown 65534:65534 ."),
                  "file-owner-not-trusted, keep-it-elsewhere", "directory '/run/way'");
    check_refused(planned(host.space, "mkdir d; (cd d\n" + make +
                                          ")\nln -s d/x.toml x.toml\n"
                                          "chown -h 65534 x.toml"),
                  "file-owner-not-trusted, keep-it-elsewhere", "link '/run/way/x.toml'", "65534");
    check_refused(planned(host.space, make + "chmod 1777 .; chown 65534 x.toml"),
                  "file-owner-not-trusted, chown-file", "65534");
    RunOptions nobody;
    nobody.as_nobody = true;
    (void)planned(host.space, make + "chown 1:1 x.toml");
    check_refused(vxlanctl(host.space, "plan /run/way/x.toml", nobody),
                  "file-owner-not-trusted, chown-file",
                  clause("file-owner-not-trusted", {{"what", "it"}, {"owner", "1"}}));
}

TEST_CASE("trust: what the caller opened is read whoever it belongs to") {
    const Host host;
    (void)planned(host.space, make + "chmod 666 x.toml");
    for (const char* words : {"plan - </run/way/x.toml", "plan /dev/stdin </run/way/x.toml",
                              "plan /dev/fd/7 7</run/way/x.toml", "plan --allow-empty /dev/null"}) {
        const auto finished =
            run(host.space, {"/bin/bash", "-c", std::string(VXLANCTL_PROGRAM " ") + words});
        INFO(words << finished.err);
        CHECK(finished.code == 0);
    }
    CHECK(run(host.space, {"/bin/bash", "-c", VXLANCTL_PROGRAM " plan <(cat /run/way/x.toml)"})
              .code == 0);
}
