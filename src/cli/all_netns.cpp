#include "vxlanctl/cli/all_netns.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {

Result<OtherNamespaces> other_namespaces() {
    const auto here = NetworkNamespace::home();
    if (!here) return tl::unexpected(here.error());
    OtherNamespaces others;
    for (const auto& space : namespaces_with_tunnels(here->id())) {
        std::string name = name_of(space);
        if (name.empty())
            ++others.nameless;
        else
            others.names.push_back(std::move(name));
    }
    std::sort(others.names.begin(), others.names.end());
    return others;
}

std::string other_namespaces_text(const OtherNamespaces& others) {
    constexpr std::size_t most = 8;
    const auto spaces = [](std::size_t count) {
        return formatted("Tunnels in {} more network namespace{}", count, count == 1 ? "" : "s");
    };
    std::string text;
    if (!others.names.empty()) {
        std::vector<std::string> names;
        for (const auto& name : others.names)
            if (names.size() < most) names.push_back(printable(name));
        if (others.names.size() > most) names.emplace_back("...");
        text += wrapped(formatted("{} (see --all-netns): {}", spaces(others.names.size()),
                                  joined(names, ", ")),
                        0, 2) +
                "\n";
    }
    if (others.nameless > 0) text += spaces(others.nameless) + " without a name in /run/netns.\n";
    return text;
}

nlohmann::json other_namespaces_json(const OtherNamespaces& others) {
    auto names = nlohmann::json::array();
    for (const auto& name : others.names)
        names.push_back(printable(name));
    return {{"names", std::move(names)}, {"nameless", others.nameless}};
}

Result<VisitedNamespaces> visited_namespaces(const Arguments& arguments) {
    auto here = Kernel::here();
    if (!here) return tl::unexpected(here.error());
    auto others = other_namespaces();
    if (!others) return tl::unexpected(others.error());
    VisitedNamespaces result{{{"", std::move(*here)}}, std::move(*others)};
    if (!arguments.has(all_netns_option().name)) return result;
    for (auto& name : result.others.names) {
        auto space = NetworkNamespace::find(name);
        if (!space) return tl::unexpected(space.error());
        if (*space) // and has not gone meanwhile
            result.all.push_back({std::move(name), Kernel(std::move(**space))});
    }
    result.others.names.clear();
    return result;
}

Result<void> check_all_netns(const Arguments& arguments) {
    if (arguments.has(all_netns_option().name) && !arguments.words.empty())
        return error(Code::options_contradict, "",
                     {{"one", "--all-netns"}, {"other", quote(arguments.words.front())}});
    return {};
}

OptionInfo all_netns_option() {
    return {"all-netns", 0, "",
            "look at every network namespace in which vxlanctl manages a tunnel"};
}

Capabilities entering_namespaces(const Arguments& arguments) {
    return arguments.has(all_netns_option().name) ? enters_namespaces : no_capability;
}

} // namespace vxlanctl
