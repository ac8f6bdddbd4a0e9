#include "vxlanctl/cli/metrics.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/cli/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

using Labels = std::vector<std::pair<std::string_view, std::string_view>>;
using MaybeValue = std::optional<MetricValue>; ///< empty where it has none

MetricValue flag(bool value) {
    return std::uint64_t{value};
}

template<class T> MaybeValue number(const std::optional<T>& value) {
    if (!value) return std::nullopt;
    return MetricValue(std::uint64_t{*value});
}

/// What is measured of each tunnel, or of each peer.
template<class Of> struct MeasuredRow {
    std::string_view name, help;
    MetricType type;
    MaybeValue (*value)(const Of& of);
};

constexpr MeasuredRow<TunnelMetrics> tunnel_rows[] = {
    {"vxlanctl_tunnel_up", "Whether the tunnel's interface exists and is up.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return MaybeValue(flag(tunnel.is_up)); }},
    {"vxlanctl_tunnel_in_sync",
     "Whether the tunnel runs as its file, or the command that made it, says.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return MaybeValue(flag(tunnel.is_in_sync)); }},
    {"vxlanctl_tunnel_held",
     "Whether a change of the tunnel's file was not confirmed, so that services leave it alone.",
     MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return MaybeValue(flag(tunnel.is_held)); }},
    {"vxlanctl_tunnel_mtu_bytes", "Size of the largest packet that fits into the tunnel.",
     MetricType::gauge, [](const TunnelMetrics& tunnel) { return number(tunnel.mtu); }},
    {"vxlanctl_tunnel_peers", "Number of peers in the kernel's flood list.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return number(tunnel.peers); }},
    {"vxlanctl_tunnel_learned_macs", "Number of MAC addresses that the kernel has learned.",
     MetricType::gauge, [](const TunnelMetrics& tunnel) { return number(tunnel.learned_macs); }},
    {"vxlanctl_evpn_vteps", "Number of remote VTEPs that FRR lists for the tunnel's VNI.",
     MetricType::gauge, [](const TunnelMetrics& tunnel) { return number(tunnel.evpn_vteps); }},
    {"vxlanctl_evpn_vtep_missing",
     "Number of remote VTEPs that FRR lists and the kernel's flood list lacks.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return number(tunnel.evpn_missing); }},
    {"vxlanctl_evpn_vtep_unknown",
     "Number of entries of the kernel's flood list that FRR does not list.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return number(tunnel.evpn_unknown); }},
    {"vxlanctl_evpn_type3_routes",
     "Number of VTEPs whose type-3 route for the tunnel's VNI has come.", MetricType::gauge,
     [](const TunnelMetrics& tunnel) { return number(tunnel.evpn_routes); }},
};

MaybeValue bytes_of(const std::optional<PeerTraffic>& traffic) {
    return traffic ? MaybeValue(traffic->bytes) : std::nullopt;
}

MaybeValue packets_of(const std::optional<PeerTraffic>& traffic) {
    return traffic ? MaybeValue(traffic->packets) : std::nullopt;
}

constexpr MeasuredRow<PeerMetrics> peer_rows[] = {
    {"vxlanctl_peer_present",
     "Whether a peer that the tunnel shall have is in the kernel's flood list.", MetricType::gauge,
     [](const PeerMetrics& peer) {
         return peer.is_present ? MaybeValue(flag(*peer.is_present)) : std::nullopt;
     }},
    {"vxlanctl_peer_learned_macs",
     "Number of MAC addresses that the kernel has learned from the peer.", MetricType::gauge,
     [](const PeerMetrics& peer) { return number(peer.learned_macs); }},
    {"vxlanctl_peer_last_heard_seconds", "Time since a frame last came from the peer.",
     MetricType::gauge,
     [](const PeerMetrics& peer) {
         return peer.heard_before ? MaybeValue(*peer.heard_before) : std::nullopt;
     }},
    {"vxlanctl_peer_receive_bytes_total", "Bytes of outer packets from the peer.",
     MetricType::counter, [](const PeerMetrics& peer) { return bytes_of(peer.received); }},
    {"vxlanctl_peer_receive_packets_total", "Outer packets from the peer.", MetricType::counter,
     [](const PeerMetrics& peer) { return packets_of(peer.received); }},
    {"vxlanctl_peer_transmit_bytes_total", "Bytes of outer packets to the peer.",
     MetricType::counter, [](const PeerMetrics& peer) { return bytes_of(peer.sent); }},
    {"vxlanctl_peer_transmit_packets_total", "Outer packets to the peer.", MetricType::counter,
     [](const PeerMetrics& peer) { return packets_of(peer.sent); }},
};

Labels labels_of(const TunnelMetrics& tunnel) {
    return {{"netns", tunnel.netns}, {"tunnel", tunnel.name}};
}

void add_tunnels(std::vector<MetricFamily>& families, const std::vector<TunnelMetrics>& tunnels) {
    MetricFamily& info =
        families.emplace_back(MetricFamily{"vxlanctl_tunnel_info",
                                           "What the tunnel is; the value is always 1.",
                                           MetricType::gauge,
                                           {}});
    for (const auto& tunnel : tunnels)
        info.samples.push_back({{{"netns", tunnel.netns},
                                 {"tunnel", tunnel.name},
                                 {"kind", tunnel.kind},
                                 {"vni", tunnel.vni},
                                 {"port", tunnel.port},
                                 {"local", tunnel.local},
                                 {"dev", tunnel.dev},
                                 {"origin", tunnel.origin}},
                                flag(true)});
    for (const auto& row : tunnel_rows) {
        MetricFamily& family =
            families.emplace_back(MetricFamily{row.name, row.help, row.type, {}});
        for (const auto& tunnel : tunnels)
            if (const auto value = row.value(tunnel))
                family.samples.push_back({labels_of(tunnel), *value});
    }
    for (const auto& row : peer_rows) {
        MetricFamily& family =
            families.emplace_back(MetricFamily{row.name, row.help, row.type, {}});
        for (const auto& tunnel : tunnels)
            for (const auto& peer : tunnel.each_peer)
                if (const auto value = row.value(peer)) {
                    Labels labels = labels_of(tunnel);
                    labels.insert(labels.end(), {{"peer", peer.peer}, {"name", peer.name}});
                    family.samples.push_back({std::move(labels), *value});
                }
    }
}

std::string value_in_words(const MetricValue& value) {
    return std::visit([](auto number) { return formatted("{}", number); }, value);
}

void append_sample(std::string& text, const MetricFamily& family, const MetricSample& sample) {
    text += family.name;
    char before = '{';
    for (const auto& [name, value] : sample.labels) {
        text += before;
        text += name;
        text += "=\"";
        text += label_text(value);
        text += '"';
        before = ',';
    }
    text += before == '{' ? " " : "} ";
    text += value_in_words(sample.value);
    text += '\n';
}

constexpr std::string_view type_word(MetricType type) {
    return type == MetricType::counter ? "counter" : "gauge";
}

} // namespace

std::vector<MetricFamily> metric_families(const Metrics& metrics) {
    std::vector<MetricFamily> families;
    families.push_back({"vxlanctl_build_info",
                        "The vxlanctl that tells; the value is always 1.",
                        MetricType::gauge,
                        {{{{"version", metrics.version}}, flag(true)}}});
    add_tunnels(families, metrics.tunnels);
    MetricFamily session{"vxlanctl_evpn_session_up",
                         "Whether FRR's BGP session for EVPN is established.",
                         MetricType::gauge,
                         {}};
    for (const auto& one : metrics.sessions)
        session.samples.push_back(
            {{{"netns", one.netns}, {"neighbour", one.neighbour}}, flag(one.is_up)});
    families.push_back(std::move(session));
    MetricFamily failed{"vxlanctl_doctor_failed",
                        "Whether the check of 'vxlanctl doctor' says that something is broken.",
                        MetricType::gauge,
                        {}};
    for (const auto& check : metrics.checks)
        failed.samples.push_back(
            {{{"netns", check.netns}, {"tunnel", check.tunnel}, {"check", check.check}},
             flag(check.has_failed)});
    families.push_back(std::move(failed));
    MetricFamily time{"vxlanctl_last_apply_timestamp_seconds",
                      "When 'vxlanctl apply' last ended, since 1970.",
                      MetricType::gauge,
                      {}};
    MetricFamily success{"vxlanctl_last_apply_success",
                         "Whether 'vxlanctl apply' did all that its files say when it last ran.",
                         MetricType::gauge,
                         {}};
    for (const auto& apply : metrics.applies) {
        time.samples.push_back({{{"netns", apply.netns}}, apply.time});
        success.samples.push_back({{{"netns", apply.netns}}, flag(apply.succeeded)});
    }
    families.push_back(std::move(time));
    families.push_back(std::move(success));
    std::erase_if(families, [](const MetricFamily& family) { return family.samples.empty(); });
    return families;
}

std::string label_text(std::string_view value) {
    const bool is_plain = std::all_of(value.begin(), value.end(), [](char character) {
        return character >= ' ' && character <= '~' && character != '\\' && character != '"';
    });
    if (is_plain) return std::string(value);
    std::string text;
    for (const char character : as_utf8(value))
        if (character == '\n')
            text += "\\n";
        else if (character == '\\' || character == '"')
            text += {'\\', character};
        else
            text += character;
    return text;
}

std::string prometheus_text(const Metrics& metrics) {
    std::string text;
    if (metrics.peers_left_out > 0)
        text += formatted("# {} peers are more than {}: their series are left out, unless "
                          "--per-peer asks for them.\n",
                          metrics.peers_left_out, most_peer_series);
    if (!metrics.has_all_checks)
        text += formatted("# Of more than {} tunnels, only those checks of doctor are made that "
                          "take no time.\n",
                          most_examined);
    for (const auto& family : metric_families(metrics)) {
        text += formatted("# HELP {0} {1}\n# TYPE {0} {2}\n", family.name, family.help,
                          type_word(family.type));
        for (const auto& sample : family.samples)
            append_sample(text, family, sample);
    }
    return text;
}

nlohmann::json metrics_json(const Metrics& metrics) {
    auto list = nlohmann::json::array();
    for (const auto& family : metric_families(metrics)) {
        auto samples = nlohmann::json::array();
        for (const auto& sample : family.samples) {
            auto labels = nlohmann::json::object();
            for (const auto& [name, value] : sample.labels)
                labels[std::string(name)] = printable(value);
            nlohmann::json one{{"labels", std::move(labels)}};
            std::visit([&](auto number) { one["value"] = number; }, sample.value);
            samples.push_back(std::move(one));
        }
        list.push_back({{"name", family.name},
                        {"type", type_word(family.type)},
                        {"help", family.help},
                        {"samples", std::move(samples)}});
    }
    return {{"schema", json_schema},
            {"metrics", std::move(list)},
            {"peers_left_out", metrics.peers_left_out}};
}

} // namespace vxlanctl
