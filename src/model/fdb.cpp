#include "vxlanctl/model/fdb.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <linux/neighbour.h>

namespace vxlanctl {

std::string no_link(int index) {
    return formatted("/{}", index); // no name can be like it
}

bool is_no_link(std::string_view name) {
    return name.starts_with('/');
}

bool is_by_no_link(const FloodEntry& entry) {
    return !entry.via.empty() && is_no_link(entry.via.str());
}

bool ages(std::uint16_t flood_state) {
    return (flood_state & (NUD_PERMANENT | NUD_NOARP)) == 0;
}

bool is_external(std::uint8_t flood_flags) {
    return (flood_flags & NTF_EXT_LEARNED) != 0;
}

namespace {

/// As to_string(), which is slow for thousands of them.
void append_address(std::string& text, const IpAddress& address) {
    if (address.family != Family::ipv4) {
        text += to_string(address);
        return;
    }
    std::array<char, sizeof "255.255.255.255"> digits;
    char* at = digits.data();
    for (std::size_t i = 0; i < 4; ++i) {
        if (i > 0) *at++ = '.';
        at = std::to_chars(at, digits.data() + digits.size(), address.bytes[i]).ptr;
    }
    text.append(digits.data(), at);
}

} // namespace

std::string peers_text(const std::vector<FloodEntry>& peers) {
    std::string text;
    for (const auto& peer : peers) {
        if (!text.empty()) text += ' ';
        append_address(text, peer.dst);
        if (!peer.port && !peer.vni && peer.via.empty()) continue;
        text += formatted("/{}/{}/{}", peer.port ? std::to_string(*peer.port) : "",
                          peer.vni ? std::to_string(*peer.vni) : "", peer.via.str());
    }
    return text;
}

namespace {

std::optional<FloodEntry> parse_peer_word(std::string_view word) {
    const auto next = [&] {
        const auto end = std::min(word.find('/'), word.size());
        const std::string_view field = word.substr(0, end);
        word.remove_prefix(std::min(end + 1, word.size()));
        return field;
    };
    const auto number = [](std::string_view text, auto& value) {
        std::remove_reference_t<decltype(*value)> parsed = 0;
        const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), parsed);
        if (problem == std::errc() && end == text.data() + text.size()) value = parsed;
    };
    const auto dst = parse_address(next());
    if (!dst) return std::nullopt;
    FloodEntry peer;
    peer.dst = *dst;
    number(next(), peer.port);
    number(next(), peer.vni);
    peer.via = LinkName(word);
    return peer;
}

} // namespace

std::vector<FloodEntry> parse_peers_text(std::string_view text) {
    std::vector<FloodEntry> peers;
    while (!text.empty()) {
        const auto end = std::min(text.find(' '), text.size());
        if (const auto peer = parse_peer_word(text.substr(0, end))) peers.push_back(*peer);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    std::sort(peers.begin(), peers.end());
    return peers;
}

std::string name_of_peer(const PeerNames& names, const IpAddress& dst) {
    const auto found = names.lower_bound(FloodEntry{dst, {}, {}, {}});
    return found == names.end() || found->first.dst != dst ? "" : found->second;
}

std::string peer_text(const PeerNames& names, const IpAddress& dst) {
    const std::string name = name_of_peer(names, dst);
    return name.empty() ? to_string(dst) : formatted("{} ({})", to_string(dst), name);
}

std::string united_peers(const std::string& one, const std::string& other) {
    if (one == other || other.empty()) return one;
    if (one.empty()) return other;
    std::vector<FloodEntry> both = parse_peers_text(one);
    const auto more = parse_peers_text(other);
    both.insert(both.end(), more.begin(), more.end());
    std::sort(both.begin(), both.end());
    both.erase(std::unique(both.begin(), both.end()), both.end());
    return peers_text(both);
}

std::vector<FloodEntry>::const_iterator first_entry_to(const std::vector<FloodEntry>& sorted,
                                                       const IpAddress& dst) {
    return std::lower_bound(
        sorted.begin(), sorted.end(), dst,
        [](const FloodEntry& entry, const IpAddress& wanted) { return entry.dst < wanted; });
}

bool has_entry_to(const std::vector<FloodEntry>& sorted, const IpAddress& dst) {
    const auto at = first_entry_to(sorted, dst);
    return at != sorted.end() && at->dst == dst;
}

} // namespace vxlanctl
