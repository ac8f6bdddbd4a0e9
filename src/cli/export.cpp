#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/frr_fragment.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/json_text.h"
#include "vxlanctl/files/toml_text.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/exported.h"
#include "vxlanctl/plan/plan.h"
#include "vxlanctl/run/many_vnis.h"
#include "vxlanctl/runtime/runtime.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// A running tunnel as a section of the file.
struct Section {
    std::string name;
    Exported wish;
    std::string text;     ///< with comments
    Tunnel tunnel;        ///< what the text says, where there is no obstacle
    std::string obstacle; ///< why it is a comment; mostly empty
};

std::string reason(const Error& problem, std::string_view tunnel) {
    return printable(problem.subject.empty() || problem.subject == tunnel
                         ? text_of(problem)
                         : formatted("{}: {}", problem.subject, text_of(problem)));
}

/// What a single VXLAN device carries, in words.
std::vector<std::string> many_vnis_comments(const ManyVnis& many) {
    std::vector<std::string> comments;
    if (!many.accepted.empty()) comments.push_back("accepts the VNIs " + vnis_text(many.accepted));
    if (!many.vlans.empty())
        comments.push_back("is a bridge port of which " + vlans_text(many.vlans));
    return comments;
}

/// `netns` is the name of the namespace that it is in, or empty; `many` is null of a link that is
/// no single VXLAN device.
Section section_of(const Link& link, const State& state, const std::string& netns,
                   const ManyVnis* many) {
    Exported wish = exported(link, state);
    if (many != nullptr) append(wish.comments, many_vnis_comments(*many));
    wish.tunnel.placement.netns = netns;
    std::string text = file_text(wish.tunnel, wish.comments), obstacle = wish.obstacle;
    Section section{link.name, std::move(wish), std::move(text), {}, std::move(obstacle)};
    if (!section.obstacle.empty()) return section;
    const SourceText source{"", section.text};
    auto parsed = parse_files({&source, 1}, [](std::size_t, const std::string&) {
        return Result<std::string>(error(Code::peers_file_unexpected));
    });
    if (parsed.errors.empty())
        section.tunnel = std::move(parsed.tunnels.at(0).tunnel);
    else
        section.obstacle = reason(parsed.errors.front(), link.name);
    return section;
}

/// Why `apply` would not leave the tunnel as it is; empty where it would.
std::string obstacle_in(TunnelPlan plan) {
    if (!plan.errors.empty()) return reason(plan.errors.front(), plan.name);
    if (plan.steps.empty() || plan.adopted) return "";
    for (auto& step : plan.steps) // the mark comes along
        std::erase_if(step.changes,
                      [](const Difference& change) { return change.field == "alias"; });
    std::string changes;
    const std::string text = outcome_text(plan, intended_outcome(plan), true, {});
    for (auto line = text.find('\n') + 1; line < text.size(); line = text.find('\n', line) + 1)
        changes += formatted("{}{}", changes.empty() ? "" : ", ",
                             text.substr(line + 2, text.find('\n', line) - line - 2));
    return formatted("apply would change it ({})", changes);
}

/// What a tunnel would become may matter to another one, so that they are planned together, and
/// again without those that cannot be stated.
void plan_all(std::vector<Section>& sections, const State& state) {
    PlanOptions options;
    options.allow_overlap = true; // it is there already
    for (bool again = true; again;) {
        again = false;
        Config config{Origin::file, {}};
        std::map<std::string, Section*> by_name;
        for (auto& section : sections) {
            if (!section.obstacle.empty()) continue;
            config.tunnels.push_back(section.tunnel);
            by_name.emplace(section.tunnel.name, &section);
        }
        for (const auto& tunnel : plan(config, state, options).tunnels) {
            const auto found = by_name.find(tunnel.name);
            if (found == by_name.end()) continue;
            std::string obstacle = obstacle_in(tunnel);
            if (obstacle.empty()) continue;
            found->second->obstacle = std::move(obstacle);
            again = true;
        }
    }
}

