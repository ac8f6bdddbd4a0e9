#include "vxlanctl/files/vxlan.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/route_words.h"
#include "vxlanctl/files/section_reader.h"
#include "vxlanctl/files/toml_lines.h"

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

/// A peer as people copy it from elsewhere: ADDR, ADDR/32, ADDR:PORT, [ADDR6]:PORT, ADDR6%DEV.
struct PeerParts {
    std::string_view host;
    std::optional<std::uint16_t> port;
    std::string via;
};

Result<PeerParts> parts_of_peer(std::string_view text) {
    PeerParts parts{text, std::nullopt, ""};
    auto& host = parts.host;
    std::optional<std::string_view> port;
    if (text.starts_with('[')) {
        const auto end = text.find(']');
        const auto rest = text.substr(std::min(end, text.size() - 1) + 1);
        if (end == std::string_view::npos || (!rest.empty() && !rest.starts_with(':')))
            return error(Code::not_an_ip_address, quote(text));
        host = text.substr(1, end - 1);
        if (!rest.empty()) port = rest.substr(1);
    } else if (const auto colon = text.find(':');
               colon != std::string_view::npos && text.find(':', colon + 1) == text.npos) {
        host = text.substr(0, colon); // an IPv6 address has two at least
        port = text.substr(colon + 1);
    }
    if (port) {
        TunnelAttributes numbers;
        for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
            if (row.name == "port")
                if (auto set = set_value(numbers, row, *port); !set)
                    return tl::unexpected(set.error());
        parts.port = numbers.port;
    }
    if (const auto percent = host.find('%'); percent != std::string_view::npos) {
        parts.via = host.substr(percent + 1);
        if (auto good = check_link_name(parts.via); !good) return tl::unexpected(good.error());
        host = host.substr(0, percent);
    }
    if (const auto slash = host.find('/'); slash != std::string_view::npos)
        if (const auto prefix = parse_prefix(host);
            prefix && prefix->length == full_length(prefix->address.family))
            host = host.substr(0, slash);
    return parts;
}

/// The peer, if the parts are those of an address.
Result<FloodEntry> peer_of(const PeerParts& parts, std::string_view text) {
    const auto address = parse_other_end(parts.host, "peer", TunnelKind::vxlan);
    if (!address) {
        Error problem = address.error();
        if (problem.subject == quote(parts.host)) problem.subject = quote(text);
        return tl::unexpected(std::move(problem));
    }
    if (!parts.via.empty() && !is_link_local(*address))
        return error(Code::peer_interface_wrong, quote(text), {{"interface", parts.via}});
    return FloodEntry{*address, parts.port, std::nullopt, parts.via};
}

constexpr std::string_view vxlan_keys[] = {
    "dev",        "local",           "addresses",       "peers",
    "peers_file", "duplicate_check", "multicast_group", "control_plane"};

void state_vxlan_defaults(Tunnel& tunnel) {
    tunnel.tunnel.vni = default_vni;
    tunnel.tunnel.port = default_port;
}

/// How many seconds others are asked for a new address.
Result<std::uint32_t> parse_duplicate_check(std::string_view text) {
    constexpr std::uint32_t most = 60;
    auto seconds = parse_positive("duplicate_check", text);
    if (seconds && *seconds <= most) return seconds;
    return error(Code::not_in_range, quote(text), {{"low", 1}, {"high", most}, {"or", ""}});
}

