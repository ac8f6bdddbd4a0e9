#include "vxlanctl/cli/validate_report.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/cli/annotation.h"
#include "vxlanctl/cli/report.h"
#include "vxlanctl/plan/losses.h"

#include <nlohmann/json.hpp>

namespace vxlanctl {
namespace {

std::string number_of(std::size_t count, const std::string& noun) {
    return vxlanctl::counted(static_cast<std::ptrdiff_t>(count), noun, noun + "s");
}

/// Such as `3 files, 12 tunnels: valid, 1 warning`.
std::string summary(const ValidateReport& report, const MeshReport* mesh) {
    std::vector<std::string> found;
    const std::size_t contradictions = mesh == nullptr ? 0 : mesh->findings.contradictions.size();
    if (!report.errors.empty()) found.push_back(number_of(report.errors.size(), "error"));
    if (contradictions != 0) found.push_back(number_of(contradictions, "contradiction"));
    if (found.empty()) found.emplace_back("valid");
    if (!report.warnings.empty()) found.push_back(number_of(report.warnings.size(), "warning"));
    if (mesh != nullptr && !mesh->compared) found.emplace_back("the hosts were not compared");
    return formatted(
        "{}{}, {}: {}\n", mesh == nullptr ? "" : number_of(mesh->hosts.size(), "host") + ", ",
        number_of(report.files, "file"), number_of(report.tunnels, "tunnel"), joined(found, ", "));
}

std::string name_of(const MeshEnd& end, const MeshReport& mesh) {
    const MeshHost& host = mesh.hosts[end.host];
    return formatted("{} {}", host.name, host.tunnels[end.tunnel]->name);
}

/// The two tunnels that a contradiction is between, or the one that it is about.
std::string names_of(const Contradiction& contradiction, const MeshReport& mesh) {
    std::string names = name_of(contradiction.end, mesh);
    if (contradiction.other) names += ", " + name_of(*contradiction.other, mesh);
    return names;
}

std::string line_of(const Contradiction& contradiction, const MeshReport& mesh, Codes codes) {
    std::vector<std::string> clauses;
    for (const auto& clause : contradiction.clauses) {
        const auto& place = clause.message.place;
        clauses.push_back(formatted("{}{}{}", text_of(clause.message),
                                    place ? formatted(" ({}:{})", place->path, place->line) : "",
                                    code_list(clause.message, codes)));
    }
    return printable(formatted("{}: {}", names_of(contradiction, mesh), joined(clauses, "; ")));
}

void print_text(const ValidateReport& report, const MeshReport* mesh, const OutputStyle& style) {
    if (mesh != nullptr)
        for (const auto& contradiction : mesh->findings.contradictions)
            print(line_of(contradiction, *mesh, codes(style)) + "\n");
    if (!style.quiet) print(summary(report, mesh));
}

void print_github(const ValidateReport& report, const MeshReport* mesh, const OutputStyle& style) {
    const auto say = [](Annotation kind, const Message& message) {
        Message plain = message; // GitHub shows the place itself
        plain.place.reset();
        print(annotation(kind, message, to_string(plain)));
    };
    for (const auto& error : report.errors)
        say(Annotation::error, error);
    if (!style.quiet)
        for (const auto& warning : report.warnings)
            say(Annotation::warning, warning);
    if (mesh != nullptr) {
        for (const auto& contradiction : mesh->findings.contradictions)
            for (const auto& clause : contradiction.clauses)
                print(annotation(Annotation::error, clause.message,
                                 printable(formatted("{}: {}", names_of(contradiction, *mesh),
                                                     text_of(clause.message)))));
        if (!style.quiet)
            for (const auto& note : mesh->findings.notes)
                say(Annotation::notice, note);
    }
    if (!style.quiet) print(summary(report, mesh));
}

nlohmann::json end_json(const MeshEnd& end, const MeshReport& mesh) {
    return {{"host", printable(mesh.hosts[end.host].name)},
            {"tunnel", printable(mesh.hosts[end.host].tunnels[end.tunnel]->name)}};
}

nlohmann::json contradiction_json(const Contradiction& contradiction, const MeshReport& mesh) {
    nlohmann::json json{{"ends", {end_json(contradiction.end, mesh)}},
                        {"messages", nlohmann::json::array()}};
    if (contradiction.other) json["ends"].push_back(end_json(*contradiction.other, mesh));
    for (const auto& clause : contradiction.clauses) {
        json["messages"].push_back(message_json(clause.message));
        if (!clause.all.empty()) json["unknown_peers"] = clause.all;
    }
    return json;
}

void print_json(const ValidateReport& report, const MeshReport* mesh) {
    nlohmann::json json{{"schema", json_schema},
                        {"valid", report.errors.empty() &&
                                      (mesh == nullptr || mesh->findings.contradictions.empty())},
                        {"files", report.files},
                        {"tunnels", report.tunnels},
                        {"errors", nlohmann::json::array()},
                        {"warnings", messages_json(report.warnings)}};
    for (const auto& error : report.errors)
        json["errors"].push_back(error_json(error));
    if (mesh != nullptr) {
        json["hosts"] = mesh->hosts.size();
        json["compared"] = mesh->compared;
        json["notes"] = messages_json(mesh->findings.notes);
        auto& contradictions = json["contradictions"] = nlohmann::json::array();
        for (const auto& contradiction : mesh->findings.contradictions)
            contradictions.push_back(contradiction_json(contradiction, *mesh));
    }
    print(document_text(json));
}

} // namespace

void add(ValidateReport& report, const Validated& host) {
    report.files += host.read.texts.files.size();
    report.tunnels += host.read.parsed.tunnels.size();
    append(report.errors, host.errors);
    append(report.warnings, host.warnings);
}

void print_report(const ValidateReport& report, const MeshReport* mesh, ValidateFormat format,
                  const OutputStyle& style) {
    if (format == ValidateFormat::github) return print_github(report, mesh, style);
    for (const auto& error : report.errors)
        print_error(error, codes(style));
    if (!style.quiet) {
        for (const auto& warning : report.warnings)
            print_warning(warning, codes(style));
        if (mesh != nullptr)
            for (const auto& note : mesh->findings.notes)
                print_warning(note, codes(style));
    }
    if (format == ValidateFormat::json)
        print_json(report, mesh);
    else
        print_text(report, mesh, style);
}

} // namespace vxlanctl
