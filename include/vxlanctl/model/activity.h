#pragma once

#include "vxlanctl/model/link.h"

#include <chrono>
#include <optional>
#include <string_view>
#include <vector>

/// When peers were last heard, as far as the kernel's forwarding database tells.
namespace vxlanctl {

/// What FdbTimes of a learned entry mean (drivers/net/vxlan/vxlan_core.c).
enum class FdbClock : std::uint8_t {
    /// Before Linux 6.15: a packet in either direction sets `used` (vxlan_find_mac()). `updated` is
    /// when the entry was learned, or when it last moved to another peer (vxlan_snoop()).
    of_any_use,
    /// Since then: a packet from the MAC sets `updated`, a packet to it sets `used`
    /// (vxlan_find_mac_tx()). Learning sets both.
    of_reception,
};

/// By `uname -r`. Nothing else tells the two kernels apart before traffic does. A distribution that
/// brought the change to an older kernel counts as old: what is said of old ones is true of new
/// ones as well, and says less.
FdbClock fdb_clock_of(std::string_view kernel_release);

/// How long ago something happened on one entry, or with one peer. What is empty is not known.
struct Activity {
    std::optional<std::chrono::seconds> heard; ///< the last packet from there
    /// The last packet to there; known only where it is later than the last one from there, and the
    /// two are told apart.
    std::optional<std::chrono::seconds> sent;
    std::optional<std::chrono::seconds> heard_or_sent; ///< the later of the two
    bool operator==(const Activity&) const = default;
};

/// Of one learned entry.
Activity activity_of(const FdbTimes& times, FdbClock clock);

struct PeerActivity {
    IpAddress peer;       ///< its outer address
    Activity activity;    ///< of its last packets, whichever MAC they were of
    std::size_t macs = 0; ///< how many MACs were learned behind it
    bool operator==(const PeerActivity&) const = default;
};

/// Of each address in the flood list, and of each one that something was learned behind: sorted,
/// each once. Entries that somebody set say nothing, since the kernel did not hear from there.
std::vector<PeerActivity> peer_activity(const Link& link, FdbClock clock);

} // namespace vxlanctl
