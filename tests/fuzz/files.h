#pragma once

#include "vxlanctl/files/file_text.h"
#include "vxlanctl/files/tunnel_file.h"

#include <string>

/// A text as a file of tunnels; any peers file that it names has the other text.
inline vxlanctl::ParsedFiles parsed_file(const std::string& text, const std::string& peers = "",
                                         const std::string& path = "fuzz.toml") {
    const vxlanctl::SourceText file{path, text};
    return vxlanctl::parse_files(
        std::span(&file, 1),
        [&](std::size_t, const std::string&) -> vxlanctl::Result<std::string> { return peers; });
}

inline std::string rewritten(const vxlanctl::ParsedFiles& parsed) {
    std::string text;
    for (const auto& defined : parsed.tunnels)
        text += vxlanctl::file_text(defined.tunnel);
    return text;
}
