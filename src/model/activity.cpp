#include "vxlanctl/model/activity.h"

#include <algorithm>
#include <charconv>
#include <limits>

namespace vxlanctl {
namespace {

using std::chrono::seconds;

seconds in_seconds(std::uint32_t hundredths) {
    return seconds(hundredths / 100);
}

/// Within which limits the last packet from there was.
struct Range {
    std::uint32_t least = 0, most = 0; ///< how long ago, in hundredths of a second
};

/// Both kernels agree that something was heard at `updated`, and nothing was after the later of the
/// two times. An entry that a program adds or refreshes as if it was learned (NUD_REACHABLE,
/// NTF_USE) counts as heard then: nothing tells it from a learned one.
Range heard_within(const FdbTimes& times, FdbClock clock) {
    const std::uint32_t least =
        clock == FdbClock::of_reception ? times.updated : std::min(times.used, times.updated);
    return {least, times.updated};
}

/// Where the two limits are within one second, that second is the answer.
std::optional<seconds> heard(const Range& range) {
    if (in_seconds(range.least) != in_seconds(range.most)) return std::nullopt;
    return in_seconds(range.least);
}

/// Learning sets both times, so `used` is that of a packet to the MAC only if it is the later one.
std::optional<std::uint32_t> sent_at(const FdbTimes& times, FdbClock clock) {
    if (clock != FdbClock::of_reception || times.used >= times.updated) return std::nullopt;
    return times.used;
}

/// Of all entries behind one peer.
class Gathered {
public:
    void add(const MacEntry& entry, FdbClock clock) {
        ++macs_;
        if (!entry.times) return unknown_ = true, void();
        const Range range = heard_within(*entry.times, clock);
        heard_ = {std::min(heard_.least, range.least), std::min(heard_.most, range.most)};
        used_ = std::min({used_, entry.times->used, entry.times->updated});
        if (const auto sent = sent_at(*entry.times, clock)) sent_ = std::min(sent_, *sent);
    }

    PeerActivity result(const IpAddress& peer) const {
        PeerActivity result{peer, {}, macs_};
        if (macs_ == 0 || unknown_) return result;
        result.activity.heard = heard(heard_);
        result.activity.heard_or_sent = in_seconds(used_);
        // Another entry's packet may be later, but was answered then.
        if (sent_ < heard_.least) result.activity.sent = in_seconds(sent_);
        return result;
    }

private:
    static constexpr std::uint32_t never = std::numeric_limits<std::uint32_t>::max();
    Range heard_{never, never};
    std::uint32_t used_ = never, sent_ = never;
    std::size_t macs_ = 0;
    bool unknown_ = false; ///< the kernel did not say of each entry
};

} // namespace

FdbClock fdb_clock_of(std::string_view kernel_release) {
    int major = 0, minor = 0;
    const char* const end = kernel_release.data() + kernel_release.size();
    const auto [dot, problem] = std::from_chars(kernel_release.data(), end, major);
    if (problem != std::errc() || dot == end || *dot != '.') return FdbClock::of_any_use;
    if (std::from_chars(dot + 1, end, minor).ec != std::errc()) return FdbClock::of_any_use;
    return major > 6 || (major == 6 && minor >= 15) ? FdbClock::of_reception : FdbClock::of_any_use;
}

Activity activity_of(const FdbTimes& times, FdbClock clock) {
    Gathered one;
    MacEntry entry;
    entry.times = times;
    one.add(entry, clock);
    return one.result({}).activity;
}

std::vector<PeerActivity> peer_activity(const Link& link, FdbClock clock) {
    std::vector<const MacEntry*> learned;
    for (const auto& entry : link.macs)
        if (entry.origin == FdbOrigin::learned) learned.push_back(&entry);
    std::sort(learned.begin(), learned.end(), [](const MacEntry* one, const MacEntry* other) {
        return one->remote.dst < other->remote.dst;
    });
    // Both lists are sorted by peer.
    std::vector<PeerActivity> result;
    auto entry = learned.begin();
    const auto add_peer = [&](const IpAddress& peer) {
        Gathered gathered;
        for (; entry != learned.end() && (*entry)->remote.dst == peer; ++entry)
            gathered.add(**entry, clock);
        result.push_back(gathered.result(peer));
    };
    const auto add_strangers = [&](const IpAddress* before) {
        while (entry != learned.end() && (before == nullptr || (*entry)->remote.dst < *before))
            add_peer((*entry)->remote.dst);
    };
    for (const auto& flood : link.flood_list) {
        if (!result.empty() && result.back().peer == flood.dst) continue;
        add_strangers(&flood.dst);
        add_peer(flood.dst);
    }
    add_strangers(nullptr);
    return result;
}

} // namespace vxlanctl
