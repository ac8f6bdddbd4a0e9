#include "vxlanctl/files/script_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/files/tunnel_words.h"

#include <algorithm>
#include <set>

namespace vxlanctl {
namespace {

constexpr std::size_t words_before_peers = 5;

bool is_number(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char character) {
        return character >= '0' && character <= '9';
    });
}

/// Whether a fifth word that has no meaning is still a mask, a prefix length, an address or
/// nothing: anything else is a word in the wrong place.
bool is_meaningless(const std::string& mask) {
    return mask.empty() || is_number(mask) || parse_address(mask);
}

/// INNER and MASK together: none where INNER is empty.
void add_address(SectionWords& section, const std::string& inner, const std::string& mask) {
    const bool has_length = inner.find('/') != std::string::npos;
    if ((inner.empty() || has_length) && !is_meaningless(mask))
        section.refuse(Error(Code::script_mask_wrong, formatted("MASK '{}'", mask)));
    section.list("addresses");
    if (!inner.empty())
        section.add_element("addresses", has_length ? "INNER" : "INNER/MASK",
                            has_length ? inner : formatted("{}/{}", inner, mask));
}

/// Addresses alone, and each once.
void add_peers(SectionWords& section, std::span<const std::string> words, const PeerList& more) {
    std::set<FloodEntry> peers;
    for (const auto& word : words)
        if (const auto peer = parse_peer(word); !peer)
            section.refuse(with_subject(peer.error(), "PEER").value());
        else if (peers.insert(*peer).second)
            section.add_element("peers", "PEER", word);
    section.list("peers");
    if (words.empty() && more.entries.empty() && more.names.empty())
        section.refuse(Error(Code::no_peer_named));
}

/// The words without the comments between them: a shell takes these away, others do not.
std::vector<std::string> without_comments(std::span<const std::string> words) {
    std::vector<std::string> kept;
    for (auto word = words.begin(); word != words.end(); ++word) {
        const auto end = std::find_if(word, words.end(),
                                      [](std::string_view one) { return one.ends_with('`'); });
        if (word->starts_with("`#") && end != words.end())
            word = end;
        else
            kept.push_back(*word);
    }
    return kept;
}

/// DEV LOCAL IFNAME INNER MASK [VNI] PEER..., and the options.
Result<Tunnel> tunnel_of(std::span<const std::string> words, const OptionValues& options,
                         PeerList more) {
    SectionWords section(TunnelKind::vxlan);
    if (words[0] == "-") // stands for none elsewhere
        section.refuse(with_subject(check_link_name(words[0]).error(), "DEV").value());
    section.add_first(words, {{"DEV", "dev"}, {"LOCAL", "local"}, {"IFNAME", ""}});
    add_address(section, words[3], words[4]);
    if (const auto addresses = options.find("address"); addresses != options.end())
        for (const auto& address : addresses->second)
            section.add_element("addresses", "inner address", address);
    auto peers = words.subspan(words_before_peers);
    if (!peers.empty() && is_number(peers.front())) {
        if (options.contains("vni"))
            section.refuse(
                Error(Code::options_contradict, "",
                      {{"one", "--vni"},
                       {"other", formatted("the VNI {} in front of the peers", peers.front())}}));
        else
            section.add("vni", "VNI", peers.front());
        peers = peers.subspan(1);
    }
    add_peers(section, peers, more);
    section.add_options(options);
    return section.tunnel(std::move(more));
}

} // namespace

Result<Tunnel> tunnel_from_script(std::span<const std::string> words, const OptionValues& options,
                                  PeerList peers) {
    const auto kept = without_comments(words);
    if (kept.size() < words_before_peers)
        return error(Code::wrong_words, "",
                     {{"words", "DEV LOCAL IFNAME INNER MASK [VNI] PEER..."},
                      {"help", "vxlanctl init-vxlan --help"}});
    auto tunnel = tunnel_of(kept, options, std::move(peers));
    if (!tunnel) return tunnel;
    if (tunnel->tunnel.port != script_port) tunnel->failed_port = script_port;
    if (kept[3].empty()) tunnel->link.up.reset();
    return tunnel;
}

bool is_script(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return name == "init_vxlan.sh" || name == "gate_init_vxlan.sh";
}

} // namespace vxlanctl
