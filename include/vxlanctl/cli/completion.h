#pragma once

#include "vxlanctl/cli/command.h"

/// What shells complete, made of the table of commands and their options. They ask for it, see
/// completions/.
namespace vxlanctl {

/// Names that there are on this host.
enum class Names : std::uint8_t { none, devices, tunnels, namespaces, files, tunnel_files };

/// What an argument can be.
struct Candidates {
    std::vector<std::string> words;
    Names names = Names::none;
    bool operator==(const Candidates&) const = default;
};

/// One word behind a command, as its synopsis calls it.
struct Position {
    std::string name;
    bool repeats = false; ///< also all further words
    Candidates candidates;
};

/// The words behind a command, in their order.
std::vector<Position> positions(const Command& command);
/// What the option's argument can be.
Candidates candidates(const Command& command, const OptionInfo& option);

/// What stands in place of a command where a shell asks what the words behind it can be.
inline constexpr const char* completion_word = "__complete";

/// A word that will do, with what it means; that may be empty.
struct Offer {
    std::string word, help;
};
struct Completion {
    std::vector<Offer> offers; ///< whatever has been written of the word
    Names names = Names::none; ///< these as well
    std::string prefix = {};   ///< of each name: `--option=`
};
/// What the last one of these words can be. They stand behind the program's name, and there is at
/// least one.
Completion complete(std::span<const std::string> words);
/// The same for a shell, with the names that there are: a line each, with a tab before what it
/// means. `:files` and `:tunnel_files` are for the shell itself, which knows how people want files
/// completed.
std::string completion_text(std::span<const std::string> words);

} // namespace vxlanctl
