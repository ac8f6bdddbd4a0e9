#pragma once

#include "vxlanctl/model/model.h"

#include <optional>
#include <span>
#include <string>
#include <vector>

/// The picture that people draw by hand of a host's tunnels: which address is outer and which is
/// inner, and what is at the other end. Values alone; graph.h draws them.
namespace vxlanctl {

/// Somebody inside of a VXLAN, behind a far end.
struct Station {
    MacAddress mac;
    FdbOrigin origin = FdbOrigin::learned;
    std::vector<IpAddress> addresses; ///< as far as the tunnel's neighbours have them; sorted
    bool operator==(const Station&) const = default;
};

enum class FarRole : std::uint8_t {
    peer,    ///< of a flood list
    remote,  ///< the one other end: of an ipip6, or a VXLAN's default remote
    group,   ///< a default remote that is a multicast group
    router,  ///< of a PRL
    stranger ///< not in the flood list, but the kernel sends there
};

/// The other end of a tunnel.
struct FarEnd {
    FarRole role = FarRole::peer;
    IpAddress outer;
    std::string host_name;             ///< of a peer that a file names so; it has no `outer` then
    std::string label;                 ///< what people call it, see PeerNames
    std::optional<std::uint16_t> port; ///< where it is not the tunnel's own, as the VNI
    std::optional<std::uint32_t> vni;
    std::string via;         ///< the device that packets to it must leave by
    bool is_default = false; ///< of a router: PRL_DEFAULT
    /// By MAC; empty where that is not known, as in files.
    std::optional<std::vector<Station>> stations;
    std::size_t more_stations = 0; ///< left out, see summarised()
    Activity activity = {};        ///< when it was last heard, as far as the kernel tells
    bool operator==(const FarEnd&) const = default;
};

struct TunnelEnd {
    std::string name;
    std::string kind; ///< `VXLAN`, `ISATAP`, `sit`, `ipip6` or `ip6tnl`
    std::optional<std::uint32_t> vni;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> mtu;
    bool is_bound = false; ///< to the lower device; otherwise routes choose one
    bool is_down = false;
    std::string master, vrf;
    std::vector<Prefix> inner; ///< without link-local ones
    std::vector<FarEnd> far_ends;
    std::size_t more_far_ends = 0; ///< left out, see summarised()
    std::size_t more_stations = 0; ///< behind those
    bool operator==(const TunnelEnd&) const = default;
};

/// An address of this host that outer packets come from, and the tunnels that use it.
struct OuterEnd {
    std::string device; ///< the lower device, or the link that has the address; empty if unknown
    std::string holder; ///< the link that has the address, where that is another one
    bool is_elsewhere = false;        ///< the underlay is in another network namespace
    std::optional<IpAddress> address; ///< empty: the kernel chooses one
    std::vector<TunnelEnd> tunnels;
    bool operator==(const OuterEnd&) const = default;
};

struct Picture {
    std::vector<OuterEnd> outer_ends; ///< in the order in which tunnels first use them
    bool operator==(const Picture&) const = default;
};

/// Of links that run, which are some of `state`.
Picture picture_of(std::span<const Link* const> links, const State& state);
/// Of tunnels that are wanted.
Picture picture_of(std::span<const Tunnel* const> tunnels);

/// The picture with at most so many far ends a tunnel, and stations a far end; what is left out is
/// counted. It is never one alone.
struct PictureLimits {
    std::size_t far_ends = 8;
    std::size_t stations = 4;
};
Picture summarised(Picture picture, const PictureLimits& limits);

/// What is written into one box, in ASCII without control characters. A line may be broken between
/// its words.
struct BoxText {
    std::string title;
    std::vector<std::vector<std::string>> lines;
};
BoxText box_text(const OuterEnd& end);
BoxText box_text(const TunnelEnd& end);
BoxText box_text(const FarEnd& end);
/// The box for the far ends that were left out; only where there are any.
BoxText rest_text(const TunnelEnd& end);

} // namespace vxlanctl
