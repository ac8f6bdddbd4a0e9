#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/section_reader.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::string_view vxlan_keys[] = {"dev", "local", "addresses", "peers", "peers_file"};

void state_vxlan_defaults(Tunnel& tunnel) {
    tunnel.tunnel.vni = default_vni;
    tunnel.tunnel.port = default_port;
}

/// `{ dst, port, vni, via }`.
std::optional<Peer> read_peer_table(const Written& table, SourceErrors& errors) {
    TableReader reader(table, errors);
    reader.check_keys(element_keys("peers"));
    auto peer = reader.read("dst", reader.required("dst", "peer"), parse_peer_or_name);
    TunnelAttributes numbers;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
        if (row.name == "port" || row.name == "vni")
            reader.read_attribute(numbers, row, TunnelKind::vxlan);
    const std::string via = reader.read("via", parse_link_name).value_or("");
    if (peer)
        std::visit(
            [&](auto& stated) {
                stated.port = numbers.port;
                stated.vni = numbers.vni;
                stated.via = via;
            },
            *peer);
    return peer;
}

std::optional<Peer> read_peer(const Written& element, SectionReader& section) {
    using enum Written::Type;
    if (element.type == table) return read_peer_table(element, section.errors());
    if (element.type == text || element.type == word)
        return section.read("peer", &element, parse_peer_or_name);
    section.wrong_type("peer", element, "a string or a table");
    return std::nullopt;
}

/// The path of a file that the file `path` names.
std::string beside(const std::string& path, const std::string& named) {
    const auto slash = path.rfind('/');
    if (named.starts_with('/') || slash == std::string::npos) return named;
    return path.substr(0, slash + 1) + named;
}

Result<std::string> parse_file_name(const std::string& name) {
    if (name == "-") return error(Code::stdin_in_file, quote(name));
    if (name.empty() || name.find('\0') != std::string::npos)
        return error(Code::not_a_file_name, quote(name));
    return name;
}

void read_peers_file(const Written& element, SectionReader& section, PeerList& peers) {
    const auto name = section.read("peers_file", &element, parse_file_name);
    if (!name) return;
    const std::string path = peers.files.emplace_back(beside(section.errors().path(), *name));
    const auto file = static_cast<std::uint32_t>(peers.files.size() - 1);
    const auto text = section.files().read(path);
    const auto refuse = [&](Error error) {
        section.errors().add(std::move(error), element.position);
    };
    if (!text) return refuse(text.error());
    read_peers(
        *text, path,
        [&](Peer peer, std::size_t line) {
            peers.add(std::move(peer), {element.position, file, static_cast<std::uint32_t>(line)});
        },
        refuse);
}

/// All peers, in the order in which they were written.
PeerList read_all_peers(SectionReader& section) {
    PeerList peers = std::move(section.files().given);
    if (const auto* list = section.find_list("peers"))
        for (const auto& element : *list)
            if (auto peer = read_peer(element, section))
                peers.add(std::move(*peer), {element.position});
    if (const auto* files = section.find("peers_file")) {
        if (files->type == Written::Type::list)
            for (const auto& element : files->elements)
                read_peers_file(element, section, peers);
        else if (files->type == Written::Type::text)
            read_peers_file(*files, section, peers);
        else
            section.wrong_type("peers_file", *files, "a string or a list");
    }
    return peers;
}

void refuse_peers(const std::vector<BadElement>& bad, std::span<const PeerPlace> places,
                  std::span<const std::string> files, SourceErrors& errors) {
    const auto place_text = [&](const PeerPlace& place) {
        return place.line == 0 ? errors.place_text(place.position)
                               : formatted("{}:{}", files[place.file], place.line);
    };
    for (const auto& [index, problem, earlier] : bad) {
        Error told = problem;
        if (const auto place = earlier ? place_text(places[*earlier]) : ""; !place.empty())
            told.more.emplace_back(Code::first_named_at, "", Values{{"place", place}});
        if (places[index].line != 0)
            told = with_subject(told, place_text(places[index]) + ":").value();
        errors.add(std::move(told), places[index].position);
    }
}

void read_vxlan(SectionReader& section) {
    Tunnel& tunnel = section.tunnel();
    tunnel.tunnel.dev = section.read("dev", parse_dev);
    section.read_addresses();
    if (section.find("peers") == nullptr && section.find("peers_file") == nullptr) return;
    PeerList peers = read_all_peers(section);
    const auto settle = [&](auto& peer) { // else one peer could be written in two ways
        if (peer.port == tunnel.tunnel.port) peer.port.reset();
        if (peer.vni == tunnel.tunnel.vni) peer.vni.reset();
    };
    std::for_each(peers.entries.begin(), peers.entries.end(), settle);
    std::for_each(peers.names.begin(), peers.names.end(), settle);
    sort_with(peers.entries, peers.entry_places);
    if (tunnel.tunnel.local)
        refuse_peers(check_peers(peers.entries, *tunnel.tunnel.local), peers.entry_places,
                     peers.files, section.errors());
    refuse_peers(check_names(peers.names), peers.name_places, peers.files, section.errors());
    std::sort(peers.names.begin(), peers.names.end());
    tunnel.peers = std::move(peers.entries);
    tunnel.named_peers = std::move(peers.names);
}

} // namespace

constinit const SectionKind vxlan_section = {
    TunnelKind::vxlan, "vxlan", vxlan_keys,           std::nullopt, Code{},
    std::nullopt,      "",      state_vxlan_defaults, read_vxlan,   nullptr};

} // namespace vxlanctl
