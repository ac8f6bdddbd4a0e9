#include "vxlanctl/run/snapshot.h"

#include "vxlanctl/base/human.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/output.h"
#include "vxlanctl/runtime/runtime.h"

#include <chrono>
#include <ctime>
#include <filesystem>
#include <sys/utsname.h>

namespace vxlanctl {
namespace {

std::string kernel_release() {
    utsname system{};
    return uname(&system) == 0 ? system.release : "";
}

/// All names in /run/netns, where there are any.
std::set<std::string> names_of_namespaces() {
    std::set<std::string> names;
    std::error_code problem;
    for (std::filesystem::directory_iterator entry("/run/netns", problem), end;
         !problem && entry != end; entry.increment(problem))
        names.insert(entry->path().filename());
    return names;
}

/// Those that are named, which have to be there, and those with a tunnel of ours.
Result<std::vector<VisitedNamespace>> namespaces_to_take(const Arguments& arguments) {
    std::vector<VisitedNamespace> spaces;
    const auto others = other_namespaces();
    if (!others) return tl::unexpected(others.error());
    std::set<std::string> names(arguments.words.begin(), arguments.words.end());
    for (const auto& name : others->names) {
        if (has_sys_admin())
            names.insert(name);
        else if (!names.contains(name) && !arguments.has("quiet"))
            print_warning(Message(Code::netns_not_taken, "", {{"netns", name}}), codes(arguments));
    }
    for (const auto& name : names) {
        auto space = NetworkNamespace::open(name);
        if (!space) return tl::unexpected(space.error());
        spaces.push_back({name, Kernel(std::move(*space))});
    }
    return spaces;
}

} // namespace

Result<int> run_snapshot(const Arguments& arguments) {
    auto here = Kernel::here();
    if (!here) return tl::unexpected(here.error());
    auto spaces = namespaces_to_take(arguments);
    if (!spaces) return tl::unexpected(spaces.error());
    spaces->insert(spaces->begin(), {"", std::move(*here)});
    restrict_to(sees_processes |
                (spaces->size() > 1 ? enters_namespaces : no_capability)); // for the SSH client
    Snapshot snapshot{VXLANCTL_VERSION,
                      kernel_release(),
                      utc_text(std::time(nullptr)),
                      names_of_namespaces(),
                      {}};
    for (const auto& space : *spaces) {
        auto taken = take_snapshot(space.kernel);
        if (!taken) return tl::unexpected(taken.error());
        if (!space.netns.empty()) taken->state.ssh_client.reset(); // it comes into the other one
        snapshot.namespaces.emplace(space.netns, std::move(*taken));
    }
    print(snapshot_text(snapshot));
    return 0;
}

} // namespace vxlanctl
