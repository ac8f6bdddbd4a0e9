#include "vxlanctl/cli/graph.h"

#include <algorithm>

namespace vxlanctl {
namespace {

// A row is code points, each of which takes one column: what is not ASCII is for lines of boxes.
using Row = std::u32string;
using Rows = std::vector<Row>;

constexpr std::size_t columns = 80;
constexpr std::size_t borders = 4; // of a box, with a blank on each side
constexpr std::size_t thin_arm = 3, thick_arm = 4;
// Beside each other: the frame's two borders, the arm from a device to a tunnel, the tunnel's
// borders, the line from the frame, the arm to a far end, and its borders.
constexpr std::size_t around_both = 2 * borders + borders + thin_arm + 2 + 3;
// Below each other: both arms, and the borders of the innermost box.
constexpr std::size_t widest = columns - thin_arm - thick_arm - borders;

const Row no_tunnels = U"no tunnels";

Row wide(std::string_view ascii) {
    return {ascii.begin(), ascii.end()};
}

Row line_of(char32_t character, std::size_t width) {
    return Row(width, character);
}

Row padded(Row row, std::size_t width) {
    row.resize(std::max(row.size(), width), U' ');
    return row;
}

void append_rows(Rows& to, const Rows& more) {
    to.insert(to.end(), more.begin(), more.end());
}

/// The words in rows of at most `width`; all but the first are indented.
Rows wrapped_words(const std::vector<std::string>& words, std::size_t width) {
    const Row indent = U"  ";
    Rows rows{U""};
    for (const auto& text : words) {
        Row word = wide(text);
        const bool is_first = rows.back().empty();
        if (!is_first && rows.back().size() + 1 + word.size() <= width) {
            rows.back() += U' ' + word;
            continue;
        }
        if (!is_first) rows.push_back(indent);
        while (rows.back().size() + word.size() > width) {
            const std::size_t fitting = width - rows.back().size();
            rows.back() += word.substr(0, fitting);
            word.erase(0, fitting);
            rows.push_back(indent);
        }
        rows.back() += word;
    }
    return rows;
}

/// The width inside of its borders that a text would like to have, and the one that it needs.
struct Widths {
    std::size_t natural = 0, least = 0;
};

Widths widths(const BoxText& text) {
    Widths result{text.title.size() + 1, text.title.size() + 1};
    for (const auto& line : text.lines) {
        std::size_t size = line.empty() ? 0 : line.size() - 1, indent = 0;
        for (const auto& word : line) {
            size += word.size();
            result.least = std::max(result.least, indent + word.size());
            indent = 2;
        }
        result.natural = std::max(result.natural, size);
    }
    return result;
}

Widths wider(const Widths& one, const Widths& other) {
    return {std::max(one.natural, other.natural), std::max(one.least, other.least)};
}

/// `width` is that inside of the borders.
Rows box(const BoxText& text, std::size_t width) {
    Row title = wide(text.title);
    if (title.size() + 1 > width) title.resize(width - 1);
    Rows rows{U"┌─ " + title + U" " + line_of(U'─', width - title.size() - 1) + U"┐"};
    for (const auto& line : text.lines)
        for (const auto& row : wrapped_words(line, width))
            rows.push_back(U"│ " + padded(row, width) + U" │");
    rows.push_back(U"└" + line_of(U'─', width + 2) + U"┘");
    return rows;
}

/// How boxes hang on a line from above.
struct Line {
    const char32_t *down, *branch, *end, *nothing;
    char32_t border; ///< where it meets a box
    char32_t start;  ///< where it leaves one
};
constexpr Line thin{U" │ ", U" ├─", U" └─", U"   ", U'┤', U'┬'};
constexpr Line thick{U" ║  ", U" ╠══", U" ╚══", U"    ", U'╡', U'╥'};

/// Where a box's text begins, and where lines meet it.
constexpr std::size_t meeting = 1;

/// The blocks, which begin with a box each, on a line that comes from above.
Rows hung(std::vector<Rows> blocks, const Line& line) {
    Rows rows;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        const bool is_last = i + 1 == blocks.size();
        blocks[i].at(meeting).at(0) = line.border;
        for (std::size_t row = 0; row < blocks[i].size(); ++row) {
            const bool ended = is_last && row > meeting;
            rows.push_back((row == meeting ? (is_last ? line.end : line.branch)
                            : ended        ? line.nothing
                                           : line.down) +
                           blocks[i][row]);
        }
    }
    return rows;
}

/// `head`, and below it what hangs on it.
Rows with_hung(Rows head, std::vector<Rows> blocks, const Line& line) {
    if (blocks.empty()) return head;
    head.back().at(1) = line.start;
    append_rows(head, hung(std::move(blocks), line));
    return head;
}

std::vector<BoxText> far_texts(const TunnelEnd& tunnel) {
    std::vector<BoxText> texts;
    for (const auto& end : tunnel.far_ends)
        texts.push_back(box_text(end));
    if (tunnel.more_far_ends > 0) texts.push_back(rest_text(tunnel));
    return texts;
}

std::vector<Rows> far_boxes(const TunnelEnd& tunnel, std::size_t width) {
    std::vector<Rows> boxes;
    for (const auto& text : far_texts(tunnel))
        boxes.push_back(box(text, width));
    return boxes;
}

/// What is drawn of the host in a row, and what beside it.
struct Half {
    Row host, far;
};

/// A tunnel, and its far ends beside it.
std::vector<Half> halves(const TunnelEnd& tunnel, std::size_t width, std::size_t far_width) {
    Rows host = box(box_text(tunnel), width);
    auto boxes = far_boxes(tunnel, far_width);
    Rows far;
    if (!boxes.empty()) {
        const char32_t corner = boxes.size() == 1 ? U'═' : U'╦';
        far = hung(std::move(boxes), thick);
        far[0].at(1) = U' '; // the line comes from the left
        far[meeting].replace(0, 2, {U'═', corner});
        host[meeting].back() = U'╞';
    }
    const std::size_t height = std::max(host.size(), far.size());
    host.resize(height);
    far.resize(height);
    std::vector<Half> result;
    for (std::size_t i = 0; i < height; ++i)
        result.push_back({std::move(host[i]), std::move(far[i])});
    return result;
}

Rows beside(const Picture& picture, std::size_t width, std::size_t far_width) {
    const std::size_t host_width = width + borders + thin_arm;
    std::vector<Half> rows;
    for (const auto& outer : picture.outer_ends) {
        if (!rows.empty()) rows.emplace_back();
        std::vector<Rows> tunnels;
        Rows far;
        for (const auto& tunnel : outer.tunnels) {
            auto& host = tunnels.emplace_back();
            for (auto& half : halves(tunnel, width, far_width)) {
                host.push_back(std::move(half.host));
                far.push_back(std::move(half.far));
            }
        }
        const Rows device = box(box_text(outer), host_width - borders);
        const Rows host = with_hung(device, std::move(tunnels), thin);
        for (std::size_t i = 0; i < host.size(); ++i)
            rows.push_back({host[i], i < device.size() ? U"" : far[i - device.size()]});
    }
    if (rows.empty()) rows.push_back({no_tunnels, U""});
    const Row title = U" this host ";
    Rows result{U"┌─" + title + line_of(U'─', host_width + 1 - title.size()) + U"┐"};
    for (const auto& [host, far] : rows) {
        const bool leaves = !host.empty() && host.back() == U'╞';
        const char32_t* const edge = far.empty() ? U" │" : leaves ? U"═╪═" : U" │ ";
        result.push_back(U"│ " + padded(host, host_width) + edge + far);
    }
    result.push_back(U"└" + line_of(U'─', host_width + 2) + U"┘");
    return result;
}

Rows below(const Picture& picture, std::size_t width, std::size_t far_width) {
    Rows result{U"this host"};
    for (const auto& outer : picture.outer_ends) {
        std::vector<Rows> tunnels;
        for (const auto& tunnel : outer.tunnels)
            tunnels.push_back(
                with_hung(box(box_text(tunnel), width), far_boxes(tunnel, far_width), thick));
        append_rows(result,
                    with_hung(box(box_text(outer), width + thin_arm), std::move(tunnels), thin));
    }
    return result;
}

/// What of `width` the text takes when its lines are broken to fit.
std::size_t taken(const BoxText& text, std::size_t width) {
    std::size_t result = std::min(text.title.size() + 1, width);
    for (const auto& line : text.lines)
        for (const auto& row : wrapped_words(line, width))
            result = std::max(result, row.size());
    return result;
}

std::size_t taken(const std::vector<BoxText>& texts, std::size_t width) {
    std::size_t result = 0;
    for (const auto& text : texts)
        result = std::max(result, taken(text, width));
    return result;
}

Rows drawn(const Picture& picture) {
    std::vector<BoxText> hosts, fars;
    Widths host, far;
    for (const auto& outer : picture.outer_ends) {
        hosts.push_back(box_text(outer));
        for (const auto& tunnel : outer.tunnels) {
            hosts.push_back(box_text(tunnel));
            for (auto& text : far_texts(tunnel))
                fars.push_back(std::move(text));
        }
    }
    if (hosts.empty()) return beside(picture, no_tunnels.size(), 0);
    for (const auto& text : hosts)
        host = wider(host, widths(text));
    for (const auto& text : fars)
        far = wider(far, widths(text));
    if (around_both + host.least + far.least > columns)
        return below(picture, taken(hosts, std::min(host.natural, widest + thick_arm)),
                     taken(fars, std::min(far.natural, widest)));
    const std::size_t room = columns - around_both;
    const std::size_t width = std::min(host.natural, room - far.least);
    const std::size_t far_width = std::min(far.natural, room - width);
    return beside(picture, taken(hosts, width), taken(fars, far_width));
}

char in_ascii(char32_t character) {
    switch (character) {
    case U'─': return '-';
    case U'│': return '|';
    case U'═': return '=';
    case U'║':
    case U'╠':
    case U'╦':
    case U'╥':
    case U'╚': return '#';
    default: return character < 0x80 ? static_cast<char>(character) : '+';
    }
}

/// A character of at most three bytes.
void append_utf8(std::string& text, char32_t character) {
    const auto byte = [](char32_t value) { return static_cast<char>(value); };
    if (character < 0x80) {
        text += byte(character);
    } else {
        text += byte(0xe0 | (character >> 12));
        text += byte(0x80 | ((character >> 6) & 0x3f));
        text += byte(0x80 | (character & 0x3f));
    }
}

} // namespace

std::string graph_text(const Picture& picture, Charset charset) {
    std::string text;
    for (const auto& row : drawn(picture)) {
        const auto end = row.find_last_not_of(U' ') + 1;
        for (std::size_t i = 0; i < end; ++i)
            if (charset == Charset::unicode)
                append_utf8(text, row[i]);
            else
                text += in_ascii(row[i]);
        text += '\n';
    }
    return text;
}

} // namespace vxlanctl
