#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/redraw.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/cli/write_options.h"
#include "vxlanctl/doctor/doctor.h"
#include "vxlanctl/doctor/evpn.h"
#include "vxlanctl/plan/ownership.h"
#include "vxlanctl/run/frr.h"
#include "vxlanctl/run/many_vnis.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <array>
#include <ctime>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// What one reading shows.
struct Shown {
    std::string text; ///< with a style of text
    nlohmann::json document{{"schema", json_schema}, {"tunnels", nlohmann::json::array()}};
    std::vector<Message> warnings;
};

/// Adds what runs in one network namespace.
Result<void> add_namespace(Shown& result, const VisitedNamespace& space, const Arguments& arguments,
                           const OutputStyle& style) {
    std::vector<std::string> names = arguments.words;
    const auto state = read_running(space.kernel, names);
    if (!state) return tl::unexpected(state.error());
    std::vector<const Link*> links;
    for (const auto& link : state->links)
        if (is_running(link, names)) links.push_back(&link);
    std::stable_partition(links.begin(), links.end(), [](const Link* link) {
        return mark_of(link->attributes.alias.value_or("")).has_value();
    });
    const auto counted = read_peer_counters(space.kernel, state->links);
    const auto plane =
        may_have_control_plane(*state) ? read_control_plane(space.kernel) : ControlPlane{};
    const auto many_vnis = read_many_vnis(space.kernel, state->links);
    for (const auto* link : links) {
        if (has_unreadable_record(*link, *state))
            result.warnings.emplace_back(Code::record_not_understood, link->name);
        TunnelView view = view_of(*link, *state, counted);
        view.netns = space.netns.empty() ? arguments.value("netns") : space.netns;
        if (const auto found = many_vnis.find(link->name); found != many_vnis.end())
            view.many_vnis = found->second;
        view.evpn = evpn_view_of(*link, *state, plane);
        for (auto& problem : problems(*link, *state, plane))
            view.problems.push_back(std::move(problem));
        if (style.json)
            result.document["tunnels"].push_back(json_of(view));
        else
            result.text += text_of(view, style);
    }
    return {};
}

Result<Shown> shown(const Arguments& arguments, const OutputStyle& style) {
    if (auto good = check_all_netns(arguments); !good) return tl::unexpected(good.error());
    const auto spaces = visited_namespaces(arguments);
    if (!spaces) return tl::unexpected(spaces.error());
    Shown result;
    for (const auto& space : spaces->all)
        if (auto added = add_namespace(result, space, arguments, style); !added)
            return tl::unexpected(added.error());
    result.document["other_netns"] = other_namespaces_json(spaces->others);
    if (arguments.words.empty()) result.text += other_namespaces_text(spaces->others);
    return result;
}

std::string time_text(const char* format, const std::tm& time) {
    std::array<char, 64> text{};
    return {text.data(), std::strftime(text.data(), text.size(), format, &time)};
}

/// One document in one line, as JSON Lines have it.
std::string line_of(const nlohmann::json& document) {
    return document.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::string drawing_of(Shown now, const OutputStyle& style) {
    const std::time_t seconds = std::time(nullptr);
    std::tm time{};
    if (style.json) {
        now.document["time"] = time_text("%Y-%m-%dT%H:%M:%SZ", *gmtime_r(&seconds, &time));
        return line_of(now.document);
    }
    return time_text("%Y-%m-%d %H:%M:%S\n", *localtime_r(&seconds, &time)) + now.text + "\n";
}

/// Shows again and again. A tunnel that goes away while it is watched may come back.
Result<int> watch(const Arguments& arguments, const OutputStyle& style) {
    const auto interval = arguments.value("watch").empty()
                              ? Result<std::chrono::seconds>(2)
                              : seconds_of(arguments, "watch", {1, 86400}, 2);
    if (!interval) return tl::unexpected(interval.error());
    if (style.quiet)
        return error(Code::options_contradict, "", {{"one", "--quiet"}, {"other", "--watch"}});
    bool is_first = true;
    auto done = redraw_every(*interval, [&]() -> Result<std::string> {
        auto now = shown(arguments, style);
        if (!now && (is_first || now.error().kind != ErrorKind::usage))
            return tl::unexpected(now.error());
        if (!now && style.json) return line_of(failure_document({now.error()}));
        if (!now) return to_string(now.error()) + "\n\n";
        if (is_first)
            for (const auto& warning : now->warnings)
                print_warning(warning, codes(style));
        is_first = false;
        return drawing_of(std::move(*now), style);
    });
    return done ? Result<int>(0) : tl::unexpected(done.error());
}

} // namespace

std::vector<OptionInfo> show_options() {
    return {{"watch", 'w', "[SECONDS]",
             "show it again every so many seconds (default 2), until Ctrl-C; with --json one "
             "document a line"},
            all_netns_option()};
}

Result<int> run_show(const Arguments& arguments) {
    restrict_to(changes_network | entering_namespaces(arguments)); // also with --netns
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    if (arguments.has("watch")) return watch(arguments, *style);
    const auto now = shown(arguments, *style);
    if (!now) return tl::unexpected(now.error());
    for (const auto& warning : now->warnings)
        print_warning(warning, codes(*style));
    if (style->json)
        print(document_text(now->document));
    else if (!style->quiet)
        print(now->text);
    return 0;
}

} // namespace vxlanctl
