#include "vxlanctl/run/reader.h"

#include "vxlanctl/run/state_reader.h"

#include <algorithm>
#include <unordered_map>

namespace vxlanctl {

tl::unexpected<Error> while_reading(Error error, std::string what) {
    if (error.value("what").empty())
        error = Error(Code::cannot_read).with(error.errno_code, std::move(error.kernel_text));
    error.set({"what", "the " + std::move(what)});
    return tl::unexpected(std::move(error));
}

Result<State> StateReader::run() {
    if (auto done = read_links(); !done) return tl::unexpected(done.error());
    select_tunnels();
    for (const auto& link : state_.links)
        if (tunnels_.contains(link.index) || request_.recorded(link))
            if (auto done = read_record(link); !done) return tl::unexpected(done.error());
    if (auto done = read_port_vlans(); !done) return tl::unexpected(done.error());
    if (auto done = read_addresses(); !done) return tl::unexpected(done.error());
    if (auto done = read_fdb(); !done) return tl::unexpected(done.error());
    if (auto done = read_groups(); !done) return tl::unexpected(done.error());
    if (auto done = read_routers(); !done) return tl::unexpected(done.error());
    if (auto done = read_needs(request_.needs(state_)); !done) return tl::unexpected(done.error());
    // Now that the tunnels' own routes are known.
    if (auto done = read_tables(request_.needs(state_).tables); !done)
        return tl::unexpected(done.error());
    if (request_.foreign)
        if (auto done = read_foreign(); !done) return tl::unexpected(done.error());
    if (request_.surroundings && !request_.foreign)
        if (auto done = read_neighbours(); !done) return tl::unexpected(done.error());
    if (auto done = read_missing_names(); !done) return tl::unexpected(done.error());
    fill_in_names();
    drop_vanished();
    return std::move(state_);
}

Result<void> StateReader::complete(State& state) {
    state_ = std::move(state);
    for (std::size_t i = 0; i < state_.links.size(); ++i)
        by_index_.emplace(state_.links[i].index, i);
    select_tunnels();
    auto done = read_foreign();
    drop_vanished();
    state = std::move(state_);
    return done;
}

Result<void> StateReader::read_foreign() {
    if (tunnels_.empty()) return {};
    if (request_.uppers)
        if (auto done = read_uppers(); !done) return done;
    if (auto done = read_neighbours(); !done) return done;
    if (auto done = read_settings(); !done) return done;
    return read_routes_of_links(tunnels_);
}

Result<void> StateReader::read_needs(const Needs& needs) {
    MessageBatch batch;
    MessageWriter writer(batch);
    std::vector<std::string> unknown; // named by a record alone
    std::set<std::string> named = needs.links;
    named.insert(needs.devices.begin(), needs.devices.end());
    for (const auto& name : named)
        if (find_link(state_, name) == nullptr) {
            encode_get_link(writer, name);
            unknown.push_back(name);
        }
    if (auto done = get_links(batch, unknown); !done) return done;
    for (const auto& host : state_.host_addresses)
        if (std::find(needs.locals.begin(), needs.locals.end(), host.prefix.address) !=
            needs.locals.end())
            wanted_names_.insert(host.link_index);
    if (auto done = read_connected(needs.connected); !done) return done;
    std::set<int> routed;
    for (const auto& name : needs.links)
        if (const Link* link = find_link(state_, name)) routed.insert(link->index);
    if (!routed.empty())
        if (auto done = read_needed_routes(routed, needs.routes); !done) return done;
    if (needs.rules)
        if (auto done = read_rules(); !done) return done;
    if (needs.settings)
        if (auto done = read_settings(); !done) return done;
    return needs.all_records ? read_all_records() : Result<void>();
}

Result<void> StateReader::dump(const std::function<void(MessageWriter&)>& encode, std::string what,
                               const MessageHandler& handle, const std::function<void()>& restart,
                               TableWatch* watch) {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode(writer);
    auto done = netlink_.dump(batch, handle, restart, watch);
    return done ? done : while_reading(done.error(), std::move(what));
}

Result<void> StateReader::dump_of_link(int filter,
                                       const std::function<void(MessageWriter&)>& encode,
                                       std::string what, const MessageHandler& handle,
                                       const std::function<void()>& restart, TableWatch* watch) {
    auto done = dump(encode, std::move(what), handle, restart, watch);
    if (done || filter == 0 || done.error().errno_code != ENODEV) return done;
    vanished_.insert(filter);
    return {};
}

ReadRequest request_for(const Config& config) {
    ReadRequest request;
    for (const auto& tunnel : config.tunnels) {
        request.tunnels.push_back(tunnel.name);
        request.kinds.insert(tunnel.tunnel.kind);
        if (tunnel.failed_port) request.counters = true;
        for (const auto& name : {tunnel.tunnel.dev, tunnel.link.master, tunnel.link.vrf})
            if (!name.value_or("").empty()) request.others.push_back(*name);
        if (tunnel.peers)
            for (const auto& peer : *tunnel.peers)
                if (!peer.via.empty()) request.others.push_back(peer.via.str());
        if (tunnel.routes)
            for (const auto& route : *tunnel.routes) {
                request.destinations.insert(route.to);
                if (!route.dev.empty()) request.others.push_back(route.dev);
            }
        for (const auto& device : tunnel.forward_from.value_or(std::vector<std::string>{}))
            request.others.push_back(device);
    }
    for (const auto& tunnel : config.tunnels)
        if (tunnel.tunnel.local) request.locals.push_back(*tunnel.tunnel.local);
    for (const auto& name : config.absent)
        request.tunnels.push_back(name);
    const bool tells_unnamed = config.origin == Origin::file && !config.is_part;
    if (tells_unnamed || config.unnamed != Unnamed::keep)
        request.kinds.insert(std::begin(tunnel_kinds), std::end(tunnel_kinds));
    if (config.unnamed != Unnamed::keep)
        request.selects = [](const Link& link) {
            return mark_of(link.attributes.alias.value_or("")).has_value();
        };
    else if (tells_unnamed) // they say which of them are in none of the files
        request.recorded = [](const Link& link) {
            const auto mark = mark_of(link.attributes.alias.value_or(""));
            return mark && mark->origin == Origin::file;
        };
    std::unordered_map<std::string_view, const Tunnel*> by_name;
    for (const auto& tunnel : config.tunnels)
        by_name.emplace(tunnel.name, &tunnel);
    request.expects = [by_name = std::move(by_name)](const Link& link) {
        const auto tunnel = by_name.find(link.name);
        return tunnel != by_name.end() && tunnel->second->peers == link.flood_list;
    };
    request.needs = [&config](const State& state) { return needs_of(config, state); };
    return request;
}

Result<State> read_state(Netlink& netlink, const RuntimeDirectory* records,
                         const ReadRequest& request) {
    auto state = StateReader(netlink, records, request).run();
    if (!state) return state;
    if (!state->routes.empty()) // preflight wants both or none
        state->ssh_client = ssh_address(SshEnd::client);
    return state;
}

Result<void> read_foreign(Netlink& netlink, State& state, const ReadRequest& request) {
    return StateReader(netlink, nullptr, request).complete(state);
}

} // namespace vxlanctl
