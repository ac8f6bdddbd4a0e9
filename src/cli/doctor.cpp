#include "vxlanctl/doctor/doctor.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/doctor_to.h"
#include "vxlanctl/cli/files.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/cli/running.h"
#include "vxlanctl/doctor/facts.h"
#include "vxlanctl/files/tunnel_values.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

constexpr int something_failed = 3;

std::string_view verdict_word(Verdict verdict) {
    return verdict == Verdict::pass ? "pass" : verdict == Verdict::warn ? "warn" : "fail";
}

/// What the files in the default directory state of a network namespace; their errors are `check`'s
/// to tell.
std::vector<Tunnel> wishes(const std::string& netns, const OutputStyle& style) {
    const auto parsed = read_tunnels({}).parsed;
    for (const auto& problem : parsed.errors)
        print_warning(problem, codes(style));
    std::vector<Tunnel> tunnels;
    for (const auto& defined : parsed.tunnels)
        if (defined.tunnel.placement.netns == netns) tunnels.push_back(defined.tunnel);
    return tunnels;
}

nlohmann::json finding_json(const Finding& finding, std::size_t number) {
    return {{"number", number},
            {"tunnel", printable(finding.tunnel)},
            {"check", finding.check},
            {"verdict", verdict_word(finding.verdict)},
            {"messages", messages_json(finding.messages)},
            {"found", printable(finding.found())},
            {"why", finding.why},
            {"remedy", printable(finding.remedy)}};
}

std::string all_codes(const Finding& finding, const OutputStyle& style) {
    std::string text;
    for (const auto& message : finding.messages)
        text += code_list(message, codes(style));
    return text;
}

std::string finding_text(const Finding& finding, std::size_t number, const OutputStyle& style) {
    const Ink ink = finding.verdict == Verdict::pass   ? Ink::added
                    : finding.verdict == Verdict::warn ? Ink::warning
                                                       : Ink::removed;
    std::string text = formatted("{:3} {}  {:<13} {}\n", number,
                                 painted(style, ink, verdict_word(finding.verdict)), finding.check,
                                 printable(finding.found()) + all_codes(finding, style));
    if (finding.verdict != Verdict::pass || style.verbose)
        text += formatted("{:10}why: {}\n", "", finding.why);
    if (finding.verdict != Verdict::pass && !finding.remedy.empty())
        text += formatted("{:10}do:  {}\n", "", printable(finding.remedy));
    return text;
}

std::string summary(const std::vector<Finding>& all) {
    const auto count = [&](Verdict verdict) {
        return std::count_if(all.begin(), all.end(),
                             [&](const Finding& finding) { return finding.verdict == verdict; });
    };
    return formatted("{} checks: {} passed, {} to look at, {} failed\n", all.size(),
                     count(Verdict::pass), count(Verdict::warn), count(Verdict::fail));
}

} // namespace

std::vector<OptionInfo> doctor_options() {
    return {{"probe", 0, "", "send packets too, to the remote ends and through the tunnel"},
            {"to", 0, "ADDRESS", "is that address reached through a tunnel, and if not, why?"}};
}

Result<int> run_doctor(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    for (const auto& name : arguments.words)
        if (auto good = check_present_name(name); !good) return tl::unexpected(good.error());
    if (arguments.has("to"))
        return run_doctor_to(arguments, *style, wishes(arguments.value("netns"), *style));
    const auto kernel = Kernel::here();
    if (!kernel) return tl::unexpected(kernel.error());
    const auto facts =
        read_facts(*kernel, {arguments.words, wishes(arguments.value("netns"), *style),
                             arguments.has("probe")});
    if (!facts) return tl::unexpected(facts.error());
    Arguments by_real_names = arguments;
    if (use_real_names(by_real_names.words, facts->state)) return run_doctor(by_real_names);
    for (const auto& name : arguments.words)
        if (const Link* link = find_link(facts->state, name); link != nullptr && !is_tunnel(*link))
            return error(Code::not_a_tunnel, name, {{"kind", kind_in_words(*link)}});
    const auto all = findings(*facts);
    nlohmann::json list = nlohmann::json::array();
    std::string text, about;
    bool failed = false;
    for (std::size_t i = 0; i < all.size(); ++i) {
        failed = failed || all[i].verdict == Verdict::fail;
        list.push_back(finding_json(all[i], i + 1));
        if (style->quiet && all[i].verdict != Verdict::fail) continue;
        if (all[i].tunnel != about || text.empty())
            text += formatted("{}:\n", all[i].tunnel.empty() ? std::string("this host")
                                                             : printable(all[i].tunnel));
        about = all[i].tunnel;
        text += finding_text(all[i], i + 1, *style);
    }
    const auto others = left_out(facts->state, arguments.words);
    const std::string more = left_out_text(others);
    if (style->json)
        print(document_text({{"schema", json_schema},
                             {"healthy", !failed},
                             {"checks", list},
                             {"not_managed", left_out_json(others)}}));
    else
        print(style->quiet
                  ? text
                  : text + summary(all) + (more.empty() ? more : formatted("{}.\n", more)));
    return failed ? something_failed : 0;
}

} // namespace vxlanctl
