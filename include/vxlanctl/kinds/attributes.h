#pragma once

#include "vxlanctl/model/model.h"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// The attribute tables: every attribute of a link is one row, and whoever deals with attributes
/// (options, diff, encoder, decoder, `show`, reports) walks the rows. To add an attribute, add its
/// member in model/link_attributes.h, its row in the source of its kind (of every link: in
/// attributes.cpp), and its tests.
namespace vxlanctl {

/// How the kernel lets an attribute of an existing link change.
enum class Mutability : std::uint8_t {
    in_place,
    same_family,   ///< in place unless the address family changes
    not_clearable, ///< in place, but a change to «none» is accepted and silently ignored
    presence_kept, ///< in place, but neither from «none» nor to it
    no_group,      ///< same_family, but neither from a multicast address nor to one: before
                   ///< Linux 6.15 a change neither leaves the old group nor joins the new one
    flap,          ///< in place, but the kernel takes a link that is up down and up again
    create_only,   ///< the mere presence of the attribute in a change fails it
};

/// How a value travels; the integer types follow from the member's type.
enum class Wire : std::uint8_t {
    number,     ///< u8, or u32 in host byte order
    big_endian, ///< u16, u32 or u64 in network byte order, also a range of two
    flag,       ///< no payload: its presence is the value
    address,    ///< in `kernel` for IPv4, in `kernel6` for IPv6
    ifindex,    ///< u32, of the link that the member names
    negated,    ///< a bool sent as its opposite where the underlay is IPv6 (`kernel6`)
    ipv4_conf,  ///< u32 in IFLA_INET_CONF, by IPV4_DEVCONF_*; not in a create message
    ipv6_mode,  ///< u8 in AF_INET6 of IFLA_AF_SPEC; not in a create message
    port,       ///< of a bridge port, by IFLA_BRPORT_*; not in a create message
    port_vlans, ///< the same, in IFLA_AF_SPEC
    special     ///< not an attribute of its own: the encoder knows it by name
};

/// A word that stands for one number of an attribute.
struct NumberWord {
    std::string_view word;
    std::uint32_t value;
};

template<class Attributes> struct AttributeRow {
    template<class T> using To = std::optional<T> Attributes::*;

    std::string_view name; ///< as in files and messages; an option has '-' for '_'
    std::variant<To<bool>, To<std::uint8_t>, To<std::uint16_t>, To<std::uint32_t>,
                 To<std::uint64_t>, To<IpAddress>, To<std::string>, To<PortRange>, To<DontFragment>,
                 To<RpFilter>, To<AddrGenMode>, To<VlanList>, To<MacAddress>>
        member;
    std::uint16_t kernel;  ///< IFLA_*, IFLA_VXLAN_*, IFLA_IPTUN_* or IPV4_DEVCONF_*
    std::uint16_t kernel6; ///< its IPv6 counterpart, 0 without one
    Wire wire;
    Mutability mutability;
    std::string_view
        reset; ///< the kernel's default as text; empty where there is none, or not one for all
    /// For an option: the argument's placeholder and one line of help. No help, no option.
    std::string_view argument;
    std::string_view help;
    NumberWord word{}; ///< none where the text is empty
};

using LinkRow = AttributeRow<LinkAttributes>;
using TunnelRow = AttributeRow<TunnelAttributes>;

/// Those that every link has.
std::span<const LinkRow> link_attributes();
/// One attribute that differs, as text for people.
struct Difference {
    std::string field, have, want;
    bool operator==(const Difference&) const = default;
};

/// What has to change so that everything stated in `want` holds.
template<class Attributes> struct AttributeDiff {
    Attributes changed;                          ///< the members of `want` that differ from `have`
    std::vector<Difference> changes;             ///< in the table's order
    std::vector<Difference> impossible_in_place; ///< those of `changes` that need a new link
    std::vector<Difference> flaps;               ///< those that take the link down
};
AttributeDiff<LinkAttributes> diff(const LinkAttributes& have, const LinkAttributes& want);
AttributeDiff<TunnelAttributes> diff(const TunnelAttributes& have, const TunnelAttributes& want);

/// `base` with every member that `over` states.
LinkAttributes merged(LinkAttributes base, const LinkAttributes& over);
TunnelAttributes merged(TunnelAttributes base, const TunnelAttributes& over);

/// Whether any attribute that travels so is stated.
bool has_any(const LinkAttributes& attributes, Wire wire);
/// Whether it is an attribute of a bridge port, which belongs to the port and goes with it.
bool is_of_port(const LinkRow& row);
/// Those of a bridge port alone.
LinkAttributes port_part(const LinkAttributes& attributes);
/// All others.
LinkAttributes without_port_part(LinkAttributes attributes);
/// What a port has that a bridge just got (new_nbp() in net/bridge/br_if.c). `default_pvid` is the
/// bridge's own.
LinkAttributes new_port(std::uint16_t default_pvid);

/// `off`, `strict` or `loose`.
std::string to_string(RpFilter filter);

/// A member's value as text: `no`, `64`, `eth0`, `10000-20000`; `none` for an empty name or
/// address; empty when it is not stated.
template<class Attributes>
std::string value_text(const Attributes& attributes, const AttributeRow<Attributes>& row);

/// The inverse of value_text(); numbers are checked against the attribute's own range.
template<class Attributes>
Result<void> set_value(Attributes& attributes, const AttributeRow<Attributes>& row,
                       std::string_view text);

template<class Attributes>
bool is_stated(const Attributes& attributes, const AttributeRow<Attributes>& row) {
    return std::visit([&](auto member) { return (attributes.*member).has_value(); }, row.member);
}

/// The names of the attributes that the tunnel states, and `control_plane`.
std::set<std::string> stated_keys(const Tunnel& tunnel);
/// Their values, as value_text() has them.
std::map<std::string, std::string> stated_values(const Tunnel& tunnel);

/// States the default of every member that is not stated, where a message that leaves one out means
/// something else (a sit without IFLA_IPTUN_TTL has 64); for other kinds nothing.
TunnelAttributes with_defaults(TunnelAttributes attributes);

} // namespace vxlanctl
