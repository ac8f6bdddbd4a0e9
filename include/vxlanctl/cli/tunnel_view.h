#pragma once

#include "vxlanctl/cli/output.h"
#include "vxlanctl/model/evpn.h"
#include "vxlanctl/model/many_vnis.h"
#include "vxlanctl/model/model.h"
#include "vxlanctl/run/peer_counters.h"

#include <array>
#include <map>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

/// What `show` tells of a tunnel, computed once; each format of its output is a function of it.
namespace vxlanctl {

/// In the order in which people are told of them.
inline constexpr FdbOrigin fdb_origins[] = {FdbOrigin::learned, FdbOrigin::pinned,
                                            FdbOrigin::external};
std::string_view origin_word(FdbOrigin origin);

/// An entry of the flood list, and the MACs behind it.
struct PeerView {
    FloodEntry entry;
    std::array<std::vector<MacAddress>, std::size(fdb_origins)> macs; ///< by their origin
    Activity activity = {}; ///< with its address: when it was last heard
    std::optional<PeerCounters> counters = std::nullopt; ///< where packets are counted by peer
};

/// What FRR says of the tunnel, against what the kernel has.
struct EvpnView {
    std::string skipped; ///< why it does not say anything; else empty
    std::vector<IpAddress> vteps, missing, unknown, not_taken; ///< see EvpnComparison
    std::size_t routes = 0;
    std::vector<EvpnSession> sessions;
};

/// None of a tunnel that is no control plane's affair.
std::optional<EvpnView> evpn_view_of(const Link& link, const State& state,
                                     const ControlPlane& plane);

struct TunnelView {
    const Link& link;       ///< for what needs no computing
    std::string management; ///< `cli`, `file` or `unmanaged`
    std::string source;     ///< the file or directory that it comes from; empty where none is known
    std::string word;       ///< what the tunnel is called: `vxlan`, `isatap`, `ipip6`
    std::vector<std::string> unusual_settings; ///< those that are not as all new links have them
    std::vector<std::string> forward_from;     ///< devices that we made forward for the tunnel
    /// Those out of the tunnel that somebody made, and not the kernel for an address; and those out
    /// of other links that we made for it.
    std::vector<Route> routes;
    std::vector<Rule> rules; ///< those that the record claims, as far as the kernel has them
    bool has_peers = false;  ///< it is of a kind with a flood list
    std::vector<PeerView> peers;
    PeerNames peer_names; ///< those that the record has
    /// Unicast entries whose remote is in no flood list: the kernel learns from whoever sends.
    std::vector<MacEntry> elsewhere;
    std::vector<Message> problems;
    std::string netns = {}; ///< the namespace's name, for who shows several; empty: the call's
    std::optional<EvpnView> evpn = {};
    std::optional<ManyVnis> many_vnis = {}; ///< of a single VXLAN device
};

/// What packets are counted by peer, by the tunnel; see read_peer_counters().
using CountedTunnels = std::map<std::string, CountedPeers>;

/// The view refers to the link.
TunnelView view_of(const Link& link, const State& state, const CountedTunnels& counted = {});

std::string text_of(const TunnelView& view, const OutputStyle& style);
nlohmann::json json_of(const TunnelView& view);
/// Adds to a peer's object when it was last heard; what is not known is left out.
void add_activity(nlohmann::json& peer, const Activity& activity);

} // namespace vxlanctl
