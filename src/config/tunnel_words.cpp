#include "vxlanctl/tunnel_words.h"

#include "vxlanctl/attributes.h"

#include <algorithm>
#include <fmt/format.h>

namespace vxlanctl {
namespace {

constexpr std::size_t longest_name = 15; // IFNAMSIZ - 1

std::string option_name(std::string_view attribute) {
    std::string name(attribute);
    std::replace(name.begin(), name.end(), '_', '-');
    return name;
}

tl::unexpected<Error> with_subject(Error error, std::string_view where) {
    error.subject = fmt::format("{}{}{}", where, error.subject.empty() ? "" : " ", error.subject);
    return tl::unexpected(std::move(error));
}

/// Everything that the options say about the attributes of one table.
template<class Attributes>
Result<void> take_options(Attributes& attributes, std::span<const AttributeRow<Attributes>> rows,
                          const OptionValues& options) {
    for (const auto& row : rows) {
        if (row.help.empty()) continue;
        const std::string name = option_name(row.name);
        if (const auto negation = options.find("no-" + name); negation != options.end()) {
            if (options.contains(name))
                return usage_error("",
                                   fmt::format("--{0} and --no-{0} contradict each other", name));
            (void)set_value(attributes, row, "no");
        }
        const auto option = options.find(name);
        if (option == options.end()) continue;
        const std::string text = row.argument.empty() ? "yes" : option->second.back();
        if (auto set = set_value(attributes, row, text); !set) {
            Error error = set.error();
            error.subject = fmt::format("--{} '{}'", name, text);
            return tl::unexpected(std::move(error));
        }
    }
    return {};
}

Result<FloodEntry> parse_peer(std::string_view text) {
    const auto address = parse_address(text);
    if (!address) return tl::unexpected(address.error());
    const auto refuse = [&](std::string_view what) {
        return usage_error(fmt::format("'{}'", text), fmt::format("a peer cannot be {}", what),
                           "Name the unicast address of another host.");
    };
    if (is_unspecified(*address)) return refuse("the unspecified address");
    if (address->family == Family::ipv4 && address->bytes[0] == 0)
        return refuse("in 0.0.0.0/8, which means this network");
    if (is_loopback(*address)) return refuse("a loopback address");
    if (is_multicast(*address)) return refuse("a multicast address");
    if (is_limited_broadcast(*address)) return refuse("the broadcast address");
    return FloodEntry{*address, std::nullopt, std::nullopt, ""};
}

/// The flood list, sorted. Every peer is of LOCAL's family, none is LOCAL, none comes twice.
Result<std::vector<FloodEntry>> flood_list(std::vector<FloodEntry> peers, const IpAddress& local) {
    std::sort(peers.begin(), peers.end());
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const std::string peer = fmt::format("peer {}", to_string(peers[i].dst));
        if (peers[i].dst.family != local.family)
            return usage_error(
                peer, fmt::format("not of the family of the local address {}", to_string(local)));
        if (peers[i].dst == local)
            return usage_error(peer, "is the local address", "Name the other ends only.");
        if (i > 0 && peers[i] == peers[i - 1])
            return usage_error(peer, "named twice",
                               "Every frame would be sent to it twice: name it once.");
    }
    return peers;
}

/// The inner addresses: INNER, unless it is `-`, and every --address.
Result<std::vector<Prefix>> inner_addresses(const std::string& inner, const OptionValues& options) {
    std::vector<std::string> texts;
    if (inner != "-") texts.push_back(inner);
    if (const auto option = options.find("address"); option != options.end())
        texts.insert(texts.end(), option->second.begin(), option->second.end());
    std::vector<Prefix> result;
    for (const auto& text : texts) {
        const auto prefix = parse_prefix(text);
        if (!prefix) {
            Error error = prefix.error();
            error.subject = fmt::format("inner address '{}'", text);
            return tl::unexpected(std::move(error));
        }
        const auto& address = prefix->address;
        if (is_unspecified(address) || is_multicast(address) || is_loopback(address) ||
            is_limited_broadcast(address))
            return usage_error(fmt::format("inner address '{}'", text),
                               "not an address that a host can have");
        const bool has_broadcast = address.family == Family::ipv4 && prefix->length < 31;
        if (has_broadcast &&
            (address == network_of(*prefix).address || address == broadcast_of(*prefix)))
            return usage_error(fmt::format("inner address '{}'", text),
                               "is the network's or the broadcast address, not that of a host");
        const bool twice = std::any_of(result.begin(), result.end(), [&](const Prefix& other) {
            return other == *prefix || (address.family == Family::ipv6 && other.address == address);
        });
        if (twice) return usage_error(fmt::format("inner address '{}'", text), "named twice");
        result.push_back(*prefix);
    }
    return result;
}

} // namespace

Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                const std::vector<FloodEntry>& more_peers) {
    constexpr std::size_t fixed_words = 4;
    if (words.size() < fixed_words)
        return usage_error("", "too few words: DEV LOCAL IFNAME INNER PEER... are needed",
                           "See 'vxlanctl up --help'.");
    Tunnel tunnel;
    const std::string& dev = words[0];
    if (dev != "-")
        if (auto good = check_link_name(dev); !good) return with_subject(good.error(), "DEV");
    tunnel.vxlan.dev = dev == "-" ? "" : dev;

    const auto local = parse_address(words[1]);
    if (!local) return with_subject(local.error(), "LOCAL");
    if (is_unspecified(*local) || is_multicast(*local) || is_limited_broadcast(*local))
        return usage_error(fmt::format("LOCAL '{}'", words[1]),
                           "not an address that a host can have");
    tunnel.vxlan.local = *local;

    tunnel.name = words[2];
    if (auto good = check_link_name(tunnel.name); !good)
        return with_subject(good.error(), "IFNAME");

    const auto addresses = inner_addresses(words[3], options);
    if (!addresses) return tl::unexpected(addresses.error());
    tunnel.addresses = *addresses;

    std::vector<FloodEntry> peers = more_peers;
    for (const auto& word : words.subspan(fixed_words)) {
        const auto peer = parse_peer(word);
        if (!peer) return with_subject(peer.error(), "PEER");
        peers.push_back(*peer);
    }
    if (peers.empty())
        return usage_error("", "no peer is named",
                           "Name at least one PEER, or a file of them with --peers-file.");
    auto list = flood_list(std::move(peers), *local);
    if (!list) return tl::unexpected(list.error());
    tunnel.peers = std::move(*list);

    tunnel.vxlan.vni = default_vni;
    tunnel.vxlan.port = default_port;
    if (auto taken = take_options(tunnel.link, link_attributes(), options); !taken)
        return tl::unexpected(taken.error());
    if (auto taken = take_options(tunnel.vxlan, vxlan_attributes(), options); !taken)
        return tl::unexpected(taken.error());
    if (!tunnel.link.master.value_or("").empty())
        if (auto good = check_link_name(*tunnel.link.master); !good)
            return with_subject(good.error(), "--master");
    complete(tunnel.vxlan);
    return tunnel;
}

