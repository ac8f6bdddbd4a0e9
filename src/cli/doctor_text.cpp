#include "vxlanctl/cli/doctor_text.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/wrapped.h"
#include "vxlanctl/cli/report.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

constexpr std::size_t finding_indent = 8, line_width = 80;

nlohmann::json edit_json(const FileEdit& edit) {
    return {{"file", printable(edit.file)},
            {"line", edit.line},
            {"is_new", edit.is_new},
            {"section", printable(edit.section)},
            {"key", edit.key},
            {"value", printable(edit.value)}};
}

std::string doctor_field(std::string_view name, std::string_view text) {
    const std::size_t begin = finding_indent + 5;
    return formatted("{:{}}{:<5}{}\n", "", finding_indent, name, wrapped(text, begin, begin));
}

/// The words of a line of shell: those in quotes stay whole.
std::vector<std::string> words_of(std::string_view command) {
    std::vector<std::string> words(1);
    char quote = 0;
    for (const char character : command) {
        if (quote == 0 && character == ' ') {
            words.emplace_back();
            continue;
        }
        if (quote == 0 && (character == '\'' || character == '"'))
            quote = character;
        else if (character == quote)
            quote = 0;
        words.back() += character;
    }
    return words;
}

/// A command that a shell takes as it stands, also where it is in several lines.
std::string command_field(std::string_view name, std::string_view command) {
    const std::size_t begin = finding_indent + 5, end = line_width - 2; // of the backslash
    std::string text = formatted("{:{}}{:<5}", "", finding_indent, name);
    std::size_t column = begin;
    for (const auto& word : words_of(command)) {
        if (column > begin && column + 1 + word.size() > end) {
            text += formatted(" \\\n{:{}}", "", begin);
            column = begin;
        } else if (column > begin) {
            text += ' ';
            ++column;
        }
        text += word;
        column += word.size();
    }
    return text + "\n";
}

std::string edit_text(const FileEdit& edit) {
    return doctor_field("set", formatted("{} = {}", edit.key, printable(edit.value))) +
           doctor_field("", formatted("in {}, {} line {} ([{}])", printable(edit.file),
                                      edit.is_new ? "above" : "in place of", edit.line,
                                      printable(edit.section)));
}

std::string remedy_text(const Remedy& remedy) {
    std::string text;
    if (remedy.caution) text += doctor_field("note", printable(text_of(*remedy.caution)));
    for (const auto& edit : remedy.edits)
        text += edit_text(edit);
    std::string_view name = remedy.edits.empty() ? "do" : "then";
    for (const auto& command : remedy.commands) {
        text += command_field(name, printable(command));
        name = "";
    }
    if (!remedy.look.empty()) text += command_field("see", printable(remedy.look));
    return text;
}

std::string finding_text(const Finding& finding, const OutputStyle& style) {
    std::string found = printable(finding.found());
    for (const auto& message : finding.messages)
        found += code_list(message, codes(style));
    const std::string head = finding.check + ": ";
    std::string text = formatted("  {}  {}{}\n", verdict_text(finding.verdict, style), head,
                                 wrapped(found, finding_indent + head.size(), finding_indent));
    if (finding.verdict == Verdict::fail || style.verbose) text += doctor_field("why", finding.why);
    if (finding.verdict != Verdict::pass) text += remedy_text(finding.remedy);
    return text;
}

std::string number_text(std::ptrdiff_t count, std::string_view one, std::string_view many) {
    return formatted("{} {}", count, count == 1 ? one : many);
}

std::ptrdiff_t count_of(const std::vector<Finding>& findings, Verdict verdict) {
    return std::count_if(findings.begin(), findings.end(),
                         [&](const Finding& finding) { return finding.verdict == verdict; });
}

/// `vxlan0: 20 checks passed`, and what did not.
std::string tunnel_text(const std::vector<Finding>& findings, const std::string& netns,
                        const OutputStyle& style) {
    std::string text;
    for (const auto& finding : findings) {
        const bool is_told = style.quiet ? finding.verdict == Verdict::fail
                                         : finding.verdict != Verdict::pass || style.verbose;
        if (is_told) text += finding_text(finding, style);
    }
    if (style.quiet && text.empty()) return "";
    const std::string& tunnel = findings.front().tunnel;
    std::string head = tunnel.empty() ? "this host" : printable(tunnel);
    if (!netns.empty()) head += formatted(" in namespace '{}'", printable(netns));
    const auto passed = count_of(findings, Verdict::pass);
    if (!style.quiet && !style.verbose && passed > 0)
        head += formatted(": {} passed", number_text(passed, "check", "checks"));
    else
        head += ":";
    return head + "\n" + text;
}

} // namespace

std::string_view verdict_word(Verdict verdict) {
    return verdict == Verdict::pass ? "pass" : verdict == Verdict::warn ? "warn" : "fail";
}

std::string verdict_text(Verdict verdict, const OutputStyle& style) {
    const Ink ink = verdict == Verdict::pass   ? Ink::added
                    : verdict == Verdict::warn ? Ink::warning
                                               : Ink::removed;
    return painted(style, ink, verdict_word(verdict));
}

std::string findings_text(const std::vector<Finding>& findings, const std::string& netns,
                          const OutputStyle& style) {
    std::string text;
    std::vector<Finding> of_one;
    for (const auto& finding : findings) {
        if (!of_one.empty() && of_one.front().tunnel != finding.tunnel) {
            text += tunnel_text(of_one, netns, style);
            of_one.clear();
        }
        of_one.push_back(finding);
    }
    return of_one.empty() ? text : text + tunnel_text(of_one, netns, style);
}

std::string summary_text(const std::vector<Finding>& findings) {
    return formatted("{}: {} passed, {}, {} failed\n",
                     number_text(static_cast<std::ptrdiff_t>(findings.size()), "check", "checks"),
                     count_of(findings, Verdict::pass),
                     number_text(count_of(findings, Verdict::warn), "warning", "warnings"),
                     count_of(findings, Verdict::fail));
}

nlohmann::json finding_json(const Finding& finding, const std::string& netns, std::size_t number) {
    auto edits = nlohmann::json::array();
    for (const auto& edit : finding.remedy.edits)
        edits.push_back(edit_json(edit));
    return {{"number", number},
            {"netns", printable(netns)},
            {"tunnel", printable(finding.tunnel)},
            {"check", finding.check},
            {"verdict", verdict_word(finding.verdict)},
            {"messages", messages_json(finding.messages)},
            {"found", printable(finding.found())},
            {"why", finding.why},
            {"edits", edits},
            {"caution", finding.remedy.caution ? text_of(*finding.remedy.caution) : ""},
            {"remedy", printable(finding.remedy.command())},
            {"look", printable(finding.remedy.look)}};
}

} // namespace vxlanctl
