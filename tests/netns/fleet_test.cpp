// docs/fleet.md on three hosts: every command of the page, in its order, and what it prints.
#include "world.h"

#include <catch2/catch.hpp>
#include <fmt/format.h>
#include <sstream>
#include <unistd.h>

using namespace world;

namespace {

const std::string fleet_root = "/run/fleet";

/// A fenced block of the page.
struct Block {
    std::string language, file; ///< `file`: the path that the line before the block names
    std::string text;
};

std::vector<Block> blocks_of(const std::string& page) {
    std::vector<Block> blocks;
    std::istringstream lines(text_of(page));
    std::string line, before;
    while (std::getline(lines, line)) {
        if (line.starts_with("```")) {
            Block block{line.substr(3), "", ""};
            if (before.starts_with("`") && before.ends_with("`:"))
                block.file = before.substr(1, before.size() - 3);
            while (std::getline(lines, line) && line != "```")
                block.text += line + "\n";
            blocks.push_back(std::move(block));
        } else if (!line.empty()) {
            before = line;
        }
    }
    return blocks;
}

/// gate-a, gate-b and gate-c on one network, each with its own /etc/vxlanctl.
class Fleet {
public:
    Fleet() {
        sh(wire_, "ip link add br0 type bridge; ip link set br0 up");
        sh(wire_, fmt::format("rm -rf {0}; mkdir -p {0}/bin {0}/repository", fleet_root));
        for (int i = 0; i < 3; ++i) {
            const std::string name = names_[static_cast<std::size_t>(i)];
            hosts_.push_back(std::make_unique<Namespace>());
            sh(wire_,
               fmt::format("ip link add port{0} type veth peer name eth0 netns /proc/{1}/fd/{2}\n"
                           "ip link set port{0} master br0; ip link set port{0} up\n"
                           "mkdir -p {3}/{4}",
                           i, getpid(), hosts_.back()->descriptor(), fleet_root, name));
            sh(*hosts_.back(),
               fmt::format("ip link set eth0 up; ip addr add 192.0.2.1{}/24 dev eth0", i + 1));
            without_duplicate_detection(*hosts_.back());
        }
        write_tool("ssh",
                   "name=${1#root@}; shift\n" + choice() +
                       "exec nsenter --net=\"$net\" unshare -m sh -c 'mkdir -p /etc/vxlanctl\n"
                       "mount --bind \"$0\" /etc/vxlanctl && exec \"$@\"' " +
                       fleet_root + "/\"$name\" \"$@\"");
        write_tool("rsync", "for to; do from=$last; last=$to; done\n"
                            "name=${to#root@}; name=${name%%:*}\n"
                            "rm -rf " +
                                fleet_root +
                                "/\"$name\"/*\n"
                                "cp -rL \"$from\"/. " +
                                fleet_root + "/\"$name\"");
        sh(wire_, fmt::format("ln -s {} {}/bin/vxlanctl; ln -s {}/examples {}/repository/examples",
                              VXLANCTL_PROGRAM, fleet_root, SOURCE_DIRECTORY, fleet_root));
    }
    ~Fleet() { sh(wire_, "rm -rf " + fleet_root); }

    /// In the repository, as somebody who is on none of the hosts.
    Finished run(const std::string& lines) const {
        return world::run(
            wire_, {"/bin/sh", "-ec",
                    fmt::format("PATH={0}/bin:$PATH; cd {0}/repository\n{1}", fleet_root, lines)});
    }

private:
    /// Sets `net` to the network namespace of the host `name`.
    std::string choice() const {
        std::string lines = "case $name in\n";
        for (std::size_t i = 0; i < names_.size(); ++i)
            lines += fmt::format("{}) net=/proc/{}/fd/{} ;;\n", names_[i], getpid(),
                                 hosts_[i]->descriptor());
        return lines + "*) exit 255 ;;\nesac\n";
    }

    static void write_tool(const std::string& name, const std::string& lines) {
        const std::string path = fleet_root + "/bin/" + name;
        write_text(path, "#!/bin/sh\n" + lines + "\n");
        sh(Namespace(), "chmod 755 " + path);
    }

    const std::vector<std::string> names_{"gate-a", "gate-b", "gate-c"};
    Namespace wire_;
    std::vector<std::unique_ptr<Namespace>> hosts_;
};

} // namespace

TEST_CASE("fleet: every command of docs/fleet.md does what the page says") {
    const Fleet fleet;
    std::size_t commands = 0;
    Finished last;
    for (const auto& block : blocks_of(SOURCE_DIRECTORY "/docs/fleet.md")) {
        INFO(block.text);
        if (!block.file.empty()) {
            write_text(fleet_root + "/repository/" + block.file, block.text);
        } else if (block.language == "sh") {
            last = fleet.run(block.text);
            INFO(last.out << last.err);
            REQUIRE(last.code == 0);
            ++commands;
        } else {
            REQUIRE(block.language == "text");
            CHECK(last.out == block.text);
        }
    }
    CHECK(commands >= 12);
}

TEST_CASE("fleet: what the templates make is what the page's file says") {
    const Fleet fleet;
    const auto made =
        fleet.run("j2 examples/fleet/mesh.toml.j2 examples/fleet/inventory.json > mesh.toml\n"
                  "vxlanctl validate mesh.toml\n"
                  "mkdir hosts; jsonnet -m hosts examples/fleet/mesh.jsonnet >/dev/null\n"
                  "for host in gate-a gate-b gate-c; do\n"
                  "    mkdir \"$host\"; mv \"hosts/$host.json\" \"$host/mesh.json\"\n"
                  "    rsync --archive \"$host/\" \"root@$host:/etc/vxlanctl/\"\n"
                  "    ssh \"root@$host\" vxlanctl apply\n"
                  "done\n"
                  "ssh root@gate-a ping -c 1 -W 5 10.30.0.2\n"
                  "ssh root@gate-a vxlanctl show mesh0");
    INFO(made.out << made.err);
    CHECK(made.code == 0);
    CHECK(made.out.find("gate-c") != std::string::npos); // a peer's name
}
