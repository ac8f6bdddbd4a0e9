#include "vxlanctl/cli/doctor_to.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/cli/doctor_text.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/doctor/reach_facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

constexpr std::size_t most_lines = 10;

Result<IpAddress> destination(const Arguments& arguments) {
    const std::string text = arguments.value("to");
    auto address = parse_address(text);
    if (!address) return address;
    if (const auto obstacle = unicast_obstacle(*address); !obstacle.empty())
        return error(Code::to_not_unicast, "", {{"address", text}, {"what", obstacle}});
    if (is_link_local(*address) && arguments.words.size() != 1)
        return error(Code::to_needs_interface, "", {{"address", text}});
    return address;
}

std::string_view reach_word(ReachVerdict verdict) {
    return verdict == ReachVerdict::reached   ? "reached"
           : verdict == ReachVerdict::outside ? "outside"
                                              : "blocked";
}

std::string step_text(const ReachStep& step, const OutputStyle& style) {
    constexpr std::size_t indent = 19;
    return formatted(
        "  {}  {:<10} {}\n", verdict_text(step.verdict, style), step.name,
        wrapped(printable(text_of(step.message)) + code_list(step.message, codes(style)), indent,
                indent));
}

/// Without the last step of those that pass and matter least; false where none is left to drop.
bool drop_one(std::vector<ReachStep>& steps) {
    for (const std::string_view name :
         {"mtu", "firewall", "neighbour", "forwarding", "route", "peer", "underlay"}) {
        const auto last = std::find_if(steps.rbegin(), steps.rend(), [&](const ReachStep& step) {
            return step.name == name && step.verdict == Verdict::pass;
        });
        if (last == steps.rend()) continue;
        steps.erase(std::next(last).base());
        return true;
    }
    return false;
}

std::string whole_text(const Reach& reach, const std::vector<ReachStep>& steps,
                       const OutputStyle& style) {
    std::string text =
        wrapped(printable(text_of(reach.headline)) + code_list(reach.headline, codes(style)), 0,
                2) +
        "\n";
    std::string remedy;
    for (const auto& step : steps) {
        text += step_text(step, style);
        if (step.verdict == Verdict::fail && remedy.empty()) remedy = step.remedy;
    }
    if (!remedy.empty()) text += formatted("  do:   {}\n", printable(remedy));
    return text;
}

nlohmann::json reach_json(const Reach& reach, const IpAddress& to) {
    nlohmann::json steps = nlohmann::json::array();
    for (const auto& step : reach.steps)
        steps.push_back({{"step", step.name},
                         {"verdict", verdict_word(step.verdict)},
                         {"message", message_json(step.message)},
                         {"remedy", printable(step.remedy)}});
    return {{"schema", json_schema},
            {"to", to_string(to)},
            {"verdict", reach_word(reach.verdict)},
            {"tunnel", printable(reach.tunnel)},
            {"peers", texts_of(reach.peers)},
            {"message", message_json(reach.headline)},
            {"steps", steps}};
}

} // namespace

std::string reach_text(const Reach& reach, const OutputStyle& style) {
    std::vector<ReachStep> steps = reach.steps;
    std::string text = whole_text(reach, steps, style);
    while (!style.verbose &&
           static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n')) > most_lines &&
           drop_one(steps))
        text = whole_text(reach, steps, style);
    return text;
}

Result<int> run_doctor_to(const Arguments& arguments, const OutputStyle& style,
                          const std::vector<Tunnel>& wishes) {
    constexpr int is_blocked = 3;
    const auto to = destination(arguments);
    if (!to) return tl::unexpected(to.error());
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    const auto given = read_reach(*kernel, {*to, arguments.words, wishes, arguments.has("probe")});
    if (!given) return tl::unexpected(given.error());
    Arguments by_real_names = arguments;
    if (use_real_names(by_real_names.words, given->facts.state))
        return run_doctor_to(by_real_names, style, wishes);
    for (const auto& name : arguments.words)
        if (const Link* link = find_link(given->facts.state, name);
            link != nullptr && !is_tunnel(*link))
            return error(Code::not_a_tunnel, name, {{"kind", kind_in_words(*link)}});
    const Reach answer = reach(*given);
    const bool is_missed = answer.verdict == ReachVerdict::blocked ||
                           (answer.verdict == ReachVerdict::outside && !arguments.words.empty());
    if (style.json)
        print(document_text(reach_json(answer, *to)));
    else if (!style.quiet || is_missed)
        print(reach_text(answer, style));
    return is_missed ? is_blocked : 0;
}

} // namespace vxlanctl
