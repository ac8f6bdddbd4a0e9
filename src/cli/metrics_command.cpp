#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/held_files.h"
#include "vxlanctl/cli/measuring.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/cli/write_options.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/run/frr.h"
#include "vxlanctl/run/run.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

namespace vxlanctl {
namespace {

/// What the files in the default directory say, of all network namespaces.
struct FileWishes {
    std::vector<Tunnel> tunnels;
    std::vector<HoldableFile> files; ///< of each tunnel the file that defines it
};

/// What is wrong with files is told, and does not keep the others from being measured.
FileWishes file_wishes(const OutputStyle& style) {
    auto [read, files, peers_files] = holdable_tunnels(read_files({}), {});
    for (const auto& problem : read.parsed.errors)
        print_warning(problem, codes(style));
    FileWishes wishes;
    for (auto& defined : read.parsed.tunnels) {
        wishes.tunnels.push_back(std::move(defined.tunnel));
        wishes.files.push_back(files[defined.file]);
    }
    return wishes;
}

double seconds_since_1970(std::chrono::system_clock::time_point time) {
    using namespace std::chrono;
    return static_cast<double>(duration_cast<milliseconds>(time.time_since_epoch()).count()) / 1000;
}

/// One network namespace.
class Measuring {
public:
    struct Options {
        bool per_peer = false;
        bool enters_others = false; ///< of this call, now or later
        std::chrono::seconds look_up;
    };

    /// The namespace has to outlive it.
    Measuring(const VisitedNamespace& space, const FileWishes& wishes, Options options)
        : netns_(space.netns), kernel_(space.kernel), options_(options) {
        for (std::size_t i = 0; i < wishes.tunnels.size(); ++i)
            if (wishes.tunnels[i].placement.netns == netns_) {
                config_.tunnels.push_back(wishes.tunnels[i]);
                config_.tunnels.back().placement = {};
                file_of_.emplace(wishes.tunnels[i].name, wishes.files[i]);
            }
        wishes_ = config_.tunnels;
    }

    Result<void> add_to(Metrics& metrics) {
        Call call{"metrics", {}, Mode::check, Origin::file, kernel_, config_, {}, silence()};
        call.reads_managed = true;
        call.names_namespace = options_.enters_others;
        Run run(call, config_, nullptr);
        if (auto done = run.perform({std::nullopt, options_.look_up, std::chrono::seconds(0)});
            !done)
            return done;
        const State& state = run.parts().front().state();
        const auto plane =
            may_have_control_plane(state) ? read_control_plane(kernel_) : ControlPlane{};
        add_tunnels(metrics, run.parts().front(), plane);
        auto made = made_checks(kernel_, state, wishes_, plane);
        if (!made) return tl::unexpected(made.error());
        metrics.has_all_checks = metrics.has_all_checks && made->are_all;
        for (auto& check : made->checks) {
            check.netns = netns_;
            metrics.checks.push_back(std::move(check));
        }
        return add_last_apply(metrics);
    }

private:
    /// `check` says what is wrong.
    static Events silence() {
        return {[](const Error&) {}, [](const Message&) {}, [](std::size_t, std::size_t) {}, [] {}};
    }

    bool is_held(const std::string& name, const Hold& hold) const {
        const auto file = file_of_.find(name);
        return hold.tunnels.contains(name) ||
               (file != file_of_.end() && vxlanctl::is_held(file->second, hold));
    }

    /// One request for each tunnel that counts: not where nobody will be told.
    CountedTunnels read_counters(const State& state) const {
        std::size_t peers = 0;
        for (const auto& link : state.links)
            if (is_measured(link)) peers += link.flood_list.size();
        return options_.per_peer || peers <= most_peer_series
                   ? read_peer_counters(kernel_, state.links)
                   : CountedTunnels{};
    }

    void add_tunnels(Metrics& metrics, const NamespaceRun& part, const ControlPlane& plane) const {
        const State& state = part.state();
        const Hold hold = read_hold(kernel_);
        const auto counted = read_counters(state);
        bool concerns_frr = false;
        std::map<std::string, MeasuredTunnel> all;
        for (const auto& link : state.links)
            if (is_measured(link)) all[link.name].link = &link;
        const auto& planned = part.plan().tunnels;
        for (std::size_t i = 0; i < planned.size(); ++i)
            if (planned[i].wish != nullptr)
                all[planned[i].name] = {find_link(state, planned[i].name), planned[i].wish,
                                        part.outcomes()[i] == Outcome::in_sync, nullptr, nullptr};
        for (auto& [name, it] : all) {
            if (const auto found = counted.find(name); found != counted.end())
                it.counted = &found->second;
            it.plane = &plane;
            TunnelMetrics& tunnel = metrics.tunnels.emplace_back(measured(it, state));
            tunnel.netns = netns_;
            tunnel.is_held = is_held(name, hold);
            concerns_frr = concerns_frr || tunnel.evpn_routes.has_value();
        }
        if (!concerns_frr) return;
        for (const auto& session : plane.evpn.sessions)
            metrics.sessions.push_back({netns_, session.neighbour, session.is_up});
    }

