#include "vxlanctl/run/state_reader.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/kernel/prl.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/route_codec.h"

#include <algorithm>
#include <iterator>
#include <linux/neighbour.h>
#include <map>
#include <sys/utsname.h>

namespace vxlanctl {
namespace {

constexpr int most_readings = 32;

} // namespace

Result<void> StateReader::read_fdb() {
    std::set<int> vxlans;
    for (const auto& link : state_.links)
        if (tunnels_.contains(link.index) && kind_of(link.tunnel.kind).has_fdb)
            vxlans.insert(link.index);
    TableWatch watch{RTNLGRP_NEIGH, [&](const nlmsghdr* message) {
                         const auto link = link_of_fdb_event(message);
                         return link && vxlans.contains(*link);
                     }};
    for (const int filter : filters(vxlans, most_by_link)) {
        std::vector<Table> before;
        std::unordered_map<int, std::vector<FloodEntry>> seen;
        for (int reading = 0; reading < most_readings; ++reading) {
            if (auto done = read_fdb_once(filter, watch); !done) return done;
            if (watch.is_quiet || netlink_.datagrams_of_last_dump() <= 1 || is_expected(filter))
                break;
            auto now = tables(filter);
            if (now == before) break;
            before = std::move(now);
            for (auto& link : state_.links) // an entry may be missed, but never invented
                if (is_selected(link, filter)) unite(seen[link.index], link.flood_list);
            if (is_expected(filter)) break;
        }
    }
    read_fdb_clock();
    return {};
}

void StateReader::read_fdb_clock() {
    const auto has_learned = [](const Link& link) {
        return std::any_of(link.macs.begin(), link.macs.end(), [](const MacEntry& entry) {
            return entry.origin == FdbOrigin::learned;
        });
    };
    const Links& links = state_.links;
    utsname kernel{};
    if (std::any_of(links.begin(), links.end(), has_learned) && uname(&kernel) == 0)
        state_.fdb_clock = fdb_clock_of(kernel.release);
}

std::vector<StateReader::Table> StateReader::tables(int filter) const {
    std::vector<Table> result;
    for (const auto& link : state_.links)
        if (is_selected(link, filter)) result.push_back({link.flood_list, link.macs});
    return result;
}

bool StateReader::is_expected(int filter) const {
    return std::all_of(state_.links.begin(), state_.links.end(), [&](const Link& link) {
        return !is_selected(link, filter) || request_.expects(link);
    });
}

void StateReader::unite(std::vector<FloodEntry>& seen, std::vector<FloodEntry>& now) {
    std::vector<FloodEntry> both;
    std::set_union(seen.begin(), seen.end(), now.begin(), now.end(), std::back_inserter(both));
    seen = now = std::move(both);
}

bool StateReader::is_selected(const Link& link, int filter) const {
    return tunnels_.contains(link.index) && (filter == 0 || filter == link.index);
}

Result<void> StateReader::read_fdb_once(int filter, TableWatch& watch) {
    const auto clear = [&] {
        for (auto& link : state_.links)
            if (is_selected(link, filter))
                link.flood_list.clear(), link.macs.clear(), link.opaque.clear();
    };
    const auto handle = [&](const nlmsghdr* message) {
        if (const auto entry = decode_fdb(message))
            add_entry(*entry);
        else if (auto opaque = decode_opaque_fdb(message))
            if (Link* link = tunnel(opaque->link_index))
                link->opaque.push_back(std::move(opaque->entry));
    };
    clear();
    if (auto done = dump_of_link(
            filter, [&](MessageWriter& writer) { encode_dump_fdb(writer, filter); },
            "forwarding databases", handle, clear, &watch);
        !done)
        return done;
    const auto settle = [](auto& entries) { // an entry may come twice
        // The kernel lists a flood list in the order in which we added it: what was there, and
        // behind it what came later.
        const auto later = std::is_sorted_until(entries.begin(), entries.end());
        std::sort(later, entries.end());
        std::inplace_merge(entries.begin(), later, entries.end());
        entries.erase(std::unique(entries.begin(), entries.end()), entries.end());
    };
    for (auto& link : state_.links)
        if (is_selected(link, filter))
            settle(link.flood_list), settle(link.macs), settle(link.opaque);
    return {};
}

Result<void> StateReader::read_groups() {
    if (std::none_of(state_.links.begin(), state_.links.end(), [](const Link& link) {
            return std::any_of(link.opaque.begin(), link.opaque.end(),
                               [](const OpaqueEntry& entry) { return entry.group; });
        }))
        return {};
    std::map<std::uint32_t, NextHopObject> hops;
    auto done =
        dump([](MessageWriter& writer) { encode_dump_next_hops(writer); }, "next-hop groups",
             [&](const nlmsghdr* message) {
                 if (auto hop = decode_next_hop(message)) hops[hop->id] = std::move(*hop);
             },
             [&] { hops.clear(); });
    if (!done) return done;
    const auto add_gateway = [&](std::uint32_t id, std::vector<IpAddress>& gateways) {
        if (const auto hop = hops.find(id); hop != hops.end() && hop->second.gateway)
            gateways.push_back(*hop->second.gateway);
    };
    for (auto& link : state_.links)
        for (auto& entry : link.opaque) {
            const auto hop = entry.group ? hops.find(*entry.group) : hops.end();
            if (hop == hops.end()) continue;
            add_gateway(hop->first, entry.members);
            for (const auto member : hop->second.members)
                add_gateway(member, entry.members);
            std::sort(entry.members.begin(), entry.members.end());
        }
    return {};
}

void StateReader::add_entry(const FdbMessage& message) {
    // Entries of one link come together.
    if (message.link_index != last_index_) {
        last_index_ = message.link_index;
        last_tunnel_ = tunnel(message.link_index);
    }
    Link* link = last_tunnel_;
    if (link == nullptr) return;
    FloodEntry remote{message.dst, message.port, message.vni, ""};
    if (remote.port == link->tunnel.port) remote.port.reset();
    if (remote.vni == link->tunnel.vni) remote.vni.reset();
    if (message.via_index != 0) {
        remote.via = no_link(message.via_index);
        wanted_names_.insert(message.via_index);
    }
    if (!is_zero(message.mac)) {
        const FdbOrigin origin = is_external(message.flags) ? FdbOrigin::external
                                 : ages(message.state)      ? FdbOrigin::learned
                                                            : FdbOrigin::pinned;
        link->macs.push_back(
            {message.mac, remote, message.state, message.flags, origin, message.times});
        return;
    }
    link->flood_state = message.state;
    link->flood_flags = message.flags;
    // The default remote's own entry; with a lower device, it leaves by that.
    const bool is_default = link->tunnel.remote == message.dst && !remote.port && !remote.vni &&
                            message.via_index == link->lower_index;
    if (!is_default) link->flood_list.push_back(remote);
}

Result<void> StateReader::read_routers() {
    RouterList list(netlink_.descriptor());
    for (auto& link : state_.links) {
        if (!tunnels_.contains(link.index) || !link.tunnel.isatap.value_or(false)) continue;
        auto routers = list.read(link.name);
        if (!routers && routers.error().errno_code == ENODEV) {
            vanished_.insert(link.index);
            continue;
        }
        if (!routers) return tl::unexpected(routers.error());
        link.routers = std::move(*routers);
    }
    return {};
}

} // namespace vxlanctl
