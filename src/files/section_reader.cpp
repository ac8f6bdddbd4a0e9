#include "vxlanctl/files/section_reader.h"

#include "vxlanctl/base/format.h"

#include <algorithm>

namespace vxlanctl {
namespace {

/// VLANs as one text, which a file also has as a number or as a list of numbers and texts. What
/// cannot be any is left for the reader to refuse.
Written vlans_as_text(Written vlans) {
    using enum Written::Type;
    const auto is_part = [](const Written& value) {
        return value.type == integer || value.type == text;
    };
    if (vlans.type == integer) vlans.type = text;
    if (vlans.type != list || !std::all_of(vlans.elements.begin(), vlans.elements.end(), is_part))
        return vlans;
    for (const auto& element : vlans.elements)
        vlans.text += (vlans.text.empty() ? "" : ",") + element.text;
    vlans.type = text;
    return vlans;
}

} // namespace

SectionReader::SectionReader(TunnelKind kind, const Written& name, const Written& table,
                             SourceErrors& errors, PeersFiles files, SectionScope scope)
    : TableReader(table, errors), kind_(section_kind(kind)), errors_before_(errors.count()),
      files_(std::move(files)), scope_(scope), tunnel_(blank_tunnel(kind)) {
    tunnel_.name = name.text;
    if (auto good = check_tunnel_name(name.text, kind); !good) refuse(good.error(), "", name);
}

std::optional<Tunnel> SectionReader::read_section() {
    check_keys(section_keys(kind_.kind));
    for (const auto& row : link_attributes())
        if (is_option(row, kind_.kind) && !is_of_port(row) && !reads_word_of(row.name))
            read_attribute(tunnel_.link, row, kind_.kind);
    if (!kind_.inner) read_bridge_port();
    for (const auto& row : tunnel_attributes(kind_.kind))
        if (is_option(row, kind_.kind) && !reads_word_of(row.name))
            read_attribute(tunnel_.tunnel, row, kind_.kind);
    if (tunnel_.link.master && tunnel_.link.vrf)
        refuse(Error(Code::vrf_and_master), "", *find("vrf"));
    if (is_word("local", "auto")) {
        tunnel_.automatic.local = true;
        tunnel_.tunnel.local = IpAddress{family_of_ends(), {}};
    } else {
        tunnel_.tunnel.local = read("local", needed("local"), [&](const auto& text) {
            return parse_local(text, kind_.kind);
        });
    }
    complete(tunnel_.tunnel);
    read_routes();
    read_rules();
    read_forward_from();
    read_placement();
    // What a service cannot say on a command line.
    tunnel_.adopt = read_boolean("adopt").value_or(false);
    tunnel_.allow_overlap = read_boolean("allow_overlap").value_or(false);
    kind_.read(*this);
    if (const auto& automatic = tunnel_.automatic;
        !automatic.local && !automatic.dev && !automatic.mtu && automatic.remote_name.empty())
        tunnel_.automatic = {};
    judge();
    if (errors_.count() != errors_before_) return std::nullopt;
    return std::move(tunnel_);
}

const Written* SectionReader::needed(std::string_view key) {
    return scope_ == SectionScope::whole ? required(key, tunnel_.name) : find(key);
}

bool SectionReader::is_word(std::string_view key, std::string_view word) const {
    const Written* const value = find(key);
    return value != nullptr && value->text == word &&
           (value->type == Written::Type::word || value->type == Written::Type::text);
}

/// Words in place of a value: the host is asked for it.
bool SectionReader::reads_word_of(std::string_view key) {
    Automatic& automatic = tunnel_.automatic;
    if (key == "mac" && is_word(key, "random")) return tunnel_.random_mac = true;
    if (key == "mtu" && is_word(key, "path")) return automatic.mtu = true;
    if (key == "dev" && is_word(key, "auto")) return automatic.dev = true;
    return false;
}

/// That of the first address among the other ends; of a name nothing is known.
Family SectionReader::family_of_ends() const {
    if (kind_.outer) return *kind_.outer;
    const Written* const peers = find("peers");
    if (peers != nullptr)
        for (const auto& element : peers->elements) {
            const Written* const dst =
                element.type == Written::Type::table ? find_key(element, "dst") : &element;
            if (dst == nullptr) continue;
            if (const auto peer = parse_peer(dst->text)) return peer->dst.family;
        }
    return files_.given.entries.empty() ? Family::ipv4 : files_.given.entries.front().dst.family;
}

void SectionReader::read_addresses() {
    constexpr std::string_view role = "inner address";
    const auto list = read_list("addresses", [&](const Written& element) -> std::optional<Prefix> {
        const auto* const text = text_of("address", element);
        if (text == nullptr) return std::nullopt;
        const auto address = parse_inner_address(*text);
        if (!address)
            refuse(address.error(), role, element);
        else if (kind_.inner && address->address.family != *kind_.inner)
            errors_.add(with_subject(Error(Code::inner_needs_ipv4, quote(*text)),
                                     element.name.empty() ? role : "INNER")
                            .value(),
                        element.position);
        else
            return *address;
        return std::nullopt;
    });
    if (!list) return;
    for (auto& [index, error, earlier] : check_addresses(list->values))
        refuse(with_subject(error, quote(list->written[index]->text)).value(), role,
               *list->written[index]);
    tunnel_.addresses = list->values;
}

void SectionReader::read_bridge_port() {
    const Written* const found = find(bridge_port_key);
    if (found == nullptr) return;
    if (found->type != Written::Type::table) return wrong_type(bridge_port_key, *found, "a table");
    Written table = *found;
    for (auto& value : table.elements)
        if (value.key == "vlans") value = vlans_as_text(std::move(value));
    TableReader port(table, errors_);
    port.check_keys(element_keys(bridge_port_key));
    for (const auto& row : link_attributes())
        if (const auto key = key_in_bridge_port(row.name); !key.empty() && !row.help.empty())
            port.read_attribute(tunnel_.link, row, kind_.kind, key);
}

void SectionReader::read_routes() {
    auto list = read_list("routes", [&](const Written& element) {
        auto route = read_parts<RouteBuilder>(element, "routes", errors_);
        if (route)
            if (auto good = check_route_family(*route, tunnel_); !good)
                refuse(good.error(), "route", element);
        return route;
    });
    if (!list) return;
    tunnel_.routes = std::move(list->values);
    routes_ = std::move(list->written);
}

void SectionReader::read_rules() {
    auto list = read_list("rules", [&](const Written& element) {
        return read_parts<RuleBuilder>(element, "rules", errors_);
    });
    if (!list) return;
    for (auto& [index, error, earlier] : doubled_rules(list->values))
        errors_.add(error, list->written[index]->position);
    tunnel_.rules = std::move(list->values);
}

void SectionReader::read_forward_from() {
    if (kind_.inner == Family::ipv6) return; // has no such key
    auto list = read_list("forward_from", [&](const Written& element) {
        return read("forward_from", &element, parse_link_name);
    });
    if (!list) return;
    for (auto& [index, error, earlier] : doubled<std::string>(list->values))
        refuse(with_subject(error, quote(list->values[index])).value(), "forward_from",
               *list->written[index]);
    tunnel_.forward_from = std::move(list->values);
}

void SectionReader::read_placement() {
    Placement& placement = tunnel_.placement;
    placement.netns = read("netns", parse_netns).value_or("");
    placement.create = read_boolean("create_netns").value_or(false);
    placement.move_dev = read_boolean("move_dev").value_or(false);
    const auto needs = [&](std::string_view key, std::string_view other) {
        if (const Written* const value = find(key); value != nullptr && find(other) == nullptr)
            refuse(Error(Code::means_nothing_without, "", {{"key", other}}), key, *value);
    };
    if (const Written* const value = find("move_dev"); placement.move_dev && is_word("dev", "auto"))
        refuse(Error(Code::auto_cannot_move), "move_dev", *value);
    needs("create_netns", "netns");
    needs("move_dev", "netns");
    if (placement.move_dev) needs("move_dev", "dev");
}

void SectionReader::add_first_routes(const std::vector<const Written*>& from) {
    routes_.insert(routes_.begin(), from.begin(), from.end());
}

void SectionReader::judge() {
    if (tunnel_.routes && tunnel_.routes->size() == routes_.size())
        for (auto& [index, error, earlier] : doubled_routes(*tunnel_.routes))
            errors_.add(error, routes_[index]->position);
    if (auto good = check_ipv6_mtu(tunnel_); !good) refuse(good.error(), "mtu", *find("mtu"));
}

} // namespace vxlanctl