    Result<void> add_last_apply(Metrics& metrics) const {
        const auto directory = RuntimeDirectory::open_existing(kernel_);
        if (!directory) return tl::unexpected(directory.error());
        if (const auto last = *directory ? (**directory).read_last_apply() : std::nullopt)
            metrics.applies.push_back({netns_, seconds_since_1970(last->time), last->succeeded});
        return {};
    }

    std::string netns_; ///< empty: that of the call
    const Kernel& kernel_;
    Options options_;
    Config config_{Origin::file, {}};
    std::vector<Tunnel> wishes_; ///< as the files have them
    std::map<std::string, HoldableFile> file_of_;
};

/// The tunnels that files define in network namespaces which are not there.
void add_missing(Metrics& metrics, const FileWishes& wishes, const std::string& netns) {
    for (const auto& tunnel : wishes.tunnels) {
        if (tunnel.placement.netns != netns) continue;
        metrics.tunnels.push_back(measured({nullptr, &tunnel, false, nullptr, nullptr}, State{}));
        metrics.tunnels.back().netns = netns;
        metrics.checks.push_back({netns, tunnel.name, "interface", true});
    }
}

bool is_among(const std::vector<VisitedNamespace>& spaces, const NamespaceId& id) {
    return std::any_of(spaces.begin(), spaces.end(),
                       [&](const VisitedNamespace& space) { return space.kernel.id() == id; });
}

/// Adds those that files name where nothing of ours runs. One that is not there is measured at
/// once.
Result<void> add_named_by_files(std::vector<VisitedNamespace>& spaces, const FileWishes& wishes,
                                Metrics& metrics) {
    std::set<std::string> known;
    for (const auto& space : spaces)
        known.insert(space.netns);
    for (const auto& tunnel : wishes.tunnels) {
        const std::string& netns = tunnel.placement.netns;
        if (!known.insert(netns).second) continue;
        auto space = NetworkNamespace::find(netns);
        if (!space) return tl::unexpected(space.error());
        if (!*space)
            add_missing(metrics, wishes, netns);
        else if (!is_among(spaces, (**space).id())) // else by another name
            spaces.push_back({netns, Kernel(std::move(**space))});
    }
    return {};
}

/// What the output lacks.
void warn_of_what_is_left_out(const Metrics& metrics, std::size_t nameless,
                              const OutputStyle& style) {
    if (style.quiet) return;
    if (nameless > 0)
        print_warning(Message(Code::nameless_netns_left_out, "", {{"count", nameless}}),
                      codes(style));
    if (metrics.peers_left_out > 0)
        print_warning(Message(Code::peer_series_left_out, "",
                              {{"peers", metrics.peers_left_out}, {"most", most_peer_series}}),
                      codes(style));
}

/// Returns how many network namespaces cannot be entered.
Result<std::size_t> measure(const Arguments& arguments, const FileWishes& wishes,
                            std::chrono::seconds look_up, Metrics& metrics) {
    auto spaces = visited_namespaces(arguments);
    if (!spaces) return tl::unexpected(spaces.error());
    const bool visits_all = arguments.has(all_netns_option().name);
    if (!visits_all)
        spaces->all.front().netns = arguments.value("netns");
    else if (auto added = add_named_by_files(spaces->all, wishes, metrics); !added)
        return tl::unexpected(added.error());
    const bool enters_others = visits_all || arguments.has("netns");
    for (const auto& space : spaces->all) {
        Measuring one(space, wishes, {arguments.has("per-peer"), enters_others, look_up});
        if (auto done = one.add_to(metrics); !done) return tl::unexpected(done.error());
    }
    return visits_all ? spaces->others.nameless : 0;
}

/// One limit for all tunnels of the call: who scrapes pays for their sum.
void leave_out_peers(Metrics& metrics) {
    std::size_t peers = 0;
    for (const auto& tunnel : metrics.tunnels)
        peers += tunnel.each_peer.size();
    if (peers <= most_peer_series) return;
    metrics.peers_left_out = peers;
    for (auto& tunnel : metrics.tunnels)
        tunnel.each_peer.clear();
}

} // namespace

std::vector<OptionInfo> metrics_options() {
    return {{"per-peer", 0, "",
             "tell of each peer, also where there are more than 100 (default: only up to that)"},
            all_netns_option(),
            resolve_option()};
}

Result<int> run_metrics(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    if (!arguments.words.empty())
        return error(Code::command_takes_no_words, "", {{"command", arguments.command}});
    const auto look_up = seconds_of(arguments, "resolve-timeout", {1, 86400}, 10);
    if (!look_up) return tl::unexpected(look_up.error());
    Metrics metrics;
    metrics.version = VXLANCTL_VERSION;
    const auto nameless = measure(arguments, file_wishes(*style), *look_up, metrics);
    if (!nameless) return tl::unexpected(nameless.error());
    if (!arguments.has("per-peer")) leave_out_peers(metrics);
    warn_of_what_is_left_out(metrics, *nameless, *style);
    print(style->json ? document_text(metrics_json(metrics)) : prometheus_text(metrics));
    return 0;
}

} // namespace vxlanctl
