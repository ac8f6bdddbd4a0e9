#include "vxlanctl/doctor/neighbours.h"

#include "vxlanctl/netlink/route_codec.h"

#include <algorithm>
#include <cerrno>
#include <linux/neighbour.h>

namespace vxlanctl {
namespace {

// The kernel filters by one interface; of more than this many, a dump of all costs less.
constexpr std::size_t most_alone = 64;

/// Of one interface, or with 0 of all.
Result<void> read(Netlink& netlink, int index, bool with_noarp, Neighbours& all) {
    MessageBatch batch;
    MessageWriter writer(batch);
    encode_dump_neighbours(writer, index);
    const auto handle = [&](const nlmsghdr* message) {
        const auto decoded = decode_any_neighbour(message);
        if (decoded && (with_noarp || (decoded->state & NUD_NOARP) == 0))
            all[decoded->link_index].push_back(
                {decoded->address,
                 decoded->link_layer ? mac_of(*decoded->link_layer) : std::nullopt,
                 decoded->state});
    };
    const auto restart = [&] { index == 0 ? all.clear() : void(all.erase(index)); };
    const auto done = netlink.dump(batch, handle, restart);
    const bool has_vanished = !done && index != 0 && done.error().errno_code == ENODEV;
    return has_vanished ? Result<void>() : done;
}

} // namespace

Result<Neighbours> neighbours_on(Netlink& netlink, const std::set<int>& interfaces,
                                 bool with_noarp) {
    Neighbours all;
    for (const int index : interfaces.size() > most_alone ? std::set<int>{0} : interfaces)
        if (auto done = read(netlink, index, with_noarp, all); !done)
            return tl::unexpected(done.error());
    return all;
}

const KnownNeighbour* find_neighbour(const std::vector<KnownNeighbour>& neighbours,
                                     const IpAddress& address) {
    const auto found =
        std::find_if(neighbours.begin(), neighbours.end(),
                     [&](const KnownNeighbour& known) { return known.address == address; });
    return found == neighbours.end() ? nullptr : &*found;
}

bool is_silent(const KnownNeighbour& neighbour) {
    return (neighbour.state & (NUD_FAILED | NUD_INCOMPLETE)) != 0;
}

} // namespace vxlanctl
