#pragma once

#include "vxlanctl/model/activity.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace vxlanctl {

/// What a network namespace says of all its links, of IPv4 unless it says otherwise.
struct InterfaceSettings {
    LinkAttributes of_new_links;           ///< net.ipv4.conf.default
    std::optional<RpFilter> all_rp_filter; ///< net.ipv4.conf.all.rp_filter
    std::optional<bool> ipv6_forwarding;   ///< net.ipv6.conf.all.forwarding
    bool operator==(const InterfaceSettings&) const = default;
};

/// What was read from one network namespace: the links asked for in full, and of the rest what
/// preflight needs.
struct State {
    Links links;
    HostAddresses host_addresses;
    /// Of the tables that addresses and routes are to be added to, and out of all links.
    Routes routes;
    std::vector<Rule> rules; ///< those that Rule can express; read when a tunnel has any
    /// By the mark's ID: of the tunnels asked for, and where a rule or a route elsewhere goes
    /// away, of all that live.
    std::map<std::string, Record> records;
    /// The IDs of records that are there and say nothing that can be understood.
    std::set<std::string> unreadable_records = {};
    /// Those of links that are gone; read where all of the living are, for a writer.
    std::map<std::string, Record> orphans = {};
    /// Devices that forward because of us, though no record says so any more: that of the tunnel
    /// that had asked for it was rewritten in the same run.
    std::set<std::string> forwarding_is_ours = {};
    /// Of interfaces without our mark: the file in which another program of this host, such as
    /// systemd-networkd, says that it runs the interface of that name.
    std::map<std::string, std::string> run_by = {};
    /// Names asked for that are alternative ones (altname), and the links' real names.
    std::map<std::string, std::string> alternative_names;
    std::optional<IpAddress> ssh_client; ///< the client of our SSH session, read with the routes
    InterfaceSettings settings;          ///< read where a tunnel has such a key
    /// What the times of entries mean; read where an entry was learned.
    FdbClock fdb_clock = FdbClock::of_any_use;
    /// Links that have gone, or will have, because a new one takes the place of their lower device.
    Links vanished = {};
};

/// The link of that name, or null.
const Link* find_link(const State& state, std::string_view name);

/// The record of a link that carries our mark; null where it has none, or it was not read.
const Record* find_record(const State& state, const Link* link);

} // namespace vxlanctl
