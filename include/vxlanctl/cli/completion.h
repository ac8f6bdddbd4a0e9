#pragma once

#include "vxlanctl/cli/command.h"

/// What shells complete, made of the table of commands and their options. It stands in the files of
/// completions/, behind the shell's own functions, and a test compares.
namespace vxlanctl {

/// Names that a shell looks up when it completes.
enum class Names : std::uint8_t { none, devices, tunnels, namespaces, files, toml_files };

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

std::string bash_tables();
std::string zsh_tables();
std::string fish_tables();
/// The text of one of the files with these tables in place of those that it has. Throws where there
/// is no place for them.
std::string with_tables(const std::string& file, const std::string& tables);

} // namespace vxlanctl
