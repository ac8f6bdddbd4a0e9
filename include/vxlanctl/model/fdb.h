#pragma once

#include "vxlanctl/base/address.h"

#include <algorithm>
#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace vxlanctl {

/// A link's name, of at most 15 bytes, kept in place: flood lists have thousands.
class LinkName {
public:
    LinkName() = default;
    LinkName(std::string_view name) { name.copy(bytes_.data(), bytes_.size() - 1); }
    LinkName(const std::string& name) : LinkName(std::string_view(name)) {}
    LinkName(const char* name) : LinkName(std::string_view(name)) {}
    bool empty() const { return bytes_[0] == '\0'; }
    std::string str() const { return bytes_.data(); }
    // As two words: most lists of names are compared, and most names are empty.
    bool operator==(const LinkName& other) const { return words() == other.words(); }
    auto operator<=>(const LinkName& other) const { return bytes_ <=> other.bytes_; }

private:
    std::array<std::uint64_t, 2> words() const {
        return std::bit_cast<std::array<std::uint64_t, 2>>(bytes_);
    }
    std::array<char, 16> bytes_{};
};

/// One remote that broadcast, unknown and multicast frames are copied to. The four members are the
/// entry's identity in the kernel (vxlan_fdb_find_rdst); port and vni are empty where they equal
/// the link's own.
struct FloodEntry {
    IpAddress dst;
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    LinkName via; ///< the interface that packets to this remote must leave by
    auto operator<=>(const FloodEntry&) const = default;
};

/// A peer that is stated by its host name; each address that the name has makes a FloodEntry.
struct NamedPeer {
    std::string name; ///< in lower case
    std::optional<std::uint16_t> port;
    std::optional<std::uint32_t> vni;
    LinkName via;
    std::string label = {}; ///< see PeerNames; not compared
    bool operator==(const NamedPeer& other) const { return identity() == other.identity(); }
    auto operator<=>(const NamedPeer& other) const { return identity() <=> other.identity(); }

private:
    std::tuple<const std::string&, const std::optional<std::uint16_t>&,
               const std::optional<std::uint32_t>&, const LinkName&>
    identity() const {
        return {name, port, vni, via};
    }
};

/// What people call peers. A name is a label: the kernel knows none, it is never looked up, and no
/// two peers are told apart by it.
using PeerNames = std::map<FloodEntry, std::string>;

/// The name of a peer that has no usable address at the moment, and why.
struct UnresolvedName {
    std::string name;
    std::string why;
    bool operator==(const UnresolvedName&) const = default;
};

/// NUD_PERMANENT and NTF_SELF: what `bridge fdb append` writes by default.
constexpr std::uint16_t permanent_flood_state = 0x80;
constexpr std::uint8_t own_flood_flags = 0x02;

/// One router of an ISATAP link's potential router list (RFC 5214 section 8.3.2): the link accepts
/// packets that come through it from anywhere.
struct PrlEntry {
    IpAddress router;        ///< IPv4
    bool is_default = false; ///< PRL_DEFAULT: may be a default router
    auto operator<=>(const PrlEntry&) const = default;
};

/// How an FDB entry came about, which decides whom it belongs to.
enum class FdbOrigin : std::uint8_t {
    learned,  ///< by the kernel from traffic; ages
    pinned,   ///< permanent or static, set by somebody
    external, ///< NTF_EXT_LEARNED: owned by a control plane (BGP EVPN)
};

/// How long ago the kernel touched an entry, in hundredths of a second (struct nda_cacheinfo, in
/// USER_HZ). What the two mean depends on the kernel: see activity.h.
struct FdbTimes {
    std::uint32_t used = 0;
    std::uint32_t updated = 0;
};

/// A unicast entry: frames to this MAC go to this remote.
struct MacEntry {
    MacAddress mac;
    FloodEntry remote;
    std::uint16_t state = 0; ///< NUD_*
    std::uint8_t flags = 0;  ///< NTF_*
    FdbOrigin origin = FdbOrigin::learned;
    std::optional<FdbTimes> times = {}; ///< not compared: the same entry is of another age later
    bool operator==(const MacEntry& other) const { return identity() == other.identity(); }
    auto operator<=>(const MacEntry& other) const { return identity() <=> other.identity(); }

private:
    std::tuple<const MacAddress&, const FloodEntry&, std::uint16_t, std::uint8_t, FdbOrigin>
    identity() const {
        return {mac, remote, state, flags, origin};
    }
};

/// An FDB entry that a FloodEntry or a MacEntry cannot express: frames go to the members of a
/// next-hop group (NDA_NH_ID, without NDA_DST), or the entry is one VNI's of a link that has many
/// (NDA_SRC_VNI). It is never written, and stays where it is.
struct OpaqueEntry {
    MacAddress mac;                          ///< all zero: in the flood list's place
    std::optional<std::uint32_t> group;      ///< the ID of the next-hop object
    std::vector<IpAddress> members;          ///< the gateways behind `group`; empty: not known
    std::optional<std::uint32_t> source_vni; ///< the VNI that the entry is for
    std::optional<IpAddress> dst;
    std::uint16_t state = 0; ///< NUD_*
    std::uint8_t flags = 0;  ///< NTF_*
    auto operator<=>(const OpaqueEntry&) const = default;
};

/// Whether it leaves by an interface that is no more; see is_no_link().
bool is_by_no_link(const FloodEntry& entry);

/// A flood list in one line: `ADDRESS[/PORT[/VNI[/VIA]]]`, with spaces between.
std::string peers_text(const std::vector<FloodEntry>& peers);
/// The inverse of peers_text(), sorted; a word that is no peer is left out.
std::vector<FloodEntry> parse_peers_text(std::string_view text);
/// The name of the first peer with that address, or empty.
std::string name_of_peer(const PeerNames& names, const IpAddress& dst);
/// `100.64.158.4 (gate-a)`, or the address alone.
std::string peer_text(const PeerNames& names, const IpAddress& dst);

/// What is in either text.
std::string united_peers(const std::string& one, const std::string& other);

/// Stands in a name's place for the link of that ifindex, whose name is not known, or that is gone.
std::string no_link(int index);
bool is_no_link(std::string_view name);

/// Whether a flood list in this state vanishes by itself: neither permanent nor static (NUD_NOARP).
bool ages(std::uint16_t flood_state);
/// Whether a control plane owns the flood list (NTF_EXT_LEARNED).
bool is_external(std::uint8_t flood_flags);

/// In a sorted list the first entry to `dst`, or where it would be.
std::vector<FloodEntry>::const_iterator first_entry_to(const std::vector<FloodEntry>& sorted,
                                                       const IpAddress& dst);
/// Whether a sorted list has an entry to `dst`, with whatever port, VNI or interface.
bool has_entry_to(const std::vector<FloodEntry>& sorted, const IpAddress& dst);

} // namespace vxlanctl
