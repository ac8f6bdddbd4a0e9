#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/plan/exported.h"
#include "vxlanctl/plan/plan.h"

#include <map>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

/// A running tunnel as a section of the file.
struct Section {
    std::string name;
    std::string text;
    Tunnel tunnel;        ///< what the text says, where there is no obstacle
    std::string obstacle; ///< why it is a comment; mostly empty
};

std::string reason(const Error& problem, std::string_view tunnel) {
    return printable(problem.subject.empty() || problem.subject == tunnel
                         ? text_of(problem)
                         : formatted("{}: {}", problem.subject, text_of(problem)));
}

Section section_of(const Link& link, const State& state) {
    Exported wish = exported(link, state);
    Section section{link.name, file_text(wish.tunnel, wish.comments), {}, std::move(wish.obstacle)};
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

} // namespace

std::string running_text(const State& state, const std::vector<std::string>& names) {
    std::vector<Section> sections;
    for (const auto& link : state.links)
        if (is_concerned(link, names)) sections.push_back(section_of(link, state));
    plan_all(sections, state);
    std::string text;
    for (auto& section : sections) {
        if (!text.empty()) text += "\n";
        if (section.obstacle.empty()) {
            text += section.text;
            continue;
        }
        section.text.pop_back(); // its last line's end
        text += comment_lines(
            formatted("{} is left out: {}.\n{}", section.name, section.obstacle, section.text));
    }
    if (const auto others = left_out_text(left_out(state, names)); !others.empty())
        text += formatted("{}# {}.\n", text.empty() ? "" : "\n", others);
    return text;
}

Result<int> run_export(const Arguments& arguments) {
    const auto state = read_running(arguments.words);
    if (!state) return tl::unexpected(state.error());
    const std::string text = running_text(*state, arguments.words);
    print(arguments.has("json") ? document_text({{"schema", json_schema}, {"toml", text}}) : text);
    return 0;
}

} // namespace vxlanctl
