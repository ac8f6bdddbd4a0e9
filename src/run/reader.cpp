#include "vxlanctl/run/reader.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/kernel/prl.h"
#include "vxlanctl/netlink/address_codec.h"
#include "vxlanctl/netlink/fdb_codec.h"
#include "vxlanctl/netlink/link_codec.h"
#include "vxlanctl/netlink/route_codec.h"
#include "vxlanctl/netlink/settings_codec.h"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <map>
#include <unistd.h>
#include <unordered_map>
#include <unordered_set>

namespace vxlanctl {
namespace {

// Up to this many links are fetched by name in one send; for more, a dump of all links is cheaper.
constexpr std::size_t most_by_name = 32;
// Up to this many tunnels, the kernel filters entries and neighbours by link: three calls a dump,
// 30 microseconds beside 1,000 links. A dump of 20,000 entries of others takes 10 milliseconds.
constexpr std::size_t most_by_link = 64;
// For routes it walks its whole table each time: half a millisecond where that has 20,000, of which
// a whole dump takes 3.
constexpr std::size_t most_routes_by_link = 8;
// Up to this many routing tables, the kernel filters routes by table.
constexpr std::size_t most_by_table = 4;
constexpr int most_readings = 32;

/// Whether the kernel knows the kind of link. Of one that it does not know it lists all links, as
/// if it had not been asked for any kind (link_kind_filtered() in net/core/rtnetlink.c). Each of
/// these modules has a parameter, so that it has a directory here also where it is built in.
bool may_exist(TunnelKind kind) {
    const std::string modules = "/sys/module/";
    const char* module = kind == TunnelKind::vxlan ? "vxlan"
                         : kind == TunnelKind::sit ? "sit"
                                                   : "ip6_tunnel";
    return access((modules + module).c_str(), F_OK) == 0 || access(modules.c_str(), F_OK) != 0;
}

tl::unexpected<Error> while_reading(Error error, std::string what) {
    if (error.value("what").empty())
        error = Error(Code::cannot_read).with(error.errno_code, std::move(error.kernel_text));
    error.set({"what", "the " + std::move(what)});
    return tl::unexpected(std::move(error));
}

/// One reading of a namespace.
class Reader {
public:
    Reader(Netlink& netlink, const RuntimeDirectory* records, const ReadRequest& request)
        : netlink_(netlink), records_(records), request_(request) {}

