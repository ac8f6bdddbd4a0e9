#pragma once

#include "vxlanctl/plan/new_mac.h"
#include "vxlanctl/plan/operation.h"

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

/// The heart of the program: what has to be done so that the kernel has what is wanted. Everything
/// here is a pure function on values.
namespace vxlanctl {

/// What to do with addresses, routes and entries on a link to be replaced that nobody declared.
enum class Foreign : std::uint8_t { ask, keep, drop };

struct PlanOptions {
    bool allow_recreate = false;
    bool allow_flap = false;
    Foreign foreign = Foreign::ask;
    bool allow_overlap = false;
    bool exclusive = false; ///< remove undeclared addresses and pins as well
    bool force = false;     ///< remove links that are not marked
    bool adopt = false;     ///< take over links that another program seems to run
    /// Tunnels that an earlier part of the run could not change, and why: they stay as they are.
    std::map<std::string, Error> failed;
    /// Gives the 16 hexadecimal digits of a tunnel's new mark.
    std::function<std::string(const std::string& tunnel)> new_id = [](const std::string&) {
        return std::string(16, '0');
    };
    /// This host's ID, of which the MAC address of a new VXLAN is made; empty where it has none.
    std::function<std::optional<MachineId>()> machine_id = [] {
        return std::optional(MachineId{1});
    };
    /// Gives six random bytes for a new VXLAN's MAC address, where it is not to be a stable one.
    std::function<MacAddress(const std::string& tunnel)> random_mac = [](const std::string&) {
        return MacAddress{{0, 0, 0, 0, 0, 1}};
    };
};

/// What has to be there before the steps: they work in one network namespace.
struct Preparations {
    bool creates_namespace = false;
    std::optional<Link> moved; ///< the lower device, with what comes along, as it is now
    bool empty() const { return !creates_namespace && !moved; }
};

/// The plan for one tunnel.
struct TunnelPlan {
    std::string name;
    std::string netns; ///< empty: that of the call
    Preparations preparations;
    std::vector<Step> steps;
    std::vector<Message> warnings;
    std::vector<Error>
        errors; ///< impossible wishes and refusals; with any of them, no step is taken
    /// The mark that the link carries when the steps are done, and what is to be remembered under
    /// it; empty for a link that will not be there.
    std::optional<Mark> mark;
    Record record;
    std::optional<Mark> old_mark; ///< of the link as it was read
    bool absent = false;          ///< the link is not wanted
    bool adopted = false;         ///< the mark is the only thing that changes
    std::optional<Link> vanished; ///< the link, if it has gone, or will have, with its lower device
    PeerNames peer_names;         ///< of peers that it has, or shall have
    std::string temporary;        ///< the name that a replacement is built under, when it is
    const Tunnel* wish = nullptr; ///< in the config; none for an absence
    /// Plans of one stage do not depend on one another. What they say of a tunnel of another
    /// one is what is expected when that is carried out.
    std::size_t stage = 0;
};

/// What killed runs left behind and links that are in the way of others go first, then come the
/// tunnels, the lower ones first, then the other absences, the upper ones first.
struct Plan {
    std::vector<TunnelPlan> tunnels;
    std::vector<std::string>
        unnamed;               ///< links that pruning would remove, where it is not asked for
    std::vector<Message> kept; ///< see kept_unnamed()
};

/// What has to be done so that `state` fulfils `config`. Every step is necessary: with nothing to
/// do a tunnel's steps are empty. Same input, same plan.
Plan plan(const Config& config, const State& state, const PlanOptions& options);

/// Says the names of peers in what the plan warns of, and why it is refused.
void name_peers(TunnelPlan& plan);
/// The same of one message: each value `peer` is followed by `peer_name`.
void name_peers(Message& message, const PeerNames& names);

/// Whether the plan has steps, and no error refuses them.
bool is_carried_out(const TunnelPlan& plan);

/// Whether a step of the plan deletes the link of that name, which may be another tunnel's.
bool removes(const TunnelPlan& plan, const std::string& name);

/// Where in the plan's steps its own link goes. Empty where none goes, and where another one does
/// as well, whose turn depends on that.
std::optional<std::size_t> departure_in(const TunnelPlan& plan);

/// Whether the steps make a link that the kernel, or another program, does not want beside `other`:
/// with its ends, or of its VNI, on whatever port (see is_vni_taken() in recreate.cpp).
bool make_beside(std::span<const Step> steps, const Link& other);

/// Whether carrying out the plan, rolling it back, or saying what it costs needs to know the routes
/// and neighbours on the link.
bool concerns_foreign(const TunnelPlan& plan);
/// Whether it needs to know which links stand on the link: that goes, or somebody has to be asked.
bool concerns_uppers(const TunnelPlan& plan);

} // namespace vxlanctl