/// `{ dst, port, vni, via, name }`, or an address or host name.
std::optional<Peer> read_peer(const Written& element, SourceErrors& errors, std::string& name) {
    TableReader reader(element, errors);
    if (element.type != Written::Type::table)
        return reader.read("peer", &element, parse_peer_or_name, Expected::text_or_table);
    reader.check_keys(element_keys("peers"));
    auto peer = reader.read("dst", reader.required("dst", "peer"), parse_peer_or_name);
    TunnelAttributes numbers;
    for (const auto& row : tunnel_attributes(TunnelKind::vxlan))
        if (row.name == "port" || row.name == "vni")
            reader.read_attribute(numbers, row, TunnelKind::vxlan);
    const std::string via = reader.read("via", parse_link_name).value_or("");
    name = reader.read("name", parse_peer_name).value_or("");
    const auto complete_peer = [&](auto& stated) {
        const auto settle = [&](std::string_view key, auto& written, const auto& named) {
            if (named == std::decay_t<decltype(named)>{}) return;
            if (written != std::decay_t<decltype(written)>{} && written != named)
                reader.refuse(Error(Code::peer_said_twice, "", {{"key", key}}), "peer", element);
            written = named;
        };
        settle("port", stated.port, numbers.port);
        settle("via", stated.via, via);
        stated.vni = numbers.vni;
    };
    if (peer) std::visit(complete_peer, *peer);
    return peer;
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

void read_peers_file(const Written& element, SectionReader& section, PeerList& peers,
                     Expected expected = Expected::text) {
    const auto name = section.read("peers_file", &element, parse_file_name, expected);
    if (!name) return;
    const std::string path =
        peers.files.emplace_back(beside(section.errors().path_of(element.position), *name));
    const auto file = static_cast<std::uint32_t>(peers.files.size() - 1);
    const auto text = section.files().read(path);
    const auto refuse = [&](Error error) {
        section.errors().add(std::move(error), element.position);
    };
    if (!text) return refuse(text.error());
    read_peers(
        *text, path,
        [&](Peer peer, std::string called, std::size_t line) {
            peers.add(std::move(peer), {element.position, file, static_cast<std::uint32_t>(line),
                                        std::move(called)});
        },
        refuse);
}

/// All peers, in the order in which they were written.
PeerList read_all_peers(SectionReader& section) {
    PeerList peers = std::move(section.files().given);
    if (const auto* list = section.find_list("peers")) {
        peers.entries.reserve(peers.entries.size() + list->size());
        peers.entry_places.reserve(peers.entry_places.size() + list->size());
        for (const auto& element : *list) {
            std::string name;
            if (auto peer = read_peer(element, section.errors(), name))
                peers.add(std::move(*peer), {element.position, 0, 0, std::move(name)});
        }
    }
    const Written* const files = section.find("peers_file");
    if (files != nullptr && files->type != Written::Type::list)
        read_peers_file(*files, section, peers, Expected::text_or_list);
    else if (files != nullptr)
        for (const auto& element : files->elements)
            read_peers_file(element, section, peers);
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

/// The group that flooded frames are sent to, which the kernel joins on the underlay interface
/// (vxlan_igmp_join() in drivers/net/vxlan/vxlan_multicast.c).
void read_multicast_group(SectionReader& section) {
    const Written* const found = section.find("multicast_group");
    const auto group = section.read("multicast_group", found, parse_address);
    if (!group) return;
    TunnelAttributes& tunnel = section.tunnel().tunnel;
    const auto refuse = [&](Code code, Values values = {}) {
        section.refuse(Error(code, quote(to_string(*group)), std::move(values)), "multicast_group",
                       *found);
    };
    if (!is_multicast(*group))
        refuse(Code::not_a_multicast_group);
    else if (tunnel.local && tunnel.local->family != group->family)
        refuse(Code::group_of_other_family, {{"local", to_string(*tunnel.local)}});
    else if (section.scope() == SectionScope::whole && !section.tunnel().automatic.dev &&
             tunnel.dev.value_or("").empty())
        refuse(Code::group_needs_dev);
    else
        tunnel.remote = *group;
}

Result<bool> parse_control_plane(std::string_view text) {
    if (text == "evpn" || text == "none") return text == "evpn";
    return error(Code::not_one_of, quote(text), {{"words", "evpn or none"}});
}

/// Who writes the peers, and what that excludes.
void read_control_plane(SectionReader& section) {
    Tunnel& tunnel = section.tunnel();
    tunnel.evpn = section.read("control_plane", parse_control_plane).value_or(false);
    if (!tunnel.evpn) return;
    const auto& given = section.files().given;
    const Written* stated = section.find("peers_file");
    if (stated == nullptr) stated = section.find("peers");
    if (stated != nullptr || !given.entries.empty() || !given.names.empty())
        section.refuse(Error(Code::control_plane_has_peers), "control_plane",
                       *section.find("control_plane"));
    if (tunnel.tunnel.learning.value_or(false))
        section.refuse(Error(Code::control_plane_learns), "learning", *section.find("learning"));
    if (tunnel.link.bridge_learning.value_or(false))
        section.refuse(Error(Code::control_plane_learns), "bridge_port",
                       *section.find(bridge_port_key));
}

void read_vxlan(SectionReader& section) {
    Tunnel& tunnel = section.tunnel();
    if (section.is_word("dev", "auto"))
        tunnel.automatic.dev = true;
    else
        tunnel.tunnel.dev = section.read("dev", parse_dev);
    const bool is_whole = section.scope() == SectionScope::whole;
    if (const auto& local = tunnel.tunnel.local;
        is_whole && local && local->family == Family::ipv6 && is_link_local(*local) &&
        !tunnel.automatic.dev && tunnel.tunnel.dev.value_or("").empty())
        section.refuse(Error(Code::link_local_needs_dev, quote(to_string(*local))), "local",
                       *section.find("local"));
    read_multicast_group(section);
    read_control_plane(section);
    section.read_addresses();
    tunnel.duplicate_check =
        section.read("duplicate_check", parse_duplicate_check, Expected::integer).value_or(0);
    if (section.find("peers") == nullptr && section.find("peers_file") == nullptr) return;
    PeerList peers = read_all_peers(section);
    const auto settle = [&](auto& peer) { // else one peer could be written in two ways
        if (peer.port == tunnel.tunnel.port) peer.port.reset();
        if (peer.vni == tunnel.tunnel.vni) peer.vni.reset();
    };
    std::for_each(peers.entries.begin(), peers.entries.end(), settle);
    std::for_each(peers.names.begin(), peers.names.end(), settle);
    if (tunnel.automatic.local && !peers.entries.empty()) // peers files were not known before
        tunnel.tunnel.local = IpAddress{peers.entries.front().dst.family, {}};
    if (tunnel.automatic.local || tunnel.automatic.dev)
        for (const auto& peer : peers.entries)
            tunnel.automatic.towards.push_back(peer.dst);
    complete(tunnel.tunnel);
    sort_with(peers.entries, peers.entry_places);
    if (tunnel.tunnel.local) {
        auto bad = check_peers(peers.entries, *tunnel.tunnel.local);
        // One file is for all hosts: each of them leaves itself out.
        if (section.files().read)
            std::erase_if(bad, [](const BadElement& element) {
                return element.error.code == Code::address_is_local;
            });
        refuse_peers(bad, peers.entry_places, peers.files, section.errors());
    }
    refuse_peers(check_names(peers.names), peers.name_places, peers.files, section.errors());
    std::sort(peers.names.begin(), peers.names.end());
    for (std::size_t i = 0; i < peers.entries.size(); ++i)
        if (auto& name = peers.entry_places[i].name; !name.empty())
            tunnel.peer_names.emplace(peers.entries[i], std::move(name));
    tunnel.peers = std::move(peers.entries);
    tunnel.named_peers = std::move(peers.names);
}

} // namespace

Result<FloodEntry> parse_peer(std::string_view text) {
    const auto parts = parts_of_peer(text);
    return parts ? peer_of(*parts, text) : tl::unexpected(parts.error());
}

Result<Peer> parse_peer_or_name(std::string_view text) {
    const bool is_plain = std::all_of(text.begin(), text.end(), [](char character) {
        return (character >= '0' && character <= '9') || character == '.';
    });
    if (is_plain) return peer_of({text, std::nullopt, ""}, text); // as most are
    const auto parts = parts_of_peer(text);
    if (!parts) return tl::unexpected(parts.error());
    const bool may_be_name = std::any_of(parts->host.begin(), parts->host.end(), is_letter);
    if (may_be_name && is_host_name(parts->host) && parts->via.empty()) {
        NamedPeer peer{std::string(parts->host), parts->port, std::nullopt, ""};
        for (char& character : peer.name)
            if (character >= 'A' && character <= 'Z')
                character = static_cast<char>(character - 'A' + 'a');
        return peer;
    }
    auto peer = peer_of(*parts, text);
    if (peer) return *peer;
    if (!parse_address(parts->host)) explain_no_name(peer.error(), text);
    return tl::unexpected(std::move(peer.error()));
}

Result<std::string> parse_peer_name(std::string_view text) {
    constexpr std::size_t longest = 63;
    if (text.empty() || text.size() > longest || printable(text) != text ||
        text.find_first_not_of(' ') != 0 || text.ends_with(' '))
        return error(Code::peer_name_wrong, quote(text), {{"most", longest}});
    if (parse_address(text)) return error(Code::peer_name_is_address, quote(text));
    return std::string(text);
}

namespace {

/// The name in a line of a peers file.
Result<std::string> parse_peer_word(std::string_view text) {
    if (text.find_first_of(" \t") != std::string_view::npos)
        return error(Code::peer_line_has_more, quote(text));
    return parse_peer_name(text);
}

} // namespace

void read_peers(std::string_view text, const std::string& path,
                const std::function<void(Peer, std::string name, std::size_t line)>& take,
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
        const auto blank = std::min(content.find_first_of(" \t"), content.size());
        auto peer = parse_peer_or_name(content.substr(0, blank));
        const auto name_at = std::min(content.find_first_not_of(" \t", blank), content.size());
        auto name = name_at == content.size() ? Result<std::string>("")
                                              : parse_peer_word(content.substr(name_at));
        empty = false;
        if (peer && name)
            take(std::move(*peer), std::move(*name), line);
        else
            refuse(with_subject(peer ? name.error() : peer.error(), formatted("{}:{}:", path, line))
                       .value());
    }
    if (empty) refuse(Error(Code::peers_file_empty, path));
}

