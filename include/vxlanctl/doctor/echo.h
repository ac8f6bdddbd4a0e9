#pragma once

#include "vxlanctl/doctor/probed.h"
#include "vxlanctl/doctor/rounds.h"
#include "vxlanctl/doctor/size_search.h"
#include "vxlanctl/kernel/kernel.h"

#include <map>

namespace vxlanctl {

/// How echo requests leave.
struct EchoWay {
    Family family = Family::ipv4;
    std::string dev;                ///< the interface that they must leave by; empty: any
    int scope = 0;                  ///< its ifindex, for link-local addresses
    std::optional<IpAddress> local; ///< the address that they come from; none: the kernel's choice
};

/// The size of a small echo request, with its IP header.
std::uint32_t small_echo(Family family);

/// Sends ICMP or ICMPv6 echo requests that may not be fragmented. Needs CAP_NET_RAW.
class EchoQuestion {
public:
    static Result<EchoQuestion> open(const Kernel& kernel, const EchoWay& way);

    /// With a `wanted` size above small_echo(), also whether packets of that size pass, and else
    /// which do: of those with one `group`, only for the first who answers.
    void add(const IpAddress& to, std::uint32_t wanted = 0, int group = 0);
    Question question();
    /// In the order of add().
    std::vector<EchoAnswer> answers() const;

private:
    struct Target {
        IpAddress to;
        std::uint32_t wanted = 0;
        int group = 0;
        SizeSearch sizes;
        int code = 0;
    };
    struct Sent {
        std::size_t target = 0;
        std::uint32_t size = 0;
    };

    EchoQuestion(FileDescriptor socket, const EchoWay& way);
    bool ask();
    void receive();
    bool is_settled() const;
    void send(std::size_t target, std::uint32_t size);
    void note_reply(const IpAddress& from, std::span<const std::uint8_t> message);

    FileDescriptor socket_;
    EchoWay way_;
    std::uint16_t id_ = 0;
    std::vector<Target> targets_;
    std::map<int, std::size_t> leaders_; ///< by group: whose sizes are looked for
    std::vector<Sent> sent_;             ///< by sequence number
};

} // namespace vxlanctl
