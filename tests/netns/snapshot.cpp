#include "snapshot.h"

#include "world.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <linux/fib_rules.h>
#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_tunnel.h>
#include <linux/neighbour.h>
#include <linux/netconf.h>
#include <linux/rtnetlink.h>
#include <set>
#include <sstream>
#include <stdexcept>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace world {
namespace {

[[noreturn]] void fail(const char* doing) {
    throw std::runtime_error(fmt::format("{}: {}", doing, std::strerror(errno)));
}

std::string hex(std::string_view bytes) {
    std::string text;
    for (const char byte : bytes)
        text += fmt::format("{:02x}", static_cast<unsigned char>(byte));
    return text;
}

using Attributes = std::map<int, std::string>;

Attributes attributes_of(std::string_view bytes) {
    Attributes attributes;
    while (bytes.size() >= sizeof(rtattr)) {
        rtattr header;
        std::memcpy(&header, bytes.data(), sizeof header);
        if (header.rta_len < sizeof header) break;
        attributes[header.rta_type & NLA_TYPE_MASK] =
            bytes.substr(RTA_LENGTH(0), RTA_PAYLOAD(&header));
        bytes.remove_prefix(std::min<std::size_t>(bytes.size(), RTA_ALIGN(header.rta_len)));
    }
    return attributes;
}

nlohmann::json as_json(const Attributes& attributes, const std::set<int>& without = {}) {
    nlohmann::json object;
    for (const auto& [type, bytes] : attributes)
        if (without.count(type) == 0) object[std::to_string(type)] = hex(bytes);
    return object;
}

/// One object of a dump: its header of type `Header`, and its attributes' bytes by type.
template<class Header> struct Object {
    Header header{};
    Attributes attributes;

    std::string text(int type) const {
        const auto at = attributes.find(type);
        return at == attributes.end() ? "" : at->second.substr(0, at->second.find('\0'));
    }
    int number(int type) const {
        int value = 0;
        const auto at = attributes.find(type);
        if (at != attributes.end())
            std::memcpy(&value, at->second.data(), std::min(at->second.size(), sizeof value));
        return value;
    }
    nlohmann::json without(const std::set<int>& types) const { return as_json(attributes, types); }
    Attributes nested(int type) const {
        const auto at = attributes.find(type);
        return at == attributes.end() ? Attributes{} : attributes_of(at->second);
    }
};

class Socket {
public:
    Socket(int family, int type, int protocol)
        : descriptor(socket(family, type | SOCK_CLOEXEC, protocol)) {
        if (descriptor < 0) fail("socket");
    }
    ~Socket() { close(descriptor); }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;
    const int descriptor;
};

/// All objects of one kind, as the kernel lists them to a request with this header.
template<class Header> std::vector<Object<Header>> dump(int type, const Header& header) {
    const Socket channel(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
    struct {
        nlmsghdr message{};
        Header header;
    } request;
    request.message = {NLMSG_LENGTH(sizeof header), static_cast<unsigned short>(type),
                       NLM_F_REQUEST | NLM_F_DUMP, 1, 0};
    request.header = header;
    if (send(channel.descriptor, &request, request.message.nlmsg_len, 0) < 0) fail("send");

    std::vector<Object<Header>> objects;
    std::vector<char> buffer(1 << 17);
    while (true) {
        const auto size = recv(channel.descriptor, buffer.data(), buffer.size(), 0);
        if (size < 0) fail("recv");
        auto left = static_cast<unsigned>(size);
        for (auto* message = reinterpret_cast<nlmsghdr*>(buffer.data()); NLMSG_OK(message, left);
             message = NLMSG_NEXT(message, left)) {
            if (message->nlmsg_type == NLMSG_DONE) return objects;
            if (message->nlmsg_type == NLMSG_ERROR) throw std::runtime_error("a dump is refused");
            Object<Header> object;
            std::memcpy(&object.header, NLMSG_DATA(message), sizeof(Header));
            object.attributes =
                attributes_of({reinterpret_cast<const char*>(message) + NLMSG_SPACE(sizeof(Header)),
                               message->nlmsg_len - NLMSG_SPACE(sizeof(Header))});
            objects.push_back(std::move(object));
        }
    }
}

/// The potential routers of an ISATAP tunnel; for another link none.
std::string routers(const std::string& name) {
    const Socket socket(AF_INET, SOCK_DGRAM, 0);
    std::array<ip_tunnel_prl, 512> list{}; // the kernel leaves the first one free
    list[0].datalen = sizeof list - sizeof list[0];
    ifreq request{};
    name.copy(request.ifr_name, IFNAMSIZ - 1);
    request.ifr_data = reinterpret_cast<char*>(list.data());
    if (ioctl(socket.descriptor, SIOCGETPRL, &request) != 0) return "";
    std::set<std::string> texts;
    for (std::size_t i = 1; i <= list[0].datalen / sizeof list[0]; ++i)
        texts.insert(fmt::format("{:08x} {:04x}", list[i].addr, list[i].flags));
    return fmt::format("{}", fmt::join(texts, ", "));
}

/// What comes with a kernel module, and stays.
bool is_fallback(const std::string& name) {
    return name == "sit0" || name == "ip6tnl0";
}

nlohmann::json sorted(nlohmann::json list) {
    std::sort(list.begin(), list.end());
    return list;
}

// Newer than the oldest header we build with (Linux 5.19).
constexpr int ifla_tso_max_size = 59, ifla_tso_max_segs = 60;

} // namespace

nlohmann::json snapshot(const Namespace& space) {
    const Inside inside(space);
    return snapshot_here();
}

nlohmann::json snapshot_here() {
    nlohmann::json all;
    std::map<int, std::string> names;
    // Of a link not its counters, what follows from the carrier, what a bridge takes from its ports
    // and does not give back (br_set_gso_limits()), numbers that the kernel gives anew, and what is
    // told by name below.
    const std::set<int> not_its_own{IFLA_STATS,
                                    IFLA_STATS64,
                                    IFLA_OPERSTATE,
                                    IFLA_LINKMODE,
                                    IFLA_CARRIER,
                                    IFLA_CARRIER_CHANGES,
                                    IFLA_CARRIER_UP_COUNT,
                                    IFLA_CARRIER_DOWN_COUNT,
                                    IFLA_QDISC,
                                    ifla_tso_max_size,
                                    ifla_tso_max_segs,
                                    IFLA_AF_SPEC,
                                    IFLA_LINK,
                                    IFLA_LINK_NETNSID,
                                    IFLA_MASTER};
    const auto links = dump(RTM_GETLINK, ifinfomsg{});
    for (const auto& link : links)
        names[link.header.ifi_index] = link.text(IFLA_IFNAME);
    for (const auto& link : links) {
        const std::string& name = names.at(link.header.ifi_index);
        if (is_fallback(name)) continue;
        auto& item = all["links"][name];
        item = link.without(not_its_own);
        auto of_families = link.nested(IFLA_AF_SPEC);
        item["ipv4"] = hex(of_families[AF_INET]);
        item["ipv6"] = as_json(
            attributes_of(of_families[AF_INET6]),
            {IFLA_INET6_FLAGS, IFLA_INET6_STATS, IFLA_INET6_ICMP6STATS, IFLA_INET6_CACHEINFO});
        item["up"] = (link.header.ifi_flags & IFF_UP) != 0;
        if (link.attributes.count(IFLA_LINK_NETNSID) == 0) // else it is an index of elsewhere
            item["link"] = names[link.number(IFLA_LINK)];
        item["master"] = names[link.number(IFLA_MASTER)];
        if (const std::string list = routers(name); !list.empty()) item["routers"] = list;
    }
    for (auto address : dump(RTM_GETADDR, ifaddrmsg{})) {
        const std::string& name = names[static_cast<int>(address.header.ifa_index)];
        const bool is_automatic =
            address.header.ifa_family == AF_INET6 && address.header.ifa_scope == RT_SCOPE_LINK;
        if (is_fallback(name) || is_automatic) continue;
        auto item = address.without({IFA_CACHEINFO, IFA_FLAGS});
        item["flags"] = address.number(IFA_FLAGS) & ~(IFA_F_TENTATIVE | IFA_F_OPTIMISTIC);
        item["length"] = address.header.ifa_prefixlen;
        item["lifetimes"] = hex(address.attributes[IFA_CACHEINFO].substr(0, 8));
        all["addresses"][name].push_back(item);
    }
    for (const unsigned char family : {AF_INET, AF_INET6}) {
        rtmsg wanted{};
        wanted.rtm_family = family;
        auto routes = nlohmann::json::array();
        for (const auto& route : dump(RTM_GETROUTE, wanted)) {
            const auto to = route.attributes.find(RTA_DST);
            const auto& bytes = to == route.attributes.end() ? "" : to->second;
            // These come when the kernel gets round to it, in the table of a VRF as well.
            const bool is_automatic =
                route.header.rtm_protocol == RTPROT_KERNEL && route.header.rtm_type != RTN_UNICAST;
            if (family == AF_INET6 && (bytes.starts_with("\xfe\x80") || is_automatic)) continue;
            auto item = route.without({RTA_CACHEINFO, RTA_OIF});
            item["dev"] = names[route.number(RTA_OIF)];
            item["length"] = route.header.rtm_dst_len;
            item["kind"] = {route.header.rtm_tos, route.header.rtm_protocol, route.header.rtm_scope,
                            route.header.rtm_type};
            routes.push_back(item);
        }
        all["routes"][std::to_string(family)] = sorted(routes);
        fib_rule_hdr rules{};
        rules.family = family;
        for (const auto& rule : dump(RTM_GETRULE, rules)) {
            auto item = rule.without({});
            item["header"] = {rule.header.dst_len, rule.header.src_len, rule.header.tos,
                              rule.header.action, rule.header.flags};
            all["rules"][std::to_string(family)].push_back(item);
        }
    }
    netconfmsg any{};
    any.ncm_family = AF_INET;
    for (const auto& setting : dump(RTM_GETNETCONF, any)) {
        const int index = setting.number(NETCONFA_IFINDEX);
        const auto name = index < 0 ? std::to_string(index) : names[index];
        if (!is_fallback(name)) all["settings"][name] = setting.without({NETCONFA_IFINDEX});
    }
    for (const unsigned char family : {AF_UNSPEC, AF_BRIDGE}) {
        ndmsg wanted{};
        wanted.ndm_family = family;
        auto neighbours = nlohmann::json::array();
        for (const auto& neighbour : dump(RTM_GETNEIGH, wanted)) {
            // Not what is learned, and of an FDB not the link's own MAC and groups either.
            const bool is_set =
                family == AF_BRIDGE
                    ? (neighbour.header.ndm_state & (NUD_PERMANENT | NUD_NOARP)) != 0 &&
                          neighbour.attributes.count(NDA_DST) != 0
                    : (neighbour.header.ndm_state & NUD_PERMANENT) != 0;
            if (!is_set) continue;
            auto item = neighbour.without({NDA_CACHEINFO});
            item["dev"] = names[neighbour.header.ndm_ifindex];
            item["flags"] = {neighbour.header.ndm_flags, neighbour.header.ndm_state};
            neighbours.push_back(item);
        }
        all[family == AF_BRIDGE ? "fdb" : "neighbours"] = sorted(neighbours);
    }
    return all;
}

namespace {

/// The documents that `ip OPTIONS -batch` prints for these commands. Only of the last one there may
/// be nothing, for which iproute2 prints no document at all.
std::vector<nlohmann::json> batch(const Namespace& space, const std::string& options,
                                  const std::vector<std::string>& commands) {
    std::vector<std::string> words{"ip", "-d", "-j"};
    if (!options.empty()) words.push_back(options);
    words.insert(words.end(), {"-batch", "-"});
    RunOptions input;
    input.input = fmt::format("{}\n", fmt::join(commands, "\n"));
    const auto finished = run(space, words, input);
    if (finished.code != 0) throw std::runtime_error(finished.err);
    std::istringstream text(finished.out);
    std::vector<nlohmann::json> documents;
    while (text >> std::ws && !text.eof())
        text >> documents.emplace_back();
    documents.resize(commands.size(), nlohmann::json::array());
    return documents;
}

/// `NAME VALUE` of net.ipv4.conf.LINK.NAME.
std::vector<std::string> ipv4_settings(const Namespace& space,
                                       const std::vector<std::string>& names) {
    const Inside inside(space);
    std::vector<std::string> lines;
    for (const auto& link : std::filesystem::directory_iterator("/proc/sys/net/ipv4/conf"))
        if (const auto name = link.path().filename(); !is_fallback(name))
            for (const auto& setting : names)
                lines.push_back(fmt::format("{} {} {}", name.string(), setting,
                                            text_of((link.path() / setting).string())));
    std::sort(lines.begin(), lines.end());
    return lines;
}

} // namespace

nlohmann::json listed(const Namespace& space) {
    nlohmann::json all;
    auto of_links = batch(space, "", {"link show", "addr show", "neigh show nud permanent"});
    for (auto& item : of_links[0]) {
        if (is_fallback(item.at("ifname"))) continue;
        const auto name = item.at("ifname").get<std::string>();
        const auto flags = item.at("flags").get<std::set<std::string>>();
        all["up"][name] = flags.count("UP") != 0;
        for (const char* volatile_key : {"ifindex", "link_index", "operstate", "flags", "qdisc"})
            item.erase(volatile_key);
        const Inside inside(space);
        if (const std::string list = routers(name); !list.empty()) item["routers"] = list;
        all["links"][name] = item;
    }
    for (auto& item : of_links[1]) {
        if (is_fallback(item.at("ifname"))) continue;
        auto& list = all["addresses"][item.at("ifname").get<std::string>()];
        list = item.at("addr_info");
        for (auto at = list.begin(); at != list.end();)
            at = at->at("family") == "inet6" && at->at("scope") == "link" ? list.erase(at) : at + 1;
    }
    all["neighbours"] = sorted(of_links[2]);
    auto ipv4 = batch(space, "-4", {"route show table all", "rule show"});
    all["routes4"] = sorted(ipv4[0]);
    all["rules4"] = ipv4[1];
    auto ipv6 = batch(space, "-6", {"route show table all", "rule show"});
    auto routes6 = nlohmann::json::array(); // these come when the kernel gets round to it
    for (const auto& route : ipv6[0])
        if (const std::string to = route.at("dst");
            !to.starts_with("fe80:") && route.value("table", "") != "local")
            routes6.push_back(route);
    all["routes6"] = sorted(routes6);
    all["rules6"] = ipv6[1];
    all["settings"] = ipv4_settings(space, {"forwarding", "promote_secondaries", "rp_filter"});
    auto fdb = nlohmann::json::array();
    for (const auto& entry : json_of(space, "bridge -j fdb")) {
        // What is learned comes and goes with traffic, as of a link's own joining of a group.
        const bool is_learned = entry.at("state") == "" &&
                                entry.at("flags").dump().find("extern_learn") == std::string::npos;
        if (entry.contains("dst") && !is_learned) fdb.push_back(entry);
    }
    all["fdb"] = sorted(fdb);
    return all;
}

} // namespace world