Result<std::vector<FloodEntry>> parse_peers(std::string_view text, const std::string& path) {
    std::vector<FloodEntry> peers;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // a byte order mark
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = text.find('\n');
        auto content = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        content = content.substr(0, content.find('#'));
        const auto first = content.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) continue;
        content = content.substr(first, content.find_last_not_of(" \t\r") - first + 1);
        const auto peer = parse_peer(content);
        if (!peer) return with_subject(peer.error(), fmt::format("{}:{}:", path, line));
        peers.push_back(*peer);
    }
    if (peers.empty())
        return usage_error(path, "names no peer", "One address per line is expected.");
    return peers;
}

Result<void> check_link_name(std::string_view name) {
    const auto refuse = [&](std::string why) {
        return usage_error(fmt::format("'{}'", name), "not a link name: " + std::move(why));
    };
    if (name.empty()) return refuse("it is empty");
    if (name.size() > longest_name)
        return refuse(
            fmt::format("it has {} bytes, and the most is {}", name.size(), longest_name));
    if (name == "." || name == "..") return refuse("it means a directory");
    if (name == "all" || name == "default") return refuse("the kernel's sysctls use it");
    if (name.front() == '-') return refuse("it begins with a dash");
    for (const char character : name) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte <= ' ' || byte == 0x7f || character == '/' || character == ':' || character == '%')
            return refuse("blanks, control characters, '/', ':' and '%' are not allowed in it");
    }
    return {};
}

} // namespace vxlanctl