/// What the file is made of.
struct RunningTunnels {
    std::vector<Section> sections;
    std::vector<std::string> left_out; ///< that vxlanctl does not manage
    std::size_t nameless = 0;          ///< see OtherNamespaces
};

/// Adds those of one network namespace.
void add_sections(RunningTunnels& running, const State& state,
                  const std::vector<std::string>& names, const std::string& netns,
                  const std::map<std::string, ManyVnis>& many_vnis) {
    std::vector<Section> sections;
    for (const auto& link : state.links) {
        if (!is_concerned(link, names)) continue;
        const auto many = many_vnis.find(link.name);
        sections.push_back(
            section_of(link, state, netns, many == many_vnis.end() ? nullptr : &many->second));
    }
    for (auto& section : sections)
        section.tunnel.placement = {}; // planned as those of that namespace are
    plan_all(sections, state);
    for (auto& section : sections) {
        const auto same = std::find_if(
            running.sections.begin(), running.sections.end(), [&](const Section& other) {
                return other.name == section.name && other.obstacle.empty();
            });
        if (same != running.sections.end() && section.obstacle.empty())
            section.obstacle = text_of(Code::name_is_in_file_already);
        running.sections.push_back(std::move(section));
    }
    if (netns.empty()) running.left_out = left_out(state, names);
}

/// The same file as JSON, and what TOML says in comments.
struct RunningJson {
    std::string text;
    std::vector<Message> warnings;
};

RunningJson json_of_running(const RunningTunnels& tunnels) {
    RunningJson running;
    SourceText toml;
    for (const auto& section : tunnels.sections) {
        if (!section.obstacle.empty()) {
            running.warnings.emplace_back(Code::left_out_of_export, section.name,
                                          Values{{"reason", section.obstacle}});
            continue;
        }
        const auto [text, untold] = section_text(section.wish.tunnel);
        toml.text += text;
        const auto tell = [&](const std::string& what) {
            running.warnings.emplace_back(Code::not_in_export, section.name,
                                          Values{{"what", what}});
        };
        for (const auto& comment : section.wish.comments)
            tell(comment);
        for (const auto& thing : untold)
            tell("a file cannot state: " + thing);
    }
    if (!tunnels.left_out.empty())
        running.warnings.emplace_back(Code::unmanaged_left_out, "",
                                      Values{{"names", joined(tunnels.left_out, ", ")}});
    if (tunnels.nameless > 0)
        running.warnings.emplace_back(Code::nameless_netns_left_out, "",
                                      Values{{"count", tunnels.nameless}});
    SourceErrors errors(toml);
    running.text = json_text(parse_toml(toml, errors).value());
    return running;
}

std::string text_of_running(RunningTunnels running) {
    std::string text;
    for (auto& section : running.sections) {
        if (!text.empty()) text += "\n";
        if (section.obstacle.empty()) {
            text += section.text;
            continue;
        }
        section.text.pop_back(); // its last line's end
        text += comment_lines(
            formatted("{} is left out: {}.\n{}", section.name, section.obstacle, section.text));
    }
    if (const auto others = left_out_text(running.left_out); !others.empty())
        text += formatted("{}# {}.\n", text.empty() ? "" : "\n", others);
    if (running.nameless > 0)
        text += formatted(
            "{}# {}.\n", text.empty() ? "" : "\n",
            text_of(Message(Code::nameless_netns_left_out, "", {{"count", running.nameless}})));
    return text;
}

int export_json(const RunningTunnels& running, const Arguments& arguments) {
    const auto [text, warnings] = json_of_running(running);
    if (!arguments.has("quiet"))
        for (const auto& warning : warnings)
            print_warning(warning, codes(arguments));
    print(arguments.has("json") ? document_text({{"schema", json_schema},
                                                 {"file", nlohmann::json::parse(text)},
                                                 {"warnings", messages_json(warnings)}})
                                : text);
    return 0;
}

} // namespace

std::vector<OptionInfo> export_options() {
    return {{"format", 0, "toml|json|frr",
             "the language of the file: toml (default) or json; or frr, what FRR needs for EVPN"},
            {"file", 0, "FILE|DIR|-",
             "with --format frr: for the tunnels of files, not for what runs; may be repeated"},
            all_netns_option()};
}

