#pragma once

#include "vxlanctl/model/attributes.h"

#include <set>
#include <span>

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

/// Elements that have the key of an earlier one. The errors have no subject.
template<class T, class KeyOf>
std::vector<BadElement> doubled(std::span<const T> elements, KeyOf key_of) {
    std::set<decltype(key_of(elements.front()))> seen;
    std::vector<BadElement> bad;
    for (std::size_t i = 0; i < elements.size(); ++i)
        if (!seen.insert(key_of(elements[i])).second) bad.push_back({i, Error(Code::named_twice)});
    return bad;
}

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

/// A name that check_link_name() takes.
Result<std::string> parse_link_name(std::string_view text);
/// The lower device of a VXLAN; `-` is none.
Result<std::string> parse_dev(std::string_view text);
/// The outer address of this host.
Result<IpAddress> parse_local(std::string_view text, TunnelKind kind);
/// The unicast address of another host, which is called `role`.
Result<IpAddress> parse_other_end(std::string_view text, std::string_view role);
/// An address inside the tunnel, such as a host can have.
Result<Prefix> parse_inner_address(std::string_view text);
/// Whether the tunnel itself carries what the route leads to; one out of another link is free.
Result<void> check_route_family(const Route& route, const Tunnel& tunnel);
/// An MTU below 1280 beside an IPv6 address or route: the kernel has no IPv6 on such a link.
Result<void> check_ipv6_mtu(const Tunnel& tunnel);
/// What ip-netns(8) takes as a name.
Result<std::string> parse_netns(std::string_view name);
/// Devices that come twice. The errors have no subject.
std::vector<BadElement> check_forward_from(std::span<const std::string> devices);
/// Addresses that the kernel would take for one that is there. The errors have no subject.
std::vector<BadElement> check_addresses(std::span<const Prefix> addresses);

} // namespace vxlanctl
