#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/held_files.h"
#include "vxlanctl/cli/measuring.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/cli/write_options.h"
#include "vxlanctl/run/run.h"

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
    auto [read, files] = holdable_tunnels(read_files({}), {});
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

/// One network namespace, the one that this process is in.
class Measuring {
public:
    struct Options {
        bool per_peer = false;
        std::chrono::seconds look_up;
    };

    Measuring(const FileWishes& wishes, std::string netns, Options options)
        : netns_(std::move(netns)), options_(options) {
        for (std::size_t i = 0; i < wishes.tunnels.size(); ++i)
            if (wishes.tunnels[i].placement.netns == netns_) {
                config_.tunnels.push_back(wishes.tunnels[i]);
                config_.tunnels.back().placement = {};
                file_of_.emplace(wishes.tunnels[i].name, wishes.files[i]);
            }
        wishes_ = config_.tunnels;
    }

    Result<void> add_to(Metrics& metrics) {
        const auto kernel = Kernel::here();
        if (!kernel) return tl::unexpected(kernel.error());
        Call call{"metrics", {}, Mode::check, Origin::file, *kernel, config_, {}, silence()};
        call.reads_managed = true;
        call.names_namespace = !netns_.empty();
        Run run(call, config_, nullptr);
        if (auto done = run.perform({std::nullopt, options_.look_up, std::chrono::seconds(0)});
            !done)
            return done;
        const State& state = run.parts().front().state();
        add_tunnels(metrics, run.parts().front(), *kernel);
        auto made = made_checks(*kernel, state, wishes_);
        if (!made) return tl::unexpected(made.error());
        metrics.has_all_checks = metrics.has_all_checks && made->are_all;
        for (auto& check : made->checks) {
            check.netns = netns_;
            metrics.checks.push_back(std::move(check));
        }
        return add_last_apply(metrics, *kernel);
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
    CountedTunnels read_counters(const Kernel& kernel, const State& state) const {
        std::size_t peers = 0;
        for (const auto& link : state.links)
            if (is_measured(link)) peers += link.flood_list.size();
        return options_.per_peer || peers <= most_peer_series
                   ? read_peer_counters(kernel, state.links)
                   : CountedTunnels{};
    }

    void add_tunnels(Metrics& metrics, const NamespaceRun& part, const Kernel& kernel) const {
        const State& state = part.state();
        const Hold hold = read_hold(kernel);
        const auto counted = read_counters(kernel, state);
        std::map<std::string, MeasuredTunnel> all;
        for (const auto& link : state.links)
            if (is_measured(link)) all[link.name].link = &link;
        const auto& planned = part.plan().tunnels;
        for (std::size_t i = 0; i < planned.size(); ++i)
            if (planned[i].wish != nullptr)
                all[planned[i].name] = {find_link(state, planned[i].name), planned[i].wish,
                                        part.outcomes()[i] == Outcome::in_sync, nullptr};
        for (auto& [name, it] : all) {
            if (const auto found = counted.find(name); found != counted.end())
                it.counted = &found->second;
            TunnelMetrics& tunnel = metrics.tunnels.emplace_back(measured(it, state));
            tunnel.netns = netns_;
            tunnel.is_held = is_held(name, hold);
        }
    }

    Result<void> add_last_apply(Metrics& metrics, const Kernel& kernel) const {
        const auto directory = RuntimeDirectory::open_existing(kernel);
        if (!directory) return tl::unexpected(directory.error());
        if (const auto last = *directory ? (**directory).read_last_apply() : std::nullopt)
            metrics.applies.push_back({netns_, seconds_since_1970(last->time), last->succeeded});
        return {};
    }

    std::string netns_; ///< empty: that of the call
    Options options_;
    Config config_{Origin::file, {}};
    std::vector<Tunnel> wishes_; ///< as the files have them
    std::map<std::string, HoldableFile> file_of_;
};

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
    const FileWishes wishes = file_wishes(*style);
    if (auto done =
            Measuring(wishes, arguments.value("netns"), {arguments.has("per-peer"), *look_up})
                .add_to(metrics);
        !done)
        return tl::unexpected(done.error());
    if (!arguments.has("per-peer")) leave_out_peers(metrics);
    if (metrics.peers_left_out > 0 && !style->quiet)
        print_warning(Message(Code::peer_series_left_out, "",
                              {{"peers", metrics.peers_left_out}, {"most", most_peer_series}}),
                      codes(*style));
    print(style->json ? document_text(metrics_json(metrics)) : prometheus_text(metrics));
    return 0;
}

} // namespace vxlanctl
