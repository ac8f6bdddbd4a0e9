#pragma once

#include "vxlanctl/base/error.h"
#include "vxlanctl/model/model.h"

/// Tunnels as sections of a TOML file, see vxlanctl.toml(5).
namespace vxlanctl {

/// The section that parse_files() makes `tunnel` of, ended by a newline. Attributes that have the
/// kernel's default are left out, and so is what follows from other keys. `comments` stand below
/// the section's name; below them comes what a file cannot state, so that nothing is lost silently.
/// A tunnel that misses what a section needs gives a text that parse_files() refuses.
std::string file_text(const Tunnel& tunnel, const std::vector<std::string>& comments = {});

/// A sentence for whoever reads a file, and lines that belong below it: commands, or keys that are
/// not set yet.
struct FileComment {
    Message sentence;
    std::vector<std::string> lines;
};
/// The comment as file_text() takes it: the sentence in lines that fit into 80 columns.
std::string text_of(const FileComment& comment);
/// The same without comments, and what it does not say, such as `remote = 100.64.158.9`.
struct SectionText {
    std::string text;
    std::vector<std::string> untold;
};
SectionText section_text(const Tunnel& tunnel);

/// The value of the key `routes`, or `rules`, in one line.
std::string routes_text(const std::vector<Route>& routes);
std::string rules_text(const std::vector<Rule>& rules);

/// Every line of the text as a comment, whatever bytes it has.
std::string comment_lines(std::string_view text);

} // namespace vxlanctl
