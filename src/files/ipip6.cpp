#include "vxlanctl/base/format.h"
#include "vxlanctl/files/section_reader.h"

#include <linux/in.h>

namespace vxlanctl {
namespace {

constexpr std::string_view ipip6_keys[] = {"local", "remote", "addresses"};

/// The outer address of the other end. `local` is empty where it is not known.
Result<IpAddress> parse_remote(std::string_view text, const std::optional<IpAddress>& local) {
    auto remote = parse_other_end(text, "remote end");
    if (!remote) return remote;
    const std::string subject = formatted("'{}'", text);
    if (remote->family != Family::ipv6) return error(Code::ipip6_needs_ipv6, subject);
    if (*remote == local) return error(Code::address_is_local, subject);
    return remote;
}

/// An outer address that a link alone gives a meaning needs that link as the lower device.
Result<void> check_scope(const IpAddress& address, const TunnelAttributes& tunnel) {
    if (!is_link_local(address) || !tunnel.dev.value_or("").empty()) return {};
    return error(Code::link_local_needs_dev, quote(to_string(address)));
}

void state_ipip6_defaults(Tunnel& tunnel) {
    tunnel.tunnel.proto = IPPROTO_IPIP;
}

void read_ipip6(SectionReader& section) {
    auto& ends = section.tunnel().tunnel;
    ends.remote = section.read("remote", section.required("remote", section.tunnel().name),
                               [&](const auto& text) { return parse_remote(text, ends.local); });
    const auto check_end = [&](std::string_view key, const std::optional<IpAddress>& address) {
        if (!address) return;
        if (auto good = check_scope(*address, ends); !good)
            section.refuse(good.error(), key, *section.find(key));
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
