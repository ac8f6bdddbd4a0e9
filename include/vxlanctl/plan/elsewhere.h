#pragma once

#include "vxlanctl/plan/steps.h"

#include <map>
#include <set>

/// What tunnels have outside of their links: policy rules, routes out of other links, and devices
/// that forward. Several tunnels may have a part in one of them.
namespace vxlanctl {

/// The table of routes that are stated without one: main, or the VRF's.
std::uint32_t own_table(const Tunnel& tunnel, const State& state);
/// Of a link that is not known none.
/// Whether the device forwards IPv4 packets that come in through it.
bool forwards(const std::string& device, const State& state);
const Routes& routes_out_of(const std::string& name, const State& state);
/// The stated routes, with their table; those out of the tunnel itself have no `dev`.
std::vector<Route> stated_routes(const Tunnel& tunnel, const State& state);
/// What has become of a route that we set: it, or where its gateway was changed by hand, what is in
/// its place. Null where neither is there, or the kernel made it.
const Route* find_own_route(const Routes& routes, const Route& recorded);

/// What is to be remembered of a tunnel: what we set. A rule, or a route out of another link, that
/// somebody else has made already is not, nor is a device that forwards already.
/// Without the peers, which may be thousands.
Record record_of(const Tunnel& tunnel, const State& state);
/// The record with the tunnel's peers.
Record with_peers(Record record, const Tunnel& tunnel, const State& state);

/// Which tunnel has a part in what is on no link: by mark's ID, or name where there is no mark yet.
class Claims {
public:
    Claims(std::map<std::string, Record> records);
    const std::map<std::string, Record>& records() const { return records_; }
    /// Whether any of the tunnels claims this route out of the link `dev`.
    bool include(const Route& present, const std::string& dev) const;

private:
    std::map<std::string, Record> records_;
    Routes routes_; ///< out of other links than the tunnels
};
/// Those of the tunnels of the config as they will be, and of all others as they are, as are those
/// that are `staying`.
Claims claims_on(const Config& config, const State& state,
                 const std::set<std::string>& staying = {});

/// What is stated for outside of the link.
struct Elsewhere {
    std::vector<Route> routes; ///< those without a `dev` do not matter
    std::vector<Rule> rules;
    std::vector<std::string> forward_from;
};
Elsewhere stated_elsewhere(const Tunnel& tunnel, const State& state);

/// Fills in what is missing outside of the link, and what of the record's has to go there and is
/// nobody else's. The link's own routes go with it.
void plan_elsewhere(LinkTarget& target, const Elsewhere& stated, const Record& old,
                    const State& state, const Claims& claims);

/// Of the routes in the way of new ones those that another tunnel made and gives up in this run.
std::vector<Route> leaving_routes(const std::vector<Route>& stated, const State& state,
                                  const Claims& claims);

/// Whether the newer record of a tunnel lacks anything outside of the link that the older has.
bool gives_up(const Record& older, const Record& newer);
/// The newer record with that, which could not be removed: a later run will.
Record with_elsewhere(Record newer, const Record& older);

/// What of a state is needed to plan a config, beside links, addresses and entries.
struct Needs {
    std::set<std::uint32_t> tables; ///< State::routes: an address or a route is to be added there
    bool rules = false;
    bool all_records = false;    ///< something that several tunnels may share is to go
    std::set<std::string> links; ///< whose routes are needed
    /// If it is known what they are needed for: routes out of these links, by `dev`. Where all are
    /// there and ours, it does not matter which others are.
    std::vector<Route> routes{};
    /// Routes to the subnets of addresses, by `dev`: whether they are there, see Address.
    std::vector<Route> connected{};
    std::set<std::string> devices{}; ///< whose attributes are needed
    bool settings = false;           ///< State::settings
    std::vector<IpAddress> locals{}; ///< addresses of which the device is needed
};
/// `state` has links, addresses and the records of the tunnels that the config names.
Needs needs_of(const Config& config, const State& state);
/// What is needed to plan that everything outside of the link goes that is nobody else's.
Needs needs_to_release(const Record& record);
/// Adds that to other needs.
void add_to_release(Needs& needs, const Record& record);

} // namespace vxlanctl
