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
void add_peers(SectionWords& section, std::span<const std::string> words) {
    std::set<FloodEntry> peers;
    for (const auto& word : words)
        if (const auto peer = parse_peer(word); !peer)
            section.refuse(with_subject(peer.error(), "PEER").value());
        else if (peers.insert(*peer).second)
            section.add_element("peers", "PEER", word);
    if (words.empty()) section.refuse(Error(Code::no_peer_named));
}

} // namespace

Result<Tunnel> tunnel_from_script(std::span<const std::string> words) {
    if (words.size() < words_before_peers)
        return error(Code::wrong_words, "",
                     {{"words", "DEV LOCAL IFNAME INNER MASK [VNI] PEER..."},
                      {"help", "vxlanctl init-vxlan --help"}});
    SectionWords section(TunnelKind::vxlan);
    if (words[0] == "-") // stands for none elsewhere
        section.refuse(with_subject(check_link_name(words[0]).error(), "DEV").value());
    section.add_first(words, {{"DEV", "dev"}, {"LOCAL", "local"}, {"IFNAME", ""}});
    add_address(section, words[3], words[4]);
    auto peers = words.subspan(words_before_peers);
    if (!peers.empty() && is_number(peers.front())) {
        section.add("vni", "VNI", peers.front());
        peers = peers.subspan(1);
    }
    add_peers(section, peers);
    auto tunnel = section.tunnel();
    if (!tunnel) return tunnel;
    tunnel->failed_port = script_port;
    if (words[3].empty()) tunnel->link.up.reset();
    return tunnel;
}

bool is_script(std::string_view path) {
    const auto name = path.substr(path.rfind('/') + 1); // npos + 1 is 0
    return name == "init_vxlan.sh" || name == "gate_init_vxlan.sh";
}

} // namespace vxlanctl
