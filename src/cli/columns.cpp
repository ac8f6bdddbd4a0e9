#include "vxlanctl/cli/columns.h"

#include "vxlanctl/base/format.h"
#include "vxlanctl/base/utf8.h"
#include "vxlanctl/base/wrapped.h"

#include <algorithm>

namespace vxlanctl {
namespace {

constexpr std::size_t table_width = 80, table_indent = 2, column_gap = 2;
constexpr std::size_t movable = 2; ///< so many columns at the left may move to a line of their own
constexpr const char* empty_cell = "-";

std::string spaces(std::size_t count) {
    return std::string(count, ' ');
}

/// A table without the columns that have nothing in them.
struct Table {
    std::vector<Column> columns;
    std::vector<TableRow> rows;
    std::size_t named = 0; ///< how many of the columns are among the first two
};

Table without_empty_columns(const std::vector<Column>& columns, const std::vector<TableRow>& rows) {
    Table table{{}, rows, 0};
    for (auto& row : table.rows)
        row.cells.clear();
    for (std::size_t i = 0; i < columns.size(); ++i) {
        if (std::all_of(rows.begin(), rows.end(),
                        [&](const TableRow& row) { return row.cells[i].empty(); }))
            continue;
        table.columns.push_back(columns[i]);
        if (i < movable) ++table.named;
        for (std::size_t row = 0; row < rows.size(); ++row)
            table.rows[row].cells.push_back(rows[row].cells[i].empty() ? empty_cell
                                                                       : rows[row].cells[i]);
    }
    return table;
}

std::size_t sum(const std::vector<std::size_t>& widths, std::size_t from, std::size_t to) {
    std::size_t result = 0;
    for (std::size_t i = from; i < to; ++i)
        result += widths[i] + column_gap;
    return result;
}

/// Whether the cells at the left are no wider than their columns.
bool fits(const Table& table, const TableRow& row, const std::vector<std::size_t>& widths) {
    for (std::size_t i = 0; i < table.named; ++i)
        if (display_width(row.cells[i]) > widths[i]) return false;
    return true;
}

/// How wide each column is; those at the left as wide as all the others leave them.
std::vector<std::size_t> widths_of(const Table& table) {
    std::vector<std::size_t> widths;
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
        std::size_t width = table.columns[i].title.size();
        for (const auto& row : table.rows)
            width = std::max(width, display_width(row.cells[i]));
        widths.push_back(width);
    }
    const std::size_t others = sum(widths, table.named, widths.size());
    const std::size_t room =
        table_width + column_gap - table_indent - std::min(others, table_width - table_indent);
    for (std::size_t i = table.named; i-- > 0;) { // the last one gives way first
        const std::size_t all = sum(widths, 0, table.named);
        if (all <= room) break;
        widths[i] -= std::min(all - room, widths[i] - table.columns[i].title.size());
    }
    std::vector<std::size_t> needed = widths;
    for (std::size_t i = 0; i < table.named; ++i) {
        needed[i] = table.columns[i].title.size();
        for (const auto& row : table.rows)
            if (fits(table, row, widths))
                needed[i] = std::max(needed[i], display_width(row.cells[i]));
    }
    return needed;
}

/// The cells from one column on.
std::string line_of(const Table& table, const std::vector<std::string>& cells,
                    const std::vector<std::size_t>& widths, std::size_t from) {
    std::string line = spaces(table_indent + sum(widths, 0, from));
    for (std::size_t i = from; i < cells.size(); ++i) {
        const std::string padding =
            spaces(widths[i] - std::min(widths[i], display_width(cells[i])));
        line += table.columns[i].is_number ? padding + cells[i] : cells[i] + padding;
        line += spaces(column_gap);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
}

std::string row_text(const Table& table, const TableRow& row,
                     const std::vector<std::size_t>& widths) {
    std::string text;
    const bool is_one_line = fits(table, row, widths);
    if (!is_one_line) {
        std::vector<std::string> cells;
        std::size_t width = 0;
        for (std::size_t i = 0; i < table.named; ++i)
            if (row.cells[i] != empty_cell) {
                cells.push_back(wrapped(row.cells[i], table_indent, table_indent + 2 * column_gap));
                width += display_width(row.cells[i]) + column_gap;
            }
        const bool is_short = table_indent + width <= table_width + column_gap;
        const std::string between =
            is_short ? spaces(column_gap) : "\n" + spaces(table_indent + column_gap);
        text = spaces(table_indent) + joined(cells, between) + "\n";
    }
    if (is_one_line || table.named < table.columns.size())
        text += line_of(table, row.cells, widths, is_one_line ? 0 : table.named);
    if (!row.below.empty())
        text += spaces(table_indent + column_gap) +
                wrapped(row.below, table_indent + column_gap, table_indent + 2 * column_gap) + "\n";
    return text;
}

} // namespace

std::string table_text(const std::vector<Column>& columns, const std::vector<TableRow>& rows,
                       const OutputStyle& style) {
    const Table table = without_empty_columns(columns, rows);
    if (table.columns.empty()) return "";
    const auto widths = widths_of(table);
    std::vector<std::string> titles;
    for (const auto& column : table.columns)
        titles.push_back(column.title);
    std::string text = line_of(table, titles, widths, 0);
    text = painted(style, Ink::faint, text.substr(0, text.size() - 1)) + "\n";
    for (const auto& row : table.rows)
        text += row_text(table, row, widths);
    return text;
}

} // namespace vxlanctl
