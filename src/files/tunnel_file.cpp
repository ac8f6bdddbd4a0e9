#include "vxlanctl/files/tunnel_file.h"

#include "vxlanctl/base/closest.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/files/section_reader.h"
#include "vxlanctl/files/toml_text.h"

#include <algorithm>
#include <map>

namespace vxlanctl {
namespace {

/// A section of one file.
struct Section {
    TunnelKind kind = TunnelKind::vxlan;
    const Written* table = nullptr; ///< whose key is the name
};

/// A tunnel that is defined, wherever that was.
struct Definition {
    TunnelKind kind = TunnelKind::vxlan;
    std::string place;
};

void refuse_key(const Written& value, const std::vector<std::string>& known, SourceErrors& errors) {
    const std::string near = closest(value.key, known);
    const bool is_key = value.type != Written::Type::table && near.empty();
    Error unknown(is_key ? Code::unknown_key : Code::unknown_section, "",
                  {{is_key ? "key" : "section", value.key}});
    errors.add(is_key         ? std::move(unknown).also(Code::key_belongs_in_section)
               : near.empty() ? std::move(unknown).also(Code::sections_there_are)
                              : std::move(unknown).also(Code::did_you_mean, {{"word", near}}),
               value.key_position);
}

/// The sections of a text in their order; whatever else there is becomes errors.
std::vector<Section> sections_of(const Written& root, SourceErrors& errors) {
    std::vector<Section> sections;
    std::vector<std::string> known;
    for (const auto* kind : section_kinds())
        known.emplace_back(kind->name);
    for (const auto& tables : root.elements) {
        const auto found = std::find(known.begin(), known.end(), tables.key);
        if (found == known.end()) {
            refuse_key(tables, known, errors);
            continue;
        }
        const auto no_tunnel = [&](const Written& value) {
            errors.add(Error(Code::not_a_section, value.key, {{"section", *found}}),
                       value.key_position);
        };
        if (tables.type != Written::Type::table) {
            no_tunnel(tables);
            continue;
        }
        for (const auto& table : tables.elements)
            if (table.type == Written::Type::table)
                sections.push_back({section_kinds()[found - known.begin()]->kind, &table});
            else
                no_tunnel(table);
    }
    std::sort(sections.begin(), sections.end(), [](const Section& one, const Section& other) {
        return one.table->key_position < other.table->key_position;
    });
    return sections;
}

/// One file's way into the result.
void parse_file(const SourceText& source, std::size_t index, const ReadText& read_peers_file,
                std::map<std::string, Definition>& defined, SourceErrors& errors,
                std::vector<DefinedTunnel>& tunnels) {
    const auto root = parse_toml(source, errors);
    if (!root) return;
    const PeersFiles files{[&](const std::string& path) { return read_peers_file(index, path); },
                           {}};
    for (const auto& [kind, table] : sections_of(*root, errors)) {
        const Written name{Written::Type::text, table->key, table->key_position};
        SectionReader reader(kind, name, *table, errors, files);
        const auto [first, is_new] =
            defined.try_emplace(name.text, Definition{kind, errors.place_text(name.position)});
        const auto& [first_kind, place] = first->second;
        if (!is_new)
            errors.add(
                Error(Code::defined_twice, name.text,
                      {{"place", place},
                       {"as",
                        first_kind == kind ? "" : formatted(" as {}", section_name(first_kind))}}),
                name.position);
        if (auto tunnel = reader.read_section()) tunnels.push_back({std::move(*tunnel), index});
    }
}

} // namespace

ParsedFiles parse_files(std::span<const SourceText> files, const ReadText& read_peers_file) {
    ParsedFiles result;
    std::map<std::string, Definition> defined;
    for (std::size_t i = 0; i < files.size(); ++i) {
        SourceErrors errors(files[i]);
        parse_file(files[i], i, read_peers_file, defined, errors, result.tunnels);
        for (auto& error : errors.take())
            result.errors.push_back(std::move(error));
    }
    return result;
}

} // namespace vxlanctl
