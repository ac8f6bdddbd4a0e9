#include "vxlanctl/cli/graph.h"

#include "vxlanctl/base/closest.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/program.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/cli/tunnel_view.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <clocale>
#include <langinfo.h>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// What the user's locale can show. Not by newlocale(): in a static program the C library loads
/// what setlocale() needs, and no more.
Charset user_charset() {
    if (setlocale(LC_CTYPE, "") == nullptr) return Charset::ascii; // one that is not installed
    const bool is_utf8 = std::string_view(nl_langinfo(CODESET)) == "UTF-8";
    setlocale(LC_CTYPE, "C");
    return is_utf8 ? Charset::unicode : Charset::ascii;
}

/// Lets Graphviz draw.
Result<std::string> svg_of(const std::string& dot) {
    constexpr std::chrono::minutes patience{5};
    auto output = run_system_program("dot", {"-Tsvg"}, dot, patience);
    if (!output && output.error().errno_code == ENOENT) return error(Code::dot_missing);
    if (!output) return error(Error(Code::dot_not_run).with(output.error().errno_code));
    if (output->code != 0)
        return error(
            Error(Code::dot_failed).with(0, output->err.substr(0, output->err.find('\n'))));
    return std::move(output->out);
}

nlohmann::json far_json(const FarEnd& far) {
    constexpr std::array roles{"peer", "remote", "group", "router", "stranger"};
    constexpr std::array origins{"learned", "pinned", "external"};
    nlohmann::json json{{"role", roles.at(static_cast<std::size_t>(far.role))},
                        {"outer", far.host_name.empty() ? to_string(far.outer) : ""}};
    if (!far.host_name.empty()) json["host_name"] = far.host_name;
    if (!far.label.empty()) json["name"] = printable(far.label);
    if (far.port) json["port"] = *far.port;
    if (far.vni) json["vni"] = *far.vni;
    if (!far.via.empty()) json["via"] = printable(far.via);
    if (far.role == FarRole::router) json["default"] = far.is_default;
    add_activity(json, far.activity);
    if (!far.stations) return json;
    auto& stations = json["stations"] = nlohmann::json::array();
    for (const auto& station : *far.stations) {
        stations.push_back({{"mac", to_string(station.mac)},
                            {"origin", origins.at(static_cast<std::size_t>(station.origin))},
                            {"addresses", nlohmann::json::array()}});
        for (const auto& address : station.addresses)
            stations.back()["addresses"].push_back(to_string(address));
    }
    return json;
}

nlohmann::json tunnel_json(const TunnelEnd& tunnel) {
    nlohmann::json json{
        {"name", printable(tunnel.name)},     {"kind", tunnel.kind},
        {"bound", tunnel.is_bound},           {"down", tunnel.is_down},
        {"master", printable(tunnel.master)}, {"vrf", printable(tunnel.vrf)},
        {"inner", nlohmann::json::array()},   {"far_ends", nlohmann::json::array()}};
    if (tunnel.vni) json["vni"] = *tunnel.vni;
    if (tunnel.port) json["port"] = *tunnel.port;
    if (tunnel.mtu) json["mtu"] = *tunnel.mtu;
    for (const auto& prefix : tunnel.inner)
        json["inner"].push_back(to_string(prefix));
    for (const auto& far : tunnel.far_ends)
        json["far_ends"].push_back(far_json(far));
    return json;
}

nlohmann::json picture_json(const Picture& picture) {
    nlohmann::json json{{"schema", json_schema}, {"outer_ends", nlohmann::json::array()}};
    for (const auto& outer : picture.outer_ends) {
        nlohmann::json end{{"device", printable(outer.device)},
                           {"holder", printable(outer.holder)},
                           {"elsewhere", outer.is_elsewhere},
                           {"outer", outer.address ? to_string(*outer.address) : ""},
                           {"tunnels", nlohmann::json::array()}};
        for (const auto& tunnel : outer.tunnels)
            end["tunnels"].push_back(tunnel_json(tunnel));
        json["outer_ends"].push_back(std::move(end));
    }
    return json;
}

