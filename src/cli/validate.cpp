#include "vxlanctl/cli/commands.h"
#include "vxlanctl/cli/validate_report.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr int wrong = 2, contradicting = 3;

Result<ValidateFormat> format_of(const Arguments& arguments) {
    const std::string format = arguments.value("format", arguments.has("json") ? "json" : "text");
    if (arguments.has("json") && format != "json")
        return error(Code::options_contradict, "",
                     {{"one", "--json"}, {"other", "--format " + format}});
    if (format == "text") return ValidateFormat::text;
    if (format == "json") return ValidateFormat::json;
    if (format == "github") return ValidateFormat::github;
    return error(Code::not_one_of, "--format " + quote(format),
                 {{"words", "text, json or github"}});
}

int validate_files(const Arguments& arguments, ValidateFormat format, const OutputStyle& style) {
    ValidateReport report;
    add(report, validated(arguments.words, arguments.has("allow-empty"), Alone::judged));
    print_report(report, nullptr, format, style);
    return report.errors.empty() ? 0 : wrong;
}

/// Puts into each message where it is: at the key of the one end, of the other if that alone sets
/// it, else at the section.
void put_places(MeshFindings& findings, const std::vector<Validated>& hosts) {
    for (auto& [end, other, clauses] : findings.contradictions)
        for (auto& [message, where, all] : clauses) {
            MeshEnd best = where;
            const auto defined = [&](const MeshEnd& at) -> const DefinedTunnel& {
                return hosts[at.host].read.parsed.tunnels[at.tunnel];
            };
            if (other && !sets_key_of(message.code, defined(where)))
                best = where == end ? *other : end;
            if (!sets_key_of(message.code, defined(best))) best = where;
            message.place =
                place_of(message.code, defined(best), hosts[best.host].read.texts.files);
        }
}

int validate_mesh(const Arguments& arguments, ValidateFormat format, const OutputStyle& style) {
    ValidateReport report;
    MeshReport mesh;
    std::vector<Validated> hosts;
    hosts.reserve(arguments.words.size());
    for (const auto& word : arguments.words) {
        hosts.push_back(validated({word}, arguments.has("allow-empty"), Alone::left_to_mesh));
        add(report, hosts.back());
        MeshHost& host = mesh.hosts.emplace_back();
        host.name = word == "-" ? "standard input" : word;
        for (const auto& defined : hosts.back().read.parsed.tunnels)
            host.tunnels.push_back(&defined.tunnel);
    }
    mesh.compared = report.errors.empty();
    if (mesh.compared) {
        mesh.findings = compare_hosts(mesh.hosts, arguments.has("closed"));
        put_places(mesh.findings, hosts);
    }
    print_report(report, &mesh, format, style);
    return !mesh.compared ? wrong : mesh.findings.contradictions.empty() ? 0 : contradicting;
}

} // namespace

std::vector<OptionInfo> validate_options() {
    return {
        {"mesh", 0, "", "compare several hosts: each word is the file or directory of one of them"},
        {"closed", 0, "", "with --mesh: every peer has to be one of these hosts"},
        {"allow-empty", 0, "", "accept a file, directory or standard input without tunnels"},
        {"format", 0, "text|json|github",
         "text (default), json, or github for annotations in GitHub Actions"}};
}

Result<int> run_validate(const Arguments& arguments) {
    const auto style = output_style(arguments);
    if (!style) return tl::unexpected(style.error());
    const auto format = format_of(arguments);
    if (!format) return tl::unexpected(format.error());
    if (!arguments.has("mesh")) {
        if (arguments.has("closed"))
            return error(Code::option_needs, "", {{"option", "--closed"}, {"other", "--mesh"}});
        return validate_files(arguments, *format, *style);
    }
    const auto& words = arguments.words;
    if (words.empty())
        return error(Code::wrong_words, "",
                     {{"words", "HOST..."}, {"help", "vxlanctl validate --help"}});
    if (std::count(words.begin(), words.end(), "-") > 1) return error(Code::stdin_named_twice);
    return validate_mesh(arguments, *format, *style);
}

} // namespace vxlanctl
