#include "vxlanctl/files/script_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/files/peers.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t words_before_peers = 5;

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
        return character >= '0' && character <= '9';
    });
}

/// A fifth word that has no meaning: still a mask, a prefix length, an address or nothing, since
/// anything else is a word in the wrong place.
Result<void> check_meaningless(const std::string& mask) {
    if (mask.empty() || is_number(mask) || parse_address(mask)) return {};
    return error(Code::script_mask_wrong, formatted("MASK '{}'", mask));
}

/// INNER and MASK together: none where INNER is empty.
Result<std::vector<Prefix>> inner_addresses(const std::string& inner, const std::string& mask) {
    const bool has_length = inner.find('/') != std::string::npos;
    if (inner.empty() || has_length)
        if (auto good = check_meaningless(mask); !good) return tl::unexpected(good.error());
    if (inner.empty()) return std::vector<Prefix>{};
    const auto prefix = parse_inner_address(has_length ? inner : formatted("{}/{}", inner, mask));
    if (!prefix) return with_subject(prefix.error(), has_length ? "INNER" : "INNER/MASK");
    return std::vector<Prefix>{*prefix};
}

Result<void> state_vni(Tunnel& tunnel, const std::string& text) {
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
        if (row.name == "vni")
            if (auto set = state_value(tunnel.tunnel, row, text, TunnelKind::vxlan); !set) {
                set.error().subject = formatted("VNI '{}'", text);
                return set;
            }
    return {};
}

Result<std::vector<FloodEntry>> parse_script_peers(std::span<const std::string> words,
                                                   const IpAddress& local) {
    std::vector<FloodEntry> peers;
    for (const auto& word : words) {
        const auto peer = parse_peer(word);
        if (!peer) return with_subject(peer.error(), "PEER");
        peers.push_back(*peer);
    }
    if (peers.empty()) return error(Code::no_peer_named);
    std::sort(peers.begin(), peers.end());
    peers.erase(std::unique(peers.begin(), peers.end()), peers.end());
    if (auto good = first_of(check_peers(peers, local)); !good) return tl::unexpected(good.error());
    return peers;
}

} // namespace

Result<Tunnel> tunnel_from_script(std::span<const std::string> words) {
    if (words.size() < words_before_peers)
        return error(Code::wrong_words, "",
                     {{"words", "DEV LOCAL IFNAME INNER MASK [VNI] PEER..."},
                      {"help", "vxlanctl init-vxlan --help"}});
    Tunnel tunnel = blank_tunnel(TunnelKind::vxlan);
    tunnel.failed_port = script_port;
    tunnel.implied = stated_keys(tunnel);

    tunnel.tunnel.dev = words[0];
    if (auto good = check_link_name(words[0]); !good) return with_subject(good.error(), "DEV");
    const auto local = parse_local(words[1], TunnelKind::vxlan);
    if (!local) return with_subject(local.error(), "LOCAL");
    tunnel.tunnel.local = *local;
    tunnel.name = words[2];
    if (auto good = check_tunnel_name(tunnel.name, TunnelKind::vxlan); !good)
        return with_subject(good.error(), "IFNAME");

    auto addresses = inner_addresses(words[3], words[4]);
    if (!addresses) return tl::unexpected(addresses.error());
    if (addresses->empty()) tunnel.link.up.reset();
    tunnel.addresses = std::move(*addresses);

    auto rest = words.subspan(words_before_peers);
    if (!rest.empty() && is_number(rest.front())) {
        if (auto stated = state_vni(tunnel, rest.front()); !stated)
            return tl::unexpected(stated.error());
        tunnel.implied.erase("vni");
        rest = rest.subspan(1);
    }
    auto peers = parse_script_peers(rest, *local);
    if (!peers) return tl::unexpected(peers.error());
    tunnel.peers = std::move(*peers);
    return tunnel;
}

bool is_script(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return name == "init_vxlan.sh" || name == "gate_init_vxlan.sh";
}

} // namespace vxlanctl
