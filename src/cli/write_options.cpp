#include "vxlanctl/cli/write_options.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/number.h"
#include "vxlanctl/kinds/kinds.h"

#include <algorithm>

namespace vxlanctl {
namespace {

template<class Attributes>
void add_attribute_options(std::vector<OptionInfo>& options,
                           std::span<const AttributeRow<Attributes>> rows, TunnelKind kind) {
    for (const auto& row : rows) {
        if (!is_option(row, kind)) continue;
        const std::string name = option_name(row.name);
        options.push_back({name, 0, std::string(row.argument), std::string(row.help)});
        if (row.argument.empty())
            options.push_back({"no-" + name, 0, "", formatted("the opposite of --{}", name)});
    }
}

} // namespace

std::vector<OptionInfo> tunnel_options(TunnelKind kind) {
    std::vector<OptionInfo> options;
    add_attribute_options(options, tunnel_attributes(kind), kind);
    add_attribute_options(options, link_attributes(), kind);
    options.push_back({"route", 0, "ROUTE",
                       "DST[,via GW][,dev D][,table N][,metric M], out of the tunnel; may be "
                       "repeated"});
    options.push_back({"rule", 0, "RULE",
                       "from PREFIX,table N or to PREFIX,table N: a policy rule; may be repeated"});
    if (kind != TunnelKind::sit)
        options.push_back(
            {"forward-from", 0, "DEV",
             "make DEV forward the IPv4 packets that come in by it; may be repeated"});
    return options;
}

std::vector<OptionInfo> write_options() {
    return {
        {"dry-run", 'n', "", "say what would be done, and do nothing"},
        {"ip-commands", 0, "", "with --dry-run: say it as commands of iproute2"},
        {"lock-timeout", 0, "SECONDS", "how long to wait for another vxlanctl (default 10)"},
    };
}

OptionInfo resolve_option() {
    return {"resolve-timeout", 0, "SECONDS",
            "how long to wait for the addresses of peers' names (default 10)"};
}

OptionInfo wait_option() {
    return {"wait", 0, "SECONDS",
            "wait so long for lower devices and local addresses that are not there yet"};
}

OptionInfo override_option() {
    return {"override", 0, "", "change a tunnel that a file defines, until the next apply"};
}

OptionInfo peers_file_option() {
    return {"peers-file", 0, "FILE",
            "more peers, one a line; - is standard input; may be repeated"};
}

OptionInfo duplicate_check_option() {
    return {"duplicate-check", 0, "SECONDS",
            "how long to ask by ARP whether another host has a new inner IPv4 address, 1 to 60 "
            "(default: do not ask)"};
}

OptionInfo multicast_group_option() {
    return {"multicast-group", 0, "GROUP",
            "a multicast address that flooded frames are sent to, joined on DEV"};
}

OptionInfo control_plane_option() {
    return {"control-plane", 0, "evpn|none",
            "who writes the peers: evpn is FRR or the like, with learning off (default none)"};
}

OptionInfo adopt_option() {
    return {"adopt", 0, "", "take over an interface that another program seems to run"};
}

OptionInfo overlap_option() {
    return {"allow-overlap", 0, "",
            "accept an inner prefix that draws outer traffic into the tunnel"};
}

std::vector<OptionInfo> change_options() {
    return {
        {"allow-recreate", 0, "", "replace the link where the kernel cannot change it"},
        {"keep-foreign", 0, "",
         "when replacing, put back what is not stated: addresses, routes, ..."},
        {"drop-foreign", 0, "", "when replacing, drop what is not stated"},
        {"allow-flap", 0, "", "take the link down for a moment where the kernel needs that"},
        overlap_option(),
        {"exclusive", 0, "", "remove addresses and FDB pins that are not stated"},
        adopt_option(),
    };
}

Result<std::chrono::seconds> seconds_of(const Arguments& arguments, std::string_view option,
                                        SecondsRange range, unsigned otherwise) {
    const std::string text = arguments.value(option, std::to_string(otherwise));
    const auto seconds = parse_decimal(text);
    const std::string subject = formatted("--{} '{}'", option, text);
    if (has_leading_zero(text)) return error(Code::leading_zero, subject);
    if (!seconds || *seconds < range.low || *seconds > range.high)
        return error(Code::not_in_range, subject,
                     {{"low", range.low}, {"high", range.high}, {"or", ""}});
    return std::chrono::seconds(*seconds);
}

} // namespace vxlanctl
