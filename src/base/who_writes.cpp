#include "vxlanctl/base/who_writes.h"

#include "vxlanctl/base/directory.h"
#include "vxlanctl/base/format.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <deque>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <vector>

namespace vxlanctl {
namespace {

constexpr int most_links = 40; // as the kernel's MAXSYMLINKS

/// The names of a path, in front of those that are there already.
void put_in_front(std::deque<std::string>& names, std::string_view path) {
    std::vector<std::string> fresh;
    while (!path.empty()) {
        const auto end = std::min(path.find('/'), path.size());
        if (const auto name = path.substr(0, end); !name.empty() && name != ".")
            fresh.emplace_back(name);
        path.remove_prefix(std::min(end + 1, path.size()));
    }
    names.insert(names.begin(), fresh.begin(), fresh.end());
}

std::string without_last_name(const std::string& path) {
    return path.substr(0, path.rfind('/'));
}

/// A link of the kernel to something that a process has open, and that may have no name.
bool is_descriptor(const std::string& directory) {
    return directory.starts_with("/proc/") && directory.ends_with("/fd");
}

PathStep step_at(const std::string& path, const struct stat& status) {
    PathStep step{path, status.st_uid, status.st_gid, status.st_mode, false};
    if (!S_ISLNK(status.st_mode) && (status.st_mode & S_IWGRP) != 0)
        step.has_access_control_list =
            lgetxattr(path.c_str(), "system.posix_acl_access", nullptr, 0) > 0;
    return step;
}

tl::unexpected<Error> cannot_follow(const std::string& path, int code) {
    return error(Error(Code::file_trust_unknown, path).with(code));
}

/// All that leads to what the path means, and that itself.
Result<std::vector<PathStep>> way_to(const std::string& path) {
    std::array<char, PATH_MAX> buffer;
    std::deque<std::string> names;
    put_in_front(names, path);
    if (!path.starts_with('/')) {
        if (getcwd(buffer.data(), buffer.size()) == nullptr) return cannot_follow(path, errno);
        put_in_front(names, buffer.data());
    }
    std::vector<PathStep> steps;
    std::string here; // without a slash at the end
    struct stat status {};
    if (lstat("/", &status) != 0) return cannot_follow(path, errno);
    steps.push_back(step_at("/", status));
    for (int links = 0; !names.empty();) {
        const std::string name = std::move(names.front());
        names.pop_front();
        if (name == "..") {
            here = without_last_name(here);
            continue;
        }
        const std::string next = formatted("{}/{}", here, name);
        if (lstat(next.c_str(), &status) != 0) return cannot_follow(path, errno);
        steps.push_back(step_at(next, status));
        if (!S_ISLNK(status.st_mode)) {
            here = next;
            continue;
        }
        if (is_descriptor(here)) break;
        if (++links > most_links) return cannot_follow(path, ELOOP);
        const auto size = readlink(next.c_str(), buffer.data(), buffer.size());
        if (size < 0) return cannot_follow(path, errno);
        const std::string_view target(buffer.data(), static_cast<std::size_t>(size));
        if (target.starts_with('/')) here.clear();
        put_in_front(names, target);
    }
    return steps;
}

std::set<unsigned> trusted_users() {
    constexpr unsigned overflow = 65534; // the kernel's overflowuid
    std::set<unsigned> users{geteuid()};
    if (uid_outside() != geteuid()) users.insert(overflow);
    const char* sudo = geteuid() == 0 ? std::getenv("SUDO_UID") : nullptr;
    const std::string_view caller = sudo == nullptr ? "" : sudo;
    const char* end = caller.data() + caller.size();
    unsigned user = 0;
    if (!caller.empty() && std::from_chars(caller.data(), end, user).ptr == end) users.insert(user);
    return users;
}

} // namespace

Result<void> check_who_writes(const std::string& path, int file) {
    auto steps = way_to(path);
    if (!steps) return tl::unexpected(steps.error());
    struct stat status {};
    if (file >= 0 && !S_ISLNK(steps->back().mode)) { // another one could have its name by now
        if (fstat(file, &status) != 0) return cannot_follow(path, errno);
        steps->back() = step_at(steps->back().path, status);
    }
    static const std::set<unsigned> users = trusted_users();
    return check_way(path, *steps, users);
}

} // namespace vxlanctl
