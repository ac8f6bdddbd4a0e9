#pragma once

#include "vxlanctl/files/tunnel_values.h"
#include "vxlanctl/files/written.h"

#include <functional>
#include <span>
#include <utility>

/// Wanted tunnels out of files, which are TOML or JSON, see vxlanctl.toml(5): text in, values and
/// errors out. Only a peers file that a text names is read, by a function that the caller gives.
namespace vxlanctl {

struct DefinedTunnel {
    Tunnel tunnel;
    std::size_t file = 0; ///< the index of the source
    std::vector<std::pair<std::string, TextPosition>> keys = {};
    TextPosition name = {}; ///< of the section, where its name is
};

struct ParsedFiles {
    std::vector<DefinedTunnel> tunnels; ///< those without errors, in the order of files and lines
    std::vector<Error> errors;          ///< all of kind usage, in the same order
};

/// The text of the peers file at that path, which the source of that index names.
using ReadText = std::function<Result<std::string>(std::size_t file, const std::string& path)>;

/// Checks everything that can be checked without looking at the host, and goes on behind an error:
/// a syntax error ends that one file, after a hundred errors no more of a file are told. A key of a
/// drop-in takes the place of the tunnel's own.
ParsedFiles parse_files(std::span<const SourceText> files, const ReadText& read_peers_file);

/// Where the tunnel's keys stand, for people: `path:line`.
KeyPlaces places_of(const DefinedTunnel& defined, std::span<const SourceText> files);

/// Where the first of these keys stands that the tunnel has; where it has none of them, its
/// section. Without the line.
Place place_of(const DefinedTunnel& defined, std::span<const std::string_view> keys,
               std::span<const SourceText> files);
/// The line of a place_of() the tunnel; empty where it is too long to be shown.
std::string line_at(const Place& place, const DefinedTunnel& defined,
                    std::span<const SourceText> files);

} // namespace vxlanctl