using Problems = std::vector<Error>;

/// Of the tunnels of these names, or all of them.
tl::expected<Picture, Problems> picture_of_files(const std::vector<std::string>& files,
                                                 const std::vector<std::string>& names) {
    auto parsed = read_tunnels(files).parsed;
    Problems problems = std::move(parsed.errors);
    if (!problems.empty()) return tl::unexpected(std::move(problems));
    std::vector<const Tunnel*> tunnels;
    std::vector<std::string> present;
    for (const auto& defined : parsed.tunnels) {
        present.push_back(defined.tunnel.name);
        if (names.empty() ||
            std::find(names.begin(), names.end(), defined.tunnel.name) != names.end())
            tunnels.push_back(&defined.tunnel);
    }
    for (const auto& name : names)
        if (std::find(present.begin(), present.end(), name) == present.end()) {
            const std::string near = closest(name, present);
            Error& problem = problems.emplace_back(Code::tunnel_not_in_files, name);
            if (!near.empty())
                problem.more.emplace_back(Code::did_you_mean, "", Values{{"word", near}});
        }
    if (!problems.empty()) return tl::unexpected(std::move(problems));
    return picture_of(tunnels);
}

Picture picture_of_kernel(const State& state, const std::vector<std::string>& names) {
    std::vector<const Link*> links;
    for (const auto& link : state.links)
        if (is_concerned(link, names)) links.push_back(&link);
    return picture_of(links, state);
}

} // namespace

const std::vector<std::string>& picture_formats() {
    static const std::vector<std::string> formats{"text", "dot", "mermaid", "svg"};
    return formats;
}

std::vector<OptionInfo> graph_options() {
    return {{"format", 0, "FORMAT",
             "text (default), dot (for Graphviz), mermaid, or svg (drawn by Graphviz)"},
            {"file", 0, "FILE|DIR|-", "draw what files say, and not what runs; may be repeated"}};
}

Result<int> run_graph(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    const std::string format = arguments.value("format", "text");
    const auto& formats = picture_formats();
    if (std::find(formats.begin(), formats.end(), format) == formats.end()) {
        const std::string near = closest(format, formats);
        Error problem(Code::not_one_of, formatted("--format '{}'", format),
                      {{"words", "text, dot, mermaid or svg"}});
        return error(near.empty() ? std::move(problem)
                                  : std::move(problem).also(Code::did_you_mean, {{"word", near}}));
    }
    if (style->json && arguments.has("format"))
        return error(Code::options_contradict, "", {{"one", "--json"}, {"other", "--format"}});
    Picture picture;
    std::vector<std::string> others;
    if (const auto files = arguments.options.find("file"); files != arguments.options.end()) {
        auto wanted = picture_of_files(files->second, arguments.words);
        if (!wanted) return print_failures(wanted.error(), arguments);
        picture = std::move(*wanted);
        restrict_to(no_capability);
    } else {
        restrict_to(no_capability);
        std::vector<std::string> names = arguments.words;
        const auto state = read_running(names, Surroundings::read);
        if (!state) return tl::unexpected(state.error());
        picture = picture_of_kernel(*state, names);
        others = left_out(*state, names);
    }
    if (style->json) {
        auto document = picture_json(picture);
        document["not_managed"] = left_out_json(others);
        print(document_text(document));
        return 0;
    }

    if (!style->verbose) picture = summarised(std::move(picture), {});
    std::string text;
    if (format == "text") text = graph_text(picture, user_charset());
    if (format == "dot") text = graph_dot(picture);
    if (format == "mermaid") text = graph_mermaid(picture);
    if (format == "svg") {
        auto svg = svg_of(graph_dot(picture));
        if (!svg) return tl::unexpected(svg.error());
        text = std::move(*svg);
    }
    const std::string more = left_out_text(others);
    if (!more.empty() && format != "svg")
        text += formatted("{}{}.\n",
                          format == "dot"       ? "// "
                          : format == "mermaid" ? "%% "
                                                : "",
                          more);
    if (!style->quiet) print(text);
    return 0;
}

} // namespace vxlanctl
