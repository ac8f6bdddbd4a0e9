#include "vxlanctl/files/tunnel_words.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/files/section_reader.h"

#include <algorithm>

namespace vxlanctl {
namespace {

Error contradiction(std::string_view one, std::string_view other) {
    return Error(Code::options_contradict, "",
                 {{"one", formatted("--{}", one)}, {"other", formatted("--{}", other)}});
}

tl::unexpected<Error> wrong_words(std::string_view words, std::string_view command) {
    return error(Code::wrong_words, "",
                 {{"words", words}, {"help", formatted("vxlanctl {} --help", command)}});
}

/// The option's arguments; none where it is not given.
std::vector<std::string> values_of(const OptionValues& options, std::string_view name) {
    const auto option = options.find(name);
    return option == options.end() ? std::vector<std::string>{} : option->second;
}

/// What --NAME and --no-NAME say of a key.
void add_flag(SectionWords& section, const OptionValues& options, std::string_view key,
              std::string_view name) {
    const std::string negation = formatted("no-{}", name);
    const bool is_set = options.contains(name), is_negated = options.contains(negation);
    if (is_set && is_negated) section.refuse(contradiction(name, negation));
    if (is_set || is_negated) section.add(key, "", is_set ? "yes" : "no");
}

void add_list(SectionWords& section, const OptionValues& options, std::string_view key,
              std::string_view name) {
    for (const auto& word : values_of(options, name))
        section.add_element(key, formatted("--{}", name), word);
}

/// Everything that the options say about the attributes of one table.
template<class Row>
void add_attributes(SectionWords& section, const OptionValues& options, std::span<const Row> rows) {
    for (const auto& row : rows) {
        if (!is_option(row, section.kind())) continue;
        const std::string name = option_name(row.name);
        if (row.argument.empty())
            add_flag(section, options, row.name, name);
        else if (const auto option = options.find(name); option != options.end())
            // DEV is what the other commands call it.
            section.add(row.name, name == "dev" ? "DEV" : "--" + name, option->second.back());
    }
}

/// The section of a tunnel that runs, with its ends, which nothing is changed by.
SectionWords section_of(const RunningTunnel& running, const OptionValues& options) {
    SectionWords section(running.kind);
    section.add("", "IFNAME", running.name);
    for (const auto& [key, text] : {std::pair{"local", running.local}, {"remote", running.remote}})
        if (options.contains(key))
            section.add(key, formatted("--{}", key), options.find(key)->second.back());
        else if (!text.empty() &&
                 (key == std::string_view("local") || running.kind == TunnelKind::ip6tnl))
            section.add(key, "", text);
    return section;
}

/// What of a tunnel the words name: what is neither a default of all nor one of the ends that run.
std::set<std::string> named_in(const Tunnel& tunnel, const OptionValues& options) {
    std::set<std::string> named;
    for (const auto& key : stated_keys(tunnel))
        if (!tunnel.implied.contains(key) &&
            ((key != "local" && key != "remote") || options.contains(key) ||
             (key == "remote" && options.contains("multicast-group"))))
            named.insert(key);
    if (tunnel.addresses) named.insert("addresses");
    if (tunnel.routes) named.insert("routes");
    if (tunnel.rules) named.insert("rules");
    if (tunnel.forward_from) named.insert("forward_from");
    if (tunnel.peers) named.insert(peers_key);
    if (options.contains("control-plane")) named.insert(control_plane_key);
    return named;
}

/// Whom flooded frames go to, beside the peers.
void add_flooding(SectionWords& section, const OptionValues& options) {
    if (const auto group = values_of(options, "multicast-group"); !group.empty())
        section.add("multicast_group", "--multicast-group", group.back());
    if (const auto control_plane = values_of(options, "control-plane"); !control_plane.empty())
        section.add(control_plane_key, "--control-plane", control_plane.back());
}

/// The inner addresses: INNER, unless it is `-`, and every --address.
void add_addresses(SectionWords& section, const std::string& inner, const OptionValues& options) {
    section.list("addresses");
    auto words = values_of(options, "address");
    if (inner != "-") words.insert(words.begin(), inner);
    for (const auto& word : words)
        section.add_element("addresses", "inner address", word);
}

/// ROUTER... with the default flag, and every --router without.
void add_routers(SectionWords& section, std::span<const std::string> words,
                 const OptionValues& options) {
    if (words.empty() && !options.contains("router"))
        return section.refuse(Error(Code::no_router_named));
    for (const auto& word : words)
        section.add_element("routers", "ROUTER", word);
    add_list(section, options, "routers", "router");
    auto& routers = section.list("routers");
    for (std::size_t i = 0; i < routers.size(); ++i) {
        Written router{Written::Type::table, "", routers[i].position};
        routers[i].key = "address";
        router.elements.push_back(std::move(routers[i]));
        if (i >= words.size()) router.elements.push_back(section.word_of("prl_default", "", "no"));
        routers[i] = std::move(router);
    }
}

/// The default routes: by the first router, and with --metric repeated by the next ones.
void add_default_routes(SectionWords& section, std::size_t default_routers,
                        const OptionValues& options) {
    add_flag(section, options, "default_route", "default-route");
    const auto metrics = values_of(options, "metric");
    if (options.contains("no-default-route")) {
        if (!metrics.empty()) section.refuse(Error(Code::metric_without_default_route, "--metric"));
        return;
    }
    auto& routers = section.list("routers");
    for (std::size_t i = 0; i < std::min(metrics.size(), routers.size()); ++i) {
        routers[i].elements.push_back(section.word_of("default_route", "", "yes"));
        routers[i].elements.push_back(section.word_of("metric", "--metric", metrics[i]));
    }
    if (metrics.size() > std::max<std::size_t>(default_routers, 1))
        section.refuse(Error(Code::more_metrics_than_routers));
}

} // namespace

Result<Tunnel> vxlan_from_words(std::span<const std::string> words, const OptionValues& options,
                                PeerList peers) {
    constexpr std::size_t fixed_words = 4;
    if (words.size() < fixed_words) return wrong_words("DEV LOCAL IFNAME INNER PEER...", "up");
    SectionWords section(TunnelKind::vxlan);
    section.add_first(words, {{"DEV", "dev"}, {"LOCAL", "local"}, {"IFNAME", ""}});
    add_addresses(section, words[3], options);
    if (const auto seconds = values_of(options, "duplicate-check"); !seconds.empty())
        section.add("duplicate_check", "--duplicate-check", seconds.back());
    add_flooding(section, options);
    if (words.size() > fixed_words || !options.contains("control-plane")) section.list("peers");
    for (const auto& word : words.subspan(fixed_words))
        section.add_element("peers", "PEER", word);
    if (words.size() == fixed_words && peers.entries.empty() && peers.names.empty() &&
        !options.contains("multicast-group") && !options.contains("control-plane"))
        section.refuse(Error(Code::no_peer_named).also(Code::peers_file_possible));
    section.add_options(options);
    return section.tunnel(std::move(peers));
}

Result<Tunnel> isatap_from_words(std::span<const std::string> words, const OptionValues& options) {
    constexpr std::size_t fixed_words = 3;
    if (words.size() < fixed_words)
        return wrong_words("IFNAME LOCAL PREFIX ROUTER...", "isatap up");
    SectionWords section(TunnelKind::sit);
    section.add_first(words, {{"IFNAME", ""}, {"LOCAL", "local"}, {"PREFIX", "prefix"}});
    const auto routers = words.subspan(fixed_words);
    add_routers(section, routers, options);
    add_default_routes(section, routers.size(), options);
    add_flag(section, options, "global_id", "global-id");
    section.add_options(options);
    return section.tunnel();
}

Result<Tunnel> ipip6_from_words(std::span<const std::string> words, const OptionValues& options) {
    if (words.size() < 3 || words.size() > 4)
        return wrong_words("IFNAME LOCAL6 REMOTE6 [INNER]", "ipip6 up");
    SectionWords section(TunnelKind::ip6tnl);
    section.add_first(words, {{"IFNAME", ""}, {"LOCAL6", "local"}, {"REMOTE6", "remote"}});
    if (words.size() == 4) add_addresses(section, words[3], options);
    section.add_options(options);
    return section.tunnel();
}

Result<Tunnel> changes_from_words(const RunningTunnel& running, const OptionValues& options) {
    SectionWords section = section_of(running, options);
    if (options.contains("dev") && running.kind == TunnelKind::vxlan)
        section.add("dev", "--dev", options.find("dev")->second.back());
    add_flooding(section, options);
    add_list(section, options, "addresses", "address");
    section.add_options(options);
    auto tunnel = section.tunnel({}, SectionScope::changes);
    if (!tunnel) return tunnel;
    tunnel->named = named_in(*tunnel, options);
    if (tunnel->named->empty()) return error(Code::nothing_to_set, running.name);
    return tunnel;
}

Result<Tunnel> peers_from_words(const RunningTunnel& running, std::span<const std::string> words,
                                PeerChange change, PeerList peers) {
    SectionWords section = section_of(running, {});
    auto& list = section.list("peers");
    for (const auto& word : words)
        section.add_element("peers", "PEER", word);
    if (list.empty() && peers.entries.empty() && peers.names.empty())
        section.refuse(Error(Code::no_peer_named));
    auto tunnel = section.tunnel(std::move(peers), SectionScope::changes);
    if (!tunnel) return tunnel;
    tunnel->named.emplace({std::string(peers_key)});
    tunnel->peer_change = change;
    return tunnel;
}

Written SectionWords::word_of(std::string_view key, std::string name, const std::string& word) {
    return {Written::Type::word, word, {0, ++last_}, std::move(name), std::string(key)};
}

void SectionWords::add(std::string_view key, std::string name, const std::string& word) {
    const auto key_of_port = key_in_bridge_port(key);
    if (key.empty())
        ifname_ = word_of(key, std::move(name), word);
    else if (!key_of_port.empty())
        part(bridge_port_key, Written::Type::table)
            .push_back(word_of(key_of_port, std::move(name), word));
    else
        table_.elements.push_back(word_of(key, std::move(name), word));
}

void SectionWords::add_first(std::span<const std::string> words,
                             std::initializer_list<std::pair<const char*, std::string_view>> keys) {
    auto word = words.begin();
    for (const auto& [name, key] : keys)
        add(key, name, *word++);
}

void SectionWords::add_element(std::string_view key, std::string name, const std::string& word) {
    list(key).push_back(word_of("", std::move(name), word));
}

std::vector<Written>& SectionWords::list(std::string_view key) {
    return part(key, Written::Type::list);
}

std::vector<Written>& SectionWords::part(std::string_view key, Written::Type type) {
    auto& all = table_.elements;
    auto found = std::find_if(all.begin(), all.end(),
                              [&](const Written& value) { return value.key == key; });
    if (found == all.end())
        found = all.insert(found, {type, "", {0, ++last_}, "", std::string(key)});
    return found->elements;
}

void SectionWords::add_options(const OptionValues& options) {
    if (options.contains("master") && options.contains("vrf"))
        refuse(contradiction("vrf", "master").also(Code::vrf_is_a_master));
    add_attributes(*this, options, link_attributes());
    add_attributes(*this, options, tunnel_attributes(kind_));
    add_list(*this, options, "routes", "route");
    add_list(*this, options, "rules", "rule");
    add_list(*this, options, "forward_from", "forward-from");
}

Result<Tunnel> SectionWords::tunnel(PeerList given, SectionScope scope) {
    for (auto* places : {&given.entry_places, &given.name_places})
        for (auto& place : *places)
            place.position = {0, last_ + 1};
    SectionReader reader(kind_, ifname_, table_, errors_, {nullptr, std::move(given)}, scope);
    auto tunnel = reader.read_section();
    if (errors_.count() != 0) {
        auto [position, error] = errors_.take_first();
        wrong_ = position.column;
        return tl::unexpected(std::move(error));
    }
    tunnel->implied = stated_keys(blank_tunnel(kind_));
    for (const auto& value : table_.elements)
        tunnel->implied.erase(value.key);
    return std::move(*tunnel);
}

} // namespace vxlanctl
