#include "vxlanctl/files/peers.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t longest_host_name = 253, longest_label = 63; // RFC 1035 section 2.3.4

bool is_letter(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z');
}

bool is_of_name(char character) {
    return is_letter(character) || (character >= '0' && character <= '9') || character == '-';
}

bool is_label(std::string_view label) {
    return !label.empty() && label.size() <= longest_label && label.front() != '-' &&
           label.back() != '-' && std::all_of(label.begin(), label.end(), is_of_name);
}

bool is_host_name(std::string_view text) {
    if (text.find('.') == std::string_view::npos) return false;
    if (text.ends_with('.')) text.remove_suffix(1);
    if (text.size() > longest_host_name) return false;
    const auto last = text.substr(text.rfind('.') + 1);
    if (last.empty() || !is_letter(last.front())) return false; // of an address, mostly
    for (std::size_t begin = 0; begin <= text.size();) {
        const auto label = text.substr(begin, text.find('.', begin) - begin);
        if (!is_label(label)) return false;
        begin += label.size() + 1;
    }
    return true;
}

/// What keeps a text from being a host name, where it looks as if it was meant to be one.
void explain_no_name(Error& problem, std::string_view text) {
    if (std::none_of(text.begin(), text.end(), is_letter)) return;
    if (is_label(text))
        problem.more.emplace_back(Code::host_name_needs_dot);
    else if (text.find('.') != std::string_view::npos || text.find(':') == std::string_view::npos)
        problem = Error(Code::not_an_address_or_name, problem.subject);
}

} // namespace

Result<FloodEntry> parse_peer(std::string_view text) {
    const auto address = parse_other_end(text, "peer");
    if (!address) return tl::unexpected(address.error());
    return FloodEntry{*address, std::nullopt, std::nullopt, ""};
}

Result<Peer> parse_peer_or_name(std::string_view text) {
    if (is_host_name(text)) {
        NamedPeer peer{std::string(text), std::nullopt, std::nullopt, ""};
        for (char& character : peer.name)
            if (character >= 'A' && character <= 'Z')
                character = static_cast<char>(character - 'A' + 'a');
        return peer;
    }
    auto peer = parse_peer(text);
    if (peer) return *peer;
    if (!parse_address(text)) explain_no_name(peer.error(), text);
    return tl::unexpected(std::move(peer.error()));
}

void read_peers(std::string_view text, const std::string& path,
                const std::function<void(Peer, std::size_t line)>& take,
                const std::function<void(Error)>& refuse) {
    bool empty = true;
    if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3); // a byte order mark
    for (std::size_t line = 1; !text.empty(); ++line) {
        const auto end = text.find('\n');
        auto content = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        content = content.substr(0, content.find('#'));
        const auto first = content.find_first_not_of(" \t\r");
        if (first == std::string_view::npos) continue;
        content = content.substr(first, content.find_last_not_of(" \t\r") - first + 1);
        auto peer = parse_peer_or_name(content);
        empty = false;
        if (peer)
            take(std::move(*peer), line);
        else
            refuse(with_subject(peer.error(), formatted("{}:{}:", path, line)).value());
    }
    if (empty) refuse(Error(Code::peers_file_empty, path));
}

void PeerList::add(Peer peer, PeerPlace place) {
    if (auto* name = std::get_if<NamedPeer>(&peer)) {
        names.push_back(std::move(*name));
        name_places.push_back(place);
    } else {
        entries.push_back(std::get<FloodEntry>(peer));
        entry_places.push_back(place);
    }
}

void PeerList::append(PeerList more) {
    for (auto* places : {&more.entry_places, &more.name_places})
        for (auto& place : *places)
            place.file += static_cast<std::uint32_t>(files.size());
    vxlanctl::append(entries, std::move(more.entries));
    vxlanctl::append(names, std::move(more.names));
    vxlanctl::append(entry_places, std::move(more.entry_places));
    vxlanctl::append(name_places, std::move(more.name_places));
    vxlanctl::append(files, std::move(more.files));
}

Result<PeerList> parse_peers(std::string_view text, const std::string& path) {
    PeerList peers;
    peers.files.push_back(path);
    peers.entries.reserve(static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) + 1);
    std::optional<Error> first;
    read_peers(
        text, path,
        [&](Peer peer, std::size_t line) {
            peers.add(std::move(peer), {{}, 0, static_cast<std::uint32_t>(line)});
        },
        [&](Error error) {
            if (!first) first = std::move(error);
        });
    if (first) return tl::unexpected(std::move(*first));
    return peers;
}

std::vector<BadElement> check_peers(std::span<const FloodEntry> peers, const IpAddress& local) {
    std::vector<BadElement> bad;
    std::size_t first = 0; // of those that are equal
    for (std::size_t i = 0; i < peers.size(); ++i) {
        const FloodEntry& peer = peers[i];
        if (peer != peers[first]) first = i;
        const auto refuse = [&](Error problem) {
            problem.subject = formatted("peer {}", to_string(peer.dst));
            bad.push_back({i, std::move(problem)});
        };
        if (peer.dst.family != local.family)
            refuse(Error(Code::peer_of_other_family, "", {{"local", to_string(local)}}));
        else if (peer.dst == local)
            refuse(Error(Code::address_is_local));
        else if (first != i) {
            refuse(Error(Code::named_twice).also(Code::each_frame_twice));
            bad.back().first = first;
        }
    }
    return bad;
}

std::vector<BadElement> check_names(std::span<const NamedPeer> names) {
    auto bad = doubled(names, [](const NamedPeer& peer) { return peer; });
    for (auto& [index, error, first] : bad) {
        error.subject = "peer " + names[index].name;
        first = static_cast<std::size_t>(std::find(names.begin(), names.end(), names[index]) -
                                         names.begin());
    }
    return bad;
}

} // namespace vxlanctl
