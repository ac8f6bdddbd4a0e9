#pragma once

#include "vxlanctl/doctor/rounds.h"
#include "vxlanctl/kernel/kernel.h"

#include <set>

namespace vxlanctl {

/// Takes the source addresses of what comes in by one interface, at least for two rounds. Needs
/// CAP_NET_RAW.
class Listening {
public:
    static constexpr std::size_t most = 32; ///< addresses
    static constexpr int listening_rounds = 2;

    static Result<Listening> open(const Kernel& kernel, int link_index);
    Question question();
    /// Of ARP, IPv4 and IPv6: those that packets can be sent to from anywhere, sorted.
    std::vector<IpAddress> heard() const { return {heard_.begin(), heard_.end()}; }

private:
    explicit Listening(FileDescriptor socket) : socket_(std::move(socket)) {}
    bool ask() { return ++rounds_ <= listening_rounds; }
    void receive();

    FileDescriptor socket_;
    std::set<IpAddress> heard_;
    int rounds_ = 0;
};

/// The address that a packet says that it comes from, of a protocol of Ethernet (ETH_P_*); none
/// where it is no unicast address, or a link-local one.
std::optional<IpAddress> source_of(std::uint16_t protocol, std::span<const std::uint8_t> packet);

} // namespace vxlanctl
