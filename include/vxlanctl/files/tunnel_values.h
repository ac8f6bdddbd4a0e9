#pragma once

#include "vxlanctl/model/attributes.h"

#include <functional>
#include <span>
#include <variant>

/// What the values of a tunnel have to be, whether they come from the command line or out of a
/// file. The subject of an error is the text that is wrong; the caller puts the word or key before
/// it, see with_subject().
namespace vxlanctl {

constexpr std::uint32_t default_vni = 10;
constexpr std::uint16_t default_port = 4789; ///< IANA's; the kernel's own default is 8472

/// `error` with `where` before its subject; a colon that ends it is left out where there is none.
tl::unexpected<Error> with_subject(Error error, std::string_view where);

/// What is wrong with one element of a list.
struct BadElement {
    std::size_t index = 0;
    Error error;
    std::optional<std::size_t> first = std::nullopt; ///< the index of the one that it doubles
};
/// The first of the problems, if there is any.
Result<void> first_of(std::vector<BadElement> bad);

/// A tunnel of that kind with what all of them have that people make.
Tunnel blank_tunnel(TunnelKind kind);

/// Whether people state the attribute of a tunnel of that kind: as an option and as a key.
bool is_option(const AttributeRow<LinkAttributes>& row, TunnelKind kind);
bool is_option(const AttributeRow<TunnelAttributes>& row, TunnelKind kind);

/// set_value() where is_option(): also checks the name of a link and an MTU that the kind cannot
/// have, and takes `-` for no device.
template<class Attributes>
Result<void> state_value(Attributes& attributes, const AttributeRow<Attributes>& row,
                         std::string_view text, TunnelKind kind);

/// What the kernel takes as a name (dev_valid_name()), less what makes it choose one itself (%).
Result<void> check_link_name(std::string_view name);
/// The same, and not the link that the kernel module itself makes.
Result<void> check_tunnel_name(std::string_view name, TunnelKind kind);

/// The lower device of a VXLAN; `-` is none.
Result<std::string> parse_dev(std::string_view text);
/// The outer address of this host.
Result<IpAddress> parse_local(std::string_view text, TunnelKind kind);
/// The outer address of the other end of an ip6tnl. `local` is empty where it is not known.
Result<IpAddress> parse_remote(std::string_view text, const std::optional<IpAddress>& local);

/// The address of a peer.
Result<FloodEntry> parse_peer(std::string_view text);
/// An address, or a host name (RFC 1123 section 2.1) with at least one dot, if only at its end, and
/// whose last label begins with a letter: what is a mistake in an address stays an error.
using Peer = std::variant<FloodEntry, NamedPeer>;
Result<Peer> parse_peer_or_name(std::string_view text);

/// Where a peer stands: the index of a peers file, and the line in it; no line is no file.
struct PeerLine {
    std::uint32_t file = 0, line = 0;
};

/// Peers in the order in which they were stated.
struct PeerList {
    std::vector<FloodEntry> entries;
    std::vector<NamedPeer> names;
    std::vector<PeerLine> entry_lines, name_lines; ///< of each of them
    std::vector<std::string> files;                ///< their paths
    void add(Peer peer, PeerLine line = {});
    void append(PeerList more);
};
/// The first of the problems, with the lines of the peers concerned.
Result<void> first_of(std::vector<BadElement> bad, std::span<const PeerLine> lines,
                      std::span<const std::string> files);
/// A peers file: one peer per line, `#` begins a comment. Calls `take` for each peer with the
/// number of its line, from 1, and `refuse` for each error, which reads `path:line: message`. A
/// file without any line of a peer is an error: it is more likely broken than meant.
void read_peers(std::string_view text, const std::string& path,
                const std::function<void(Peer, std::size_t line)>& take,
                const std::function<void(Error)>& refuse);
/// The same, up to the first error.
Result<PeerList> parse_peers(std::string_view text, const std::string& path);
/// Of sorted peers those that are not of LOCAL's family, are LOCAL, or come twice.
std::vector<BadElement> check_peers(std::span<const FloodEntry> peers, const IpAddress& local);
/// Names that come twice.
std::vector<BadElement> check_names(std::span<const NamedPeer> names);

/// An address inside the tunnel, such as a host can have.
Result<Prefix> parse_inner_address(std::string_view text);
/// Whether a tunnel of that kind can carry it; `text` is the address as written.
Result<void> check_inner_family(const Prefix& address, std::string_view text, TunnelKind kind);
/// Whether the tunnel itself carries what the route leads to; one out of another link is free.
Result<void> check_route_family(const Route& route, const Tunnel& tunnel);
/// An outer address that a link alone gives a meaning needs that link as the lower device.
Result<void> check_scope(const IpAddress& address, const TunnelAttributes& tunnel);
/// An MTU below 1280 beside an IPv6 address or route: the kernel has no IPv6 on such a link.
Result<void> check_ipv6_mtu(const Tunnel& tunnel);
/// What ip-netns(8) takes as a name.
Result<void> check_netns(std::string_view name);
/// A device by which packets come in.
Result<std::string> parse_forward_from(std::string_view text);
/// Devices that come twice. The errors have no subject.
std::vector<BadElement> check_forward_from(std::span<const std::string> devices);
/// Addresses that the kernel would take for one that is there. The errors have no subject.
std::vector<BadElement> check_addresses(std::span<const Prefix> addresses);

/// A router of an ISATAP link as people name it.
struct IsatapRouter {
    IpAddress address;
    bool prl_default = true;
    std::optional<std::uint32_t> metric; ///< of the default route by it; without it there is none
    bool operator==(const IsatapRouter&) const = default;
};

/// What addresses, next hops and the PRL of an ISATAP link follow from.
struct IsatapWish {
    Prefix prefix;
    std::optional<bool> global_id; ///< see isatap_address()
    std::optional<std::vector<IsatapRouter>> routers;
    bool operator==(const IsatapWish&) const = default;
};

/// The /64 of an ISATAP link.
Result<Prefix> parse_isatap_prefix(std::string_view text);
Result<IpAddress> parse_router(std::string_view text, const std::optional<IpAddress>& local);
/// Routers that come twice, and metrics that do. The errors have no subject.
std::vector<BadElement> check_routers(std::span<const IsatapRouter> routers);
std::vector<BadElement> check_metrics(std::span<const std::uint32_t> metrics);
/// States the address, the PRL and, before other routes, the default routes. `tunnel.local` is set.
void state_isatap(Tunnel& tunnel, IsatapWish wish);

} // namespace vxlanctl
