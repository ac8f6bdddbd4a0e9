#include "vxlanctl/doctor/remedies.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/shell_word.h"
#include "vxlanctl/kinds/iproute2.h"

namespace vxlanctl {
namespace {

std::string family_option(const IpAddress& address) {
    return address.family == Family::ipv6 ? " -6" : "";
}

} // namespace

std::string route_command(std::string_view verb, const Route& route, const std::string& dev) {
    std::string text =
        formatted("ip{} route {} {}", family_option(route.to.address), verb, to_string(route.to));
    if (route.via) text += formatted(" via {}", to_string(*route.via));
    text += " dev " + shell_quoted(dev);
    if (route.table != main_table && route.table != 0) text += formatted(" table {}", route.table);
    if (route.metric != 0) text += formatted(" metric {}", route.metric);
    return text;
}

std::string rule_command(const Rule& rule) {
    std::string text =
        formatted("ip{} rule add", family_option((rule.from ? rule.from : rule.to)->address));
    if (rule.from) text += " from " + to_string(*rule.from);
    if (rule.to) text += " to " + to_string(*rule.to);
    if (rule.priority) text += formatted(" priority {}", *rule.priority);
    return text + formatted(" table {}", rule.table);
}

std::string fdb_command(std::string_view verb, const std::string& link, const FloodEntry& entry,
                        const MacAddress& mac) {
    return formatted("bridge fdb {} {} dev {}{}", verb, to_string(mac), shell_quoted(link),
                     ip_remote(entry));
}

std::string up_command(const std::string& link) {
    return formatted("ip link set dev {} up", shell_quoted(link));
}

std::string mtu_command(const std::string& link, std::uint32_t mtu) {
    return formatted("ip link set dev {} mtu {}", shell_quoted(link), mtu);
}

std::string sysctl_command(const std::string& link, std::string_view name, int value) {
    // sysctl takes a link's name with dots only between slashes.
    return "sysctl -w " + shell_quoted(formatted("net/ipv4/conf/{}/{}={}", link, name, value));
}

} // namespace vxlanctl
