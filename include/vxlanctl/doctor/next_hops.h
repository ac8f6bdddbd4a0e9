#pragma once

#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/neighbour_question.h"
#include "vxlanctl/doctor/neighbours.h"

namespace vxlanctl {

/// The next hops of some ways, each of which is asked for once.
class NextHops {
public:
    static constexpr std::size_t most = 32;

    NextHops(const Kernel& kernel, Netlink& netlink, const State& state)
        : kernel_(kernel), netlink_(netlink), state_(state) {}

    /// Of a way through an interface of Ethernet; `local` is the address that is asked from where
    /// the way has none.
    void add(const RouteFact& way, const std::optional<IpAddress>& local);
    std::vector<Question> questions();
    void take_answers();
    /// That of a way; null where it was not asked for.
    const NextHop* find(const RouteFact& way) const;

private:
    bool ask(const Link& dev, const IpAddress& address, const IpAddress& sender);
    const std::vector<KnownNeighbour>& neighbours(const Link& dev);

    const Kernel& kernel_;
    Netlink& netlink_;
    const State& state_;
    std::vector<NextHop> hops_;
    std::map<std::string, ArpQuestion> by_arp_; ///< by interface
    std::map<std::string, SolicitationQuestion> by_solicitation_;
    Neighbours neighbours_;
};

} // namespace vxlanctl
