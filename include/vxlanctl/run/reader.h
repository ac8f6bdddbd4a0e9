#pragma once

#include "vxlanctl/netlink/netlink.h"
#include "vxlanctl/plan/elsewhere.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/runtime/runtime.h"

namespace vxlanctl {

/// What to read, beside every address of the host.
struct ReadRequest {
    std::vector<std::string> tunnels; ///< links to be read in full, as far as they exist
    std::vector<std::string> others;  ///< links of which the attributes are enough
    std::set<TunnelKind> kinds;       ///< all links of these kinds, attributes alone
    bool every_tunnel = false;        ///< all tunnels in full, with their counters
    bool counters = false;            ///< those of the links of `kinds`, too
    /// More tunnels to be read in full, of those that are seen.
    std::function<bool(const Link&)> selects = [](const Link&) { return false; };
    /// Links of which the record is wanted and no more.
    std::function<bool(const Link&)> recorded = [](const Link&) { return false; };
    /// Routes and neighbours of the tunnels too: what a change may have to put back.
    bool foreign = true;
    /// With them which links stand on the tunnels. For that the kernel lists all links.
    bool uppers = true;
    /// Neighbours of the tunnels, those too that the kernel found by itself, and the names of the
    /// links that have the tunnels' local addresses.
    bool surroundings = false;
    std::vector<IpAddress> locals; ///< addresses of which the device's name is wanted
    bool every_local = false;      ///< those of all addresses
    /// Of routes in State::routes to these, and of default routes, the device's name is wanted.
    std::set<Prefix> destinations;
    /// Whether a flood list is what was expected. The kernel's dump of a large table is not
    /// consistent while the table changes (vxlan_fdb_dump() goes on by count, so one entry that
    /// goes makes it miss another), so one that is not expected gets read until no event came
    /// meanwhile, two readings agree in every entry, or all readings together have what was
    /// expected.
    std::function<bool(const Link&)> expects = [](const Link&) { return false; };
    /// What else is wanted; asked when links, addresses and records are known, and for the main
    /// table once more when the routes are.
    std::function<Needs(const State&)> needs = [](const State&) { return Needs{}; };
};

/// All that planning `config` needs. The request refers to the config.
ReadRequest request_for(const Config& config);

/// Reads the state with one dump per kind of object. `records` may be null.
Result<State> read_state(Netlink& netlink, const RuntimeDirectory* records,
                         const ReadRequest& request);

/// Adds to a state that was read without them the routes and neighbours on the tunnels.
Result<void> read_foreign(Netlink& netlink, State& state, const ReadRequest& request);

} // namespace vxlanctl
