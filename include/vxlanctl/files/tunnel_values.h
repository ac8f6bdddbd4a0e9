#pragma once

#include "vxlanctl/kinds/kinds.h"

#include <functional>
#include <set>
#include <span>

/// What the values of a tunnel have to be, whether they come from the command line or out of a
/// file. The subject of an error is the text that is wrong; the caller puts the word or key before
/// it, see with_subject().
namespace vxlanctl {

class SectionReader;

/// What a kind of tunnels is to people: the row that ends its source.
struct SectionKind {
    TunnelKind kind;
    std::string_view name; ///< what a section's name begins with
    /// Its keys, besides those of all sections and of the tables of attributes.
    std::span<const std::string_view> keys;
    std::optional<Family> outer; ///< the only family that LOCAL may have
    Code other_outer;            ///< the error where it has another one
    std::optional<Family> inner; ///< the only family that is carried; empty: frames, and thus both
    std::string_view example;    ///< a name for a link; empty where the kernel module makes none
    void (*state_defaults)(Tunnel& tunnel);
    void (*read)(SectionReader& section); ///< its keys, once those of all sections are read
    /// The lines of what is not a member of Tunnel, which they take out of it. May be null.
    std::string (*lines_of_own)(Tunnel& tunnel);
};

extern const SectionKind vxlan_section, isatap_section, ipip6_section;

/// All of them, in the order of TunnelKind.
std::span<const SectionKind* const> section_kinds();
const SectionKind& section_kind(TunnelKind kind);

/// `vxlan`, `isatap` or `ipip6`: what a section's name begins with.
std::string_view section_name(TunnelKind kind);
/// The keys that a section of that kind may have.
std::vector<std::string> section_keys(TunnelKind kind);
/// The keys of an inline table in the list `peers`, `routers`, `routes` or `rules`, and those of
/// the table `bridge_port`.
std::vector<std::string> element_keys(std::string_view list);

/// The key of what is set of a bridge port.
constexpr std::string_view bridge_port_key = "bridge_port";
/// `learning` for the attribute `bridge_learning`; empty for one that is not of a bridge port.
std::string_view key_in_bridge_port(std::string_view attribute);
/// The key of a section that sets the attribute: its own name, or `bridge_port`.
std::string_view key_of(std::string_view attribute);

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

/// Elements that have the key of an earlier one. The errors have no subject.
template<class T, class KeyOf = std::identity>
std::vector<BadElement> doubled(std::span<const T> elements, KeyOf key_of = {}) {
    std::set<std::decay_t<decltype(key_of(elements.front()))>> seen;
    std::vector<BadElement> bad;
    for (std::size_t i = 0; i < elements.size(); ++i)
        if (!seen.insert(key_of(elements[i])).second) bad.push_back({i, Error(Code::named_twice)});
    return bad;
}

/// A tunnel of that kind with what all of them have that people make.
Tunnel blank_tunnel(TunnelKind kind);

/// The option that is the key: with `-` for `_`, without the dashes in front.
std::string option_name(std::string_view key);
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
/// The same of an interface that is there, which may be named by an alternative name (altname) of
/// up to 127 bytes.
Result<void> check_present_name(std::string_view name);
/// check_link_name(), and not the link that the kernel module itself makes.
Result<void> check_tunnel_name(std::string_view name, TunnelKind kind);

/// A name that check_link_name() takes.
Result<std::string> parse_link_name(std::string_view text);
/// The lower device of a VXLAN; `-` is none.
Result<std::string> parse_dev(std::string_view text);
/// The outer address of this host.
Result<IpAddress> parse_local(std::string_view text, TunnelKind kind);
/// The outer unicast address of another host, which is called `role`; `local` is empty where it is
/// not known.
Result<IpAddress> parse_other_end(std::string_view text, std::string_view role, TunnelKind kind,
                                  const std::optional<IpAddress>& local = {});
/// An address inside the tunnel, such as a host can have.
Result<Prefix> parse_inner_address(std::string_view text);
/// Whether the tunnel itself carries what the route leads to; one out of another link is free.
Result<void> check_route_family(const Route& route, const Tunnel& tunnel);
/// An MTU below 1280 beside an IPv6 address or route: the kernel has no IPv6 on such a link.
Result<void> check_ipv6_mtu(const Tunnel& tunnel);
/// What ip-netns(8) takes as a name.
Result<std::string> parse_netns(std::string_view name);
/// Addresses that the kernel would take for one that is there. The errors have no subject.
std::vector<BadElement> check_addresses(std::span<const Prefix> addresses);

} // namespace vxlanctl
