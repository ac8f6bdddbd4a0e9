#include "vxlanctl/run/snapshot.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/plan/snapshot_routes.h"
#include "vxlanctl/run/services.h"
#include "vxlanctl/run/state_reader.h"

#include <algorithm>
#include <cerrno>
#include <linux/rtnetlink.h>

namespace vxlanctl {
namespace {

/// Everything of the tunnels, whoever made them, and of all other links what they are.
ReadRequest request_for_all() {
    ReadRequest request;
    request.every_tunnel = true;
    request.every_local = true;
    request.foreign = false;
    request.needs = [](const State& state) {
        Needs needs;
        needs.rules = needs.all_records = needs.settings = true;
        for (const auto& link : state.links) {
            if (!is_tunnel(link) || !link.attributes.up.value_or(false)) continue;
            for (const auto& address : link.addresses)
                if (auto route = connected_route(address, 0)) { // in whatever table
                    route->dev = link.name;
                    needs.connected.push_back(std::move(*route));
                }
        }
        return needs;
    };
    return request;
}

/// What State leaves out or has only in part.
class RestReader {
public:
    RestReader(Netlink& netlink, NamespaceSnapshot& space) : netlink_(netlink), space_(space) {}

    Result<void> run() {
        for (auto read : {&RestReader::read_names, &RestReader::read_addresses,
                          &RestReader::read_routes, &RestReader::read_rules})
            if (auto done = (this->*read)(); !done) return done;
        return {};
    }

private:
    Result<void> dump(const std::function<void(MessageWriter&)>& encode, const char* what,
                      const MessageHandler& handle, const std::function<void()>& restart) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode(writer);
        auto done = netlink_.dump(batch, handle, restart);
        return done ? done : while_reading(done.error(), what);
    }

    Result<void> read_names() {
        auto& names = space_.state.alternative_names;
        return dump([](MessageWriter& writer) { encode_dump_links(writer, "", false); }, "links",
                    [&](const nlmsghdr* message) {
                        const auto link = decode_link(message);
                        for (const auto& name : decode_alternative_names(message))
                            if (link) names.emplace(name, link->name);
                    },
                    [&] { names.clear(); });
    }

    Result<void> read_addresses() {
        return dump(
            [](MessageWriter& writer) { encode_dump_addresses(writer, 0); }, "addresses",
            [&](const nlmsghdr* message) {
                if (auto decoded = decode_address(message))
                    space_.addresses.push_back({decoded->link_index, std::move(decoded->address)});
            },
            [&] { space_.addresses.clear(); });
    }

    Result<void> read_routes() {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            const std::size_t size = space_.routes.size();
            auto done = dump(
                [&](MessageWriter& writer) { encode_dump_routes(writer, family, 0, 0); }, "routes",
                [&](const nlmsghdr* message) {
                    for (auto& [index, route] : decode_route(message))
                        if (route.to.address.family == family)
                            space_.routes.push_back({index, std::move(route)});
                },
                [&] { space_.routes.resize(size); });
            if (!done) return done;
        }
        return {};
    }

    Result<void> read_rules() {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            const std::size_t size = space_.rules.size();
            auto done =
                dump([&](MessageWriter& writer) { encode_dump_rules(writer, family); }, "rules",
                     [&](const nlmsghdr* message) {
                         if (auto rule = decode_any_rule(message))
                             space_.rules.push_back(std::move(*rule));
                     },
                     [&] { space_.rules.resize(size); });
            if (!done && done.error().errno_code != EAFNOSUPPORT &&
                done.error().errno_code != EOPNOTSUPP)
                return done; // a kernel without policy routing has none
        }
        return {};
    }

    Netlink& netlink_;
    NamespaceSnapshot& space_;
};

} // namespace

Result<NamespaceSnapshot> take_snapshot(const Kernel& kernel) {
    auto socket = kernel.netlink();
    if (!socket) return tl::unexpected(socket.error());
    Netlink netlink(*socket);
    const auto records = RuntimeDirectory::open_existing(kernel);
    if (!records) return tl::unexpected(records.error());
    ReadRequest request = request_for_all();
    NamespaceSnapshot space;
    auto state = read_state(netlink, *records ? &**records : nullptr, request);
    if (!state) return tl::unexpected(state.error());
    space.state = std::move(*state);
    if (auto done = read_foreign(netlink, space.state, request); !done)
        return tl::unexpected(done.error());
    if (auto done = RestReader(netlink, space).run(); !done) return tl::unexpected(done.error());
    space.state.run_by =
        files_of_other_programs(kernel.id(), space.state, [](const Link&) { return true; });
    space.state.ssh_client = ssh_address(SshEnd::client);
    return space;
}

Result<std::vector<RouteLookup>> SnapshotRouting::look_up(const std::vector<RouteQuery>& queries) {
    std::vector<RouteLookup> answers;
    for (const auto& query : queries)
        answers.push_back(vxlanctl::look_up(space_, query));
    return answers;
}

Result<std::vector<RouteLookup>> SnapshotRouting::resolve(const std::vector<RouteQuery>& queries) {
    std::vector<RouteLookup> answers;
    for (const auto& query : queries)
        answers.push_back(resolve_route(space_, query));
    return answers;
}

Result<std::vector<Link>> SnapshotRouting::links_of(const std::set<int>& indexes) {
    std::vector<Link> links;
    for (const auto& link : space_.state.links)
        if (indexes.contains(link.index)) links.push_back(link);
    return links;
}

Result<std::uint32_t> SnapshotRouting::unused_table(Family family, std::uint32_t first) {
    return vxlanctl::unused_table(space_, family, first);
}

std::map<std::string, Device> devices_in(const NamespaceSnapshot& space,
                                         const std::set<std::string>& names) {
    std::vector<Link> links;
    for (const auto& link : space.state.links)
        links.push_back(link);
    std::map<std::string, Device> devices;
    for (Link link : links) {
        if (!names.contains(link.name)) continue;
        link.addresses.clear();
        for (const auto& [index, address] : space.addresses)
            if (index == link.index) link.addresses.push_back(address);
        const std::string name = link.name;
        devices.emplace(name, device_of(std::move(link), links));
    }
    return devices;
}

NameAnswers recorded_names(const Snapshot& snapshot, const std::set<NameQuery>& names) {
    NameAnswers answers;
    for (const auto& named : snapshot.namespaces)
        for (const auto& known : named.second.state.records)
            for (const auto& [peer, name] : known.second.peer_names) {
                const NameQuery query{name, peer.dst.family};
                if (names.contains(query) && !is_in(answers[query].addresses, peer.dst))
                    answers[query].addresses.push_back(peer.dst);
            }
    return answers;
}

} // namespace vxlanctl
