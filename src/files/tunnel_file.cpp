#include "vxlanctl/files/tunnel_file.h"

#include "vxlanctl/base/closest.h"
#include "vxlanctl/base/format.h"
#include "vxlanctl/base/lists.h"
#include "vxlanctl/files/json_text.h"
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

std::optional<Written> parse_text(const SourceText& source, SourceErrors& errors) {
    return is_json(source) ? parse_json(source, errors) : parse_toml(source, errors);
}

void set_drop_in(Written& value, std::size_t drop_in) {
    value.position.drop_in = value.key_position.drop_in = drop_in;
    for (auto& element : value.elements)
        set_drop_in(element, drop_in);
}

Written* find_table(Written& table, std::string_view key) {
    const auto found =
        std::find_if(table.elements.begin(), table.elements.end(), [&](const Written& value) {
            return value.key == key && value.type == Written::Type::table;
        });
    return found == table.elements.end() ? nullptr : &*found;
}

/// The table that defines the tunnel of the section's kind and name, or null after its error.
Written* find_definition(Written& root, const Section& section, const std::string& path,
                         SourceErrors& errors) {
    const std::string& name = section.table->key;
    Error problem(Code::drop_in_adds_tunnel, name, {{"file", path}});
    for (const auto* kind : section_kinds()) {
        Written* const tables = find_table(root, kind->name);
        Written* const found = tables == nullptr ? nullptr : find_table(*tables, name);
        if (found != nullptr && kind->kind == section.kind) return found;
        if (found != nullptr)
            problem.more.emplace_back(Code::defined_as_other_kind, "",
                                      Values{{"section", formatted("{}.{}", kind->name, name)}});
    }
    errors.add(std::move(problem), section.table->key_position);
    return nullptr;
}

/// Puts the keys of a drop-in into the tables of the file `path`.
void lay_over(Written& root, const Written& drop_in, const std::string& path,
              SourceErrors& errors) {
    for (const auto& section : sections_of(drop_in, errors)) {
        Written* const table = find_definition(root, section, path, errors);
        if (table == nullptr) continue;
        for (const auto& value : section.table->elements) {
            const auto old =
                std::find_if(table->elements.begin(), table->elements.end(),
                             [&](const Written& element) { return element.key == value.key; });
            if (old == table->elements.end())
                table->elements.push_back(value);
            else
                *old = value;
        }
    }
}

/// The tables of a text with those of its drop-ins laid over them. Empty where one of them is not
/// TOML or JSON: what else is wrong may follow from that.
std::optional<Written> parse_whole(const SourceText& source, SourceErrors& errors,
                                   std::vector<Error>& of_drop_ins) {
    auto root = parse_text(source, errors);
    bool is_whole = root.has_value();
    for (std::size_t i = 0; i < source.drop_ins.size(); ++i) {
        SourceErrors own(source.drop_ins[i]);
        auto drop_in = parse_text(source.drop_ins[i], own);
        append(of_drop_ins, own.take());
        is_whole = is_whole && drop_in;
        if (!is_whole) continue;
        set_drop_in(*drop_in, i + 1);
        lay_over(*root, *drop_in, source.path, errors);
    }
    if (!is_whole) root.reset();
    return root;
}

std::vector<std::pair<std::string, TextPosition>> keys_of(const Written& table) {
    std::vector<std::pair<std::string, TextPosition>> keys;
    keys.reserve(table.elements.size());
    for (const auto& value : table.elements)
        keys.emplace_back(value.key, value.key_position);
    return keys;
}

/// One file's way into the result.
void parse_file(const Written& root, std::size_t index, const ReadText& read_peers_file,
                std::map<std::string, Definition>& defined, SourceErrors& errors,
                std::vector<DefinedTunnel>& tunnels) {
    const PeersFiles files{[&](const std::string& path) { return read_peers_file(index, path); },
                           {}};
    for (const auto& [kind, table] : sections_of(root, errors)) {
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
        if (auto tunnel = reader.read_section())
            tunnels.push_back({std::move(*tunnel), index, keys_of(*table), name.position});
    }
}

} // namespace

ParsedFiles parse_files(std::span<const SourceText> files, const ReadText& read_peers_file) {
    ParsedFiles result;
    std::map<std::string, Definition> defined;
    for (std::size_t i = 0; i < files.size(); ++i) {
        SourceErrors errors(files[i]);
        std::vector<Error> of_drop_ins;
        if (const auto root = parse_whole(files[i], errors, of_drop_ins))
            parse_file(*root, i, read_peers_file, defined, errors, result.tunnels);
        append(result.errors, errors.take());
        append(result.errors, std::move(of_drop_ins));
    }
    return result;
}

KeyPlaces places_of(const DefinedTunnel& defined, std::span<const SourceText> files) {
    KeyPlaces places;
    const SourceText& file = files[defined.file];
    for (const auto& [key, position] : defined.keys) {
        const SourceText& source =
            position.drop_in == 0 ? file : file.drop_ins[position.drop_in - 1];
        places.emplace(key, formatted("{}:{}", source.path, position.line));
    }
    return places;
}

Place place_of(const DefinedTunnel& defined, std::span<const std::string_view> keys,
               std::span<const SourceText> files) {
    TextPosition position = defined.name;
    for (const auto key : keys) {
        const auto found = std::find_if(defined.keys.begin(), defined.keys.end(),
                                        [&](const auto& written) { return written.first == key; });
        if (found == defined.keys.end()) continue;
        position = found->second;
        break;
    }
    const SourceErrors lines(files[defined.file]);
    return {lines.path_of(position), position.line, position.column, ""};
}

std::string line_at(const Place& place, const DefinedTunnel& defined,
                    std::span<const SourceText> files) {
    const SourceText& file = files[defined.file];
    SourceErrors lines(file);
    for (std::size_t i = 0; i <= file.drop_ins.size(); ++i) {
        const TextPosition position{place.line, place.column, i};
        if (lines.path_of(position) == place.path) return lines.line(position);
    }
    return "";
}

} // namespace vxlanctl
