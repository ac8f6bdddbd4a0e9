#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

/// What `metrics` tells: values first, from these the families of metrics, and from these the text
/// that Prometheus reads, or JSON. Pure functions.
namespace vxlanctl {

/// More peers than that in one call have no series of their own, unless that is asked for.
inline constexpr std::size_t most_peer_series = 100;

/// Of more tunnels than that in one network namespace, not all checks of `doctor` are made.
inline constexpr std::size_t most_examined = 64;

/// What went one way between the tunnel and a peer, as the outer packets are counted.
struct PeerTraffic {
    std::uint64_t packets = 0, bytes = 0;
};

struct PeerMetrics {
    std::string peer; ///< `ADDRESS[/PORT[/VNI[/VIA]]]`, see peers_text()
    std::string name; ///< what people call it; empty: nothing
    /// Whether it is in the flood list; empty where nobody asked for it, who has it there.
    std::optional<bool> is_present;
    std::optional<std::uint64_t> learned_macs; ///< empty where it is not in the flood list
    std::optional<double> heard_before;        ///< seconds; empty: never, or nobody knows
    std::optional<PeerTraffic> received, sent;
};

/// One tunnel that vxlanctl manages, or that a file defines.
struct TunnelMetrics {
    std::string netns; ///< its name, where the call named it; empty: that of the call
    std::string name;
    std::string kind;                  ///< `vxlan`, `isatap`, `ipip6`
    std::string vni, port, local, dev; ///< empty where it has none
    std::string origin;                ///< `cli` or `file`
    bool is_up = false;
    bool is_in_sync = false;
    bool is_held = false;
    std::optional<std::uint32_t> mtu;   ///< empty where the interface is missing
    std::optional<std::uint64_t> peers; ///< in the flood list; empty where it has none
    std::optional<std::uint64_t> learned_macs;
    /// What FRR says; empty where it is not asked, or does not know the VNI.
    std::optional<std::uint64_t> evpn_vteps, evpn_missing, evpn_unknown, evpn_routes;
    std::vector<PeerMetrics> each_peer; ///< empty where they are too many
};

/// What a check of `doctor` came to.
struct CheckMetrics {
    std::string netns, tunnel, check; ///< of the host: no tunnel
    bool has_failed = false;
};

struct ApplyMetrics {
    std::string netns;
    double time = 0; ///< seconds since 1970
    bool succeeded = false;
};

/// A BGP session of FRR for the address family l2vpn evpn.
struct SessionMetrics {
    std::string netns, neighbour;
    bool is_up = false;
};

struct Metrics {
    std::string version; ///< of vxlanctl
    std::vector<TunnelMetrics> tunnels;
    std::vector<CheckMetrics> checks;
    std::vector<ApplyMetrics> applies;
    std::vector<SessionMetrics> sessions; ///< none where no tunnel is FRR's affair
    std::size_t peers_left_out = 0;       ///< since they are more than `most_peer_series`
    bool has_all_checks = true;           ///< false: tunnels are more than `most_examined`
};

enum class MetricType : std::uint8_t { gauge, counter };
using MetricValue = std::variant<std::uint64_t, double>;

struct MetricSample {
    std::vector<std::pair<std::string_view, std::string_view>> labels;
    MetricValue value;
};

/// All samples of one name. Refers to the metrics that it was made of.
struct MetricFamily {
    std::string_view name, help;
    MetricType type = MetricType::gauge;
    std::vector<MetricSample> samples;
};

/// Those that have a sample, in the order in which docs/monitoring.md lists them.
std::vector<MetricFamily> metric_families(const Metrics& metrics);

/// Prometheus's text format 0.0.4
/// (https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format), without times:
/// who scrapes knows them better.
std::string prometheus_text(const Metrics& metrics);
/// The same for --json.
nlohmann::json metrics_json(const Metrics& metrics);

/// A label's value as the text format has it between quotes.
std::string label_text(std::string_view value);

} // namespace vxlanctl
