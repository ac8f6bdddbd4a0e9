#pragma once

#include "vxlanctl/cli/command.h"
#include "vxlanctl/files/tunnel_file.h"
#include "vxlanctl/files/vxlan.h"
#include "vxlanctl/kernel/namespaces.h"

#include <utility>

namespace vxlanctl {

/// Where the files are when none is named.
constexpr const char* default_directory = "/etc/vxlanctl";

/// Whose files are read: where they decide what is done, only those that nobody else could write
/// (base/who_writes.h).
enum class Writers : std::uint8_t { trusted, anybody };

/// Anybody's are read as far as their writers could read them as well: what is wrong is quoted.
struct Trust {
    Writers writers;
    std::vector<unsigned> leaders; ///< the users that wrote what names the file

    Trust(Writers writers_ = Writers::trusted, std::vector<unsigned> leaders_ = {})
        : writers(writers_), leaders(std::move(leaders_)) {}
};

/// The whole file, or standard input for `-`; `what` it is says the error. At most 64 MiB.
Result<std::string> read_text(const std::string& path, std::string_view what,
                              const Trust& trust = {});

/// The peers of every --peers-file of the call.
Result<PeerList> read_peers_files(const Arguments& arguments);

/// What the words FILE, DIR and `-` name: of a directory every *.toml and *.json that is a regular
/// file, in the order of their names, less hidden ones. Without words it is the default directory,
/// which need not be there. The drop-ins of NAME.toml are what NAME.toml.d has of such files.
struct FileTexts {
    std::vector<SourceText> files;
    std::vector<std::size_t> words;   ///< of each file the index of the word that names it
    std::vector<std::string> sources; ///< of each file, see source_of()
    std::vector<std::string> skipped; ///< in a directory, but not a regular file
    std::vector<std::string> others;  ///< in a directory, by names that nothing is read from
    std::vector<Error> errors;
    Writers writers = Writers::trusted; ///< as they were read
    std::vector<Trust> trusts;          ///< of each file that of the peers files that it names
};
FileTexts read_files(const std::vector<std::string>& words, Writers writers = Writers::trusted);

/// The path made absolute, as Tunnel::source has it: symbolic links are kept, so that a directory
/// `current -> release-7` is the same source when it leads to release-8. Empty for `-`.
std::string source_of(const std::string& path);

/// The tunnels of those files and of the peers files that they name, each with its source.
struct FileTunnels {
    FileTexts texts;
    ParsedFiles parsed; ///< what could not be read is among the errors, first
    /// Those of `texts.others` that are no peers files of these tunnels.
    std::vector<std::string> unread;
    std::vector<std::string> empty; ///< those of the words that define no tunnel
};
FileTunnels tunnels_in(FileTexts texts, const std::vector<std::string>& words,
                       const ReadText& read_peers_file);
FileTunnels read_tunnels(const std::vector<std::string>& words, Writers writers = Writers::trusted);
/// What to tell of such files: a warning each of a few in one directory, else one of all of them.
std::vector<Message> warnings_of_unread(const std::vector<std::string>& paths);

/// What the config says of all unnamed tunnels concerns these network namespaces, too, as far as
/// they have a name and can be entered: of others a warning tells.
Result<void> concern_namespaces(Config& config, const std::vector<NamespaceId>& spaces,
                                std::vector<Message>& warnings);

} // namespace vxlanctl
