#include "vxlanctl/cli/graph.h"

#include "vxlanctl/base/format.h"

namespace vxlanctl {
namespace {

bool is_plain(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') ||
           std::string_view(" .,:/_-()").find(character) != std::string_view::npos;
}

/// All that could mean something to the language as an entity, of which `begin` is the beginning.
std::string escaped(std::string_view text, std::string_view begin) {
    std::string result;
    for (const char character : text)
        result += is_plain(character) ? std::string(1, character)
                                      : formatted("{}{};", begin, int{character});
    return result;
}

/// Each line of the text, escaped.
std::vector<std::string> lines(const BoxText& text, std::string_view begin) {
    std::vector<std::string> result;
    for (const auto& line : text.lines)
        result.push_back(escaped(joined(line, " "), begin));
    return result;
}

constexpr std::string_view dot_entity = "&#"; // of HTML-like labels
constexpr std::string_view mermaid_entity = "#";

/// An HTML-like label, which can have a title that stands out.
std::string dot_label(const BoxText& text) {
    std::string label = formatted("<b>{}</b><br align=\"left\"/>", escaped(text.title, dot_entity));
    for (const auto& line : lines(text, dot_entity))
        label += line + "<br align=\"left\"/>";
    return label;
}

std::string mermaid_label(const BoxText& text) {
    return formatted("{}<br>{}", escaped(text.title, mermaid_entity),
                     fmt::join(lines(text, mermaid_entity), "<br>"));
}

/// The nodes and lines of a picture: `d1` are outer ends, `t1` tunnels, and `f1` far ends.
struct Nodes {
    std::vector<std::pair<std::string, BoxText>> host, far;
    std::vector<std::pair<std::string, std::string>> within, between;
};

Nodes nodes_of(const Picture& picture) {
    Nodes nodes;
    std::size_t tunnels = 0;
    for (std::size_t i = 0; i < picture.outer_ends.size(); ++i) {
        const auto& outer = picture.outer_ends[i];
        const std::string device = formatted("d{}", i + 1);
        nodes.host.emplace_back(device, box_text(outer));
        for (const auto& tunnel : outer.tunnels) {
            const std::string name = formatted("t{}", ++tunnels);
            nodes.host.emplace_back(name, box_text(tunnel));
            nodes.within.emplace_back(device, name);
            const auto add = [&](const BoxText& text) {
                nodes.far.emplace_back(formatted("f{}", nodes.far.size() + 1), text);
                nodes.between.emplace_back(name, nodes.far.back().first);
            };
            for (const auto& far : tunnel.far_ends)
                add(box_text(far));
            if (tunnel.more_far_ends > 0) add(rest_text(tunnel));
        }
    }
    return nodes;
}

} // namespace

std::string graph_dot(const Picture& picture) {
    const Nodes nodes = nodes_of(picture);
    std::string text =
        "graph vxlanctl {\n"
        "  rankdir=LR\n"
        "  ranksep=0.8\n"
        "  fontname=\"Helvetica\"\n"
        "  node [shape=box style=\"rounded,filled\" fillcolor=\"white\" fontname=\"Helvetica\" "
        "fontsize=11]\n"
        "  subgraph cluster_host {\n"
        "    label=\"this host\"\n"
        "    labeljust=\"l\"\n"
        "    style=\"rounded,filled\"\n"
        "    color=\"#8a99a8\"\n"
        "    fillcolor=\"#eef2f6\"\n";
    for (const auto& [name, label] : nodes.host)
        text += formatted("    {} [label=<{}>]\n", name, dot_label(label));
    for (const auto& [from, to] : nodes.within)
        text += formatted("    {} -- {}\n", from, to);
    text += "  }\n";
    for (const auto& [name, label] : nodes.far)
        text += formatted("  {} [label=<{}>]\n", name, dot_label(label));
    for (const auto& [from, to] : nodes.between)
        text += formatted("  {}:e -- {}:w [color=\"#1f6feb:white:#1f6feb\"]\n", from, to);
    return text + "}\n";
}

std::string graph_mermaid(const Picture& picture) {
    const Nodes nodes = nodes_of(picture);
    std::string text = "flowchart LR\n  subgraph host[\"this host\"]\n";
    for (const auto& [name, label] : nodes.host)
        text += formatted("    {}[\"{}\"]\n", name, mermaid_label(label));
    for (const auto& [from, to] : nodes.within)
        text += formatted("    {} --- {}\n", from, to);
    text += "  end\n";
    for (const auto& [name, label] : nodes.far)
        text += formatted("  {}[\"{}\"]\n", name, mermaid_label(label));
    for (const auto& [from, to] : nodes.between)
        text += formatted("  {} === {}\n", from, to);
    return text;
}

} // namespace vxlanctl
