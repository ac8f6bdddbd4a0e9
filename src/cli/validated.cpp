#include "vxlanctl/cli/validated.h"

#include "vxlanctl/base/lists.h"
#include "vxlanctl/plan/without_host.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace vxlanctl {
namespace {

/// The keys that a message can be about, the best one first.
struct About {
    Code code;
    std::string_view keys; ///< with blanks between
};
constexpr About abouts[] = {
    {Code::vni_in_use, "vni port"},
    {Code::mesh_vni_differs, "vni port"},
    {Code::mesh_port_differs, "port"},
    {Code::label_over_ipv4, "label"},
    {Code::underlay_is_tunnel, "dev"},
    {Code::underlay_missing, "dev"},
    {Code::local_not_here, "local"},
    {Code::mesh_same_local, "local"},
    {Code::mesh_family_differs, "local"},
    {Code::ends_in_use, "remote local"},
    {Code::mesh_remote_differs, "remote local"},
    {Code::master_is_tunnel, "master"},
    {Code::master_missing, "master"},
    {Code::master_not_a_bridge, "master"},
    {Code::master_below, "master"},
    {Code::vrf_missing, "vrf"},
    {Code::not_a_vrf, "vrf"},
    {Code::peer_is_own_address, "peers peers_file remote"},
    {Code::peer_is_broadcast, "peers peers_file remote"},
    {Code::peer_reached_twice, "peers peers_file remote"},
    {Code::only_own_peers, "peers peers_file remote"},
    {Code::peer_leads_into_tunnel, "peers peers_file remote"},
    {Code::peer_may_lead_into_tunnel, "peers peers_file remote"},
    {Code::peer_behind_other_tunnel, "peers peers_file remote"},
    {Code::mesh_not_listed, "peers peers_file remote"},
    {Code::mesh_no_peer, "peers peers_file remote"},
    {Code::mesh_unknown_peer, "peers peers_file remote"},
    {Code::router_is_own_address, "routers"},
    {Code::router_is_broadcast, "routers"},
    {Code::inner_is_outer, "addresses prefix"},
    {Code::address_draws_traffic, "addresses prefix"},
    {Code::inner_address_twice, "addresses prefix"},
    {Code::inner_network_twice, "addresses prefix"},
    {Code::inner_network_within, "addresses prefix"},
    {Code::mesh_same_inner, "addresses prefix"},
    {Code::mesh_network_differs, "addresses prefix"},
    {Code::mtu_below_ipv6, "mtu addresses"},
    {Code::mtu_over_limit, "mtu addresses"},
    {Code::mtu_over_kernels_limit, "mtu addresses"},
    {Code::mesh_mtu_differs, "mtu addresses"},
    {Code::forward_from_itself, "forward_from"},
    {Code::forward_contradicts, "forward_from"},
    {Code::default_route_exists, "default_route routes routers"},
    {Code::route_exists, "routes routers"},
    {Code::route_draws_traffic, "routes routers"},
    {Code::next_hop_not_isatap, "routes routers"},
};

std::vector<std::string_view> keys_about(Code code) {
    std::vector<std::string_view> keys;
    const auto about = std::find_if(std::begin(abouts), std::end(abouts),
                                    [&](const About& row) { return row.code == code; });
    if (about == std::end(abouts)) return keys;
    for (auto rest = about->keys; !rest.empty();) {
        const auto end = std::min(rest.find(' '), rest.size());
        keys.push_back(rest.substr(0, end));
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    return keys;
}

/// What is wrong with the tunnels of one host, with the places.
class Judge {
public:
    explicit Judge(const FileTunnels& read) : read_(read) {
        for (const auto& defined : read.parsed.tunnels)
            by_name_.emplace(defined.tunnel.name, &defined);
    }

    void judge() {
        std::map<std::string, Config> by_namespace;
        for (const auto& defined : read_.parsed.tunnels) {
            Config& config = by_namespace[defined.tunnel.placement.netns];
            config.origin = Origin::file;
            config.tunnels.push_back(defined.tunnel);
        }
        for (auto& [name, config] : by_namespace) {
            auto faults = judge_without_host(std::move(config));
            append(faults_.errors, std::move(faults.errors));
            append(faults_.warnings, std::move(faults.warnings));
        }
        for (auto* messages : {&faults_.errors, &faults_.warnings})
            put_places(*messages);
    }

    ConfigFaults take() { return std::move(faults_); }

private:
    /// In the order of files and lines as well.
    void put_places(std::vector<Message>& messages) const {
        std::vector<std::pair<std::tuple<std::size_t, std::string, std::size_t>, Message>> placed;
        for (auto& message : messages) {
            const auto found = by_name_.find(message.subject);
            if (found != by_name_.end()) {
                const DefinedTunnel& defined = *found->second;
                Place place = place_of(message.code, defined, read_.texts.files);
                place.text = line_at(place, defined, read_.texts.files);
                message.place = std::move(place);
            }
            const Place place = message.place.value_or(Place{});
            placed.emplace_back(std::tuple(found == by_name_.end() ? 0 : found->second->file,
                                           place.path, place.line),
                                std::move(message));
        }
        std::stable_sort(placed.begin(), placed.end(), [](const auto& one, const auto& other) {
            return one.first < other.first;
        });
        std::transform(placed.begin(), placed.end(), messages.begin(),
                       [](auto& message) { return std::move(message.second); });
    }

    const FileTunnels& read_;
    std::map<std::string, const DefinedTunnel*> by_name_;
    ConfigFaults faults_;
};

} // namespace

Place place_of(Code code, const DefinedTunnel& defined, std::span<const SourceText> files) {
    return place_of(defined, keys_about(code), files);
}

bool sets_key_of(Code code, const DefinedTunnel& defined) {
    const auto keys = keys_about(code);
    return std::any_of(defined.keys.begin(), defined.keys.end(), [&](const auto& written) {
        return std::find(keys.begin(), keys.end(), written.first) != keys.end();
    });
}

Validated validated(const std::vector<std::string>& words, bool accepts_empty, Alone alone) {
    Validated result{read_tunnels(words, Writers::anybody), {}, {}};
    FileTunnels& read = result.read;
    append(result.errors, std::move(read.parsed.errors));
    if (!accepts_empty && result.errors.empty()) // else it may well mean to define one
        for (const auto& word : read.empty)
            result.errors.emplace_back(Code::defines_no_tunnel, word);
    for (const auto& path : read.texts.skipped)
        result.warnings.emplace_back(Code::file_skipped, path);
    append(result.warnings, warnings_of_unread(read.unread));
    Judge judge(read);
    judge.judge();
    ConfigFaults faults = judge.take();
    if (alone == Alone::left_to_mesh)
        std::erase_if(faults.errors,
                      [](const Error& error) { return error.code == Code::only_own_peers; });
    append(result.errors, std::move(faults.errors));
    append(result.warnings, std::move(faults.warnings));
    return result;
}

} // namespace vxlanctl