    Result<State> run() {
        if (auto done = read_links(); !done) return tl::unexpected(done.error());
        select_tunnels();
        for (const auto& link : state_.links)
            if (tunnels_.contains(link.index) || request_.recorded(link))
                if (auto done = read_record(link); !done) return tl::unexpected(done.error());
        if (auto done = read_addresses(); !done) return tl::unexpected(done.error());
        if (auto done = read_fdb(); !done) return tl::unexpected(done.error());
        if (auto done = read_groups(); !done) return tl::unexpected(done.error());
        if (auto done = read_routers(); !done) return tl::unexpected(done.error());
        if (auto done = read_needs(request_.needs(state_)); !done)
            return tl::unexpected(done.error());
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

    /// What run() left out, into the state that it read.
    Result<void> complete(State& state) {
        state_ = std::move(state);
        for (std::size_t i = 0; i < state_.links.size(); ++i)
            by_index_.emplace(state_.links[i].index, i);
        select_tunnels();
        auto done = read_foreign();
        if (done && request_.uppers) done = read_port_vlans();
        drop_vanished();
        state = std::move(state_);
        return done;
    }

private:
    Result<void> read_foreign() {
        if (tunnels_.empty()) return {};
        if (request_.uppers)
            if (auto done = read_uppers(); !done) return done;
        if (auto done = read_neighbours(); !done) return done;
        if (auto done = read_settings(); !done) return done;
        return read_routes_of_links(tunnels_);
    }

    /// The kernel lists those of all bridge ports, so only where one of the tunnels is one.
    Result<void> read_port_vlans() {
        if (std::none_of(state_.links.begin(), state_.links.end(), [&](const Link& link) {
                return tunnels_.contains(link.index) &&
                       !link.attributes.master.value_or("").empty();
            }))
            return {};
        const auto clear = [&] {
            for (auto& link : state_.links)
                link.port.vlans.clear();
        };
        clear();
        auto done = dump([](MessageWriter& writer) { encode_dump_bridge_ports(writer); },
                         "VLANs of bridge ports",
                         [&](const nlmsghdr* message) {
                             auto port = decode_port_vlans(message);
                             Link* link = port ? tunnel(port->link_index) : nullptr;
                             if (link != nullptr) append(link->port.vlans, std::move(port->vlans));
                         },
                         clear);
        const bool has_none = !done && done.error().errno_code == EOPNOTSUPP;
        return has_none ? Result<void>() : done; // a kernel without bridges
    }

    Result<void> read_needs(const Needs& needs) {
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

    Result<void> read_settings() {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode_get_settings(writer);
        const auto failures = netlink_.request(
            batch, [&](const nlmsghdr* message) { decode_settings(message, state_.settings); });
        return failures ? Result<void>() : while_reading(failures.error(), "settings of all links");
    }

    Result<void> read_record(const Link& link) {
        const auto mark =
            records_ == nullptr ? std::nullopt : mark_of(link.attributes.alias.value_or(""));
        if (!mark || state_.records.contains(mark->id)) return {};
        auto record = records_->read_record(mark->id);
        if (!record && record.error().code == Code::record_not_understood) {
            state_.unreadable_records.insert(mark->id);
            return {};
        }
        if (!record) return tl::unexpected(record.error());
        if (*record) state_.records.emplace(mark->id, std::move(**record));
        return {};
    }

    /// The records of all marked links, whatever their kind, and of those that are gone.
    Result<void> read_all_records() {
        std::set<std::string> marked;
        Result<void> all_read;
        auto done =
            dump([](MessageWriter& writer) { encode_dump_links(writer, "", false); }, "links",
                 [&](const nlmsghdr* message) {
                     const auto link = decode_link(message);
                     if (!link) return;
                     if (auto read = read_record(*link); !read) all_read = read;
                     if (const auto mark = mark_of(link->attributes.alias.value_or("")))
                         marked.insert(mark->id);
                 },
                 [] {});
        if (done && records_ != nullptr)
            state_.orphans =
                records_->orphans([&](const std::string& id) { return marked.contains(id); });
        return done ? all_read : done;
    }

    Result<void> dump(const std::function<void(MessageWriter&)>& encode, std::string what,
                      const MessageHandler& handle, const std::function<void()>& restart,
                      TableWatch* watch = nullptr) {
        MessageBatch batch;
        MessageWriter writer(batch);
        encode(writer);
        auto done = netlink_.dump(batch, handle, restart, watch);
        return done ? done : while_reading(done.error(), std::move(what));
    }

    /// A dump about one link, or with the filter 0 about all. A link may vanish at any time, and
    /// has nothing then (ENODEV of fib_valid_dumproute_filter() and others).
    Result<void> dump_of_link(int filter, const std::function<void(MessageWriter&)>& encode,
                              std::string what, const MessageHandler& handle,
                              const std::function<void()>& restart, TableWatch* watch = nullptr) {
        auto done = dump(encode, std::move(what), handle, restart, watch);
        if (done || filter == 0 || done.error().errno_code != ENODEV) return done;
        vanished_.insert(filter);
        return {};
    }

    void drop_vanished() {
        std::vector<std::string> names;
        for (const auto& link : std::as_const(state_.links))
            if (vanished_.contains(link.index)) names.push_back(link.name);
        for (const auto& name : names)
            state_.links.erase(name);
    }

    void add_link(Link link) {
        names_[link.index] = link.name;
        if (link.kind == "vrf") vrfs_.insert(link.index);
        const auto [position, is_new] = by_index_.emplace(link.index, state_.links.size());
        if (is_new)
            state_.links.push_back(std::move(link));
        else
            state_.links[position->second] = std::move(link);
    }

    Result<void> read_links() {
        std::vector<std::string> names = request_.tunnels;
        names.insert(names.end(), request_.others.begin(), request_.others.end());
        std::sort(names.begin(), names.end());
        names.erase(std::unique(names.begin(), names.end()), names.end());
        const bool by_name = names.size() <= most_by_name && !request_.every_tunnel;
        if (!by_name) return read_links_of_kind("");
        for (const TunnelKind kind : request_.kinds)
            if (may_exist(kind))
                if (auto done = read_links_of_kind(traits_of(kind).name); !done) return done;
        std::erase_if(names, [&](const auto& name) { return find_link(state_, name) != nullptr; });
        MessageBatch batch;
        MessageWriter writer(batch);
        for (const auto& name : names)
            encode_get_link(writer, name);
        return get_links(batch, names);
    }

    /// Or of all kinds.
    Result<void> read_links_of_kind(std::string_view kind) {
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

    /// A link that is not there is no error: the planner says what that means. `asked` are the
    /// names in the batch's order, if it asks by name: the kernel also answers to alternative ones.
    Result<void> get_links(MessageBatch& batch, const std::vector<std::string>& asked = {}) {
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
            {}, [](const Failure& failure) { return failure.code != ENODEV; });
        if (!result) return while_reading(result.error(), "links");
        std::set<std::size_t> absent;
        for (const auto& failure : *result) {
            if (failure.code != ENODEV)
                return while_reading(
                    Error(Code::cannot_read).with(failure.code, failure.kernel_text), "links");
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

    /// Which links are read in full, by ifindex.
    void select_tunnels() {
        const std::unordered_set<std::string_view> asked(request_.tunnels.begin(),
                                                         request_.tunnels.end());
        for (const auto& link : state_.links) {
            if (is_tunnel(link) && (request_.every_tunnel || asked.contains(link.name) ||
                                    is_leftover(link) || request_.selects(link)))
                tunnels_.insert(link.index);
        }
    }

    Link* tunnel(int index) {
        const auto found = by_index_.find(index);
        if (found == by_index_.end()) return nullptr;
        return tunnels_.contains(index) ? &state_.links[found->second] : nullptr;
    }

    /// The links to ask for one by one, or {0} for all of them at once.
    static std::set<int> filters(const std::set<int>& links, std::size_t most) {
        return links.size() <= most ? links : std::set<int>{0};
    }

    Result<void> read_addresses() {
        const auto handle = [&](const nlmsghdr* message) {
            const auto decoded = decode_address(message);
            if (!decoded) return;
            state_.host_addresses.push_back(
                {decoded->address.prefix, decoded->address.broadcast, decoded->link_index, ""});
            if (Link* link = tunnel(decoded->link_index))
                link->addresses.push_back(decoded->address);
        };
        const auto restart = [&] {
            state_.host_addresses.clear();
            for (auto& link : state_.links)
                link.addresses.clear();
        };
        auto done = dump([](MessageWriter& writer) { encode_dump_addresses(writer, 0); },
                         "addresses", handle, restart);
        // In the order in which they came and can come again, as of IPv4: the kernel puts a new one
        // of IPv6 before the others (ipv6_link_dev_addr() in net/ipv6/addrconf.c).
        for (auto& link : state_.links)
            std::reverse(std::stable_partition(link.addresses.begin(), link.addresses.end(),
                                               [](const Address& address) {
                                                   return address.prefix.address.family ==
                                                          Family::ipv4;
                                               }),
                         link.addresses.end());
        return done;
    }

    Result<void> read_fdb() {
        std::set<int> vxlans;
        for (const auto& link : state_.links)
            if (tunnels_.contains(link.index) && link.tunnel.kind == TunnelKind::vxlan)
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
        return {};
    }

    struct Table {
        std::vector<FloodEntry> flood_list;
        std::vector<MacEntry> macs;
        bool operator==(const Table&) const = default;
    };

    std::vector<Table> tables(int filter) const {
        std::vector<Table> result;
        for (const auto& link : state_.links)
            if (is_selected(link, filter)) result.push_back({link.flood_list, link.macs});
        return result;
    }

    bool is_expected(int filter) const {
        return std::all_of(state_.links.begin(), state_.links.end(), [&](const Link& link) {
            return !is_selected(link, filter) || request_.expects(link);
        });
    }

    /// Makes both lists the sorted union of the two.
    static void unite(std::vector<FloodEntry>& seen, std::vector<FloodEntry>& now) {
        std::vector<FloodEntry> both;
        std::set_union(seen.begin(), seen.end(), now.begin(), now.end(), std::back_inserter(both));
        seen = now = std::move(both);
    }

    bool is_selected(const Link& link, int filter) const {
        return tunnels_.contains(link.index) && (filter == 0 || filter == link.index);
    }

    Result<void> read_fdb_once(int filter, TableWatch& watch) {
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

    /// What is behind entries with a next-hop group. Mostly there are none.
    Result<void> read_groups() {
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

    void add_entry(const FdbMessage& message) {
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
            link->macs.push_back({message.mac, remote, message.state, message.flags, origin});
            return;
        }
        link->flood_state = message.state;
        link->flood_flags = message.flags;
        // The default remote's own entry; with a lower device, it leaves by that.
        const bool is_default = link->tunnel.remote == message.dst && !remote.port && !remote.vni &&
                                message.via_index == link->lower_index;
        if (!is_default) link->flood_list.push_back(remote);
    }

    /// One call a link: the kernel has no other way.
    Result<void> read_routers() {
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

    Result<void> read_rules() {
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            const std::size_t size = state_.rules.size();
            const auto handle = [&](const nlmsghdr* message) {
                if (const auto rule = decode_rule(message)) state_.rules.push_back(*rule);
            };
            if (auto done = dump([&](MessageWriter& writer) { encode_dump_rules(writer, family); },
                                 "rules", handle, [&] { state_.rules.resize(size); });
                !done && done.error().errno_code != EAFNOSUPPORT &&
                done.error().errno_code != EOPNOTSUPP)
                return done; // a kernel without policy routing has none
        }
        return {};
    }

    /// Which links stand on the tunnels, of all kinds.
    Result<void> read_uppers() {
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
            if (lower != nullptr && goes_with_lower(link->kind))
                lower->uppers.push_back(link->name);
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

    Result<void> read_neighbours() {
        for (const int filter : filters(tunnels_, most_by_link)) {
            const auto handle = [&](const nlmsghdr* message) {
                const auto decoded = decode_neighbour(message);
                Link* link = decoded ? tunnel(decoded->link_index) : nullptr;
                if (link == nullptr) return;
                if (decoded->is_permanent)
                    link->neighbours.push_back(decoded->neighbour);
                else if (request_.surroundings)
                    link->found_neighbours.push_back(decoded->neighbour);
            };
            const auto restart = [&] {
                for (auto& link : state_.links)
                    if (filter == 0 || link.index == filter)
                        link.neighbours.clear(), link.found_neighbours.clear();
            };
            if (auto done = dump_of_link(
                    filter, [&](MessageWriter& writer) { encode_dump_neighbours(writer, filter); },
                    "neighbours", handle, restart);
                !done)
                return done;
        }
        for (auto& link : state_.links) {
            std::sort(link.neighbours.begin(), link.neighbours.end());
            std::sort(link.found_neighbours.begin(), link.found_neighbours.end());
        }
        return {};
    }

    Result<void> read_tables(const std::set<std::uint32_t>& tables) {
        const bool one_by_one = tables.size() <= most_by_table;
        for (const Family family : {Family::ipv4, Family::ipv6})
            for (const auto table : one_by_one ? tables : std::set<std::uint32_t>{RT_TABLE_UNSPEC})
                if (auto done = read_table(family, table, tables); !done) return done;
        return {};
    }

    /// Or with RT_TABLE_UNSPEC all of `tables` at once.
    Result<void> read_table(Family family, std::uint32_t table,
                            const std::set<std::uint32_t>& tables) {
        const std::size_t size = state_.routes.size();
        const auto handle = [&](const nlmsghdr* message) {
            for (auto& [index, route] : decode_route(message)) {
                if (route.type != RTN_UNICAST || route.to.address.family != family ||
                    !tables.contains(route.table))
                    continue;
                // Routes may be out of thousands of links.
                if (route.to.length == 0 || request_.destinations.contains(route.to))
                    wanted_names_.insert(index);
                state_.routes.push_back(std::move(route));
                state_.routes.back().dev = no_link(index);
            }
        };
        const auto done =
            dump([&](MessageWriter& writer) { encode_dump_routes(writer, family, 0, table); },
                 "routes", handle, [&] { state_.routes.truncate(size); });
        const bool is_empty = !done && done.error().errno_code == ENOENT; // no such table yet
        return is_empty ? Result<void>() : done;
    }

    /// The routes out of these links, as far as they are needed. Mostly all that are wanted are
    /// there and ours, and these are few on a host that may have many.
    Result<void> read_needed_routes(const std::set<int>& links, const std::vector<Route>& wanted) {
        if (wanted.empty()) return read_routes_of_links(links);
        for (const Family family : {Family::ipv4, Family::ipv6}) {
            const auto is_of_family = [&](const Route& route) {
                return route.to.address.family == family;
            };
            if (std::none_of(wanted.begin(), wanted.end(), is_of_family)) continue;
            if (auto done = read_own_routes(links, family); !done) return done;
        }
        std::set<int> incomplete;
        for (const auto& route : wanted)
            if (const Link* out = find_link(state_, route.dev);
                out != nullptr && find_route(out->routes, route) == nullptr)
                incomplete.insert(out->index);
        return incomplete.empty() ? Result<void>() : read_routes_of_links(incomplete);
    }

    Result<void> read_own_routes(const std::set<int>& links, Family family) {
        const auto clear = [&] { clear_routes(links, family); };
        clear();
        auto done = dump(
            [&](MessageWriter& writer) {
                encode_dump_routes_of_protocol(writer, family, our_protocol);
            },
            "routes", [&](const nlmsghdr* message) { add_routes(links, family, message); }, clear);
        for (auto& link : state_.links)
            if (links.contains(link.index)) link.routes.sort();
        return done;
    }

    /// Which of the tunnels' addresses lack the route to their subnet. Nearly always those that the
    /// kernel made are there, which it lists alone; of few links it lists all that lead out of
    /// them.
    Result<void> read_connected(const std::vector<Route>& wanted) {
        std::set<int> links, incomplete;
        std::set<std::uint32_t> tables;
        for (const auto& route : wanted)
            if (const Link* out = find_link(state_, route.dev))
                links.insert(out->index), tables.insert(route.table);
        if (links.empty()) return {};
        const bool one_by_one = links.size() <= most_routes_by_link;
        if (!one_by_one) {
            const auto table = tables.size() == 1 ? *tables.begin() : RT_TABLE_UNSPEC;
            for (const Family family : families_of(wanted))
                if (auto done = read_kernels_routes(links, family, table); !done) return done;
        }
        for (const auto& route : wanted)
            if (const Link* out = find_link(state_, route.dev);
                out != nullptr && (one_by_one || !has_connected(out->routes, route)))
                incomplete.insert(out->index);
        for (const Family family : families_of(wanted))
            for (const int filter : filters(incomplete, most_routes_by_link))
                if (auto done = read_routes_of_links(incomplete, family, filter); !done)
                    return done;
        for (const auto& route : wanted)
            if (const auto out = by_index_.find(index_of(route.dev)); out != by_index_.end())
                note_unrouted(state_.links[out->second], route);
        return {};
    }

    static void note_unrouted(Link& link, const Route& connected) {
        if (has_connected(link.routes, connected)) return;
        for (auto& address : link.addresses)
            if (const auto route = connected_route(address, connected.table);
                route && route->to == connected.to)
                address.is_unrouted = true;
    }

    int index_of(const std::string& name) const {
        const Link* link = find_link(state_, name);
        return link == nullptr ? 0 : link->index;
    }

    static std::set<Family> families_of(const std::vector<Route>& routes) {
        std::set<Family> families;
        for (const auto& route : routes)
            families.insert(route.to.address.family);
        return families;
    }

    Result<void> read_kernels_routes(const std::set<int>& links, Family family,
                                     std::uint32_t table) {
        const auto clear = [&] { clear_routes(links, family); };
        clear();
        const auto done = dump(
            [&](MessageWriter& writer) {
                encode_dump_routes_of_protocol(writer, family, RTPROT_KERNEL, table);
            },
            "routes", [&](const nlmsghdr* message) { add_routes(links, family, message); }, clear);
        const bool is_empty = !done && done.error().errno_code == ENOENT; // no such table
        return is_empty ? Result<void>() : done;
    }

    void clear_routes(const std::set<int>& links, Family family) {
        for (auto& link : state_.links)
            if (links.contains(link.index))
                link.routes.erase_if(
                    [&](const Route& route) { return route.to.address.family == family; });
    }

    void add_routes(const std::set<int>& links, Family family, const nlmsghdr* message) {
        for (auto& [index, route] : decode_route(message))
            if (links.contains(index) && route.to.address.family == family)
                state_.links[by_index_.at(index)].routes.push_back(std::move(route));
    }

    /// The routes out of these links, in place of what is known of them.
    Result<void> read_routes_of_links(const std::set<int>& links) {
        for (const Family family : {Family::ipv4, Family::ipv6})
            for (const int filter : filters(links, most_routes_by_link))
                if (auto done = read_routes_of_links(links, family, filter); !done) return done;
        for (auto& link : state_.links)
            if (links.contains(link.index)) link.routes.sort();
        return {};
    }

    Result<void> read_routes_of_links(const std::set<int>& links, Family family, int filter) {
        const std::set<int> meant = filter == 0 ? links : std::set<int>{filter};
        const auto clear = [&] { clear_routes(meant, family); };
        clear();
        return dump_of_link(
            filter, [&](MessageWriter& writer) { encode_dump_routes(writer, family, filter, 0); },
            "routes", [&](const nlmsghdr* message) { add_routes(meant, family, message); }, clear);
    }

    std::string name_of(int index) const {
        const auto found = names_.find(index);
        return found != names_.end() ? found->second : no_link(index);
    }

    std::string resolved(const std::string& name) const {
        return is_no_link(name) ? name_of(std::atoi(name.c_str() + 1)) : name;
    }

    bool is_vrf(int index) const { return vrfs_.contains(index); }

    /// Fetches the links that tunnels refer to by index and that have not been read yet.
    Result<void> read_missing_names() {
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

    void fill_in_names() {
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
        for (auto& host : state_.host_addresses)
            if (const auto found = names_.find(host.link_index); found != names_.end())
                host.link = found->second;
        for (auto& route : state_.routes)
            route.dev = resolved(route.dev);
    }

    Netlink& netlink_;
    const RuntimeDirectory* records_;
    const ReadRequest& request_;
    State state_;
    std::unordered_map<int, std::size_t> by_index_;
    std::unordered_map<int, std::string> names_;
    std::set<int> vrfs_;
    std::set<int> tunnels_;
    std::set<int> vanished_; ///< while we read
    std::set<int> wanted_names_;
    int last_index_ = 0;
    Link* last_tunnel_ = nullptr;
};

} // namespace

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
    if (config.origin == Origin::file || config.unnamed != Unnamed::keep)
        request.kinds = {TunnelKind::vxlan, TunnelKind::sit, TunnelKind::ip6tnl};
    if (config.unnamed != Unnamed::keep)
        request.selects = [](const Link& link) {
            return mark_of(link.attributes.alias.value_or("")).has_value();
        };
    else if (config.origin == Origin::file) // they say which of them are in none of the files
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
    auto state = Reader(netlink, records, request).run();
    if (!state) return state;
    if (!state->routes.empty()) // preflight wants both or none
        state->ssh_client = ssh_address(SshEnd::client);
    return state;
}

Result<void> read_foreign(Netlink& netlink, State& state, const ReadRequest& request) {
    return Reader(netlink, nullptr, request).complete(state);
}

} // namespace vxlanctl
