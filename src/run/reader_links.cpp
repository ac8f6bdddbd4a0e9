#include "vxlanctl/run/state_reader.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <unistd.h>
#include <unordered_set>

namespace vxlanctl {
namespace {

// Up to this many links are fetched by name in one send; for more, a dump of all links is cheaper.
constexpr std::size_t most_by_name = 32;

/// Whether the kernel knows the kind of link. Of one that it does not know it lists all links, as
/// if it had not been asked for any kind (link_kind_filtered() in net/core/rtnetlink.c). Each of
/// these modules has a parameter, so that it has a directory here also where it is built in.
bool may_exist(TunnelKind kind) {
    const std::string modules = "/sys/module/";
    const std::string module(kind_of(kind).module_name);
    return access((modules + module).c_str(), F_OK) == 0 || access(modules.c_str(), F_OK) != 0;
}

/// Whether a refused request by name says that there is no such interface. Linux 5.4 does not know
/// the attribute for names that are longer than an interface's, and has no alternative names.
bool tells_absence(const Failure& failure, const std::vector<std::string>& asked) {
    return failure.code == ENODEV ||
           (failure.code == EINVAL && asked[failure.message].size() >= IFNAMSIZ);
}

} // namespace

Result<void> StateReader::read_port_vlans() {
    if (std::none_of(state_.links.begin(), state_.links.end(), [&](const Link& link) {
            return tunnels_.contains(link.index) && link.port_state;
        }))
        return {};
    const auto clear = [&] {
        for (auto& link : state_.links) {
            link.attributes.bridge_pvid.reset();
            link.attributes.bridge_vlans.reset();
        }
    };
    auto done = dump([](MessageWriter& writer) { encode_dump_bridge_ports(writer); },
                     "VLANs of bridge ports",
                     [&](const nlmsghdr* message) {
                         const auto port = decode_port_vlans(message);
                         Link* link = port ? tunnel(port->link_index) : nullptr;
                         if (link == nullptr || port->bridge_index == 0) return;
                         link->attributes.bridge_pvid = port->pvid;
                         link->attributes.bridge_vlans = vlans_beside_pvid(*port);
                     },
                     clear);
    const bool has_none = !done && done.error().errno_code == EOPNOTSUPP;
    return has_none ? Result<void>() : done; // a kernel without bridges
}

void StateReader::drop_vanished() {
    std::vector<std::string> names;
    for (const auto& link : std::as_const(state_.links))
        if (vanished_.contains(link.index)) names.push_back(link.name);
    for (const auto& name : names)
        state_.links.erase(name);
}

void StateReader::add_link(Link link) {
    names_[link.index] = link.name;
    if (link.kind == "vrf") vrfs_.insert(link.index);
    const auto [position, is_new] = by_index_.emplace(link.index, state_.links.size());
    if (is_new)
        state_.links.push_back(std::move(link));
    else
        state_.links[position->second] = std::move(link);
}

Result<void> StateReader::read_links() {
    std::vector<std::string> names = request_.tunnels;
    names.insert(names.end(), request_.others.begin(), request_.others.end());
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    const bool by_name = names.size() <= most_by_name && !request_.every_tunnel;
    if (!by_name) return read_links_of_kind("");
    for (const TunnelKind kind : request_.kinds)
        if (may_exist(kind))
            if (auto done = read_links_of_kind(kind_of(kind).name); !done) return done;
    std::erase_if(names, [&](const auto& name) { return find_link(state_, name) != nullptr; });
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const auto& name : names)
        encode_get_link(writer, name);
    return get_links(batch, names);
}

Result<void> StateReader::read_links_of_kind(std::string_view kind) {
    const auto before = state_.links.size();
    const auto handle = [&](const nlmsghdr* message) {
        if (auto link = decode_link(message))
            if (kind.empty() || link->kind == kind) add_link(std::move(*link));
    };
    const auto restart = [&] {
        for (std::size_t i = before; i < state_.links.size(); ++i) {
            by_index_.erase(state_.links[i].index);
            names_.erase(state_.links[i].index);
        }
        state_.links.truncate(before);
    };
    return dump(
        [&](MessageWriter& writer) {
            encode_dump_links(writer, std::string(kind),
                              request_.every_tunnel || request_.counters);
        },
        "links", handle, restart);
}

Result<void> StateReader::get_links(MessageBatch& batch, const std::vector<std::string>& asked) {
    if (batch.offsets.empty()) return {};
    std::vector<std::string> answers;
    const auto result = netlink_.request(
        batch,
        [&](const nlmsghdr* message) {
            auto link = decode_link(message);
            if (!link) return;
            answers.push_back(link->name);
            add_link(std::move(*link));
        },
        {}, [&](const Failure& failure) { return !tells_absence(failure, asked); });
    if (!result) return while_reading(result.error(), "links");
    std::set<std::size_t> absent;
    for (const auto& failure : *result) {
        if (!tells_absence(failure, asked))
            return while_reading(Error(Code::cannot_read).with(failure.code, failure.kernel_text),
                                 "links");
        absent.insert(failure.message);
    }
    for (std::size_t i = 0, answer = 0; i < asked.size() && answer < answers.size(); ++i) {
        if (absent.contains(i)) continue;
        if (answers[answer] != asked[i])
            state_.alternative_names.emplace(asked[i], answers[answer]);
        ++answer;
    }
    return {};
}

