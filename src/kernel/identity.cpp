#include "vxlanctl/kernel/identity.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/json_members.h"

#include <cerrno>
#include <cstdlib>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sstream>
#include <sys/stat.h>

namespace vxlanctl {
namespace {

std::string text_at(const char* path) {
    const FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
    return file.get() < 0 ? "" : read_all(file.get());
}

/// Empty where it cannot be seen, as in a service with ProcSubset=pid.
std::string boot_id() {
    const std::string text = text_at("/proc/sys/kernel/random/boot_id");
    return text.substr(0, text.find('\n'));
}

/// The inode of that file below /proc/PID of each process; empty where one cannot be seen or
/// examined.
std::optional<std::set<std::uint64_t>> inodes_of_processes(const char* file) {
    std::set<std::uint64_t> inodes;
    bool sees_first = false; // which is there always; hidden ones look as if they were not
    const std::unique_ptr<DIR, int (*)(DIR*)> processes(opendir("/proc"), closedir);
    if (!processes) return std::nullopt;
    while (const dirent* entry = readdir(processes.get())) {
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        struct stat status {};
        if (stat(formatted("/proc/{}/{}", entry->d_name, file).c_str(), &status) == 0) {
            inodes.insert(status.st_ino);
            sees_first = sees_first || std::string_view(entry->d_name) == "1";
        } else if (errno != ENOENT && errno != ESRCH && errno != EINVAL) { // it has not just ended
            return std::nullopt;
        }
    }
    return sees_first ? std::optional(inodes) : std::nullopt;
}

/// The inodes of the network namespaces that are mounted where this process sees it.
std::optional<std::set<std::uint64_t>> mounted_namespaces() {
    const std::string text = text_at("/proc/self/mountinfo");
    if (text.empty()) return std::nullopt;
    std::set<std::uint64_t> inodes;
    constexpr std::string_view begin = " net:["; // the root within nsfs
    for (auto at = text.find(begin); at != std::string::npos; at = text.find(begin, at + 1))
        inodes.insert(std::strtoull(text.c_str() + at + begin.size(), nullptr, 10));
    return inodes;
}

} // namespace

Identity identity_of(const Kernel& kernel) {
    return {boot_id(), kernel.cookie(), kernel.inode_in_proc()};
}

bool agree(const Identity& one, const Identity& other) {
    const auto may_be = [](const auto& a, const auto& b, const auto& unknown) {
        return a == unknown || b == unknown || a == b;
    };
    return may_be(one.boot, other.boot, std::string()) &&
           may_be(one.cookie, other.cookie, std::uint64_t{0}) &&
           may_be(one.in_proc, other.in_proc, std::uint64_t{0});
}

Identity joined(const Identity& one, const Identity& other) {
    return {one.boot.empty() ? other.boot : one.boot, one.cookie == 0 ? other.cookie : one.cookie,
            one.in_proc == 0 ? other.in_proc : one.in_proc};
}

std::string identity_text(const Identity& identity) {
    return nlohmann::json{
               {"boot", identity.boot}, {"cookie", identity.cookie}, {"in_proc", identity.in_proc}}
               .dump() +
           "\n";
}

std::optional<Identity> parse_identity(const std::string& text) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (!json.is_object()) return std::nullopt;
    return Identity{string_in(json, "boot"), number_in<std::uint64_t>(json, "cookie"),
                    number_in<std::uint64_t>(json, "in_proc")};
}

bool LivingNamespaces::may_have(const NamespaceId& space, const Identity& identity) {
    static const std::string boot = boot_id();
    if (!boot.empty() && !identity.boot.empty() && boot != identity.boot) return false;
    if (!mounted_) mounted_ = mounted_namespaces();
    if (!*mounted_ || (*mounted_)->contains(space.inode)) return true;
    // Whoever sees a process may look at /proc/PID/net (proc_tgid_net_lookup() in
    // fs/proc/proc_net.c), and also with hidepid=invisible, which is ProtectProc=invisible, a group
    // sees all: root's (has_pid_permissions() in fs/proc/base.c). /proc/PID/ns/net needs the right
    // to trace the process, which a service with CAP_NET_ADMIN alone does not have.
    auto& seen = identity.in_proc != 0 ? in_proc_ : by_id_;
    if (!seen) seen = inodes_of_processes(identity.in_proc != 0 ? "net/dev" : "ns/net");
    return !*seen || (*seen)->contains(identity.in_proc != 0 ? identity.in_proc : space.inode);
}

} // namespace vxlanctl
