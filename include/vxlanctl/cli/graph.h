#pragma once

#include "vxlanctl/cli/picture.h"

/// A picture as text in several languages. All of them end with a line feed.
namespace vxlanctl {

enum class Charset : std::uint8_t { ascii, unicode };

/// For a terminal of 80 columns. The far ends stand beside the host where that is wide enough, and
/// below their tunnel otherwise.
std::string graph_text(const Picture& picture, Charset charset);
/// For Graphviz.
std::string graph_dot(const Picture& picture);
/// For Mermaid, as in Markdown files.
std::string graph_mermaid(const Picture& picture);
/// The words of `graph --format`; the first one is the default.
const std::vector<std::string>& picture_formats();

} // namespace vxlanctl