void StateReader::select_tunnels() {
    const std::unordered_set<std::string_view> asked(request_.tunnels.begin(),
                                                     request_.tunnels.end());
    for (const auto& link : state_.links) {
        if (is_tunnel(link) && (request_.every_tunnel || asked.contains(link.name) ||
                                is_leftover(link) || request_.selects(link)))
            tunnels_.insert(link.index);
    }
}

Link* StateReader::tunnel(int index) {
    const auto found = by_index_.find(index);
    if (found == by_index_.end()) return nullptr;
    return tunnels_.contains(index) ? &state_.links[found->second] : nullptr;
}

std::set<int> StateReader::filters(const std::set<int>& links, std::size_t most) {
    return links.size() <= most ? links : std::set<int>{0};
}

Result<void> StateReader::read_uppers() {
    std::map<IpAddress, int> homes; // the link that has the address; 0 where several do
    for (const auto& host : state_.host_addresses) {
        const auto [home, is_new] = homes.emplace(host.prefix.address, host.link_index);
        if (!is_new && home->second != host.link_index) home->second = 0;
    }
    const auto clear = [&] {
        for (auto& link : state_.links)
            link.uppers.clear(), link.dependants.clear();
    };
    const auto handle = [&](const nlmsghdr* message) {
        const auto link = decode_link(message);
        if (!link || link->underlay_elsewhere) return;
        Link* lower = tunnel(link->lower_index);
        if (lower != nullptr && goes_with_lower(link->kind)) lower->uppers.push_back(link->name);
        if (!is_tunnel(*link)) return;
        if (lower != nullptr && !goes_with_lower(link->kind))
            lower->dependants.push_back({link->name, {}});
        const auto home = link->tunnel.local ? homes.find(*link->tunnel.local) : homes.end();
        Link* under = home == homes.end() ? nullptr : tunnel(home->second);
        if (under != nullptr && under != lower && under->index != link->index)
            under->dependants.push_back({link->name, link->tunnel.local});
    };
    clear();
    return dump([](MessageWriter& writer) { encode_dump_links(writer, "", false); }, "links",
                handle, clear);
}

int StateReader::index_of(const std::string& name) const {
    const Link* link = find_link(state_, name);
    return link == nullptr ? 0 : link->index;
}

std::string StateReader::name_of(int index) const {
    const auto found = names_.find(index);
    return found != names_.end() ? found->second : no_link(index);
}

std::string StateReader::resolved(const std::string& name) const {
    return is_no_link(name) ? name_of(std::atoi(name.c_str() + 1)) : name;
}

Result<void> StateReader::read_missing_names() {
    for (const auto& link : state_.links) {
        if (!tunnels_.contains(link.index)) continue;
        if (!link.underlay_elsewhere) wanted_names_.insert(link.lower_index);
        wanted_names_.insert(link.master_index);
    }
    std::set<IpAddress> locals(request_.locals.begin(), request_.locals.end());
    for (const auto& link : state_.links)
        if (request_.surroundings && tunnels_.contains(link.index) && link.tunnel.local)
            locals.insert(*link.tunnel.local);
    for (const auto& host : state_.host_addresses)
        if (request_.every_local || locals.contains(host.prefix.address))
            wanted_names_.insert(host.link_index);
    wanted_names_.erase(0);
    MessageBatch batch;
    MessageWriter writer(batch);
    for (const int index : wanted_names_)
        if (!names_.contains(index)) encode_get_link(writer, index);
    return get_links(batch);
}

void StateReader::fill_in_names() {
    for (auto& link : state_.links) {
        if (link.master_index != 0)
            (is_vrf(link.master_index) ? link.attributes.vrf : link.attributes.master) =
                name_of(link.master_index);
        if (is_tunnel(link) && link.lower_index != 0) // elsewhere, the index means nothing here
            link.tunnel.dev =
                link.underlay_elsewhere ? no_link(link.lower_index) : name_of(link.lower_index);
        bool renamed = false;
        for (auto& entry : link.flood_list)
            if (!entry.via.empty()) entry.via = resolved(entry.via.str()), renamed = true;
        for (auto& entry : link.macs)
            if (!entry.remote.via.empty()) entry.remote.via = resolved(entry.remote.via.str());
        if (renamed) std::sort(link.flood_list.begin(), link.flood_list.end());
    }
    for (auto& host : state_.host_addresses.changing())
        if (const auto found = names_.find(host.link_index); found != names_.end())
            host.link = found->second;
    for (auto& route : state_.routes)
        route.dev = resolved(route.dev);
}

} // namespace vxlanctl
