#include "vxlanctl/files/section_reader.h"

#include <linux/in.h>

namespace vxlanctl {
namespace {

constexpr std::string_view ipip6_keys[] = {"local", "remote", "addresses"};

void state_ipip6_defaults(Tunnel& tunnel) {
    tunnel.tunnel.proto = IPPROTO_IPIP;
}

void read_ipip6(SectionReader& section) {
    auto& ends = section.tunnel().tunnel;
    auto& automatic = section.tunnel().automatic;
    ends.remote = section.read("remote", section.needed("remote"), [&](const auto& text) {
        if (const auto peer = parse_peer_or_name(text); peer && peer->index() == 1) {
            automatic.remote_name = std::get<NamedPeer>(*peer).name;
            return Result<IpAddress>(IpAddress{Family::ipv6, {}});
        }
        return parse_other_end(text, "remote end", TunnelKind::ip6tnl, ends.local);
    });
    if (ends.remote && automatic.remote_name.empty()) automatic.towards = {*ends.remote};
    // An outer address that a link alone gives a meaning needs that link as the lower device.
    const auto check_end = [&](std::string_view key, const std::optional<IpAddress>& address) {
        if (address && is_link_local(*address) && ends.dev.value_or("").empty())
            section.refuse(Error(Code::link_local_needs_dev, quote(to_string(*address))), key,
                           *section.find(key));
    };
    check_end("local", ends.local);
    check_end("remote", ends.remote);
    section.read_addresses();
}

} // namespace

constinit const SectionKind ipip6_section = {
    TunnelKind::ip6tnl, "ipip6", ipip6_keys,           Family::ipv6, Code::ipip6_needs_ipv6,
    Family::ipv4,       "site1", state_ipip6_defaults, read_ipip6,   nullptr};

} // namespace vxlanctl
