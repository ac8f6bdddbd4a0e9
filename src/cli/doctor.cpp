#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/all_netns.h"
#include "vxlanctl/cli/asked_for.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/doctor_text.h"
#include "vxlanctl/cli/doctor_to.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/doctor/facts.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

constexpr int something_failed = 3, something_warned = 6;

/// What was found in one network namespace.
struct Examination {
    std::string netns; ///< empty: that of the call
    std::vector<Finding> findings;
    std::vector<std::string> left_out; ///< tunnels that are examined only when named
};

Result<Examination> examine(const VisitedNamespace& space, Arguments arguments,
                            const OutputStyle& style) {
    const std::string netns = space.netns.empty() ? arguments.value("netns") : space.netns;
    FactsRequest request = asked_for(space.kernel, netns, style);
    request.names = arguments.words;
    request.probe = arguments.has("probe");
    request.compare = [&](Facts& read) { compare_with_asked(space.kernel, read); };
    const auto facts = read_facts(space.kernel, request);
    if (!facts) return tl::unexpected(facts.error());
    if (use_real_names(arguments.words, facts->state)) return examine(space, arguments, style);
    for (const auto& name : arguments.words)
        if (const Link* link = find_link(facts->state, name); link != nullptr && !is_tunnel(*link))
            return error(Code::not_a_tunnel, name, {{"kind", kind_in_words(*link)}});
    return Examination{space.netns, findings(*facts), left_out(facts->state, arguments.words)};
}

bool has(const std::vector<Examination>& all, Verdict verdict) {
    return std::any_of(all.begin(), all.end(), [&](const Examination& one) {
        return std::any_of(one.findings.begin(), one.findings.end(), [&](const Finding& finding) {
            return finding.verdict == verdict && finding.check != always_told;
        });
    });
}

void print_json(const std::vector<Examination>& all) {
    auto checks = nlohmann::json::array();
    std::vector<std::string> others;
    for (const auto& one : all) {
        for (const auto& finding : one.findings)
            checks.push_back(finding_json(finding, one.netns, checks.size() + 1));
        others.insert(others.end(), one.left_out.begin(), one.left_out.end());
    }
    print(document_text({{"schema", json_schema},
                         {"healthy", !has(all, Verdict::fail)},
                         {"checks", checks},
                         {"not_managed", left_out_json(others)}}));
}

void print_text(const std::vector<Examination>& all, const OtherNamespaces& others,
                const OutputStyle& style) {
    std::vector<Finding> findings;
    std::string text;
    for (const auto& one : all) {
        text += findings_text(one.findings, one.netns, style);
        findings.insert(findings.end(), one.findings.begin(), one.findings.end());
        if (const auto more = left_out_text(one.left_out); !style.quiet && !more.empty())
            text += formatted("{}.\n", more);
    }
    if (style.quiet) return print(text);
    print(text + summary_text(findings) + other_namespaces_text(others));
}

} // namespace

std::vector<OptionInfo> doctor_options() {
    return {{"probe", 0, "", "send packets too, to the remote ends and through the tunnel"},
            {"to", 0, "ADDRESS", "is that address reached through a tunnel, and if not, why?"},
            {"exit-warn", 0, "",
             "exit with 6 where nothing failed and something is a warning (default: with 0)"},
            all_netns_option()};
}

Result<int> run_doctor(const Arguments& arguments) {
    restrict_to(changes_network | sends_raw | sees_processes | reads_all_files |
                entering_namespaces(arguments)); // also with --netns
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    for (const auto& name : arguments.words)
        if (auto good = check_present_name(name); !good) return tl::unexpected(good.error());
    if (auto good = check_all_netns(arguments); !good) return tl::unexpected(good.error());
    for (const std::string_view other : {"all-netns", "exit-warn"})
        if (arguments.has("to") && arguments.has(other))
            return error(Code::options_contradict, "",
                         {{"one", "--to"}, {"other", formatted("--{}", other)}});
    const auto spaces = visited_namespaces(arguments);
    if (!spaces) return tl::unexpected(spaces.error());
    if (arguments.has("to"))
        return run_doctor_to(
            arguments, *style,
            asked_for(spaces->all.front().kernel, arguments.value("netns"), *style).wishes);
    std::vector<Examination> all;
    for (const auto& space : spaces->all) {
        auto one = examine(space, arguments, *style);
        if (!one) return tl::unexpected(one.error());
        all.push_back(std::move(*one));
    }
    if (style->json)
        print_json(all);
    else
        print_text(all, spaces->others, *style);
    if (has(all, Verdict::fail)) return something_failed;
    return arguments.has("exit-warn") && has(all, Verdict::warn) ? something_warned : 0;
}

} // namespace vxlanctl
