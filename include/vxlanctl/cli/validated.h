#pragma once

#include "vxlanctl/cli/files.h"

namespace vxlanctl {

/// What the files of one host say, and what is wrong with it anywhere. Each message says where it
/// is, if it is about a key or a section.
struct Validated {
    FileTunnels read;
    std::vector<Error> errors;
    std::vector<Message> warnings;
};

/// Whether what only other hosts can tell is an error already.
enum class Alone : std::uint8_t {
    judged,      ///< a list of peers that has nobody but this host is an error
    left_to_mesh ///< compare_hosts() will say it
};

/// Reads the files that the words name, whoever may write them, and judges them without looking at
/// this host (plan/without_host.h), each network namespace by itself. Words that define no tunnel
/// are errors unless `accepts_empty`.
Validated validated(const std::vector<std::string>& words, bool accepts_empty, Alone alone);

/// Where a message with that code about a tunnel is best shown: at the key that it is about, else
/// at the section. Without the line.
Place place_of(Code code, const DefinedTunnel& defined, std::span<const SourceText> files);
/// Whether the file sets one of these keys.
bool sets_key_of(Code code, const DefinedTunnel& defined);

} // namespace vxlanctl
