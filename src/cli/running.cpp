#include "vxlanctl/cli/running.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/run/reader.h"
#include "vxlanctl/run/services.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {

Result<State> read_running(std::vector<std::string>& names, Surroundings surroundings,
                           const Beside& beside) {
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    return read_running(*kernel, names, surroundings, beside);
}

Result<State> read_running(const Kernel& kernel, std::vector<std::string>& names,
                           Surroundings surroundings, const Beside& beside) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    for (const auto& name : names)
        if (auto good = check_present_name(name); !good) return tl::unexpected(good.error());
    const auto records = RuntimeDirectory::open_existing(kernel);
    if (!records) return tl::unexpected(records.error());
    ReadRequest request;
    request.tunnels = names;
    request.others = beside.links;
    request.kinds = beside.kinds;
    request.every_tunnel = names.empty();
    request.foreign = false;
    request.surroundings = surroundings == Surroundings::read;
    request.needs = [&](const State& known) {
        Needs needs;
        for (const auto& link : known.links) {
            if (!is_tunnel(link)) continue;
            needs.links.insert(link.name);
            if (link.tunnel.local) needs.locals.push_back(*link.tunnel.local);
        }
        for (const auto& [id, record] : known.records) {
            needs.rules = needs.rules || !record.rules.empty();
            needs.devices.insert(record.forward_from.begin(), record.forward_from.end());
            for (const auto& route : record.routes)
                if (!route.dev.empty()) needs.links.insert(route.dev);
        }
        needs.settings = true; // what of a link is not as all are
        return needs;
    };
    auto state = read_state(netlink, *records ? &**records : nullptr, request);
    if (!state) return state;
    if (use_real_names(names, *state)) return read_running(kernel, names, surroundings, beside);
    for (const auto& name : names) {
        const Link* link = find_link(*state, name);
        if (link == nullptr) return error(Code::no_such_interface, name);
        if (!is_tunnel(*link))
            return error(Code::not_a_tunnel, name, {{"kind", kind_in_words(*link)}});
    }
    state->run_by = files_of_other_programs(
        kernel.id(), *state, [&](const Link& link) { return is_running(link, names); });
    state->links.sort_by_name();
    return state;
}

bool use_real_names(std::vector<std::string>& names, const State& state) {
    bool any = false;
    for (auto& name : names)
        if (const auto found = state.alternative_names.find(name);
            found != state.alternative_names.end()) {
            name = found->second;
            any = true;
        }
    return any;
}

bool is_running(const Link& link, const std::vector<std::string>& names) {
    const bool wanted =
        names.empty() || std::find(names.begin(), names.end(), link.name) != names.end();
    return is_tunnel(link) && !is_fallback(link) && wanted;
}

bool is_concerned(const Link& link, const std::vector<std::string>& names) {
    return is_running(link, names) &&
           (!names.empty() || mark_of(link.attributes.alias.value_or("")).has_value());
}

std::vector<std::string> left_out(const State& state, const std::vector<std::string>& names) {
    std::vector<std::string> others;
    for (const auto& link : state.links)
        if (is_running(link, names) && !is_concerned(link, names)) others.push_back(link.name);
    std::sort(others.begin(), others.end());
    return others;
}

nlohmann::json left_out_json(const std::vector<std::string>& names) {
    auto list = nlohmann::json::array();
    for (const auto& name : names)
        list.push_back(printable(name));
    return list;
}

std::string left_out_text(const std::vector<std::string>& names) {
    if (names.empty()) return "";
    constexpr std::size_t most = 8;
    std::vector<std::string> first(names.begin(),
                                   names.begin() + static_cast<long>(std::min(names.size(), most)));
    for (auto& name : first)
        name = printable(name);
    return formatted("{} not managed by vxlanctl, shown when named: {}{}",
                     names.size() == 1 ? std::string("1 tunnel is")
                                       : formatted("{} tunnels are", names.size()),
                     joined(first, ", "), names.size() > most ? ", ..." : "");
}

Result<RunningTunnel> running_tunnel(const std::string& name, const std::string& local) {
    std::vector<std::string> names{name};
    const auto state = read_running(names);
    if (!state) return tl::unexpected(state.error());
    const Link& link = *find_link(*state, names.front());
    const auto& ends = link.tunnel;
    if (is_fallback(link)) return error(Code::interface_is_fallback, name, {{"example", ""}});
    if (!ends.local && local.empty()) return error(Code::has_no_local, name);
    return RunningTunnel{link.name, ends.kind, ends.local ? to_string(*ends.local) : "",
                         ends.remote ? to_string(*ends.remote) : ""};
}

} // namespace vxlanctl