std::string running_text(const State& state, const std::vector<std::string>& names) {
    RunningTunnels running;
    add_sections(running, state, names, "", {});
    return text_of_running(std::move(running));
}

namespace {

Result<int> print_frr(const std::vector<FrrTunnel>& tunnels, const Arguments& arguments) {
    const std::string text = frr_fragment(tunnels);
    print(arguments.has("json") ? document_text({{"schema", json_schema}, {"frr", text}}) : text);
    return 0;
}

/// Those of files, of this call's network namespace or of none.
Result<int> export_frr_of_files(const std::vector<std::string>& files, const Arguments& arguments) {
    const auto parsed = read_tunnels(files).parsed;
    restrict_to(no_capability);
    if (!parsed.errors.empty()) return print_failures(parsed.errors, arguments);
    std::vector<FrrTunnel> tunnels;
    std::vector<std::string> present;
    for (const auto& defined : parsed.tunnels) {
        present.push_back(defined.tunnel.name);
        const auto& names = arguments.words;
        const bool is_meant = names.empty()
                                  ? defined.tunnel.tunnel.kind == TunnelKind::vxlan &&
                                        defined.tunnel.placement.netns == arguments.value("netns")
                                  : is_in(names, defined.tunnel.name);
        if (is_meant) tunnels.push_back(frr_tunnel(defined.tunnel));
    }
    for (const auto& name : arguments.words)
        if (!is_in(present, name)) return error(Code::tunnel_not_in_files, name);
    return print_frr(tunnels, arguments);
}

/// All VXLANs that run, also those that vxlanctl does not manage: 'advertise-all-vni' means each.
Result<int> export_frr(const Arguments& arguments) {
    if (const auto files = arguments.options.find("file"); files != arguments.options.end())
        return export_frr_of_files(files->second, arguments);
    restrict_to(no_capability);
    std::vector<std::string> names = arguments.words;
    const auto state = read_running(names);
    if (!state) return tl::unexpected(state.error());
    std::vector<FrrTunnel> tunnels;
    for (const auto& link : state->links)
        if (is_running(link, names) && (link.tunnel.kind == TunnelKind::vxlan || !names.empty()))
            tunnels.push_back(frr_tunnel(link, *state));
    return print_frr(tunnels, arguments);
}

} // namespace

Result<int> run_export(const Arguments& arguments) {
    const std::string format = arguments.value("format", "toml");
    if (format != "toml" && format != "json" && format != "frr")
        return error(Code::not_one_of, formatted("--format '{}'", format),
                     {{"words", "toml, json or frr"}});
    const bool is_frr = format == "frr";
    if (arguments.has("file") && !is_frr)
        return error(Code::option_needs, "", {{"option", "--file"}, {"other", "--format frr"}});
    if (is_frr && arguments.has("all-netns")) // each has a FRR of its own
        return error(Code::options_contradict, "",
                     {{"one", "--all-netns"}, {"other", "--format frr"}});
    if (is_frr) return export_frr(arguments);
    restrict_to(entering_namespaces(arguments));
    if (auto good = check_all_netns(arguments); !good) return tl::unexpected(good.error());
    const auto spaces = visited_namespaces(arguments);
    if (!spaces) return tl::unexpected(spaces.error());
    RunningTunnels running;
    for (const auto& space : spaces->all) {
        std::vector<std::string> names = arguments.words;
        const auto state = read_running(space.kernel, names);
        if (!state) return tl::unexpected(state.error());
        add_sections(running, *state, names, space.netns,
                     read_many_vnis(space.kernel, state->links));
    }
    if (arguments.has(all_netns_option().name)) running.nameless = spaces->others.nameless;
    if (format == "json") return export_json(running, arguments);
    const std::string text = text_of_running(std::move(running));
    print(arguments.has("json") ? document_text({{"schema", json_schema}, {"toml", text}}) : text);
    return 0;
}

} // namespace vxlanctl