void PeerList::add(Peer peer, PeerPlace place) {
    if (auto* name = std::get_if<NamedPeer>(&peer)) {
        name->label = std::move(place.name);
        names.push_back(std::move(*name));
        name_places.push_back(std::move(place));
    } else {
        entries.push_back(std::get<FloodEntry>(peer));
        entry_places.push_back(std::move(place));
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
        [&](Peer peer, std::string name, std::size_t line) {
            peers.add(std::move(peer), {{}, 0, static_cast<std::uint32_t>(line), std::move(name)});
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
    auto bad = doubled(names);
    for (auto& [index, error, first] : bad) {
        error.subject = "peer " + names[index].name;
        first = static_cast<std::size_t>(std::find(names.begin(), names.end(), names[index]) -
                                         names.begin());
    }
    return bad;
}

namespace {

std::string vxlan_lines(Tunnel& tunnel) {
    const auto& remote = tunnel.tunnel.remote;
    return (remote && is_multicast(*remote)
                ? line_of("multicast_group", in_quotes(to_string(*remote)))
                : "") +
           (tunnel.evpn ? line_of("control_plane", in_quotes("evpn")) : "");
}

} // namespace

constinit const SectionKind vxlan_section = {
    TunnelKind::vxlan, "vxlan", vxlan_keys,           std::nullopt, Code{},
    std::nullopt,      "",      state_vxlan_defaults, read_vxlan,   vxlan_lines};

} // namespace vxlanctl
