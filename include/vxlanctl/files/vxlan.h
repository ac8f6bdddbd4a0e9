#pragma once

#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/files/written.h"

#include <functional>
#include <variant>

/// The peers of a VXLAN as people write them, and the files that have one a line.
namespace vxlanctl {

/// The address of a peer.
Result<FloodEntry> parse_peer(std::string_view text);
/// An address, or a host name (RFC 1123 section 2.1) with at least one dot, if only at its end, and
/// whose last label begins with a letter: what is a mistake in an address stays an error.
using Peer = std::variant<FloodEntry, NamedPeer>;
Result<Peer> parse_peer_or_name(std::string_view text);

/// What people call a peer, see PeerNames: without control characters, at most 63 bytes of UTF-8,
/// and no address, which would be another peer.
Result<std::string> parse_peer_name(std::string_view text);

/// Where a peer stands, in a text, or in a line of a peers file that is named there; and what it is
/// called there.
struct PeerPlace {
    TextPosition position = {};
    std::uint32_t file = 0, line = 0; ///< of the peers file; no line is none
    std::string name = {};
};

/// Peers in the order in which they were stated.
struct PeerList {
    std::vector<FloodEntry> entries;
    std::vector<NamedPeer> names;
    std::vector<PeerPlace> entry_places, name_places; ///< of each of them
    std::vector<std::string> files;                   ///< the paths of the peers files
    void add(Peer peer, PeerPlace place = {});
    void append(PeerList more);
};
/// A peers file: one peer per line, `#` begins a comment; a word behind the peer is its name. Calls
/// `take` for each peer with its name and the number of its line, from 1, and `refuse` for each
/// error, which reads `path:line: message`. A file without any line of a peer is an error: it is
/// more likely broken than meant.
void read_peers(std::string_view text, const std::string& path,
                const std::function<void(Peer, std::string name, std::size_t line)>& take,
                const std::function<void(Error)>& refuse);
/// The same, up to the first error.
Result<PeerList> parse_peers(std::string_view text, const std::string& path);
/// Of sorted peers those that are not of LOCAL's family, are LOCAL, or come twice.
std::vector<BadElement> check_peers(std::span<const FloodEntry> peers, const IpAddress& local);
/// Names that come twice.
std::vector<BadElement> check_names(std::span<const NamedPeer> names);

} // namespace vxlanctl
