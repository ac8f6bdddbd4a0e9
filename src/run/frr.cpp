#include "vxlanctl/run/frr.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/program.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

namespace vxlanctl {
namespace {

ControlPlane unknown(Error obstacle) {
    ControlPlane plane;
    plane.presence = ControlPlane::Presence::unknown;
    plane.obstacle = std::move(obstacle);
    return plane;
}

/// What vtysh says first, which is about a file of its own that it cannot read, is no reason.
std::string last_line(std::string text) {
    while (text.ends_with('\n'))
        text.pop_back();
    return text.substr(text.rfind('\n') + 1);
}

ControlPlane ask(const std::string& directory) {
    std::vector<std::string> words{"-E", "--vty_socket", directory};
    for (const auto& command : frr_commands())
        words.insert(words.end(), {"-c", command});
    const auto output = run_system_program("vtysh", words);
    if (!output && output.error().errno_code == ENOENT) return unknown(Error(Code::vtysh_missing));
    if (!output) return unknown(output.error());
    const auto answers = frr_answers(output->out);
    if (answers.empty()) return unknown(Error(Code::vtysh_failed).with(0, last_line(output->err)));
    // It ends where a daemon is missing. What it has said so far is true: zebra has spoken.
    ControlPlane plane;
    plane.presence = ControlPlane::Presence::known;
    plane.evpn = parse_evpn(answers);
    return plane;
}

/// Where FRR has its sockets, or of several instances (its option -N) directories with them.
constexpr const char* run_directory = "/run/frr";

void add_group(std::vector<gid_t>& groups, const std::string& socket) {
    struct stat status {};
    if (lstat(socket.c_str(), &status) != 0 || !S_ISSOCK(status.st_mode)) return;
    if (status.st_uid == geteuid() || (status.st_mode & S_IWGRP) == 0) return;
    if (std::find(groups.begin(), groups.end(), status.st_gid) == groups.end())
        groups.push_back(status.st_gid);
}

} // namespace

void join_group_of_frr() {
    const FileDescriptor directory(open(run_directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (directory.get() < 0 || geteuid() != 0) return;
    std::vector<gid_t> groups(static_cast<std::size_t>(std::max(getgroups(0, nullptr), 0)));
    const int count = getgroups(static_cast<int>(groups.size()), groups.data());
    if (count < 0) return;
    groups.resize(static_cast<std::size_t>(count));
    for (const auto& name : names_in(directory)) {
        if (name == "zebra.vty") add_group(groups, formatted("{}/{}", run_directory, name));
        add_group(groups, formatted("{}/{}/zebra.vty", run_directory, name));
    }
    if (groups.size() > static_cast<std::size_t>(count))
        (void)setgroups(groups.size(), groups.data()); // else vtysh will say
}

ControlPlane read_control_plane(const Kernel& kernel) {
    ControlPlane plane;
    plane.presence = ControlPlane::Presence::none;
    const auto sockets = kernel.open_file("/proc/net/unix");
    if (!sockets) return plane; // a kernel without them has no FRR
    const auto directories = frr_directories(read_all(sockets->get()));
    for (const auto& directory : directories) {
        plane = ask(directory);
        plane.directory = directory;
        if (plane.presence == ControlPlane::Presence::known) break;
    }
    return plane;
}

} // namespace vxlanctl
