#pragma once

#include "vxlanctl/doctor/rounds.h"
#include "vxlanctl/run/arp_socket.h"

#include <map>

namespace vxlanctl {

/// Who answers for an address: more than one is a conflict.
using Answerers = std::map<IpAddress, std::vector<MacAddress>>;

/// Asks by ARP on one interface. Needs CAP_NET_RAW.
class ArpQuestion {
public:
    static Result<ArpQuestion> open(const Kernel& kernel, int link_index);

    /// Who has the IPv4 address? `sender` is this host's on that interface, or 0.0.0.0.
    void add(const IpAddress& target, const IpAddress& sender);
    /// Who else has this address of the host's own? By ARP probes, which change nobody's neighbours
    /// (RFC 5227 section 2.1.1). There is no answer as a rule, so that it takes all of the time.
    void add_own(const IpAddress& address);
    Question question();
    const Answerers& answers() const { return answers_; }

private:
    struct Target {
        IpAddress address, sender;
        bool is_own = false;
    };

    explicit ArpQuestion(ArpSocket socket) : socket_(std::move(socket)) {}
    bool ask();
    void receive();
    bool is_settled() const;
    void note(const ArpMessage& message);

    ArpSocket socket_;
    std::vector<Target> targets_;
    Answerers answers_;
    int tries_ = 0;
};

/// Asks by neighbour discovery (RFC 4861) on one interface. Needs CAP_NET_RAW.
class SolicitationQuestion {
public:
    static Result<SolicitationQuestion> open(const Kernel& kernel, const std::string& dev,
                                             int link_index, const MacAddress& mac);

    void add(const IpAddress& target) { targets_.push_back(target); }
    Question question();
    const Answerers& answers() const { return answers_; }

private:
    SolicitationQuestion(FileDescriptor socket, int link_index, const MacAddress& mac)
        : socket_(std::move(socket)), link_index_(link_index), mac_(mac) {}
    bool ask();
    void receive();
    bool is_settled() const;
    void note(std::span<const std::uint8_t> advertisement);

    FileDescriptor socket_;
    int link_index_;
    MacAddress mac_; ///< the interface's own
    std::vector<IpAddress> targets_;
    Answerers answers_;
    int tries_ = 0;
};

} // namespace vxlanctl
