#pragma once

#include "vxlanctl/doctor/reach.h"

/// What reach() is made of.
namespace vxlanctl {

/// Steps as they are taken.
class ReachSteps {
public:
    void pass(std::string_view name, Code found, Values values = {});
    void warn(std::string_view name, Code found, Values values, std::string remedy = "");
    void fail(std::string_view name, Code found, Values values, std::string remedy = "");
    void add(std::string_view name, Verdict verdict, Message message, std::string remedy = "");
    /// The first that fails; null: none.
    const ReachStep* first_failure() const;
    /// What failed was no obstacle after all.
    void forgive();
    std::vector<ReachStep>& list() { return steps_; }

private:
    std::vector<ReachStep> steps_;
};

/// A tunnel that the way leads through, and the packets that it carries.
struct Stretch {
    const ReachFacts& given;
    const Link& link;
    IpAddress to;                     ///< of the inner packets
    IpAddress hop;                    ///< their next hop
    std::optional<IpAddress> source;  ///< of the inner packets, where it is known
    std::vector<IpAddress> ends = {}; ///< the remote ends that they are sent to
    Code headline = Code::reached_through_peer;
};

/// What people call its peers, as the record has it.
const PeerNames& peer_names(const ReachFacts& given, const Link& link);
/// The neighbour on that interface; null: none.
const KnownNeighbour* find_neighbour(const ReachFacts& given, const std::string& dev,
                                     const IpAddress& address);
/// The way of the tunnel's outer packets; null where it is not known.
const RouteFact* find_out(const ReachFacts& given, const Link& link, const IpAddress& end);

// reach_tunnel.cpp: of one tunnel
/// To which remote ends the packets are sent, which it notes in the stretch.
void find_ends(ReachSteps& steps, Stretch& it);
void judge_room(ReachSteps& steps, const Stretch& it);
/// Of the ways to the remote ends the first one that leads through another tunnel; null: none.
const RouteFact* judge_underlay(ReachSteps& steps, const Stretch& it);
/// What the doctor finds of the tunnel that keeps all of its packets.
void judge_tunnel(ReachSteps& steps, const Stretch& it);
void judge_neighbour(ReachSteps& steps, const ReachFacts& given, const std::string& dev,
                     const IpAddress& hop);

// reach_firewall.cpp
/// Of all tunnels that the way leads through.
void judge_firewall(ReachSteps& steps, const std::vector<Stretch>& stretches);

} // namespace vxlanctl
